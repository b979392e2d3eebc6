"""Messages in a channel, and the ephemeral ones that only one person sees."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Message:
    """One message, as Slack stores it.

    Attributes:
        ts: seconds and six digits as a string; unique and rising within the workspace.
        thread_ts: the parent's ts, for replies.
        reactions: user ids by emoji name, in the order in which they came.
        bot_id: set when an app wrote it.
        history: earlier versions, oldest first, as (text, blocks).
    """

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    bot_id: str | None = None
    metadata: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[Json] = field(default_factory=list)
    edited: Json | None = None
    broadcast: bool = False
    deleted: bool = False
    pinned: bool = False
    history: list[tuple[str, list[Json]]] = field(default_factory=list)

    @property
    def root(self) -> str:
        """The ts of the thread that this message belongs to."""
        return self.thread_ts or self.ts

    def reaction_list(self) -> list[Json]:
        """Reactions as `reactions.get` lists them."""
        return [{"name": n, "users": list(u), "count": len(u)} for n, u in self.reactions.items() if u]


@dataclass(slots=True)
class Ephemeral:
    """A message that one person sees and nobody stores.

    Attributes:
        source: `ack` (the answer to a command), `response_url` or `chat.postEphemeral`.
        replaced: earlier versions, oldest first, when it was replaced through a response_url.
    """

    ts: str
    channel: str
    user: str
    text: str
    source: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    deleted: bool = False
    replaced: list[tuple[str, list[Json]]] = field(default_factory=list)
