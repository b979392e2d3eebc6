"""The company's own systems: a real PostgreSQL, a real Valkey, the receivers, and the agents that work on them."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
from redis.asyncio import Redis

from bot.sandbox.demo.cast import ALL, Agent, Place
from bot.sandbox.demo.child import Child, python
from bot.sandbox.demo.workers import Tally
from bot.sandbox.servers import PostgresServer, Server, ValkeyServer

OWNER = "company_owner"
BOT = "agent_kill"
DATABASE = "company"
# What docs/adapters/redis_acl.md asks for, and no more.
_ACL = (
    "+acl|getuser +acl|setuser +acl|cat +acl|dryrun +acl|save +client|kill +client|list +client|id "
    "+script|kill +function|kill +multi +exec"
)
_TABLE = """
CREATE TABLE payments (
  id bigint GENERATED ALWAYS AS IDENTITY,
  agent name NOT NULL DEFAULT session_user,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  note text NOT NULL
)
"""


class Estate:
    """Everything that the agents have authority over, with one password for each login.

    Args:
        folder: where files and logs go.

    Attributes:
        receivers: the guarding processes by name.
        agents: the processes of the agents that were set to work, by agent or surface.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = PostgresServer(
            folder=folder / "postgres", durable=False, settings={"shared_buffers": "16MB", "max_connections": "60"}
        )
        self.valkey = ValkeyServer(folder=folder / "valkey")
        self.receivers: dict[str, Child] = {}
        self.agents: dict[str, Child] = {}
        self._passwords: dict[str, str] = {}
        self._stack = AsyncExitStack()

    # Logins ----------------------------------------------------------------------------------------------------------
    def password(self, login: str) -> str:
        """The password of a login; made at the first question."""
        return self._passwords.setdefault(login, secrets.token_urlsafe(18))

    def sql(self, login: str) -> str:
        """Where a login finds the database."""
        return self.postgres.dsn(database=DATABASE, user=login, password=self.password(login))

    def queue(self, login: str) -> str:
        """Where a login finds the queues."""
        return self.valkey.url(user=login, password=self.password(login))

    def api(self, agent: Agent) -> str:
        """The base of an agent's paths at its receiver."""
        return f"http://127.0.0.1:{self.receivers[agent.receiver].heard['port']}/{agent.id}"

    def control_secret(self, agent: Agent) -> str:
        """What the bot and the receiver share."""
        return self.password(f"{agent.id} control")

    # Up and down -----------------------------------------------------------------------------------------------------
    async def start_servers(self) -> None:
        """Starts PostgreSQL and Valkey from their wheels, and gives everybody a login. Raises `ServerError`."""
        await asyncio.gather(self._serve(self.postgres), self._serve(self.valkey))
        await asyncio.gather(self._sql_logins(), self._queue_logins())

    async def start_receivers(self) -> None:
        """Starts the processes that guard the agents' APIs. Raises `Ended`."""
        await asyncio.gather(*(self._receive(name) for name in dict.fromkeys(agent.receiver for agent in ALL)))

    async def employ(self, agents: Iterable[Agent], *, apart: bool = False) -> None:
        """Sets agents to work, each in a process of its own; `apart`: one for each surface. Raises `Ended`."""
        groups = {
            **{place.name: (place,) for agent in agents for place in agent.places if apart},
            **{agent.id: agent.places for agent in agents if not apart},
        }
        await asyncio.gather(*(self._work(name, places) for name, places in groups.items()))

    async def stop(self) -> None:
        """Stops every process, by its id. Safe to repeat."""
        await self._stack.aclose()

    def tally(self, place: Place) -> Tally:
        """What the agent itself says that it tried and did."""
        child = self.agents.get(place.name) or self.agents.get(place.agent)
        return Tally(**child.heard[place.name]) if child and child.heard else Tally()

    async def _serve(self, server: Server) -> None:
        """Starts a server in a thread; a Ctrl-C waits for the end of the start, so that nothing escapes the stop."""
        self._stack.push_async_callback(asyncio.to_thread, server.stop)
        await finish(server.start)

    async def _receive(self, name: str) -> None:
        child = self.receivers[name] = Child(python("bot.sandbox.demo.receiver"), log=self.folder / f"{name}.log")
        self._stack.push_async_callback(child.stop)
        mine = [agent for agent in ALL if agent.receiver == name]
        targets = {a.id: {"secret": self.control_secret(a), "key": self.password(f"{a.id} key")} for a in mine}
        await child.start({"log": str(self.effects(name)), "targets": targets})
        await child.first()

    def effects(self, receiver: str) -> Path:
        """The receiver's own log of what it let through."""
        return self.folder / f"{receiver}.effects"

    async def _work(self, name: str, places: Iterable[Place]) -> None:
        log = self.folder / f"agent-{name.replace('/', '-')}.log"
        child = self.agents[name] = Child(python("bot.sandbox.demo.agent"), log=log)
        self._stack.push_async_callback(child.stop)
        await child.start({place.name: self._specification(place) for place in places})
        await child.first()

    def _specification(self, place: Place) -> dict[str, str]:
        return {"kind": place.kind, "url": self.own_url(place), "name": place.agent}

    def own_url(self, place: Place) -> str:
        """The address that the agent itself uses, with its own credential."""
        agent = next(agent for agent in ALL if agent.id == place.agent)
        if place.kind == "api":
            return self.api(agent).replace("://", f"://{self.password(f'{agent.id} key')}@", 1)
        return self.sql(agent.login) if place.kind == "sql" else self.queue(agent.login)

    # Logins at the servers, with the least rights --------------------------------------------------------------------
    async def _sql_logins(self) -> None:
        server = await asyncpg.connect(self.postgres.dsn())
        try:
            await server.execute(f"CREATE ROLE {OWNER}")  # nobody logs in as the owner of the tables
            await server.execute(f"CREATE ROLE {BOT} LOGIN CREATEROLE PASSWORD '{self.password(BOT)}'")
            await server.execute(f"GRANT {OWNER}, pg_signal_backend TO {BOT}")
            await server.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
            for agent in _with("sql"):
                await server.execute(f"CREATE ROLE {agent.login} LOGIN PASSWORD '{self.password(agent.login)}'")
                await server.execute(f"GRANT {agent.login} TO {BOT} WITH ADMIN OPTION")
        finally:
            await server.close()
        owner = await asyncpg.connect(self.postgres.dsn(database=DATABASE))
        try:
            await owner.execute(f"SET ROLE {OWNER}")
            await owner.execute(_TABLE)
            for agent in _with("sql"):
                await owner.execute(f"GRANT SELECT, INSERT ON payments TO {agent.login}")
        finally:
            await owner.close()

    async def _queue_logins(self) -> None:
        async with Redis.from_url(self.valkey.url(), protocol=2) as server:
            await _acl(server, BOT, f">{self.password(BOT)}", "-@all", *_ACL.split())
            for agent in _with("queue"):
                rights = (f"~{agent.id}:*", "+@all", "-@dangerous", "-@admin")
                await _acl(server, agent.login, f">{self.password(agent.login)}", *rights)


def _with(kind: str) -> list[Agent]:
    return [agent for agent in ALL if any(place.kind == kind for place in agent.places)]


async def _acl(server: Redis, user: str, *rules: str) -> None:
    await server.execute_command("ACL", "SETUSER", user, "on", *rules)  # type: ignore[no-untyped-call]  # the library's


async def finish(work: Callable[[], object]) -> None:
    """Runs blocking work in a thread, to its end even when cancelled meanwhile."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            await running
        raise
