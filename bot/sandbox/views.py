"""Modals and home tabs."""

from dataclasses import dataclass
from typing import Any

from bot.sandbox.identity import Identity


@dataclass(slots=True)
class View:
    """A view that a person has before them.

    Attributes:
        body: what the app sent.
        errors: messages by block id, after a submission that the app refused.
        open: until it is submitted, closed or cleared.
    """

    id: str
    user: str
    body: dict[str, Any]
    hash: str
    root_id: str
    previous_id: str | None = None
    open: bool = True
    errors: dict[str, str] | None = None

    def as_json(self, app: Identity, state: dict[str, Any] | None = None) -> dict[str, Any]:
        """The view object of docs.slack.dev/reference/views."""
        shown = {
            "id": self.id,
            "team_id": app.team_id,
            "type": self.body["type"],
            "blocks": self.body.get("blocks", []),
            "private_metadata": self.body.get("private_metadata", ""),
            "callback_id": self.body.get("callback_id", ""),
            "external_id": self.body.get("external_id", ""),
            "state": {"values": state or {}},
            "hash": self.hash,
            "clear_on_close": self.body.get("clear_on_close", False),
            "notify_on_close": self.body.get("notify_on_close", False),
            "root_view_id": self.root_id,
            "previous_view_id": self.previous_id,
            "app_id": app.app_id,
            "app_installed_team_id": app.team_id,
            "bot_id": app.bot_id,
        }
        return shown | {part: self.body.get(part) for part in ("title", "submit", "close")}
