"""What a middle mode has parked: shown, published once where it was for, or removed.

A release is one transaction of the broker: the message is published, its receipt is written and it leaves the queue,
or none of that. Only a broker that dies in the very commit can do a part of it; then nobody knows, and it is not
published again.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from adapters.base import Gate
from adapters.base.parked import ARGUMENTS, Draft, Drafts, Released, legible
from adapters.rabbitmq_user.amqp import Login, Message, plain
from adapters.rabbitmq_user.facts import Way
from adapters.rabbitmq_user.store import Desk, desk

APPEARS = 2.0  # seconds in which a message that an ended task had in hand comes back
_TICK = 0.02
_SLACK = 2.0  # seconds by which two readings of a start may differ
_QUEUES = (("w", "waiting"), ("d", "drafts"))  # the first letter of an id, and the queue
_BEGAN, _KEPT, _RELEASED, _DROPPED = "began", "kept", "released", "dropped"
Boots = Callable[[], Awaitable[Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class Item:
    """One parked message, in hand."""

    id: str
    queue: str
    message: Message


class Parking:
    """What one surface parks.

    Args:
        login: the bot's AMQP login.
        way: the agent's exchange, and what its messages are for.
        boots: when each node that runs was started (Unix seconds).
    """

    def __init__(self, login: Login, way: Way, boots: Boots) -> None:
        self._login, self._way, self._boots = login, way, boots
        self._receipts = way.queue("done")

    async def oldest(self, limit: int) -> Drafts:
        """The oldest, those that wait for a decision first."""
        async with desk(self._login, self._receipts) as task:
            items = await self._items(task, await task.told())
        return Drafts(items=tuple(self._draft(item) for item in items[:limit]), number=len(items))

    async def release(self, draft: str, by: str, gate: Gate) -> Released:
        """Publishes it, if the gate agrees and nobody did before."""
        async with desk(self._login, self._receipts) as task:
            said, item = await self._find(task, draft)
            if item is None:
                return _said(said, by)
            if item.message.unread:
                return Released(done=False, why="Its routing key, or its properties, are no UTF-8: drop it.")
            boots = await self._boots()
            if said.get("what") == _BEGAN and not _same(said.get("boots"), boots):
                return Released(
                    done=False,
                    why=f"A release by {said.get('by')} was under way when a node restarted: whether it was "
                    f"published is not known, so it is not published again. Look at {self._way.to}, then drop it.",
                )
            await task.begin()
            await self._note(task, _BEGAN, draft, by, boots)
            if not await gate(()):
                await self._note(task, _KEPT, draft, by)
                return Released(done=False, why="A stricter hold stands: it stays parked.")
            channel, message = task.channel, item.message
            channel.publish(self._way.to, message.routing_key, message.body, message.kept())
            await self._settled(task, _RELEASED, item, by)
            if channel.returned:
                why = f"No queue is bound to {self._way.to} for the routing key {message.routing_key!r}: nobody got it."
                return Released(done=True, why=why)
        return Released(done=True)

    async def drop(self, draft: str, by: str) -> bool:
        """Removes it."""
        async with desk(self._login, self._receipts) as task:
            _, item = await self._find(task, draft)
            if item is not None:
                await task.begin()
                await self._settled(task, _DROPPED, item, by)
        return item is not None

    async def _settled(self, task: Desk, what: str, item: Item, by: str) -> None:
        task.tell(what=what, draft=item.id, by=by)
        task.done(item.queue, item.message)
        await task.channel.commit()

    async def _note(self, task: Desk, what: str, draft: str, by: str, boots: Mapping[str, float] | None = None) -> None:
        task.tell(what=what, draft=draft, by=by, boots=boots)
        await task.channel.commit()

    async def _find(self, task: Desk, draft: str) -> tuple[dict[str, Any], Item | None]:
        """What was last said of it, and it itself, in hand. One that a dead task still has is waited for."""
        until = time.monotonic() + APPEARS
        while True:
            told = await task.told()
            said: dict[str, Any] = next((one for one in reversed(told) if one.get("draft") == draft), {})
            if said.get("what") in {_RELEASED, _DROPPED}:
                return said, None
            items = await self._items(task, told)
            found = next((item for item in items if item.id == draft), None)
            if found is not None or time.monotonic() > until:
                return said, found
            await task.give_back()
            await asyncio.sleep(_TICK)

    async def _items(self, task: Desk, told: Sequence[dict[str, Any]]) -> list[Item]:
        """What lies in both queues. Equal messages are told apart by how many of them were decided on before.

        All of it, since a quorum queue puts what is given back behind what was given back before: to take the first
        alone would change the order (measured).
        """
        before = Counter(
            str(one["draft"]).rpartition("-")[0] for one in told if one.get("what") in {_RELEASED, _DROPPED}
        )
        found: list[Item] = []
        for letter, what in _QUEUES:
            queue = self._way.queue(what)
            for message in await task.take(queue):
                same = f"{letter}{_digest(message)}"
                found.append(Item(f"{same}-{before[same]}", queue, message))
                before[same] += 1
        return found

    def _draft(self, item: Item) -> Draft:
        message = item.message
        key = legible(message.routing_key)
        text = plain(message)
        headers = f"\nheaders: {json.dumps(message.headers, default=str)}" if message.headers else ""
        return Draft(
            id=item.id,
            what=f"publish to {self._way.to}"
            + (f" with routing key {key}" if key else "")
            + ("; it can only be dropped: not all of it is UTF-8" if message.unread else ""),
            arguments=_short(text + headers),
            waits=item.id.startswith("w"),
        )


def _same(then: object, now: Mapping[str, float]) -> bool:
    """Whether the nodes of a receipt run on. A restart moves the time by at least its own duration."""
    if not isinstance(then, dict) or set(then) != set(now):
        return False
    return all(abs(now[node] - float(started)) < _SLACK for node, started in then.items())


def _said(said: dict[str, Any], by: str) -> Released:
    """What a release answers of one that is not there."""
    if said.get("what") == _RELEASED:
        who = said.get("by")
        return Released(done=True) if who == by else Released(done=False, why=f"It was released by {who} before.")
    if said.get("what") == _DROPPED:
        return Released(done=False, why=f"It was dropped by {said.get('by')}.")
    return Released(done=False, why="It is not parked any more: it has expired, or somebody took it off the queue.")


def _digest(message: Message) -> str:
    kept = "" if message.unread else json.dumps(message.kept(), sort_keys=True, default=str)
    return sha256(f"{message.routing_key}\0{kept}\0".encode("utf-8", "surrogateescape") + message.body).hexdigest()[:24]


def _short(text: str) -> str:
    return text if len(text) <= ARGUMENTS else f"{text[: ARGUMENTS - 1]}…"
