"""A message and its parts. Everything that leaves here is within Slack's limits, whatever went in."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.slack import limits

_SPARE = 1000  # characters for the line that says that something was left out, and for the anchor
_ID = 40  # characters of a block id with its key
Block = dict[str, object]  # the JSON of one block, as Slack's reference describes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message: blocks for readers, and a full sentence for notifications and screen readers."""

    text: str
    blocks: tuple[Block, ...]
    anchor: str = ""  # small print for the audit that says nothing new: no reason for an update of its own
    anchor_at: int | None = None  # before which block it stands; None: at the end

    @property
    def digest(self) -> str:
        """Names what is said: equal for two messages that read the same."""
        body = json.dumps([self.text, self.blocks], sort_keys=True)
        return hashlib.sha256(body.encode()).hexdigest()[:32]

    def payload(self) -> dict[str, object]:
        """Arguments of `chat.postMessage` and `chat.update`.

        Block ids are new whenever the content is: Slack's reference asks for a new one on every update.
        """
        stem = self.digest[:12]
        blocks = list(self.blocks)
        if self.anchor and blocks:
            place = len(blocks) if self.anchor_at is None else self.anchor_at
            blocks.insert(place, context(f"For the audit: `{self.anchor}`"))
        return {
            "text": self.text,
            "blocks": [{**block, "block_id": f"ak-{stem}-{index}"} for index, block in enumerate(blocks)],
        }


def message(text: str, blocks: Iterable[Block | None]) -> Message:
    """Puts a message together; a block that is None is left out.

    The last line of defence for the limits of a whole message: blocks from the middle give way, so that the headline
    and the end, which says what is NOT CUT, stay.
    """
    kept = [block for block in blocks if block is not None]
    dropped = False
    while len(kept) > limits.BLOCKS - 2 or weight(kept) > limits.SUM - _SPARE:
        kept.pop(len(kept) // 2)
        dropped = True
    if dropped:
        kept.insert(len(kept) // 2, context("Shortened here: the full list is in the file, or ask `/agent-status`."))
    return Message(text=limits.shorten(text, limits.TEXT), blocks=tuple(kept))


def weight(blocks: Sequence[Block]) -> int:
    """Characters of the blocks as they are sent, with their ids: the strictest reading of Slack's measure."""
    return len(json.dumps(blocks, separators=(",", ":"), ensure_ascii=False)) + _ID * len(blocks)


def header(text: str) -> Block:
    """The headline; plain text, with our own emoji."""
    return {
        "type": "header",
        "text": {"type": "plain_text", "text": limits.shorten(text, limits.HEADER), "emoji": True},
    }


def section(markdown: str) -> Block:
    """A paragraph of our own words; foreign text in it has gone through `limits.escape`."""
    return {"type": "section", "text": _markdown(markdown)}


def quoted(text: str) -> Block:
    """A paragraph of foreign text, shown exactly as it is."""
    shown = limits.clean(text) or "(nothing readable)"
    return {"type": "section", "text": {"type": "plain_text", "text": shown, "emoji": False}}


def context(*markdown: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [_markdown(text) for text in markdown if text][:10]}


def button(label: str, *, action: str, value: str) -> Block:
    """A row with one button."""
    element = {
        "type": "button",
        "action_id": action,
        "value": limits.shorten(value, limits.BUTTON_VALUE),
        "text": {"type": "plain_text", "text": limits.shorten(label, limits.BUTTON_TEXT), "emoji": False},
    }
    return {"type": "actions", "elements": [element]}


def listing(lines: Sequence[str], *, room: int, more: str) -> list[Block]:
    """Lines packed into as few sections as possible, within `room` characters.

    Args:
        lines: of markdown, each below 1,500 characters.
        room: characters for all of them; at least one line is shown.
        more: how the rest is found, after "and N more, ".
    """
    shown: list[str] = []
    used = 0
    for line in lines:
        if shown and used + len(line) > room:
            break
        shown.append(line)
        used += len(line) + 1
    if len(shown) < len(lines):
        shown.append(f"… and {len(lines) - len(shown):,} more, {more}")
    return [section(text) for text in _packed(shown)]


def _packed(lines: Iterable[str]) -> list[str]:
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + 1 + len(line) <= limits.TEXT:
            texts[-1] += "\n" + line
        else:
            texts.append(limits.shorten(line, limits.TEXT))
    return texts


def _markdown(text: str) -> Block:
    # verbatim: Slack must not go looking for links, channels and people in the words of others
    return {"type": "mrkdwn", "text": limits.shorten(text, limits.TEXT), "verbatim": True}
