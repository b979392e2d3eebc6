"""Fence, then cut, then count: no new login, no session, no prepared transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from adapters.errors import AdapterError
from adapters.postgres_role.line import Connection, Line
from adapters.postgres_role.role import NOLOGIN, PREPARED, Mark, Role, altering, ident, literal, marked

FENCE_TRIES = 20
END_SECONDS = 2.0  # after which a session that ignores its end is counted as left
_TICK, _SLOW_TICK = 0.002, 0.02
_SESSIONS = """
WITH theirs AS MATERIALIZED (
    SELECT pid, state FROM pg_stat_activity WHERE usesysid = $1::oid AND pid <> pg_backend_pid()
)
SELECT pid, CASE WHEN $2 OR state = 'idle' THEN pg_terminate_backend(pid) END FROM theirs
"""
_BY_FACADE = "SELECT pid FROM agent_kill.end_sessions($1, $2) pid"
_ALIVE = "SELECT pid FROM pg_stat_activity WHERE usesysid = $1::oid AND pid <> pg_backend_pid()"
# Whoever changed a role in an open transaction holds this lock until its end: the agent itself, or an abandoned
# loosening of ours. A lock timeout has ended our own wait by now, so pg_blocking_pids could not say it.
_LOCKERS = """
WITH lockers AS MATERIALIZED (
    SELECT DISTINCT a.pid, a.usename, a.usename = session_user AND a.application_name = $1 AS ours
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()
      AND l.relation IN ('pg_authid'::regclass, 'pg_shdescription'::regclass)
)
SELECT pid, usename, CASE WHEN ours THEN pg_terminate_backend(pid) END AS ended FROM lockers
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How much was ended, and what is still alive: process ids of sessions, names of prepared transactions."""

    ended: int
    sessions: tuple[int, ...] = ()
    prepared: tuple[str, ...] = ()

    @property
    def left(self) -> int:
        """How much is still alive."""
        return len(self.sessions) + len(self.prepared)

    def __add__(self, other: "Ended") -> "Ended":
        return Ended(self.ended + other.ended, self.sessions + other.sessions, self.prepared + other.prepared)


def loosening(oid: int) -> str:
    """The application name under which a loosening runs, so that a cut can tell it and end it."""
    return f"agent-kill loosens {oid}"


async def fence(connection: Connection, role: Role, mark: Mark) -> None:
    """Takes the login away and sets the mark, in one transaction.

    Raises:
        AdapterError: somebody whom the bot may not end keeps the role locked.
        asyncpg.InsufficientPrivilegeError: the bot may not alter the role, or not end an agent that locks it.
    """
    cut = f"BEGIN; {altering(role, NOLOGIN, marked(role.comment, mark))} COMMIT"
    others = ""
    for _ in range(FENCE_TRIES):
        try:
            await connection.execute(cut)
        except (asyncpg.LockNotAvailableError, asyncpg.InternalServerError):  # the latter: "concurrently updated"
            await connection.execute("ROLLBACK")
            await _signalled(connection, role, cutting=True)
            rows = await connection.fetch(_LOCKERS, loosening(role.oid))
            others = ", ".join(f"{row['usename']} (pid {row['pid']})" for row in rows if row["ended"] is None)
        except BaseException:
            await _undone(connection)
            raise
        else:
            return
    raise AdapterError(
        f"end the transaction that changes the role {role.name}: it is locked by {others or 'another session'}"
    )


async def _undone(connection: Connection) -> None:
    """Leaves the failed transaction, unless the connection is gone or busy."""
    if not connection.is_closed() and connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def end_sessions(connection: Connection, role: Role, drain: float) -> Ended:
    """Ends idle sessions at once, busy ones after `drain` seconds, and looks until none is left or 2 s passed.

    A "true" of pg_terminate_backend only says that a signal was sent; no row left is the proof.
    """
    loop = asyncio.get_running_loop()
    cut_at = loop.time() + drain
    seen: set[int] = set()
    while True:
        cutting = loop.time() >= cut_at
        try:
            alive, last = await _signalled(connection, role, cutting=cutting), cut_at + END_SECONDS
        except asyncpg.InsufficientPrivilegeError:  # they may still leave by themselves during the drain
            alive, last = {row["pid"] for row in await connection.fetch(_ALIVE, role.oid)}, cut_at
        seen |= alive
        if not alive or loop.time() > last:
            return Ended(len(seen - alive), sessions=tuple(sorted(alive)))
        await asyncio.sleep(_TICK if cutting else _SLOW_TICK)


async def _signalled(connection: Connection, role: Role, *, cutting: bool) -> set[int]:
    """Ends the role's sessions (only idle ones unless `cutting`) and returns which there were.

    Raises:
        asyncpg.InsufficientPrivilegeError: the bot may end them neither itself nor as the role, which may end its own.
    """
    if role.by_facade:
        return {row["pid"] for row in await connection.fetch(_BY_FACADE, role.name, cutting)}
    try:
        rows = await connection.fetch(_SESSIONS, role.oid, cutting)
    except asyncpg.InsufficientPrivilegeError:
        async with _acting_as(connection, role.name):
            rows = await connection.fetch(_SESSIONS, role.oid, cutting)
    return {row["pid"] for row in rows}


async def end_prepared(line: Line, connection: Connection, role: Role) -> Ended:
    """Rolls prepared transactions back: they survive their session, and a restart, and can be committed later."""
    ended, left = 0, []
    for gid, database, owner in await connection.fetch(PREPARED, role.name):
        try:
            if database == role.database:
                await _roll_back(connection, owner, gid)
            else:
                async with line.visit(database, writes=True) as there:
                    await _roll_back(there, owner, gid)
            ended += 1
        except (AdapterError, asyncpg.PostgresError):
            left.append(gid)
    return Ended(ended, prepared=tuple(left))


async def _roll_back(connection: Connection, owner: str, gid: str) -> None:
    """As the owner, because only the owner or a superuser may."""
    async with _acting_as(connection, owner):
        await connection.execute(f"ROLLBACK PREPARED {literal(gid)}")


@asynccontextmanager
async def _acting_as(connection: Connection, name: str) -> AsyncIterator[None]:
    await connection.execute(f"SET ROLE {ident(name)}")
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("RESET ROLE")
