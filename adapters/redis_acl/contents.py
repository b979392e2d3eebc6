"""What a key holds, as far as it can be compared and shown."""

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol, cast

from adapters.base.parked import ARGUMENTS
from adapters.errors import Refused
from adapters.redis_acl.line import Command

MOST, LARGEST = 10_000, 1_048_576  # members, and bytes, of a key that is compared
_READS: dict[str, tuple[str, Command]] = {  # of each kind: its size, its content
    "string": ("STRLEN", ("GET",)),
    "list": ("LLEN", ("LRANGE", "0", "-1")),
    "set": ("SCARD", ("SMEMBERS",)),
    "hash": ("HLEN", ("HGETALL",)),
    "zset": ("ZCARD", ("ZRANGE", "0", "-1", "WITHSCORES")),
    "stream": ("XLEN", ("XRANGE", "-", "+")),
}


class Ask(Protocol):
    """Sends commands and returns their answers. Raises `Refused` for a right that the bot lacks."""

    def __call__(self, *commands: Command) -> Awaitable[list[object]]:
        """One answer per command, in order."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a key holds at one moment.

    Attributes:
        kind: "none" where there is no such key.
        digest: of all that it holds, the same wherever it is kept; "" where it is too large to be compared.
        text: to show.
        words: what the server answered, flat; empty where it was not read.
        why: it holds what neither a digest nor a text tells, in a clause; "" where it does not.
    """

    kind: str
    digest: str
    text: str
    words: tuple[str, ...] = ()
    why: str = ""


async def content(ask: Ask, name: str, *, draft: bool = False) -> Content:
    """Reads a key; of a draft, a stream must go on after its last entry, since nothing shows where else it would."""
    kind = word((await ask(("TYPE", name)))[0])
    if kind == "none":
        return Content(kind, kind, "")
    if kind not in _READS:
        return Content(kind, "", f"a {kind}")
    size, read = _READS[kind]
    number = cast("int", (await ask((size, name)))[0])
    if number > (LARGEST if kind == "string" else MOST) or await _takes(ask, name) > LARGEST * 2:
        return Content(kind, "", f"{number:,} {'bytes' if kind == 'string' else 'members'}")
    words = tuple(_flat((await ask((read[0], name, *read[1:])))[0]))
    why = await _unseen(ask, name, draft=draft) if kind == "stream" else ""
    return Content(kind, _digest(kind, words), _shown(kind, words), words, why)


async def _takes(ask: Ask, name: str) -> int:
    """Bytes of memory, with every member counted: an agent could hide a large one from a sample."""
    return cast("int", (await ask(("MEMORY", "USAGE", name, "SAMPLES", "0")))[0]) or 0


async def _unseen(ask: Ask, name: str, *, draft: bool) -> str:
    """What a stream holds beside its entries: its groups, and the id that the next entry must be beyond."""
    try:
        answer = cast("list[object]", (await ask(("XINFO", "STREAM", name)))[0])
    except Refused:
        return "the bot may not run XINFO STREAM"
    facts = dict(zip(map(word, answer[::2]), answer[1::2], strict=True))
    if facts["groups"]:
        return "a stream with consumer groups is neither released nor replaced"
    last = cast("list[object]", facts["last-entry"] or [b"0-0"])[0]
    beyond = draft and word(facts["last-generated-id"]) != word(last)
    return "a stream whose last id is beyond its last entry is not released" if beyond else ""


def word(value: object) -> str:
    """An answer as text, whatever its bytes."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _digest(kind: str, words: Iterable[str]) -> str:
    """Of a kind and its words, in the order that means the same wherever the server keeps them."""
    words = list(words)
    if kind == "set":
        words = sorted(words)
    elif kind == "hash":
        words = [word for pair in sorted(zip(words[::2], words[1::2], strict=True)) for word in pair]
    text = "".join(f"{len(word)}:{word}" for word in (kind, *words))
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _shown(kind: str, words: Iterable[str]) -> str:
    words = list(words)
    if kind == "hash":
        words = [f"{name}: {value}" for name, value in zip(words[::2], words[1::2], strict=True)]
    text = "\n".join(words).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text if len(text) <= ARGUMENTS else f"{text[: ARGUMENTS - 1]}…"


def _flat(value: object) -> Iterable[str]:
    if isinstance(value, list):
        for one in value:
            yield from _flat(one)
    else:
        yield word(value)
