"""Drafts: keys that the agent wrote under its prefix, for people to decide on.

`draft:orders:17` proposes what `orders:17` should become. Listing takes each such key into an area that the agent
cannot write, together with a digest of it and of the key that it would replace; a release renames it from there, in one
transaction that fails if either changed. So what is released is what was listed, and nothing that somebody wrote
meanwhile is lost.
"""

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Self, cast

from adapters.base import Gate
from adapters.base.parked import Draft, Drafts, Released, legible
from adapters.errors import AdapterError
from adapters.redis_acl.commands import Catalogue
from adapters.redis_acl.contents import LARGEST, MOST, Content, content, word
from adapters.redis_acl.hand import denied
from adapters.redis_acl.line import Address, Command, Endpoint, Line, raised
from adapters.redis_acl.rules import Facts, covering, parse, reaches

AREA = "agent-kill:"  # every key of ours starts so
_BOOK = f"{AREA}drafts:"  # a hash per prefix: what is parked, by its id
_ITEM, _RECEIPT = f"{AREA}draft:", f"{AREA}decided:"
_RECEIPT_SECONDS = "2592000"  # 30 days: nothing is decided again after that
_TRIES = 5
_SHOW = "`agent-kill adapters show redis_acl --setup` prints what it takes"
_WRITES = (("SET", "v"), ("DEL",), ("LPUSH", "v"), ("SADD", "m"), ("HSET", "f", "v"), ("ZADD", "1", "m"), ("INCR",))
_READS = (("GET",), ("EXISTS",), ("LRANGE", "0", "1"), ("SMEMBERS",), ("HGETALL",), ("ZRANGE", "0", "1"), ("TYPE",))
_SAME = 1000  # milliseconds within which two times of expiry are the same one
_UNKNOWN = Content("", "", "")
_NAME = 300  # letters of a key that is released
_PAGE, _PAGES = "1000", 1000  # keys per SCAN, and how many of those one listing makes
RIGHTS = (
    "+scan", "+time", "+type", "+watch", "+unwatch", "+multi", "+exec", "+pttl", "+persist", "+pexpire",
    "+memory|usage", "+get", "+set", "+strlen", "+llen", "+lrange", "+scard", "+smembers", "+hlen", "+hget",
    "+hgetall", "+hset", "+hdel", "+zcard", "+zrange", "+xlen", "+xrange", "+xinfo|stream", "+rename", "+renamenx",
    "+unlink",
)  # fmt: skip
_SAMPLES = (
    ("SCAN", "0"), ("TIME",), ("TYPE", "{d}"), ("WATCH", "{d}"), ("PTTL", "{d}"), ("MEMORY", "USAGE", "{d}"),
    ("GET", "{d}"), ("HGETALL", "{a}"), ("HSET", "{a}", "f", "v"), ("HDEL", "{a}", "f"), ("HGET", "{a}", "f"),
    ("SET", "{a}", "1"), ("PERSIST", "{a}"), ("RENAMENX", "{d}", "{a}"), ("RENAME", "{a}", "{a}"),
    ("PEXPIRE", "{a}", "1"), ("UNLINK", "{a}"), ("XINFO", "STREAM", "{d}"),
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
        ends: when the key that there was expires, in Unix milliseconds; -1 for never.
    """

    key: str
    kind: str
    at: float
    digest: str
    was: str
    ttl: int
    text: str
    why: str = ""
    ends: int = -1

    @classmethod
    def of(cls, text: str) -> Self:
        return cls(**json.loads(text))


class Parking:
    """The drafts of one surface.

    Args:
        places: each server, and the bot's login there with the database of the drafts; the usual primary first.
        user: the agent's.
        prefix: of the keys that it writes; what follows it names the key that is proposed.
    """

    def __init__(self, places: Sequence[tuple[Endpoint, Address]], user: str, prefix: str) -> None:
        self._places, self._user, self._prefix = places, user, prefix
        self._book = f"{_BOOK}{prefix}"

    @property
    def _address(self) -> Address:
        return self._primary()[1]

    def unlisted(self) -> str:
        """Why drafts could be written where no listing looks, in a sentence; "" where they could not."""
        if self._places[0][1].options["db"]:
            return "draft_only needs the database 0 in settings.url: the agent may not select another in that mode."
        primaries = [
            end.address.name for end, _ in self._places if end.lookout.last and end.lookout.last.role == "master"
        ]
        if len(primaries) > 1:
            return f"draft_only needs one primary, and {' and '.join(primaries)} all take writes."
        return ""

    async def lacking(self) -> tuple[str, ...]:
        """The rights on the drafts that the bot lacks, as rules."""
        if not self._prefix:
            return ()
        names = {"d": f"{self._prefix}x", "a": f"{AREA}x"}
        asked = [tuple(word.format(**names) for word in sample) for sample in _SAMPLES]
        async with self._line() as line:
            answers = await line.ask(*(("ACL", "DRYRUN", self._address.user, *words) for words in asked))
        found = (words[0].lower() for words, answer in zip(asked, answers, strict=True) if denied(answer))
        where, whole = f"on ~{self._prefix}* and ~{AREA}*", {"memory": "memory|usage", "xinfo": "xinfo|stream"}
        return tuple(dict.fromkeys(f"+{whole.get(name, name)} {where}" for name in found))

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
        mine = f"released by {by}"
        async with self._line() as line:
            for _ in range(_TRIES):
                entry, decided = await self._watched(line, draft)
                if entry is None or decided:
                    return _over(decided, mine)
                if why := await self._changed(line, draft, entry):
                    return Released(done=False, why=why)
                if not await gate(()):
                    return Released(done=False, why="a stricter hold stands: release it once that is lifted")
                ttl: list[Command] = [("PEXPIRE", entry.key, str(entry.ttl))] if entry.ttl >= 0 else []
                if await self._decide(line, draft, mine, ("RENAME", _item(draft), entry.key), *ttl):
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
            cursor = word(answer[0])
            found |= dict.fromkeys(map(word, cast("list[object]", answer[1])))
            if cursor == "0":
                break
        return sorted(found), cursor == "0"

    async def _take_in(self, line: Line, name: str) -> bool:
        """Moves one key of the agent's into the area, as it is at one moment. False where it was not taken."""
        key, number = name.removeprefix(self._prefix), secrets.token_hex(6)
        if not key:
            return False
        barred = await self._barred(line, key)
        for _ in range(_TRIES):
            await self._ask(line, ("WATCH", name, *(() if barred else (key,))))
            new = await self._content(line, name, draft=True)
            old, ends = (_UNKNOWN, -1) if barred else (await self._content(line, key), await self._ends(line, key))
            ttl, time = await self._ask(line, ("PTTL", name), ("TIME",))
            if new.kind == "none":
                await self._ask(line, ("UNWATCH",))
                return False
            at, left, why = _milliseconds(time) / 1000, cast("int", ttl), barred or new.why or old.why
            entry = _Entry(key, new.kind, at, new.digest, old.digest, left, new.text, why, ends)
            moves: list[Command] = [("RENAMENX", name, _item(number)), ("PERSIST", _item(number))]
            if new.kind == "hash" and new.words:  # written again, its fields lose times to live that nobody sees
                moves.append(("HSET", _item(number), *new.words))
            if await self._together(line, *moves, ("HSET", self._book, number, json.dumps(asdict(entry)))):
                return True
        return False

    async def _barred(self, line: Line, key: str) -> str:
        """Why nothing can be released to `key`, which may then not even be readable; "" where it can."""
        if len(key) > _NAME:
            return f"its name is longer than {_NAME} letters, which nobody reads to the end"
        if key.startswith(AREA):
            return f"{legible(key, _NAME)} is among the bot's own keys"
        asked = (("GET", key), ("RENAME", _item("x"), key))
        answers = await line.ask(*(("ACL", "DRYRUN", self._address.user, *words) for words in asked))
        return f"the bot may not read and write {legible(key)}" if any(map(denied, answers)) else ""

    async def _beyond(self, line: Line, key: str) -> str:
        """Why the agent has no business with `key`; "" where it may write it, or read it while it is held."""
        asked = [(verb, key, *more) for verb, *more in (*_WRITES, *_READS)]
        user, *answers = await line.ask(
            ("ACL", "GETUSER", self._user), *(("ACL", "DRYRUN", self._user, *words) for words in asked)
        )
        found, able = parse(user), [answer == b"OK" for answer in answers]
        held = found is not None and found.mark is not None
        if any(able[: len(_WRITES)]) or (held and any(able)):
            return ""
        return (
            f"{self._user} itself may not {'reach' if held else 'write'} {legible(key)}: drop it, or write it yourself"
        )

    async def _watched(self, line: Line, draft: str) -> tuple[_Entry | None, str]:
        """What the book and the receipt say of one, which from then on must not change."""
        answers = await self._ask(
            line,
            ("WATCH", _item(draft), f"{_RECEIPT}{draft}"),
            ("HGET", self._book, draft),
            ("GET", f"{_RECEIPT}{draft}"),
        )
        entry = _Entry.of(word(answers[1])) if answers[1] is not None else None
        if entry is not None and not entry.why:
            await self._ask(line, ("WATCH", entry.key))
        return entry, word(answers[2]) if answers[2] is not None else ""

    async def _changed(self, line: Line, draft: str, entry: _Entry) -> str:
        """Why the transaction would not do what was listed; "" where it would."""
        if why := entry.why or await self._barred(line, entry.key) or await self._beyond(line, entry.key):
            return why
        new, old = await self._content(line, _item(draft)), await self._content(line, entry.key)
        if why := new.why or old.why:
            return why
        if "" in (new.digest, old.digest, entry.digest, entry.was):
            return f"it or {entry.key} is larger than {MOST:,} members or {LARGEST:,} bytes, which is not compared"
        if new.digest != entry.digest:
            return "it was changed since it was parked"
        # Last, because a cut knows by PTTL which connections a release waits on.
        moved = abs(await self._ends(line, entry.key) - entry.ends) > _SAME
        if old.digest != entry.was or moved:
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

    async def _content(self, line: Line, name: str, *, draft: bool = False) -> Content:
        return await content(partial(self._ask, line), name, draft=draft)

    async def _ends(self, line: Line, key: str) -> int:
        """When a key's time to live is over, in Unix milliseconds by the server's clock; -1 for never."""
        time, left = await self._ask(line, ("TIME",), ("PTTL", key))
        return _milliseconds(time) + left if isinstance(left, int) and left >= 0 else -1

    async def _entries(self, line: Line) -> dict[str, _Entry]:
        words = [word(one) for one in cast("list[object]", (await self._ask(line, ("HGETALL", self._book)))[0])]
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
    what = f"{verb} {legible(entry.key, _NAME)} ({entry.kind}){_expiry(entry)}{_never(entry)}"
    return Draft(id=number, what=what, arguments=entry.text, at=entry.at)


def _expiry(entry: _Entry) -> str:
    if entry.ttl >= 0:
        return f", to expire {entry.ttl / 1000:g} s after the release"
    return ", which then no longer expires" if entry.ends >= 0 else ""


def _never(entry: _Entry) -> str:
    return f"; it can only be dropped: {entry.why}" if entry.why else ""


def _item(draft: str) -> str:
    return f"{_ITEM}{draft}"


def _milliseconds(time: object) -> int:
    """The answer of `TIME`."""
    seconds, micros = map(word, cast("list[object]", time))
    return int(seconds) * 1000 + int(micros) // 1000
