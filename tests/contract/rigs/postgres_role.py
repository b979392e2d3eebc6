"""An agent's login role on a private PostgreSQL, for the suite."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar

import asyncpg
import pytest

from adapters.base import Change, Mode, Shared
from adapters.conformance import Stopped, ticks
from adapters.postgres_role import Canary, PostgresRole, Settings, facade
from bot.sandbox.servers import free_port
from tests.contract.rigs.running import Running
from tests.contract.servers import PASSWORD, Database, database

WRITE, WAITS, AT_ONCE, FIRST = 1, 4, 5, 1000  # what the rows say: which action they are, or which proposal
ROWS = {Mode.READ_ONLY: WRITE, Mode.DRAFT_ONLY: WAITS, Mode.APPROVAL_GATED: AT_ONCE}
INSERT = "INSERT INTO effects VALUES ({})"
SAYS = "ALTER TABLE effects ADD COLUMN says text"  # what a proposal is, in words
STEALS = (
    "SELECT agent_kill.release({draft}, '{agent}', 'me')",
    "SELECT agent_kill.discard({draft}, '{agent}')",
    "SELECT agent_kill.hold('{agent}', 'normal')",
    "UPDATE agent_kill.roles SET mode = 'normal'",
    "UPDATE agent_kill.drafts SET new_row = '{{}}'",
    "DELETE FROM agent_kill.drafts",
    "INSERT INTO agent_kill.drafts (role, waits, relation, op) VALUES (1, true, 1, 'INSERT')",
    "SET ROLE agent_kill_owner",
    "SET session_replication_role = replica",
    "ALTER TABLE effects DISABLE TRIGGER ALL",
    "DROP FUNCTION agent_kill.guard CASCADE",
)
NO_TEXT = (asyncpg.DataError, asyncpg.ProtocolViolationError, ValueError)  # NUL, or no UTF-8
GONE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class AgentSession:
    """The agent's own connection."""

    def __init__(self, connection: Any, database: Database, decides: Callable[[], PostgresRole] | None = None) -> None:
        self._connection = connection
        self._database = database
        self._decides = decides
        self._work: asyncio.Task[Any] | None = None

    async def act(self, mode: Mode) -> None:
        """A read, or a row that says which action it is; a parked row is an effect of `READ_ONLY` alone."""
        try:
            sql = INSERT.format(ROWS[mode]) if mode in ROWS else "SELECT count(*) FROM notes"
            tag = await self._connection.execute(sql)
        except GONE as error:
            raise Stopped(str(error)) from error
        if tag.endswith(" 0") and mode < Mode.READ_ONLY:
            await self._approved(mode)

    async def _approved(self, mode: Mode) -> None:
        """The row that was parked last is released, where it waits and the action may wait."""
        number = await self._database.value(
            "SELECT max(id) FROM agent_kill.drafts WHERE waits AND released_by IS NULL AND new_row ->> 'n' = $1",
            str(WAITS),
        )
        if self._decides is None or mode is not Mode.DRAFT_ONLY or number is None:
            raise Stopped("the row is parked")
        adapter = self._decides()
        try:
            await adapter.release(draft=str(number), by="U0APPROVER", gate=_yes)
        finally:
            await adapter.aclose()

    async def begin(self) -> None:
        """A transaction with a row written and a long statement running."""
        slow = "BEGIN; INSERT INTO effects VALUES (2); SELECT pg_sleep(60); COMMIT"
        self._work = asyncio.create_task(self._connection.execute(slow))
        sleeping = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"
        pid = self._connection.get_server_pid()
        for _ in ticks():
            if await self._database.value(sleeping, pid):
                break

    async def finish(self) -> None:
        """The statement's end."""
        assert self._work is not None
        try:
            await self._work
        except GONE as error:
            raise Stopped(str(error)) from error

    async def close(self) -> None:
        """Drops the connection."""
        self._connection.terminate()
        if self._work is not None:
            with suppress(*GONE):
                await self._work


async def _yes(_changes: tuple[Change, ...]) -> bool:
    return True


async def set_up(there: Database) -> None:
    """What `agent-kill adapters show postgres_role --setup` prints for parking, with the names put in."""
    await there.run(facade.SETUP.replace("<agent>", there.agent).replace("kill_bot", there.bot))


class PostgresRig:
    """One agent's role on a private server; `parks` where the set-up was run."""

    lacks: ClassVar[Mapping[str, str]] = {
        "redeliver": "a database hands out no work",
        "queue": "no work piles up in a database",
        "stubborn": "the surface is the role's sessions, whatever process holds them",
    }

    def __init__(self, database: Database, *, parks: bool = False) -> None:
        self.database = database
        self.parks = parks

    def adapter(
        self, *, shared: Shared | None = None, role: str | None = None, dsn: str = "", password: str = PASSWORD
    ) -> PostgresRole:
        """An adapter with a canary."""
        database = self.database
        config = {
            "dsn": dsn or database.dsn(database.bot, password=password),
            "role": database.agent if role is None else role,
        }
        config |= {"parking": "true"} if self.parks else {}
        return PostgresRole(
            config=Settings.model_validate(config),
            canary=Canary.model_validate({"dsn": database.dsn(database.agent)}),
            shared=shared or Shared(),
        )

    def mistyped(self, name: str = "agent_typo") -> PostgresRole:
        """A role that is not there."""
        return self.adapter(role=name)

    def intruder(self) -> PostgresRole:
        """A wrong password of the bot."""
        return self.adapter(password="wrong")

    def unreachable(self) -> PostgresRole:
        """A port that nobody listens on."""
        return self.elsewhere(free_port())

    def elsewhere(self, port: int) -> PostgresRole:
        """Another port."""
        return self.adapter(dsn=f"postgresql://bot:x@127.0.0.1:{port}/postgres")

    async def unarmed(self) -> tuple[PostgresRole, str]:
        """A bot that may not alter roles."""
        await self.database.run(f"ALTER ROLE {self.database.bot} NOCREATEROLE")
        return self.adapter(), "CREATEROLE"

    async def session(self) -> AgentSession:
        """The agent logs in."""
        try:
            line = await asyncpg.connect(self.database.dsn(self.database.agent))
            return AgentSession(line, self.database, self.adapter)
        except GONE as error:
            raise Stopped(str(error)) from error

    async def effects(self) -> int:
        """Rows, and parked ones that are an effect, counted by the superuser."""
        done = int(str(await self.database.value("SELECT count(*) FROM effects")))
        parked = "SELECT count(*) FROM agent_kill.drafts WHERE new_row ->> 'n' = $1"
        return done + (int(str(await self.database.value(parked, str(WRITE)))) if self.parks else 0)

    async def authority(self) -> object:
        """Login, comment and every grant of the role in this database."""
        held = (
            await self.database.value("SELECT jsonb_object_agg(role, mode)::text FROM agent_kill.roles")
            if self.parks
            else None
        )
        return held, await self.database.value(
            "SELECT jsonb_build_object('login', rolcanlogin, 'comment', shobj_description(oid, 'pg_authid'), 'acl',"
            " (SELECT jsonb_agg(relname || x::text ORDER BY relname || x::text) FROM pg_class, aclexplode(relacl) x"
            " WHERE x.grantee = r.oid)) FROM pg_roles r WHERE rolname = $1",
            self.database.agent,
        )

    async def loosen(self) -> None:
        """The owner grants, an administrator lets the role log in and takes it off the guards."""
        if self.parks:
            await self.database.run("UPDATE agent_kill.roles SET mode = 'normal'")
        await self.database.run(f"ALTER ROLE {self.database.agent} LOGIN")
        await self.database.run(
            f"GRANT INSERT, UPDATE, DELETE ON effects, notes TO {self.database.agent}", user=self.database.owner
        )

    async def narrow(self) -> None:
        """The owner takes two write privileges."""
        await self.database.run(
            f"REVOKE UPDATE, DELETE ON effects FROM {self.database.agent}", user=self.database.owner
        )

    async def meddle(self) -> None:
        """An administrator takes a privilege that is not a write, and limits connections."""
        await self.database.run(
            f"ALTER ROLE {self.database.agent} CONNECTION LIMIT 7; GRANT SELECT ON pg_stats TO {self.database.agent}"
        )

    async def meddled(self) -> bool:
        """The limit stands."""
        limit = await self.database.value("SELECT rolconnlimit FROM pg_roles WHERE rolname=$1", self.database.agent)
        return limit == 7

    async def rotate(self) -> None:
        """A new password."""
        await self.database.run(f"ALTER ROLE {self.database.agent} PASSWORD 'rotated'")

    async def rotated(self) -> bool:
        """Only the new one works."""
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(self.database.dsn(self.database.agent))
        line = await asyncpg.connect(self.database.dsn(self.database.agent, password="rotated"))
        await line.close()
        return True

    async def freeze(self) -> None:
        """Every process of the server."""
        self.database.server.freeze()

    async def thaw(self) -> None:
        """Every process of the server."""
        self.database.server.thaw()

    async def restart(self) -> None:
        """In good order, on the same port."""
        await asyncio.to_thread(self.database.server.restart)

    async def reload(self) -> None:
        """Its configuration, by the superuser."""
        await self.database.value("SELECT pg_reload_conf()")

    @asynccontextmanager
    async def exhaust(self) -> AsyncIterator[None]:
        """The agent takes every connection that the server has for others than superusers."""
        crowd: list[Any] = []
        with suppress(asyncpg.TooManyConnectionsError):
            while True:
                crowd.append(await asyncpg.connect(self.database.dsn(self.database.agent)))
        try:
            yield
        finally:
            for connection in crowd:
                connection.terminate()

    async def prepare(self) -> Callable[[], Awaitable[None]]:
        """A transaction that its session prepared and left; anybody with the right may commit it."""
        name = f"left by {self.database.agent}"
        await self.database.run(
            f"BEGIN; INSERT INTO effects VALUES (3); PREPARE TRANSACTION '{name}'",  # noqa: S608  # a name of our own
            user=self.database.agent,
        )

        async def complete() -> None:
            try:
                await self.database.run(f"COMMIT PREPARED '{name}'")
            except asyncpg.UndefinedObjectError as error:
                raise Stopped(str(error)) from error

        return complete

    def parking(self) -> PostgresRole:
        """As ever."""
        return self.adapter()

    async def propose(self, what: str) -> None:
        """A row of its own."""
        text = what.replace("'", "''")
        sql = f"INSERT INTO effects VALUES ({FIRST}, '{text}')"  # noqa: S608  # quoted
        try:
            await self.database.run(sql, user=self.database.agent)
        except NO_TEXT as error:
            raise Stopped(str(error)) from error

    def shown(self, what: str) -> tuple[str, ...]:
        """What is done to which table, and the row."""
        return "INSERT", "effects", f'"says": "{what}"'

    async def done(self) -> Mapping[str, int]:
        """Rows by what they say, and those of the other table."""
        rows = (
            "SELECT coalesce(says, 'row ' || n) AS what, count(*) AS times FROM effects GROUP BY 1"
            " UNION ALL SELECT 'notes', count(*) FROM notes"
        )
        told = await self.database.value(f"SELECT jsonb_object_agg(what, times)::text FROM ({rows}) AS rows")  # noqa: S608  # our own words
        return dict(json.loads(str(told)))

    async def steal(self, draft: str) -> None:
        """By the functions, by the tables, past the guard."""
        for way in STEALS:
            with suppress(asyncpg.PostgresError):
                await self.database.run(way.format(draft=draft, agent=self.database.agent), user=self.database.agent)
                return
        raise Stopped("every way was refused")

    async def floor(self) -> None:
        """No login, and every session ended, as the superuser."""
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{0}'"
        await self.database.run(f"ALTER ROLE {{0}} NOLOGIN; {end}".format(self.database.agent))


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[PostgresRig]:
    """An agent's role with a database of its own."""
    made = await database(servers.postgres)
    try:
        await made.run(SAYS, user=made.owner)
        await set_up(made)
        yield PostgresRig(made, parks=True)
    finally:
        await made.drop()
