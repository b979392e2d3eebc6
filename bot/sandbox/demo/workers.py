"""What the demo agents do all day. Each worker ignores every stop: refused or thrown out, it comes back at once."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, cast

import asyncpg
from aiohttp import ClientError, ClientSession, ClientTimeout
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PERIOD = 0.04  # seconds between two actions: 25 a second
_KNOCK = 0.05  # seconds before the door is tried again
_LONG = 3600  # seconds that the work in flight would take
_PATIENCE = ClientTimeout(total=2.0)
_ENDLESS = ClientTimeout(total=None)


class Refused(ClientError):
    """The API behind the receiver said no."""


@dataclass(slots=True)
class Tally:
    """The agent's own word: how often it tried, how often it got through, and what it heard last."""

    attempts: int = 0
    done: int = 0
    error: str = ""


class Worker(Protocol):
    """One surface's work."""

    tally: Tally

    async def shift(self) -> None:
        """Works until it is refused, which is raised."""

    async def errand(self) -> None:
        """The long piece of work that is in flight when the stop comes."""


class SqlWorker:
    """Writes rows through a session that it holds open; beside it a transaction with a statement that takes an hour.

    Args:
        url: its own login.
        name: unused; rows carry the login's own name.
    """

    def __init__(self, *, url: str, name: str) -> None:  # noqa: ARG002  # every worker is made alike
        self._url = url
        self.tally = Tally()

    async def shift(self) -> None:
        """One session, a row every 40 ms."""
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
                await session.execute(f"SELECT pg_sleep({_LONG})")
        finally:
            session.terminate()


class QueueWorker:
    """Pushes jobs into a queue, and waits in another for orders to take.

    Args:
        url: its own login.
        name: the prefix of its keys.
    """

    def __init__(self, *, url: str, name: str) -> None:
        self._url, self._name = url, name
        self.tally = Tally()

    async def shift(self) -> None:
        """A job every 40 ms."""
        async with self._client() as session:
            while True:
                self.tally.attempts += 1
                async with session.pipeline(transaction=True) as both:
                    both.rpush(f"{self._name}:jobs", "job")
                    both.incr(f"{self._name}:pushed")
                    await both.execute()
                self.tally.done += 1
                await asyncio.sleep(PERIOD)

    async def errand(self) -> None:
        """Waits inside the server for an order, and takes it."""
        async with self._client() as session:
            while True:
                await cast("Awaitable[object]", session.blpop([f"{self._name}:orders"], timeout=0))
                await session.incr(f"{self._name}:taken")

    def _client(self) -> Redis:
        return Redis.from_url(
            self._url, single_connection_client=True, retry=Retry(NoBackoff(), 0), socket_connect_timeout=2, protocol=2
        )


class ApiWorker:
    """Calls an API that a receiver guards.

    Args:
        url: the API's address; its login is the agent's key.
        name: unused; the address names the agent.
    """

    def __init__(self, *, url: str, name: str) -> None:  # noqa: ARG002  # every worker is made alike
        scheme, _, rest = url.partition("://")
        key, _, place = rest.rpartition("@")
        self._url = f"{scheme}://{place}"
        self._headers = {"Authorization": f"Bearer {key}"}
        self.tally = Tally()

    async def shift(self) -> None:
        """A call every 40 ms."""
        async with ClientSession(timeout=_PATIENCE, headers=self._headers) as session:
            while True:
                self.tally.attempts += 1
                await self._call(session, "effect")
                self.tally.done += 1
                await asyncio.sleep(PERIOD)

    async def errand(self) -> None:
        """A call that has its effect after an hour."""
        async with ClientSession(timeout=_ENDLESS, headers=self._headers) as session:
            await self._call(session, f"slow?seconds={_LONG}")

    async def _call(self, session: ClientSession, path: str) -> None:
        async with session.post(f"{self._url}/{path}") as answer:
            if not answer.ok:
                raise Refused(f"{answer.status} {await answer.text()}")


KINDS: dict[str, type[SqlWorker | QueueWorker | ApiWorker]] = {
    "sql": SqlWorker,
    "queue": QueueWorker,
    "api": ApiWorker,
}
"""By the word that a specification uses."""


async def for_ever(worker: Worker) -> None:
    """Works, and whatever happens comes back: the agent that ignores every stop."""
    await asyncio.gather(_again(worker, errand=False), _again(worker, errand=True))


async def _again(worker: Worker, *, errand: bool) -> None:
    while True:
        try:
            await (worker.errand() if errand else worker.shift())
        except Exception as error:  # noqa: BLE001  # whatever happens, this agent comes back
            worker.tally.attempts += not errand
            worker.tally.error = f"{type(error).__name__}: {error}"[:200]
        await asyncio.sleep(_KNOCK)
