"""The witness: counts what the agents really did, with eyes of its own, and knows nothing of the bot."""

from collections.abc import Iterable

import asyncpg
from redis.asyncio import Redis

from bot.sandbox.demo.cast import ALL, Agent, Place
from bot.sandbox.demo.estate import DATABASE, Estate

Counts = dict[str, int]
_ROWS = "SELECT count(*) FROM payments WHERE agent = $1"
_HOLDING = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND query LIKE '%pg_sleep%' AND state = 'active'"


class Witness:
    """Looks as the servers' own administrators, and into the receivers' logs. Use `open` and `close`.

    Args:
        estate: where to look.
    """

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._sql: asyncpg.Connection | None = None
        self._queue = Redis(protocol=2)  # replaced once the server has its port

    async def open(self) -> None:
        """Connects."""
        self._queue = Redis.from_url(self._estate.valkey.url(), protocol=2, decode_responses=True)
        self._sql = await asyncpg.connect(self._estate.postgres.dsn(database=DATABASE))

    async def close(self) -> None:
        """Disconnects. Safe to repeat."""
        if self._sql:
            await self._sql.close()
        await self._queue.aclose()

    async def counts(self, places: Iterable[Place]) -> Counts:
        """How many effects each surface has seen, ever."""
        return {place.name: await self.count(place) for place in places}

    async def count(self, place: Place) -> int:
        """Rows that are visible, jobs that were pushed, calls that were let through."""
        agent = next(agent for agent in ALL if agent.id == place.agent)
        match place.kind:
            case "sql":
                return await self._number(_ROWS, agent.login)
            case "queue":
                pushed, taken = await self._queue.mget(f"{agent.id}:pushed", f"{agent.id}:taken")
                return int(pushed or 0) + int(taken or 0)
            case "api":
                lines = self._estate.effects(agent.receiver).read_text(encoding="utf-8").splitlines()
                return sum(line.endswith(f" {agent.id}") for line in lines)

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
        await self._queue.rpush(f"{agent.id}:orders", "order")

    async def untaken(self, agent: Agent) -> int:
        """Orders that nobody took."""
        return int(await self._queue.llen(f"{agent.id}:orders"))

    # By hand ---------------------------------------------------------------------------------------------------------
    async def reenable(self, agent: Agent) -> None:
        """Somebody with the best intentions brings a role back."""
        assert self._sql is not None  # noqa: S101  # opened before the play
        await self._sql.execute(f"ALTER ROLE {agent.login} LOGIN")

    async def _number(self, query: str, *values: object) -> int:
        assert self._sql is not None  # noqa: S101  # opened before the play
        return int(await self._sql.fetchval(query, *values))
