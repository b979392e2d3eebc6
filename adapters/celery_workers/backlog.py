"""The tasks that wait in an agent's queues, and what becomes of them when it may take them up again.

Each queue is moved in one transaction, so that it takes exactly what waits at that moment, and the same transaction
leaves a receipt: whoever repeats it under the same label, after a crash or a lost answer, takes nothing more.

What a node had fetched and not acknowledged when it died is in no queue: kombu puts it back there after the visibility
timeout, once nodes take tasks again. It is counted, and put back before a queue is moved.
"""

import json
from collections.abc import Mapping
from typing import Any

from adapters.base import Moved, Waiting
from adapters.celery_workers.line import Command, Line
from adapters.errors import AdapterError

OURS = "agent-kill:celery-held"
_FETCHED, _INDEX = "unacked", "unacked_index"  # kombu's: by delivery tag, the message with its queue
_RECEIPT_SECONDS = "2592000"  # 30 days: no ballot is repeated after that
_TRIES = 5
STEPS = (
    "",
    "\x06\x163",
    "\x06\x166",
    "\x06\x169",
)  # how the names of a queue's lists end, by priority (kombu's default)


async def count(line: Line, queues: tuple[str, ...]) -> Waiting:
    """What waits, and what lies aside of these queues."""
    aside = [key for key, queue in (await _book(line)).items() if queue in queues]
    waits = await line.ask(*(("LLEN", queue) for queue in queues))
    held = await line.ask(*(("LLEN", key) for key in aside)) if aside else []
    return Waiting(number=sum(waits) + len(await _fetched(line, queues)), held=sum(held))


async def hold(line: Line, queues: tuple[str, ...], label: str) -> Moved:
    """Puts what waits aside."""
    await _put_back(line, queues)
    places = [(queue, _place("held", label, queue)) for queue in queues]
    for queue, place in places:
        await _moved(line, f"{OURS}:done:hold:{label}:{queue}", queue, place)
    sizes = await line.ask(*(("LLEN", place) for _, place in places))  # read back
    there = [(queue, place) for (queue, place), size in zip(places, sizes, strict=True) if size]
    return Moved(
        number=sum(sizes),
        where=f"{', '.join(place for _, place in there)} on {line.address.name}",
        replay="; ".join(f"RENAMENX {place} {queue}" for queue, place in there),
    )


async def drop(line: Line, queues: tuple[str, ...], label: str) -> Moved:
    """Removes what waits, for good; how much that was is known to the first call alone."""
    await _put_back(line, queues)
    numbers = [await _dropped(line, queue, label) for queue in queues]
    known = [number for number in numbers if number is not None]
    return Moved(number=sum(known) if len(known) == len(numbers) else None)


async def replay(line: Line, queues: tuple[str, ...], label: str) -> Moved:
    """Gives back what lies aside under the label, behind what waits by now, each task in a step that loses nothing."""
    number = 0
    for queue in queues:
        place = _place("held", label, queue)
        while (await line.ask(("LMOVE", place, queue, "RIGHT", "LEFT")))[0] is not None:
            number += 1
        await line.ask(("HDEL", OURS, place))
    return Moved(number=number)


async def _put_back(line: Line, queues: tuple[str, ...]) -> None:
    """Into its queue, as the next to be taken; each message in a step of its own, unless somebody else moved it."""
    for tag, (queue, message) in (await _fetched(line, queues)).items():
        if (await line.ask(("WATCH", _FETCHED), ("HEXISTS", _FETCHED, tag)))[1]:
            away: list[Command] = [("HDEL", _FETCHED, tag), ("ZREM", _INDEX, tag)]
            await line.ask(("MULTI",), *away, ("RPUSH", queue, message), ("EXEC",))
        else:
            await line.ask(("UNWATCH",))


async def _fetched(line: Line, queues: tuple[str, ...]) -> Mapping[str, tuple[str, str]]:
    """What was fetched from these queues and not acknowledged: by tag, the queue and the message."""
    words = (await line.ask(("HGETALL", _FETCHED)))[0]
    told = {tag.decode(): json.loads(text) for tag, text in zip(words[::2], words[1::2], strict=True)}
    return {tag: (key, json.dumps(message)) for tag, (message, _, key, *_) in told.items() if key in queues}


async def _dropped(line: Line, queue: str, label: str) -> int | None:
    place = _place("dropped", label, queue)
    number = await _moved(line, f"{OURS}:done:drop:{label}:{queue}", queue, place)
    await line.ask(("DEL", place), ("HDEL", OURS, place))
    return number


async def _moved(line: Line, receipt: str, queue: str, place: str) -> int | None:
    """Renames a queue's list unless its receipt is there; returns how much there was, None where it was done."""
    for _ in range(_TRIES):
        _, done, size = await line.ask(("WATCH", receipt, queue), ("EXISTS", receipt), ("LLEN", queue))
        if done:
            await line.ask(("UNWATCH",))
            return None
        move: list[Command] = [("RENAME", queue, place), ("HSET", OURS, place, queue)] if size else []
        book: Command = ("SET", receipt, "1", "EX", _RECEIPT_SECONDS)
        if (await line.ask(("MULTI",), *move, book, ("EXEC",)))[-1] is not None:
            return int(size)
    raise AdapterError(f"the queue {queue} on {line.address.name} was changed by others each time; the bot tries again")


async def _book(line: Line) -> dict[str, str]:
    words: list[Any] = [word.decode() for word in (await line.ask(("HGETALL", OURS)))[0]]
    return dict(zip(words[::2], words[1::2], strict=True))


def _place(what: str, label: str, queue: str) -> str:
    return f"{OURS}:{what}:{label}:{queue}"
