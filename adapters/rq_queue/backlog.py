"""The jobs that wait in an agent's queues, and what becomes of them when it may take them up again.

Each queue is moved in one transaction, so that it takes exactly what waits at that moment, and the same transaction
leaves a receipt: whoever repeats it under the same label, after a crash or a lost answer, takes nothing more.
"""

from typing import Any

from adapters.base import Moved, Waiting
from adapters.errors import AdapterError
from adapters.rq_queue.line import Command, Line

OURS = "agent-kill:rq-held"
_RECEIPT_SECONDS = "2592000"  # 30 days: no ballot is repeated after that
_TRIES = 5
_PART = 1000  # jobs that are removed at a time


async def count(line: Line, queues: tuple[str, ...]) -> Waiting:
    """What waits, and what lies aside of these queues."""
    aside = [key for key, queue in (await _book(line)).items() if queue in queues]
    waits = await line.ask(*(("LLEN", _key(queue)) for queue in queues))
    held = await line.ask(*(("LLEN", key) for key in aside)) if aside else []
    return Waiting(number=sum(waits), held=sum(held))


async def hold(line: Line, queues: tuple[str, ...], label: str) -> Moved:
    """Puts what waits aside."""
    places = [(queue, _place("held", label, queue)) for queue in queues]
    for queue, place in places:
        await _moved(line, f"{OURS}:done:hold:{label}:{queue}", queue, place)
    sizes = await line.ask(*(("LLEN", place) for _, place in places))  # read back
    there = [(queue, place) for (queue, place), size in zip(places, sizes, strict=True) if size]
    return Moved(
        number=sum(sizes),
        where=f"{', '.join(place for _, place in there)} on {line.address.name}",
        replay="; ".join(f"RENAMENX {place} {_key(queue)}" for queue, place in there),
    )


async def drop(line: Line, queues: tuple[str, ...], label: str) -> Moved:
    """Removes what waits, with the jobs' own keys; how much that was is known to the first call alone."""
    numbers = [await _dropped(line, queue, label) for queue in queues]
    known = [number for number in numbers if number is not None]
    return Moved(number=sum(known) if len(known) == len(numbers) else None)


async def replay(line: Line, queues: tuple[str, ...], label: str) -> Moved:
    """Gives back what lies aside under the label, behind what waits by now, each job in a step that loses nothing."""
    number = 0
    for queue in queues:
        place = _place("held", label, queue)
        while (await line.ask(("LMOVE", place, _key(queue), "LEFT", "RIGHT")))[0] is not None:
            number += 1
        await line.ask(("HDEL", OURS, place))
    return Moved(number=number)


async def _dropped(line: Line, queue: str, label: str) -> int | None:
    place = _place("dropped", label, queue)
    number = await _moved(line, f"{OURS}:done:drop:{label}:{queue}", queue, place)
    while jobs := (await line.ask(("LRANGE", place, "0", str(_PART - 1))))[0]:
        keys = [f"rq:job:{job.decode()}" for job in jobs]
        await line.ask(("DEL", *keys), *(("LREM", place, "1", job) for job in jobs))
    await line.ask(("HDEL", OURS, place))
    return number


async def _moved(line: Line, receipt: str, queue: str, place: str) -> int | None:
    """Renames a queue's list unless its receipt is there; returns how much there was, None where it was done."""
    for _ in range(_TRIES):
        _, done, size = await line.ask(("WATCH", receipt, _key(queue)), ("EXISTS", receipt), ("LLEN", _key(queue)))
        if done:
            await line.ask(("UNWATCH",))
            return None
        move: list[Command] = [("RENAME", _key(queue), place), ("HSET", OURS, place, queue)] if size else []
        book: Command = ("SET", receipt, "1", "EX", _RECEIPT_SECONDS)
        if (await line.ask(("MULTI",), *move, book, ("EXEC",)))[-1] is not None:
            return int(size)
    raise AdapterError(f"the queue {queue} on {line.address.name} was changed by others each time; the bot tries again")


async def _book(line: Line) -> dict[str, str]:
    words: list[Any] = [word.decode() for word in (await line.ask(("HGETALL", OURS)))[0]]
    return dict(zip(words[::2], words[1::2], strict=True))


def _key(queue: str) -> str:
    return f"rq:queue:{queue}"


def _place(what: str, label: str, queue: str) -> str:
    return f"{OURS}:{what}:{label}:{queue}"
