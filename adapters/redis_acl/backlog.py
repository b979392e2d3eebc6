"""The queues of an agent: how much waits in them, and what becomes of it when the agent may take it up again.

Each queue is moved in one transaction of the server, so that it takes exactly what waits at that moment. The same
transaction leaves a receipt: whoever repeats it under the same label, after a crash or a lost answer, takes nothing
more. Nothing is ever moved twice, and nothing that came later is moved at all.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

from redis.exceptions import ResponseError

from adapters.base import Moved, Waiting
from adapters.errors import AdapterError, Refused
from adapters.redis_acl.hand import denied
from adapters.redis_acl.line import Address, Command, Line, raised

OURS = "agent-kill:"  # every key of ours starts so
HELD = f"{OURS}held"  # a hash: where work lies aside, and which queue it is of
_RECEIPT_SECONDS = "2592000"  # 30 days: no ballot is repeated after that
_TRIES = 5
_MOST_PENDING = 10_000
_SIZES = {"list": "LLEN", "zset": "ZCARD", "set": "SCARD", "hash": "HLEN", "stream": "XLEN"}
_SAMPLES = (
    ("TYPE", "{q}"), ("WATCH", "{q}"), ("EXISTS", "{q}"), ("LLEN", "{q}"), ("XINFO", "GROUPS", "{q}"),
    ("XPENDING", "{q}", "g"), ("RENAME", "{q}", "{o}x"), ("COPY", "{q}", "{o}x"), ("UNLINK", "{q}"),
    ("XGROUP", "SETID", "{q}", "g", "$"), ("XACK", "{q}", "g", "0-1"), ("SET", "{o}x", "1"),
    ("HSET", "{o}x", "f", "v"), ("HGETALL", "{o}x"),
)  # fmt: skip


class Queues:
    """The queues that one surface names.

    Args:
        address: the bot's login, with the database that they are in.
        names: their keys.
    """

    def __init__(self, address: Address, names: tuple[str, ...]) -> None:
        self._address = address
        self._names = names

    async def lacking(self) -> tuple[str, ...]:
        """The rights on the queues that the bot lacks, as rules."""
        if not self._names:
            return ()
        asked = [(name, _filled(sample, name)) for name in self._names for sample in _SAMPLES]
        async with self._line() as line:
            answers = await line.ask(*(("ACL", "DRYRUN", self._address.user, *words) for _, words in asked))
        pairs = zip(asked, answers, strict=True)
        found = (f"+{_rule(words)} on ~{name} and ~{OURS}*" for (name, words), answer in pairs if denied(answer))
        return tuple(dict.fromkeys(found))

    async def count(self) -> Waiting:
        """What waits, and what lies aside of these queues."""
        async with self._line() as line:
            waits = [await self._size(line, name) for name in self._names]
            aside = [key for key, queue in (await self._aside(line)).items() if queue in self._names]
            held = [await self._size(line, key) for key in aside]
        return Waiting(number=sum(waits), held=sum(held))

    async def hold(self, label: str) -> Moved:
        """Puts what waits aside under keys of ours."""
        places, number = [], 0
        async with self._line() as line:
            for name in self._names:
                place = _place(label, name)
                await self._once(line, label, name, aside=place)
                size = await self._size(line, place)  # read back
                number += size
                places += [(name, place)] if size else []
        return Moved(
            number=number,
            where=f"{', '.join(place for _, place in places)} on {self._address.name}",
            replay="; ".join(f"RENAMENX {place} {name}" for name, place in places),
        )

    async def drop(self, label: str) -> Moved:
        """Removes what waits; how much that was is known to the first call alone."""
        async with self._line() as line:
            numbers = [await self._once(line, label, name, aside="") for name in self._names]
        known = [number for number in numbers if number is not None]
        return Moved(number=sum(known) if len(known) == len(numbers) else None)

    async def replay(self, label: str) -> Moved:
        """Gives back what lies aside under the label, behind what waits by now.

        Raises:
            Refused: work of a kind that cannot be appended came meanwhile, or several groups read the stream.
        """
        number = 0
        async with self._line() as line:
            for name in self._names:
                place = _place(label, name)
                number += await self._size(line, place)
                await self._give_back(line, place, name)
        return Moved(number=number)

    async def _once(self, line: Line, label: str, name: str, *, aside: str) -> int | None:
        """Moves one queue unless its receipt is there; returns how much there was, None where that was done before."""
        receipt = f"{OURS}done:{label}:{name}"
        for _ in range(_TRIES):
            done, kind = (await self._ask(line, ("WATCH", receipt), ("EXISTS", receipt), ("TYPE", name)))[1:]
            if done:
                await self._ask(line, ("UNWATCH",))
                return None
            size, moves = await self._moves(line, name, _word(kind), aside)
            book: list[Command] = [("SET", receipt, "1", "EX", _RECEIPT_SECONDS)]
            book += [("HSET", HELD, aside, name)] if aside else []
            sent = await self._ask(line, ("MULTI",), *moves, *book, ("EXEC",))
            if isinstance(answers := sent[-1], list):
                return self._taken(answers, moves, size)
        raise AdapterError(
            f"{name} on {self._address.name} was changed by another writer each time; the bot tries again"
        )

    def _taken(self, answers: list[object], moves: list[Command], size: int) -> int:
        """How much was moved, as the transaction itself counted. An empty queue is no error."""
        errors = [one for one in answers if isinstance(one, ResponseError) and "no such key" not in str(one)]
        raised(errors, address=self._address, user="its queues")
        counted = moves and moves[0][0] in _SIZES.values()
        return answers[0] if counted and isinstance(answers[0], int) else size

    async def _moves(self, line: Line, name: str, kind: str, aside: str) -> tuple[int, list[Command]]:
        """What waits, and the commands that take it."""
        if kind == "none":
            return 0, []
        if kind not in _SIZES:
            raise Refused(f"{name} on {self._address.name} is a {kind}, which holds no work: correct settings.queues")
        groups = await self._groups(line, name) if kind == "stream" else []
        if not groups:
            away: Command = ("RENAME", name, aside) if aside else ("UNLINK", name)
            return 0, [(_SIZES[kind], name), away]
        size = await self._size(line, name)
        passed = [command for group in groups for command in await self._pass_by(line, name, group)]
        return size, [*([("COPY", name, aside)] if aside else []), *passed]

    async def _pass_by(self, line: Line, name: str, group: Mapping[str, object]) -> list[Command]:
        """Moves a group behind everything that is there when the transaction runs; what it had read is done with."""
        title = _word(group["name"])
        pending = (await self._ask(line, ("XPENDING", name, title, "-", "+", str(_MOST_PENDING))))[0]
        read = [_word(cast("list[object]", one)[0]) for one in cast("list[object]", pending)]
        if len(read) >= _MOST_PENDING:
            raise Refused(
                f"the group {title} of {name} has {_MOST_PENDING:,} unacknowledged jobs or more: acknowledge some"
            )
        done: list[Command] = [("XACK", name, title, *read)] if read else []
        return [("XGROUP", "SETID", name, title, "$"), *done]

    async def _give_back(self, line: Line, place: str, name: str) -> None:
        """By renaming where nothing waits, else one by one, each in a step that loses nothing."""
        kind, there = map(_word, await self._ask(line, ("TYPE", place), ("TYPE", name)))
        if kind == "none":
            return
        if there == "none":
            await self._ask(line, ("RENAMENX", place, name))
        elif kind == there == "list":
            while (await self._ask(line, ("LMOVE", place, name, "LEFT", "RIGHT")))[0] is not None:
                pass
        elif kind == there == "stream":
            await self._append(line, place, name)
        else:
            raise Refused(
                f"{name} on {self._address.name} has new work: let it be worked off first, then replay {place}"
            )
        await self._ask(line, ("HDEL", HELD, place))

    async def _append(self, line: Line, place: str, name: str) -> None:
        """What waits in a stream's copy, under new ids. Of several groups each would get the others' work again."""
        groups = await self._groups(line, place)
        if len(groups) > 1:
            raise Refused(
                f"{place} on {self._address.name} is read by {len(groups)} groups: append what each lacks by hand"
            )
        for job, fields in await self._unread(line, place, groups):
            await self._ask(line, ("MULTI",), ("XADD", name, "*", *fields), ("XDEL", place, job), ("EXEC",))
        await self._ask(line, ("UNLINK", place))

    async def _unread(self, line: Line, place: str, groups: list[Mapping[str, object]]) -> list[tuple[str, list[str]]]:
        start, pending = "-", list[str]()
        if groups:
            start = f"({_word(groups[0]['last-delivered-id'])}"
            title = _word(groups[0]["name"])
            told = (await self._ask(line, ("XPENDING", place, title, "-", "+", str(_MOST_PENDING))))[0]
            pending = [_word(cast("list[object]", one)[0]) for one in cast("list[object]", told)]
        answers = await self._ask(
            line, *(("XRANGE", place, job, job) for job in pending), ("XRANGE", place, start, "+")
        )
        rows = [row for answer in answers for row in cast("list[list[object]]", answer)]
        return [(_word(row[0]), [_word(field) for field in cast("list[object]", row[1])]) for row in rows]

    async def _size(self, line: Line, name: str) -> int:
        """How much waits under a key; in a stream with groups, what the slowest of them has not done."""
        kind = _word((await self._ask(line, ("TYPE", name)))[0])
        if kind not in _SIZES:
            return 0
        groups = await self._groups(line, name) if kind == "stream" else []
        if not groups:
            return int(cast("int", (await self._ask(line, (_SIZES[kind], name)))[0]))
        return max([await self._behind(line, name, group) for group in groups])

    async def _behind(self, line: Line, name: str, group: Mapping[str, object]) -> int:
        lag = group.get("lag")
        if not isinstance(lag, int):  # the server has lost count
            start = f"({_word(group['last-delivered-id'])}"
            lag = len(cast("list[object]", (await self._ask(line, ("XRANGE", name, start, "+")))[0]))
        return lag + int(cast("int", group["pending"]))

    async def _groups(self, line: Line, name: str) -> list[Mapping[str, object]]:
        answer = (await self._ask(line, ("XINFO", "GROUPS", name)))[0]
        rows = [cast("list[object]", one) for one in cast("list[object]", answer)]
        return [{_word(row[at]): row[at + 1] for at in range(0, len(row), 2)} for row in rows]

    async def _aside(self, line: Line) -> Mapping[str, str]:
        words = [_word(one) for one in cast("list[object]", (await self._ask(line, ("HGETALL", HELD)))[0])]
        return dict(zip(words[::2], words[1::2], strict=True))

    async def _ask(self, line: Line, *commands: Command) -> list[object]:
        """Raises `Refused` for a right that the bot lacks; what a transaction answers inside is its caller's."""
        answers = await line.ask(*commands)
        raised(answers, address=self._address, user="its queues")
        return answers

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[Line]:
        """A connection of its own: the warm one is the cuts', and in another database."""
        line = await Line.open(self._address)
        try:
            yield line
        finally:
            await line.close()


def _place(label: str, name: str) -> str:
    return f"{HELD}:{label}:{name}"


def _filled(sample: tuple[str, ...], name: str) -> Command:
    return tuple(word.format(q=name, o=OURS) for word in sample)


def _rule(words: Command) -> str:
    """The command as a rule names it."""
    return "|".join(words[:2]).lower() if words[0] in {"XGROUP", "XINFO"} else words[0].lower()


def _word(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
