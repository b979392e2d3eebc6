"""Slack's limits of content, and the one place where foreign text is made harmless.

Limits are those of the Block Kit reference (blocks, composition objects) and of `chat.postMessage` and
`chat.update`. The sum is undocumented: Slack answers `msg_blocks_too_long` above some 13,000 characters.
"""

import re
import unicodedata

BLOCKS = 50  # per message
TEXT = 3000  # per text object
HEADER = 150
SUM = 12_000  # characters in all blocks of a message
UPDATE_TEXT = 4000  # `text` of chat.update; chat.postMessage takes more
BUTTON_TEXT = 75
BUTTON_VALUE = 2000
BLOCK_ID = 255

USER_TEXT = 300  # characters of foreign text, as it is shown
NAME = 100  # characters of a surface's or an agent's name

_SHORTCODE = re.compile(r"(?<![A-Za-z0-9]):(?=[A-Za-z0-9_+'-]+:)")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def clean(text: str, limit: int = USER_TEXT) -> str:
    """Foreign text for a `plain_text` object: one line, printable, at most `limit` characters.

    Control, format (bidirectional overrides, zero width) and surrogate characters are dropped, so that the text can
    neither reorder nor hide what stands beside it.
    """
    spaced = " ".join(text[: limit * 8].split())
    printable = "".join(char for char in spaced if unicodedata.category(char)[0] != "C")
    return shorten(printable, limit)


def tame(text: str, limit: int = USER_TEXT) -> str:
    """Foreign text for a `plain_text` object beside our own emoji: as `clean`, and it can fake no emoji."""
    return shorten(_SHORTCODE.sub(": ", clean(text, limit)), limit)


def escape(text: str, limit: int = USER_TEXT) -> str:
    """Foreign text for an `mrkdwn` object: as `clean`, and it can mention nobody, link nothing, fake no emoji.

    The limit holds after escaping, so that a text of ampersands stays as short as any other.
    """
    words = tame(text, limit).replace("`", "'")
    kept: list[str] = []
    room = limit
    for char in words:
        piece = _ENTITIES.get(char, char)
        if len(piece) >= room:
            return "".join([*kept, "…"])
        kept.append(piece)
        room -= len(piece)
    return "".join(kept)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
