"""Where messages wait for a person, over the bot's own AMQP login: one task at a time, each in one transaction.

A lock (an exclusive queue, which ends with its connection) keeps two tasks from seeing half of what the other has in
hand. Receipts lie in a queue of ours, written by the transaction that they tell of.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from adapters.errors import Unreachable
from adapters.rabbitmq_user.amqp import Channel, Locked, Login, Message, facts

LOCK_SECONDS = 5.0  # that a task waits for another's end
FLUSH_SECONDS = 1.0  # that what was given back may take to be there again
RECEIPT_DAYS = 30  # no decision and no ballot is repeated after that
_TICK = 0.01
QUORUM = {"x-queue-type": "quorum"}
RECEIPTS = {**QUORUM, "x-message-ttl": RECEIPT_DAYS * 86_400_000}


class Desk:
    """One task with the lock: what it takes is its own until it is acknowledged or given back.

    Args:
        channel: open, and its own.
        receipts: the queue that they lie in.
    """

    def __init__(self, channel: Channel, receipts: str) -> None:
        self.channel, self._receipts = channel, receipts
        self._hand: Counter[str] = Counter()  # by queue, how much is taken
        self._begun = False

    async def take(self, queue: str) -> list[Message]:
        """All that there are at this moment.

        They are asked for, whatever the queue's length: a node that has no leader of the queue yet says that it is 0.
        """
        message = await self.channel.get(queue)
        if message is None:
            return []
        found, there = [message], message.behind + 1
        while len(found) < there:
            message = await self.channel.get(queue)
            if message is None:
                break
            found.append(message)
        self._hand[queue] += len(found)
        return found

    def done(self, queue: str, message: Message) -> None:
        """This one is done with, once that is committed."""
        self.channel.ack(message.tag)
        self._hand[queue] -= 1

    async def give_back(self) -> None:
        """Whatever is in hand waits again where it was; returns once the next who looks finds it there."""
        before = {queue: await self.channel.depth(queue) for queue in +self._hand}
        self.channel.give_back()
        if self._begun:
            await self.channel.commit()
        until = time.monotonic() + FLUSH_SECONDS
        for queue, number in before.items():
            await self._fills(queue, number + self._hand[queue], until)
        self._hand.clear()

    async def _fills(self, queue: str, number: int, until: float) -> None:
        for _ in range(int(FLUSH_SECONDS / _TICK)):
            if await self.channel.depth(queue) >= number or time.monotonic() > until:
                return
            await asyncio.sleep(_TICK)

    async def told(self) -> list[dict[str, Any]]:
        """Every receipt, oldest first. Before anything else is in hand."""
        found = [facts(message) for message in await self.take(self._receipts)]
        await self.give_back()
        return found

    async def begin(self) -> None:
        """From here on, what is published and done counts with a commit."""
        if not self._begun:
            await self.channel.begin()
        self._begun = True

    def tell(self, **receipt: Any) -> None:
        """Writes a receipt, in this transaction."""
        said = json.dumps({**receipt, "at": time.time()}).encode()
        self.channel.publish("", self._receipts, said, {"content_type": "application/json"})


@asynccontextmanager
async def desk(login: Login, receipts: str, *, make: bool = False) -> AsyncIterator[Desk]:
    """The only task in hand. What it does not finish is given back.

    Args:
        login: the bot's.
        receipts: the queue of receipts.
        make: whether to make that queue where it is missing.

    Raises:
        AdapterError: another task did not end.
    """
    channel = await _locked(login, receipts)
    try:
        if make:
            await channel.declare(receipts, arguments=RECEIPTS)
        task = Desk(channel, receipts)
        yield task
        await task.give_back()
    except BaseException:
        channel.abort()
        raise
    channel.close()


async def _locked(login: Login, receipts: str) -> Channel:
    until = time.monotonic() + LOCK_SECONDS
    while True:
        channel = await Channel.open(login)
        try:
            await channel.declare(f"{receipts}.lock", exclusive=True)
        except Locked as error:
            channel.close()
            if time.monotonic() > until:
                raise Unreachable(f"another task with {receipts} did not end; the bot tries again") from error
            await asyncio.sleep(_TICK)
        except BaseException:
            channel.abort()
            raise
        else:
            return channel
