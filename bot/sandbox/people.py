"""The people (and not quite people) of the simulated workspace."""

import copy
from dataclasses import dataclass
from typing import Any

TEAM = "T0SANDBOX"
OTHER_TEAM = "T0PARTNER"


@dataclass(slots=True)
class User:
    """A member of the workspace, as `users.info` shows one.

    Attributes:
        restricted: a guest in several channels.
        ultra_restricted: a guest in a single channel.
        stranger: someone of another workspace, seen through a shared channel.
        bot_id: set for the user of an app.
    """

    id: str
    name: str
    real_name: str
    team_id: str = TEAM
    admin: bool = False
    deleted: bool = False
    restricted: bool = False
    ultra_restricted: bool = False
    stranger: bool = False
    is_bot: bool = False
    workflow_bot: bool = False
    bot_id: str | None = None
    updated: int = 1_700_000_000

    def as_json(self) -> dict[str, Any]:
        """The user object of docs.slack.dev/reference/objects/user-object, without e-mail (another scope)."""
        shown = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "real_name": self.real_name,
            "profile": self._profile(),
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": self.updated,
        }
        if self.workflow_bot:
            shown["is_workflow_bot"] = True
        if self.stranger:
            shown["is_stranger"] = True
        return shown if self.deleted else shown | self._standing()

    def _profile(self) -> dict[str, Any]:
        profile: dict[str, Any] = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "team": self.team_id,
        }
        return profile | ({"bot_id": self.bot_id} if self.bot_id else {})

    def _standing(self) -> dict[str, Any]:
        # Slack leaves these out for deactivated members.
        return {
            "tz": "Europe/Berlin",
            "tz_label": "Central European Time",
            "tz_offset": 3600,
            "is_admin": self.admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.restricted or self.ultra_restricted,
            "is_ultra_restricted": self.ultra_restricted,
        }


CAST: dict[str, User] = {
    "oncall": User("U0ONCALL", "oncall", "Olivia On-Call"),
    "second": User("U0SECOND", "second", "Sam Second"),
    "approver1": User("U0APPROVER1", "approver1", "Amir Approver"),
    "approver2": User("U0APPROVER2", "approver2", "Bea Approver"),
    "approver3": User("U0APPROVER3", "approver3", "Chloe Approver"),
    "owner": User("U0OWNER", "owner", "Oscar Owner"),
    "admin": User("U0ADMIN", "admin", "Ada Admin", admin=True),
    "intruder": User("U0INTRUDER", "intruder", "Ivan Intruder"),
    "guest": User("U0GUEST", "guest", "Greta Guest", restricted=True),
    "single_guest": User("U0SINGLE", "single_guest", "Saul Single-Channel", ultra_restricted=True),
    "stranger": User("U0STRANGER", "stranger", "Stella Stranger", team_id=OTHER_TEAM, stranger=True),
    "deactivated": User("U0GONE", "deactivated", "Gus Gone", deleted=True),
    "other_bot": User("U0OTHERBOT", "other_bot", "Other Bot", is_bot=True, bot_id="B0OTHERBOT"),
    "workflow": User("U0WORKFLOW", "workflow", "Workflow", is_bot=True, workflow_bot=True, bot_id="B0WORKFLOW"),
    "agent": User("U0AGENT", "agent", "Billing agent"),
}
"""By the name that tests use. `agent` is a person to Slack, as is every agent that holds somebody's user token."""


def cast() -> dict[str, User]:
    """A fresh copy of everybody, so that one workspace's changes do not reach another's."""
    return copy.deepcopy(CAST)
