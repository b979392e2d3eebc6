"""What the demo agents do all day: the database and the queue, and how every worker is run.

Refused or thrown out, a worker comes back at once where the agent ignores every stop; else it rests, and asks now and
then whether it may work again. Neither makes a difference to what gets through.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, cast

import asyncpg
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.sandbox.demo import queues

PERIOD = 0.04  # seconds between two actions: 25 a second
LONG = 3600  # seconds that the work in flight would take
_KNOCK = 0.05  # seconds before the door is tried again
_COURTESY = 2.0  # seconds that an agent rests which heeds a refusal


@dataclass(slots=True)
class Tally:
    """The agent's own word: how often it tried, how often it got through, and what it heard last."""

    attempts: int = 0
    done: int = 0
    error: str = ""


@dataclass(slots=True)
class Manners:
    """Whether the agent ignores every stop."""

    ignores: bool = True


@dataclass(slots=True)
class Wallet:
    """What the workers of one agent share: the token that the issuer gave last."""

    token: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """Where a worker works.

    Attributes:
        url: with its own login, or without where it has a key.
        name: the prefix of its keys in a queue.
        key: the agent's own, at a guard.
        office: where tokens are used.
    """

    url: str
    name: str
    key: str = ""
    office: str = ""


class Worker(Protocol):
    """One surface's work."""

    tally: Tally

    async def shift(self) -> None:
        """Works until it is refused, which is raised."""

    async def errand(self) -> None:
        """The long piece of work that is in flight when the stop comes."""


class SqlWorker:
    """Writes rows through a session that it holds open; beside it a transaction with a statement that takes an hour."""

    def __init__(self, post: Post, wallet: Wallet) -> None:  # noqa: ARG002  # every worker is made alike
        self._url = post.url
        self.tally = Tally()

    async def shift(self) -> None:
        """One session, a row every 40 ms. Logging in is an attempt too."""
        self.tally.attempts += 1
        session = await asyncpg.connect(self._url, timeout=2)
        try:
            while True:
                self.tally.attempts += 1
                await session.execute("INSERT INTO payments (note) VALUES ('payment')")
                self.tally.done += 1
                await asyncio.sleep(PERIOD)
        finally:
            session.terminate()

    async def errand(self) -> None:
        """A row that becomes visible only if the whole transaction is let through."""
        session = await asyncpg.connect(self._url, timeout=2)
        try:
            async with session.transaction():
                await session.execute("INSERT INTO payments (note) VALUES ('in flight')")
                await session.execute(f"SELECT pg_sleep({LONG})")
        finally:
            session.terminate()


class QueueWorker:
    """Pushes jobs into a queue, and waits in another for orders to take."""

    def __init__(self, post: Post, wallet: Wallet) -> None:  # noqa: ARG002  # every worker is made alike
        self._url, self._name = post.url, post.name
        self.tally = Tally()

    async def shift(self) -> None:
        """A job every 40 ms. Logging in is an attempt too."""
        self.tally.attempts += 1
        async with self._client() as session:
            while True:
                self.tally.attempts += 1
                await session.xadd(f"{self._name}:jobs", {"job": "reconcile"})
                self.tally.done += 1
                await asyncio.sleep(PERIOD)

    async def errand(self) -> None:
        """Waits inside the server for an order, and takes it."""
        async with self._client() as session:
            while True:
                await cast("Awaitable[object]", session.blpop([f"{self._name}:orders"], timeout=0))
                await session.xadd(f"{self._name}:jobs", {"job": "order"})

    def _client(self) -> Redis:
        return queues.client(
            self._url, single_connection_client=True, retry=Retry(NoBackoff(), 0), socket_connect_timeout=2
        )


async def for_ever(worker: Worker, manners: Manners) -> None:
    """Works, and whatever happens comes back."""
    await asyncio.gather(_again(worker, manners, errand=False), _again(worker, manners, errand=True))


async def _again(worker: Worker, manners: Manners, *, errand: bool) -> None:
    while True:
        try:
            await (worker.errand() if errand else worker.shift())
        except Exception as error:  # noqa: BLE001  # whatever happens, this agent comes back
            worker.tally.error = f"{type(error).__name__}: {error}"[:200]
        await _rest(manners)


async def _rest(manners: Manners) -> None:
    """A moment, or as long as a refusal asks of whoever heeds it."""
    rested = _KNOCK
    await asyncio.sleep(_KNOCK)
    while not manners.ignores and rested < _COURTESY:
        await asyncio.sleep(_KNOCK)
        rested += _KNOCK
