"""Channels and direct messages."""

from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.identity import Identity
from bot.sandbox.messages import Ephemeral, Message


@dataclass(slots=True)
class Channel:
    """A conversation.

    Attributes:
        restriction: the error that posting meets (`restricted_action_read_only_channel`, …), or None.
        im_user: the person at the other end, for direct messages.
    """

    id: str
    name: str
    private: bool = False
    archived: bool = False
    ext_shared: bool = False
    im_user: str | None = None
    restriction: str | None = None
    members: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    ephemerals: list[Ephemeral] = field(default_factory=list)

    @property
    def read_scope(self) -> str:
        """The scope that reading about this conversation needs."""
        if self.im_user:
            return "im:read"
        return "groups:read" if self.private else "channels:read"

    def find(self, ts: str) -> Message | None:
        """The message with this ts, unless it was deleted."""
        return next((m for m in self.messages if m.ts == ts and not m.deleted), None)

    def thread(self, ts: str) -> list[Message]:
        """The parent and its replies, oldest first."""
        return [m for m in self.messages if m.root == ts and not m.deleted]

    def parents(self) -> list[Message]:
        """The messages that stand in the channel itself."""
        return [m for m in self.messages if m.thread_ts in (None, m.ts) and not m.deleted]

    def as_json(self, viewer: Identity) -> dict[str, Any]:
        """The conversation object of docs.slack.dev/reference/objects/conversation-object."""
        if self.im_user:
            return {"id": self.id, "created": 1_700_000_000, "is_im": True, "user": self.im_user, "is_open": True}
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.private,
            "is_group": self.private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.private,
            "created": 1_700_000_000,
            "is_archived": self.archived,
            "is_general": False,
            "is_shared": self.ext_shared,
            "is_ext_shared": self.ext_shared,
            "is_org_shared": False,
            "is_pending_ext_shared": False,
            "context_team_id": viewer.team_id,
            "creator": "U0ADMIN",
            "is_member": viewer.bot_user in self.members,
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }


CHANNELS: tuple[tuple[str, Channel], ...] = (
    ("incident", Channel("C0INCIDENT", "incident")),
    ("audit", Channel("C0AUDIT", "audit")),
    ("general", Channel("C0GENERAL", "general")),
    ("random", Channel("C0RANDOM", "random")),
    ("secret", Channel("C0SECRET", "secret", private=True)),
    ("shared", Channel("C0SHARED", "shared", ext_shared=True)),
)
"""Every workspace starts with these. The bot is in `incident`, `audit` and `shared`, and in no other."""

BOT_CHANNELS = frozenset({"incident", "audit", "shared"})
