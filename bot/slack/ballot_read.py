"""What `reactions.get` answers about a ballot, judged. Pure.

The method: https://docs.slack.dev/reference/methods/reactions.get
"""

import html
import re
from collections.abc import Mapping, Sequence

from bot.domain.ballot import Reading
from bot.service.ports import Gone

_MARKUP = re.compile(r"<(?:[^<>|]*\|)?([^<>|]*)>")  # what Slack may make of a word that looks like an address
DELETED = "its message was deleted"
ANOTHER = "its message is not as it was posted"


def judge(answer: Mapping[str, object], text: str) -> Reading | Gone | None:
    """The reactions; `Gone` where the message says another thing than `text`; None where the answer has no message.

    An answer without `text` is no proof of anything: the message is then taken for what was posted.
    """
    message = answer.get("message")
    if not isinstance(message, dict):
        return None
    said = message.get("text")
    if isinstance(said, str) and said and not _same(said, text):
        return Gone(ANOTHER)
    listed = message.get("reactions", [])
    return _reading(listed) if isinstance(listed, list) else None


def _same(said: str, posted: str) -> bool:
    return _bare(said) == _bare(posted)


def _bare(text: str) -> str:
    return " ".join(html.unescape(html.unescape(_MARKUP.sub(r"\1", text))).split())


def _reading(listed: Sequence[object]) -> Reading | None:
    """Who reacted with what; not complete where a list is shorter than Slack's own count, or cannot be read."""
    found: dict[str, frozenset[str]] = {}
    complete = True
    for item in listed:
        if not isinstance(item, dict):
            return None
        users, name = item.get("users"), item.get("name")
        if not isinstance(users, list) or not isinstance(name, str):
            return None
        people = frozenset(map(str, users))
        found[name] = found.get(name, frozenset()) | people
        complete = complete and item.get("count") == len(people)
    return Reading(users=found, complete=complete)
