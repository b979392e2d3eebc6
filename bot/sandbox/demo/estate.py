"""The company's own systems: a real PostgreSQL, a real Valkey, the guards, and the agents that work behind them."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
from redis.asyncio import Redis

from bot.sandbox.demo import queues
from bot.sandbox.demo.cast import ALL, PLACES, Agent, Place, agent_of
from bot.sandbox.demo.child import Child, python
from bot.sandbox.demo.workers import Tally
from bot.sandbox.servers import PostgresServer, Server, ValkeyServer

OWNER = "company_owner"
BOT = "agent_kill"
DATABASE = "company"
LEDGER = "agent_kill"
_ISSUER = "issuer"
_CHECKED = ("api", "tool")  # kinds whose calls need a token, of an agent that has them
# What docs/adapters/redis_acl.md asks for, and no more.
_ACL = (
    "+acl|getuser +acl|setuser +acl|cat +acl|dryrun +acl|list +acl|save +client|kill +client|list +client|id "
    "+cluster|nodes +config|get +info +script|kill +function|kill +multi +exec"
)
_TABLE = """
CREATE TABLE payments (
  id bigint GENERATED ALWAYS AS IDENTITY,
  agent name NOT NULL DEFAULT session_user,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  note text NOT NULL
);
CREATE INDEX ON payments (agent, at)
"""


class Estate:
    """Everything that the agents have authority over, with one password for each login.

    Args:
        folder: where files and logs go.

    Attributes:
        guards: the guarding processes by name.
        agents: the processes of the agents that were set to work, by agent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = PostgresServer(
            folder=folder / "postgres", durable=False, settings={"shared_buffers": "16MB", "max_connections": "60"}
        )
        self.valkey = ValkeyServer(folder=folder / "valkey")
        self.guards: dict[str, Child] = {}
        self.agents: dict[str, Child] = {}
        self._office: Child | None = None
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

    @property
    def ledger(self) -> str:
        """Where the bot keeps its own ledger: another database of the same server, under a login of its own."""
        return self.postgres.dsn(database=LEDGER, user=f"{LEDGER}_ledger", password=self.password(LEDGER))

    def url(self, place: Place) -> str:
        """The base of an agent's paths at the guard of this place."""
        return f"http://127.0.0.1:{self.guards[place.guard].heard['port']}/{place.agent}"

    def control_secret(self, place: Place) -> str:
        """What the bot and the guard share."""
        return self.password(f"{place.name} control")

    def key(self, place: Place) -> str:
        """The agent's own key at the guard."""
        return self.password(f"{place.name} key")

    @property
    def office_url(self) -> str:
        """Where effects happen; empty before it is there."""
        return f"http://127.0.0.1:{self._office.heard['port']}" if self._office else ""

    @property
    def witness_key(self) -> str:
        """With which the witness reads the office's book."""
        return self.password("witness")

    # Up and down -----------------------------------------------------------------------------------------------------
    async def start_servers(self) -> None:
        """Starts PostgreSQL and Valkey from their wheels, and gives everybody a login. Raises `ServerError`."""
        await asyncio.gather(self._serve(self.postgres), self._serve(self.valkey))
        await asyncio.gather(self._sql_logins(), self._queue_logins())

    async def start_guards(self) -> None:
        """Starts the processes that guard the agents' other systems, and those systems. Raises `Ended`."""
        names = dict.fromkeys(place.guard for place in PLACES if place.guard)
        await self._guard(_ISSUER)
        await self._start_office()
        await asyncio.gather(*(self._guard(name) for name in names if name != _ISSUER))

    async def employ(self, agents: Iterable[Agent]) -> None:
        """Sets agents to work, each in a process of its own. Raises `Ended`."""
        await asyncio.gather(*(self._work(agent) for agent in agents))

    async def stop(self) -> None:
        """Stops every process, by its id. Safe to repeat."""
        await self._stack.aclose()

    def pids(self) -> list[int]:
        """The processes that run now: servers, systems, guards, agents."""
        children = [self._office, *self.guards.values(), *self.agents.values()]
        running = [child.pid for child in children if child and child.running]
        return [pid for pid in (self.postgres.pid, self.valkey.pid) if pid] + running

    def tally(self, place: Place) -> Tally:
        """What the agent itself says that it tried and did."""
        child = self.agents.get(place.agent)
        return Tally(**child.heard[place.name]) if child and child.heard else Tally()

    async def _serve(self, server: Server) -> None:
        """Starts a server in a thread; a Ctrl-C waits for the end of the start, so that nothing escapes the stop."""
        self._stack.push_async_callback(asyncio.to_thread, server.stop)
        await finish(server.start)

    async def _guard(self, name: str) -> None:
        mine = [place for place in PLACES if place.guard == name]
        targets = {
            one.agent: {"surface": one.name, "secret": self.control_secret(one), "key": self.key(one)} for one in mine
        }
        told = {"office": self.office_url, "inner": self.password("inner"), "targets": targets}
        self.guards[name] = await self._start(name, (*python("bot.sandbox.demo.guards.process"), mine[0].kind), told)

    async def _start_office(self) -> None:
        tokens = [place for place in PLACES if place.kind == "identity"]
        holders = {place.agent for place in tokens}
        told = {
            "key": self.password("inner"),
            "witness": self.witness_key,
            "introspect": {place.agent: f"{self.url(place)}/introspect" for place in tokens},
            "checked": [one.name for one in PLACES if one.agent in holders and one.kind in _CHECKED],
        }
        self._office = await self._start("office", python("bot.sandbox.demo.office"), told)

    async def _work(self, agent: Agent) -> None:
        told = {place.name: self._specification(place) for place in agent.places}
        self.agents[agent.id] = await self._start(f"agent-{agent.id}", python("bot.sandbox.demo.agent"), told)

    async def _start(self, name: str, command: tuple[str, ...], told: object) -> Child:
        """Starts a process; it is stopped with the estate, also where it never says a word. Raises `Ended`."""
        child = Child(command, log=self.folder / f"{name}.log")
        self._stack.push_async_callback(child.stop)
        await child.start(told)
        await child.first()
        return child

    def _specification(self, place: Place) -> dict[str, str]:
        own = {"kind": place.kind, "url": self.own_url(place), "name": place.agent}
        if not place.guard:
            return own
        return own | {"key": self.key(place), "office": f"{self.office_url}/session/{place.name}"}

    def own_url(self, place: Place) -> str:
        """The address that the agent itself uses; in it its own credential for a database or a queue."""
        login = agent_of(place).login
        match place.kind:
            case "sql":
                return self.sql(login)
            case "queue":
                return self.queue(login)
            case _:
                return self.url(place)

    # Logins at the servers, with the least rights --------------------------------------------------------------------
    async def _sql_logins(self) -> None:
        server = await asyncpg.connect(self.postgres.dsn())
        try:
            await server.execute(f"CREATE ROLE {OWNER}")  # nobody logs in as the owner of the tables
            await server.execute(f"CREATE ROLE {BOT} LOGIN CREATEROLE PASSWORD '{self.password(BOT)}'")
            await server.execute(f"GRANT {OWNER}, pg_signal_backend TO {BOT}")
            await server.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
            await server.execute(f"CREATE ROLE {LEDGER}_ledger LOGIN PASSWORD '{self.password(LEDGER)}'")
            await server.execute(f"CREATE DATABASE {LEDGER} OWNER {LEDGER}_ledger")
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
        async with queues.client(self.valkey.url()) as server:
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
