"""The witness: counts what the agents really did, with eyes of its own, and knows nothing of the bot."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import asyncpg
from aiohttp import ClientSession
from redis.asyncio import Redis

from bot.sandbox.demo import queues
from bot.sandbox.demo.cast import Agent, Place, agent_of
from bot.sandbox.demo.estate import DATABASE, Estate
from bot.sandbox.demo.guards.office_line import KEY

Counts = dict[str, int]
_ROWS = "SELECT count(*) FROM payments WHERE agent = $1"
_SEEN = "SELECT count(*), count(*) FILTER (WHERE at > to_timestamp($2)) FROM payments WHERE agent = $1"
_HOLDING = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND query LIKE '%pg_sleep%' AND state = 'active'"
_NEVER = 4e9  # Unix seconds
_PATIENCE = 5.0  # seconds for a question to Valkey, which the demo may freeze


@dataclass(frozen=True, slots=True)
class Sight:
    """Effects of one surface: ever, and after a moment; both only ever rise while that moment stays."""

    total: int = 0
    after: int = 0


class Witness:
    """Looks as the servers' own administrators, and into the office's book. Use `open` and `close`.

    Args:
        estate: where to look.
    """

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._sql: asyncpg.Connection | None = None
        self._queue = Redis(protocol=2)  # replaced once the server has its port
        self._web: ClientSession | None = None

    async def open(self) -> None:
        """Connects."""
        self._queue = queues.client(self._estate.valkey.url(), decode_responses=True)
        self._web = ClientSession(headers={KEY: self._estate.witness_key})
        self._sql = await asyncpg.connect(self._estate.postgres.dsn(database=DATABASE))

    async def close(self) -> None:
        """Disconnects. Safe to repeat."""
        if self._sql:
            self._sql.terminate()
        if self._web:
            await self._web.close()
        await self._queue.aclose()

    async def counts(self, places: Iterable[Place]) -> Counts:
        """How many effects each surface has seen, ever."""
        return {name: sight.total for name, sight in (await self.see(places, {})).items()}

    async def count(self, place: Place) -> int:
        """How many effects one surface has seen, ever."""
        return (await self.counts([place]))[place.name]

    async def see(self, places: Iterable[Place], since: Mapping[str, float]) -> dict[str, Sight]:
        """The effects of each surface: rows that are visible, jobs in the stream, what the office has in its book.

        Args:
            places: where to look; one source for all of them that have no guard of their own.
            since: Unix seconds by surface; `after` counts what came later, by the clock of the system that has it.
        """
        book: dict[str, list[int]] = {}
        found: dict[str, Sight] = {}
        for place in places:
            moment = since.get(place.name, _NEVER)
            match place.kind:
                case "sql":
                    found[place.name] = await self._rows(agent_of(place), moment)
                case "queue":
                    found[place.name] = await self._jobs(f"{place.agent}:jobs", moment)
                case _:
                    book = book or await self._book(since)
                    found[place.name] = Sight(*book.get(place.name, (0, 0)))
        return found

    async def _rows(self, agent: Agent, moment: float) -> Sight:
        assert self._sql is not None  # noqa: S101  # opened before the play
        total, after = await self._sql.fetchrow(_SEEN, agent.login, moment)
        return Sight(int(total), int(after))

    async def _jobs(self, stream: str, moment: float) -> Sight:
        """The server itself gives every job the time at which it came, in milliseconds."""
        async with asyncio.timeout(_PATIENCE):
            total = int(await self._queue.xlen(stream))
            later = await self._queue.xrange(stream, min=f"({int(moment * 1000)}-999999", count=10_000)
        return Sight(total, len(later or ()))

    async def _book(self, since: Mapping[str, float]) -> dict[str, list[int]]:
        assert self._web is not None  # noqa: S101  # opened before the play
        async with self._web.get(f"{self._estate.office_url}/book", params={"since": json.dumps(since)}) as answer:
            answer.raise_for_status()
            found: dict[str, list[int]] = await answer.json()
            return found

    # What was in flight ----------------------------------------------------------------------------------------------
    async def long_statements(self, agent: Agent) -> int:
        """Statements of an hour that run now."""
        return await self._number(_HOLDING, agent.login)

    async def committed_in_flight(self, agent: Agent) -> int:
        """Rows of the long transaction that became visible; 0 where it was rolled back."""
        return await self._number(_ROWS + " AND note = 'in flight'", agent.login)

    async def sessions(self, agent: Agent) -> int:
        """Sessions of the agent in the database."""
        return await self._number("SELECT count(*) FROM pg_stat_activity WHERE usename = $1", agent.login)

    async def may_log_in(self, agent: Agent) -> bool:
        """Whether the database lets the agent in."""
        return bool(await self._number("SELECT rolcanlogin::int FROM pg_roles WHERE rolname = $1", agent.login))

    async def order(self, agent: Agent) -> None:
        """Puts an order where the agent waits for one."""
        async with asyncio.timeout(_PATIENCE):
            await self._queue.rpush(f"{agent.id}:orders", "order")

    async def untaken(self, agent: Agent) -> int:
        """Orders that nobody took."""
        async with asyncio.timeout(_PATIENCE):
            return int(await self._queue.llen(f"{agent.id}:orders"))

    # By hand ---------------------------------------------------------------------------------------------------------
    async def reenable(self, agent: Agent) -> None:
        """Somebody with the best intentions brings a role back."""
        assert self._sql is not None  # noqa: S101  # opened before the play
        await self._sql.execute(f"ALTER ROLE {agent.login} LOGIN")

    async def _number(self, query: str, *values: object) -> int:
        assert self._sql is not None  # noqa: S101  # opened before the play
        return int(await self._sql.fetchval(query, *values))
