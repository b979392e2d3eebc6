"""Messages in a channel, and the ephemeral ones that only one person sees."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from [one] if name == "text" and isinstance(one, str) else _texts(one)


@dataclass(slots=True)
class Message:
    """One message, as Slack stores it.

    Attributes:
        ts: seconds and six digits as a string; unique and rising within the workspace.
        thread_ts: the parent's ts, for replies.
        reactions: user ids by the emoji's stored name (`+1`, `+1::skin-tone-3`), in the order in which they came.
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

    def says(self) -> str:
        """Everything that one reads in it: the text, then the texts of its blocks."""
        return "\n".join((self.text, *_texts(self.blocks)))


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
