"""User groups."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class UserGroup:
    """A user group; `deleted_at` is when it was disabled, 0 while it is enabled."""

    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)
    updated: int = 1_700_000_000
    deleted_at: int = 0

    @property
    def disabled(self) -> bool:
        """Whether somebody disabled it."""
        return self.deleted_at > 0

    def as_json(self, team: str) -> dict[str, Any]:
        """The object of docs.slack.dev/reference/objects/usergroup-object, without members and count."""
        return {
            "id": self.id,
            "team_id": team,
            "is_usergroup": True,
            "is_subteam": True,
            "name": self.name,
            "description": "",
            "handle": self.handle,
            "is_external": False,
            "date_create": 1_690_000_000,
            "date_update": self.updated,
            "date_delete": self.deleted_at,
            "auto_type": None,
            "created_by": "U0ADMIN",
            "updated_by": "U0ADMIN",
            "deleted_by": "U0ADMIN" if self.disabled else None,
            "prefs": {"channels": [], "groups": []},
        }


GROUPS: tuple[UserGroup, ...] = (
    UserGroup("S0ONCALL", "oncall", "On call", ["U0ONCALL", "U0SECOND"]),
    UserGroup("S0RESTORE", "restorers", "May restore", ["U0APPROVER1", "U0APPROVER2", "U0APPROVER3", "U0OWNER"]),
    UserGroup("S0EMPTY", "empty", "Nobody yet"),
    UserGroup("S0DISABLED", "disabled", "Disabled", ["U0ONCALL"], deleted_at=1_700_000_100),
)
"""Every workspace starts with these."""
