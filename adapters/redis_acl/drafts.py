"""Drafts: keys that the agent wrote under its prefix, for people to decide on.

`draft:orders:17` proposes what `orders:17` should become. Listing takes each such key into an area that the agent
cannot write, together with a digest of it and of the key that it would replace; a release renames it from there, in one
transaction that fails if either changed. So what is released is what was listed, and nothing that somebody wrote
meanwhile is lost.
"""

import json
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Self, cast

from adapters.base import Gate
from adapters.base.parked import ARGUMENTS, Draft, Drafts, Released
from adapters.errors import AdapterError
from adapters.redis_acl.commands import Catalogue
from adapters.redis_acl.hand import denied
from adapters.redis_acl.line import Address, Command, Endpoint, Line, raised
from adapters.redis_acl.rules import Facts, covering, reaches

AREA = "agent-kill:"  # every key of ours starts so
_BOOK = f"{AREA}drafts:"  # a hash per prefix: what is parked, by its id
_ITEM, _RECEIPT = f"{AREA}draft:", f"{AREA}decided:"
_RECEIPT_SECONDS = "2592000"  # 30 days: nothing is decided again after that
_TRIES = 5
_SHOW = "`agent-kill adapters show redis_acl --setup` prints what it takes"
_PAGE, _PAGES = "1000", 1000  # keys per SCAN, and how many of those one listing makes
MOST, LARGEST = 10_000, 1_048_576  # members, and bytes, of a key that is compared
_READS: dict[str, tuple[str, Command]] = {  # of each kind: its size, its content
    "string": ("STRLEN", ("GET",)),
    "list": ("LLEN", ("LRANGE", "0", "-1")),
    "set": ("SCARD", ("SMEMBERS",)),
    "hash": ("HLEN", ("HGETALL",)),
    "zset": ("ZCARD", ("ZRANGE", "0", "-1", "WITHSCORES")),
    "stream": ("XLEN", ("XRANGE", "-", "+")),
}
RIGHTS = (
    "+scan", "+time", "+type", "+watch", "+unwatch", "+multi", "+exec", "+pttl", "+persist", "+pexpire",
    "+memory|usage", "+get", "+set", "+strlen", "+llen", "+lrange", "+scard", "+smembers", "+hlen", "+hget",
    "+hgetall", "+hset", "+hdel", "+zcard", "+zrange", "+xlen", "+xrange", "+rename", "+renamenx", "+unlink",
)  # fmt: skip
_SAMPLES = (
    ("SCAN", "0"), ("TIME",), ("TYPE", "{d}"), ("WATCH", "{d}"), ("PTTL", "{d}"), ("MEMORY", "USAGE", "{d}"),
    ("GET", "{d}"), ("HGETALL", "{a}"), ("HSET", "{a}", "f", "v"), ("HDEL", "{a}", "f"), ("HGET", "{a}", "f"),
    ("SET", "{a}", "1"), ("PERSIST", "{a}"), ("RENAMENX", "{d}", "{a}"), ("RENAME", "{a}", "{a}"),
    ("PEXPIRE", "{a}", "1"), ("UNLINK", "{a}"),
)  # fmt: skip


def undraftable(facts: Facts | None, prefix: str, endpoint: Endpoint) -> str:
    """Why draft_only is not possible at a server, in a sentence; "" where it is.

    Args:
        facts: what the user is or was before anything of ours; None where that cannot be seen.
        prefix: of the drafts; "" where none is configured.
        endpoint: the server.
    """
    around = endpoint.lookout.last
    if not prefix:
        return f"draft_only needs settings.draft_prefix: {_SHOW}."
    if around is not None and around.cluster:
        return "draft_only is not possible in a cluster, whose keys cannot be renamed from one slot to another."
    if around is not None and around.durable is False:
        return f"draft_only needs keys of {endpoint.address.name} that outlive a restart: set appendonly yes."
    return "" if facts is None else _lacks(facts, prefix, endpoint.known)


def _lacks(facts: Facts, prefix: str, known: Catalogue) -> str:
    """What keeps this user from parking what it itself cannot remove."""
    if "W" not in covering(facts, prefix):
        return f"draft_only needs a user that may write {prefix}*: {_SHOW}."
    sweeping = known.sweeping(facts["commands"])
    if reaches(facts, AREA) or sweeping:
        what = f"may run {', '.join(sweeping)}" if sweeping else f"may write {AREA}*"
        return f"draft_only needs a user that cannot remove what is parked, and this one {what}: {_SHOW}."
    return ""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the book says of one that is parked.

    Attributes:
        key: what it would become.
        digest: of the draft; "" where it is too large to be compared.
        was: of the key when the draft was taken in; "none" where there was none, "" where it was too large.
        ttl: milliseconds that the key is to live; -1 for ever.
        why: it can never be released; "" where it can.
    """

    key: str
    kind: str
    at: float
    digest: str
    was: str
    ttl: int
    text: str
    why: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        return cls(**json.loads(text))


class Parking:
    """The drafts of one surface.

    Args:
        places: each server, and the bot's login there with the database of the drafts; the usual primary first.
        prefix: of the keys that the agent writes; what follows it names the key that is proposed.
    """

    def __init__(self, places: Sequence[tuple[Endpoint, Address]], prefix: str) -> None:
        self._places, self._prefix = places, prefix
        self._book = f"{_BOOK}{prefix}"

    @property
    def _address(self) -> Address:
        return self._primary()[1]

    async def lacking(self) -> tuple[str, ...]:
        """The rights on the drafts that the bot lacks, as rules."""
        if not self._prefix:
            return ()
        names = {"d": f"{self._prefix}x", "a": f"{AREA}x"}
        asked = [tuple(word.format(**names) for word in sample) for sample in _SAMPLES]
        async with self._line() as line:
            answers = await line.ask(*(("ACL", "DRYRUN", self._address.user, *words) for words in asked))
        found = (words[0].lower() for words, answer in zip(asked, answers, strict=True) if denied(answer))
        where = f"on ~{self._prefix}* and ~{AREA}*"
        return tuple(dict.fromkeys(f"+{'memory|usage' if word == 'memory' else word} {where}" for word in found))

    async def show(self, limit: int) -> Drafts:
        """Takes in what the agent wrote since, and tells all that is parked."""
        if not self._prefix:
            return Drafts(items=(), number=0)
        async with self._line() as line:
            keys, whole = await self._written(line)
            taken = [await self._take_in(line, key) for key in keys[:limit]]
            entries = await self._entries(line)
        oldest = sorted(entries.items(), key=lambda one: (one[1].at, one[0]))
        waiting = len(keys) - sum(taken)
        return Drafts(
            items=tuple(_draft(number, entry) for number, entry in oldest[:limit]),
            number=len(entries) + waiting if whole else None,
        )

    async def release(self, draft: str, by: str, gate: Gate) -> Released:
        """Renames one to what it proposes, if neither changed since it was taken in."""
        word = f"released by {by}"
        async with self._line() as line:
            for _ in range(_TRIES):
                entry, decided = await self._watched(line, draft)
                if entry is None or decided:
                    return _over(decided, word)
                if why := await self._changed(line, draft, entry):
                    return Released(done=False, why=why)
                if not await gate(()):
                    return Released(done=False, why="a stricter hold stands: release it once that is lifted")
                ttl: list[Command] = [("PEXPIRE", entry.key, str(entry.ttl))] if entry.ttl >= 0 else []
                if await self._decide(line, draft, word, ("RENAME", _item(draft), entry.key), *ttl):
                    return Released(done=True)
        raise self._contended(draft)

    async def drop(self, draft: str, by: str) -> bool:
        """Removes one; False where it is not there any more."""
        async with self._line() as line:
            for _ in range(_TRIES):
                entry, decided = await self._watched(line, draft)
                if entry is None or decided:
                    return False
                if await self._decide(line, draft, f"dropped by {by}", ("UNLINK", _item(draft))):
                    return True
        raise self._contended(draft)

    async def _written(self, line: Line) -> tuple[list[str], bool]:
        """The keys under the prefix, and whether that is all of them."""
        found: dict[str, None] = {}
        cursor = "0"
        for _ in range(_PAGES):
            page = ("SCAN", cursor, "MATCH", f"{self._prefix}*", "COUNT", _PAGE)
            answer = cast("list[object]", (await self._ask(line, page))[0])
            cursor = _word(answer[0])
            found |= dict.fromkeys(map(_word, cast("list[object]", answer[1])))
            if cursor == "0":
                break
        return sorted(found), cursor == "0"

    async def _take_in(self, line: Line, name: str) -> bool:
        """Moves one key of the agent's into the area, as it is at one moment. False where it was not taken."""
        key, number = name.removeprefix(self._prefix), secrets.token_hex(6)
        if not key:
            return False
        why = await self._barred(line, key)
        for _ in range(_TRIES):
            await self._ask(line, ("WATCH", name, *(() if why else (key,))))
            kind, digest, text = await self._content(line, name)
            was = "" if why else (await self._content(line, key))[1]
            ttl, time = await self._ask(line, ("PTTL", name), ("TIME",))
            if kind == "none":
                await self._ask(line, ("UNWATCH",))
                return False
            at = int(_word(cast("list[object]", time)[0]))
            entry = _Entry(key, kind, float(at), digest, was, int(cast("int", ttl)), text, why)
            moves = (("RENAMENX", name, _item(number)), ("PERSIST", _item(number)))
            book = ("HSET", self._book, number, json.dumps(asdict(entry)))
            if await self._together(line, *moves, book):
                return True
        return False

    async def _barred(self, line: Line, key: str) -> str:
        """Why nothing can be released to `key`, which may then not even be readable; "" where it can."""
        asked = (("GET", key), ("RENAME", _item("x"), key))
        answers = await line.ask(*(("ACL", "DRYRUN", self._address.user, *words) for words in asked))
        return f"the bot may not read and write {_line_of(key)}" if any(map(denied, answers)) else ""

    async def _watched(self, line: Line, draft: str) -> tuple[_Entry | None, str]:
        """What the book and the receipt say of one, which from then on must not change."""
        answers = await self._ask(
            line,
            ("WATCH", _item(draft), f"{_RECEIPT}{draft}"),
            ("HGET", self._book, draft),
            ("GET", f"{_RECEIPT}{draft}"),
        )
        entry = _Entry.of(_word(answers[1])) if answers[1] is not None else None
        if entry is not None and not entry.why:
            await self._ask(line, ("WATCH", entry.key))
        return entry, _word(answers[2]) if answers[2] is not None else ""

    async def _changed(self, line: Line, draft: str, entry: _Entry) -> str:
        """Why the transaction would not do what was listed; "" where it would."""
        if why := entry.why or await self._barred(line, entry.key):
            return why
        _, digest, _ = await self._content(line, _item(draft))
        _, now, _ = await self._content(line, entry.key)
        if "" in (digest, now, entry.digest, entry.was):
            return f"it or {entry.key} is larger than {MOST:,} members or {LARGEST:,} bytes, which is not compared"
        if digest != entry.digest:
            return "it was changed since it was parked"
        if now != entry.was:
            return f"{entry.key} was changed since this was parked: drop it, and have the agent propose again"
        return ""

    async def _decide(self, line: Line, draft: str, word: str, *moves: Command) -> bool:
        """Carries a decision out with its receipt, all or nothing; False where something changed meanwhile."""
        receipt = ("SET", f"{_RECEIPT}{draft}", word, "EX", _RECEIPT_SECONDS)
        return await self._together(line, *moves, ("HDEL", self._book, draft), receipt)

    async def _together(self, line: Line, *commands: Command) -> bool:
        """One transaction, which is not run where a watched key changed."""
        answers = (await self._ask(line, ("MULTI",), *commands, ("EXEC",)))[-1]
        if answers is None:
            return False
        raised(cast("list[object]", answers), address=self._address, user="its drafts")
        return True

    async def _content(self, line: Line, name: str) -> tuple[str, str, str]:
        """A key's kind, a digest of all that it holds, and that as text; without a digest where it is too large."""
        kind = _word((await self._ask(line, ("TYPE", name)))[0])
        if kind == "none":
            return kind, kind, ""
        if kind not in _READS:
            return kind, "", f"a {kind}"
        size, read = _READS[kind]
        number = cast("int", (await self._ask(line, (size, name)))[0])
        if number > (LARGEST if kind == "string" else MOST) or await self._takes(line, name) > LARGEST * 2:
            return kind, "", f"{number:,} {'bytes' if kind == 'string' else 'members'}"
        words = [*_flat((await self._ask(line, (read[0], name, *read[1:])))[0])]
        return kind, _digest(kind, words), _shown(kind, words)

    async def _takes(self, line: Line, name: str) -> int:
        """Bytes of memory, with every member counted: an agent could hide a large one from a sample."""
        return cast("int", (await self._ask(line, ("MEMORY", "USAGE", name, "SAMPLES", "0")))[0]) or 0

    async def _entries(self, line: Line) -> dict[str, _Entry]:
        words = [_word(one) for one in cast("list[object]", (await self._ask(line, ("HGETALL", self._book)))[0])]
        return {number: _Entry.of(text) for number, text in zip(words[::2], words[1::2], strict=True)}

    async def _ask(self, line: Line, *commands: Command) -> list[object]:
        answers = await line.ask(*commands)
        raised(answers, address=self._address, user="its drafts")
        return answers

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[Line]:
        """A connection of its own; given up on, it is ended at the server, so that nothing of it runs later."""
        endpoint, address = self._primary()
        line = await Line.open(address)
        try:
            yield line
        finally:
            await line.close()
            if line.owing:
                await endpoint.bury(line)

    def _primary(self) -> tuple[Endpoint, Address]:
        """The one that was a primary when it was last looked at: a failover may have made another of them that."""
        seen = ((endpoint.lookout.last, (endpoint, address)) for endpoint, address in self._places)
        return next((place for around, place in seen if around and around.role == "master"), self._places[0])

    def _contended(self, draft: str) -> AdapterError:
        return AdapterError(f"{draft} on {self._address.name} was changed by another writer each time; try again")


def _over(decided: str, word: str) -> Released:
    """What is said of one that is not parked any more: it was done by this very call, if that was sent before."""
    return Released(done=decided == word, why="" if decided == word else decided or "there is no such draft")


def _draft(number: str, entry: _Entry) -> Draft:
    verb = {"none": "create", "": "replace what is too large to compare in"}.get(entry.was, "replace")
    verb = "write" if entry.why else verb
    what = f"{verb} {_line_of(entry.key)} ({entry.kind}){_never(entry)}"
    return Draft(id=number, what=what, arguments=entry.text, at=entry.at)


def _never(entry: _Entry) -> str:
    return f"; it can only be dropped: {entry.why}" if entry.why else ""


def _item(draft: str) -> str:
    return f"{_ITEM}{draft}"


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


def _line_of(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _flat(value: object) -> Iterable[str]:
    if isinstance(value, list):
        for one in value:
            yield from _flat(one)
    else:
        yield _word(value)


def _word(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
