"""Messages of the simulated workspace as plain text: what a person reads in Slack."""

import html
import re
from collections.abc import Iterable
from typing import Any

from bot.sandbox.messages import Ephemeral, Message
from bot.sandbox.workspace import Workspace

_DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_MENTION = re.compile(r"<(@|#|!subteam\^)([A-Z0-9]+)(?:\|[^>]*)?>")
_LINK = re.compile(r"<[^|>]*\|([^>]*)>")
_STRONG = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_EMOJI = {
    ":white_check_mark:": "✅",
    ":warning:": "⚠️",
    ":x:": "❌",
    ":hourglass_flowing_sign:": "⏳",
    ":stopwatch:": "⏱️",
    ":arrow_right:": "➡️",
    ":calendar:": "📅",
    ":octagonal_sign:": "🛑",
    ":rotating_light:": "🚨",
    ":grey_question:": "❔",
    ":leftwards_arrow_with_hook:": "↩️",
    ":crossed_swords:": "⚔️",
    ":no_entry:": "⛔",
    ":no_entry_sign:": "🚫",
    ":lock:": "🔒",
    ":ghost:": "👻",
    ":eyes:": "👀",
    ":arrow_up:": "⬆️",
    ":arrow_up_small:": "🔼",
    ":alarm_clock:": "⏰",
    ":ballot_box_with_ballot:": "🗳️",
    ":hourglass:": "⌛",
    ":small_blue_diamond:": "🔹",
    ":inbox_tray:": "📥",
    ":raised_hand:": "✋",
}


def shown(message: Message | Ephemeral, workspace: Workspace) -> list[str]:
    """The lines of a message: its blocks, or its text where it has none."""
    blocks = list(_blocks(message.blocks)) or [message.text]
    lines = [line for block in blocks for line in readable(block, workspace).splitlines()]
    files = [f"📎 {one.get('title') or one.get('name')}" for one in getattr(message, "files", [])]
    return lines + files


def readable(text: str, workspace: Workspace) -> str:
    """Slack's markup as people see it: names for ids, emoji for their words, no stars."""

    def name(match: re.Match[str]) -> str:
        sign, key = match.groups()
        found: Any = {"@": workspace.user, "#": workspace.channel}.get(sign, workspace.group)(key)
        word = getattr(found, "handle", None) or getattr(found, "name", None) or key
        return f"{'#' if sign == '#' else '@'}{word}"

    for code, sign in _EMOJI.items():
        text = text.replace(code, sign)
    text = _MENTION.sub(name, _DATE.sub(r"\1", text))
    return html.unescape(_STRONG.sub(r"\1", _LINK.sub(r"\1", text)))


def sender(message: Message | Ephemeral, workspace: Workspace) -> str:
    """Who a message is from, by the name that stands above it."""
    found = workspace.user(message.user)
    return found.real_name if found else message.user


def _blocks(blocks: Iterable[dict[str, Any]]) -> Iterable[str]:
    for block in blocks:
        match block.get("type"):
            case "header" | "section" if "text" in block:
                yield str(block["text"]["text"])
            case "context":
                yield "  ".join(str(part.get("text", "")) for part in block.get("elements", ()))
            case "actions":
                yield "  ".join(f"[ {part['text']['text']} ]" for part in block.get("elements", ()) if "text" in part)
            case "divider":
                yield "───"
            case _:
                continue
