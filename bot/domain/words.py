"""What a person typed, as words: Slack's escapes undone, invisible characters gone, mentions kept whole."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

MAX_REASON = 1000  # characters; a longer reason is cut with an ellipsis, never refused
_MENTION = re.compile(r"<([@#!])([^<>|]*)(?:\|([^<>]*))?>")
_LINK = re.compile(r"<((?:https?|mailto):[^<>|\s]+)(?:\|[^<>]*)?>")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))  # the three that Slack escapes; & last
_EDGES = "\"'`.,;:!?()[]{}<>*~@#_-/\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a\u2026\u2013\u2014"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # control, zero-width, direction marks, lone surrogates


@dataclass(frozen=True, slots=True)
class Word:
    """One word. `text` is what a target is compared with; `mention` is the id of a mentioned person or channel."""

    text: str
    mention: str = ""

    def shown(self) -> str:
        """The word as it reads in a reason."""
        return f"@{self.text or self.mention}" if self.mention else self.text


def split(line: str) -> list[Word]:
    """Splits the `text` of a slash command, as Slack sends it with `should_escape`, into words. Never raises."""
    words: list[Word] = []
    end = 0
    line = _LINK.sub(lambda match: match[1], line)
    for match in _MENTION.finditer(line):
        words += _plain(line[end : match.start()])
        label = "_".join(word.text for word in _plain(match[3] or ""))
        words.append(Word(label, mention=seen(match[2]) or "?"))
        end = match.end()
    return words + _plain(line[end:])


def _plain(text: str) -> list[Word]:
    for entity, char in _ENTITIES:
        text = text.replace(entity, char)
    return [Word(word) for raw in text.split() if (word := seen(raw))]


def seen(text: str) -> str:
    """Drops the characters that nobody sees: they name nothing and disguise much."""
    if text.isprintable():
        return text
    return "".join(char for char in text if unicodedata.category(char) not in _UNSEEN)


def reason(words: Sequence[Word]) -> str:
    """Joins words to a reason of at most `MAX_REASON` characters."""
    return shorten(" ".join(word.shown() for word in words), MAX_REASON)


def shorten(text: str, limit: int) -> str:
    """Cuts text to `limit` characters, with an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "\u2026"


def fold(text: str) -> str:
    """The word without case, width and the punctuation around it: what a hurried hand gets wrong."""
    return unicodedata.normalize("NFKC", text).casefold().strip(_EDGES)


def squash(text: str) -> str:
    """The folded word without separators, so that `full-stop`, `fullStop` and `full_stop` are one."""
    return fold(text).replace("-", "").replace("_", "").replace(".", "")


def distance(one: str, other: str, limit: int) -> int:
    """Edits (insert, delete, replace, swap of neighbours) between two words; `limit + 1` where there are more.

    Optimal string alignment: https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance
    """
    if abs(len(one) - len(other)) > limit or len(set(one) ^ set(other)) > 2 * limit:
        return limit + 1  # cheap and never wrong: each edit changes at most two members of the set
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        older, before = before, row
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return min(row[-1], limit + 1)
