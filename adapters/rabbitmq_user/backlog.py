"""The queues of an agent: how much waits in them, and what becomes of it when the agent may take it up again.

All queues are moved in one transaction of the broker, which takes what waits when it begins and leaves a receipt:
whoever repeats it under the same label, after a crash or a lost answer, takes nothing more.
"""

from collections.abc import Sequence
from typing import Any

from adapters.base import Moved, Waiting
from adapters.errors import AdapterError
from adapters.rabbitmq_user.amqp import Channel, Login, Message
from adapters.rabbitmq_user.facts import OURS
from adapters.rabbitmq_user.store import QUORUM, Desk, desk

HELD = f"{OURS}held."
_EXPIRES = "x-agent-kill-expiration"  # what lies aside must not expire there


class Queues:
    """The queues that one surface names.

    Args:
        login: the bot's AMQP login, in the vhost that they are in.
        names: theirs.
        user: the agent's, after whom the receipts are named.
    """

    def __init__(self, login: Login, names: Sequence[str], user: str) -> None:
        self._login, self._names = login, tuple(names)
        self._receipts = f"{OURS}moved.{user}"

    async def count(self, there: Sequence[str]) -> Waiting:
        """What waits, and what lies aside of these queues; `there` are the names of the vhost's queues."""
        channel = await Channel.open(self._login)
        try:
            waits = [await _length(channel, name) for name in self._names]
            held = [await _length(channel, name) for name in there if self._aside(name)]
        finally:
            channel.close()
        return Waiting(number=sum(waits), held=sum(held))

    async def hold(self, label: str) -> Moved:
        """Puts what waits aside in queues of ours."""
        number = await self._once(label, "hold")
        places = ", ".join(_place(label, name) for name in self._names)
        return Moved(number=number, where=f"{places} on {self._login.name}", replay=f"a shovel from {places}")

    async def drop(self, label: str) -> Moved:
        """Removes what waits."""
        return Moved(number=await self._once(label, "drop"))

    async def replay(self, label: str, there: Sequence[str]) -> Moved:
        """Gives back what lies aside under the label, behind what waits by now."""
        number = 0
        async with desk(self._login, self._receipts, make=True) as task:
            await task.begin()
            for name in self._names:
                if _place(label, name) in there:
                    number += await self._move(task, _place(label, name), name, back=True)
            await task.channel.commit()
            for name in self._names:
                if _place(label, name) in there:
                    await task.channel.delete(_place(label, name))
        return Moved(number=number)

    async def _once(self, label: str, what: str) -> int:
        """Moves all queues unless the receipt is there; returns how much there was."""
        async with desk(self._login, self._receipts, make=True) as task:
            told = next(
                (one for one in await task.told() if (one.get("label"), one.get("what")) == (label, what)), None
            )
            if told is not None:
                return int(told["number"])
            await task.begin()
            number = 0
            for name in self._names:
                place = _place(label, name) if what == "hold" else ""
                if place:
                    await task.channel.declare(place, arguments=QUORUM)
                number += await self._move(task, name, place)
            task.tell(label=label, what=what, number=number)
            await task.channel.commit()
            if task.channel.returned:
                raise AdapterError(f"the broker has lost {task.channel.returned} messages of {label}: look at its log")
        return number

    async def _move(self, task: Desk, source: str, target: str, *, back: bool = False) -> int:
        """What waits in one queue goes to the end of another, or nowhere; it counts with the commit."""
        messages = await task.take(source)
        for message in messages:
            if target:
                task.channel.publish("", target, message.body, _given(message) if back else _aside(message))
            task.done(source, message)
        return len(messages)

    def _aside(self, name: str) -> bool:
        return name.startswith(HELD) and any(name.endswith(f".{queue}") for queue in self._names)


async def _length(channel: Channel, name: str) -> int:
    """How much waits in a queue. One of length 0 is asked, because a queue without a leader says so as well."""
    if found := await channel.depth(name):
        return found
    message = await channel.get(name)
    channel.give_back()
    return 0 if message is None else message.behind + 1


def _place(label: str, name: str) -> str:
    return f"{HELD}{label}.{name}"


def _aside(message: Message) -> dict[str, Any]:
    kept = message.kept()
    expires = kept.pop("expiration", None)
    return {**kept, "headers": {**message.headers, **({_EXPIRES: expires} if expires else {})}}


def _given(message: Message) -> dict[str, Any]:
    headers = message.headers
    expires = headers.pop(_EXPIRES, None)
    return {**message.kept(), "headers": headers, **({"expiration": expires} if expires else {})}
