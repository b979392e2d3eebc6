"""Everything that gives authority back. Each transaction here takes the role's row first and then looks at the mark.

A cut writes the same row, so the two come one after the other: what comes second sees the other's mark, and a
loosening that finds a strange one rolls back. Its COMMIT is sent only after that look, on its own, so that bytes of an
abandoned call that are delivered late can only be the COMMIT of a transaction that still holds the row.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import groupby

import asyncpg

from adapters.base import Change, Mode
from adapters.errors import AdapterError, Refused
from adapters.postgres_role.facade import SCHEMA
from adapters.postgres_role.fence import loosening
from adapters.postgres_role.grants import Act, Grant, as_grantors, renamed
from adapters.postgres_role.landing import Landing
from adapters.postgres_role.line import Connection, Line
from adapters.postgres_role.role import LOGIN, Mark, Role, altering, literal, marked, read_mark
from adapters.postgres_role.survey import Survey

_MAY_HOLD = """
SELECT EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname = $1 AND p.proname = 'hold' AND has_schema_privilege(n.oid, 'USAGE')
                 AND has_function_privilege(p.oid, 'EXECUTE'))
"""


class Overtaken(Refused):
    """Another mark is on the role: some stop came after the one that this loosening belongs to."""

    def __init__(self, role: Role, found: Mark | None) -> None:
        what = "carries no mark" if found is None else "carries the mark of another stop"
        super().__init__(f"the role {role.name} {what}: restrict again before relaxing")


@asynccontextmanager
async def loosened(connection: Connection, role: Role, expect: str, login: str) -> AsyncIterator[str | None]:
    """A transaction that holds the role's row with our mark on it; yields the comment.

    Raises:
        Overtaken: the mark is not `expect`; nothing was changed.
        AdapterError: somebody else holds the role's row; nothing was changed.
    """
    begin = f"BEGIN; SET LOCAL application_name = {literal(loosening(role.oid))}; SET LOCAL lock_timeout = '2s';"
    try:
        await connection.execute(f"{begin} {altering(role, login)}")
        yield await _ours(connection, role, expect)
        await connection.execute("COMMIT")
    except (asyncpg.InternalServerError, asyncpg.LockNotAvailableError) as error:  # the row went to somebody else
        await _rollback(connection)
        raise AdapterError(f"the role {role.name} was changed by somebody else at that moment: try again") from error
    except Exception:
        await _rollback(connection)
        raise


async def _ours(connection: Connection, role: Role, expect: str) -> str | None:
    """Returns the comment with our mark. Raises `Overtaken`."""
    comment, mark = await read_mark(connection, role.oid)
    if mark is None or mark.token != expect:
        raise Overtaken(role, mark)
    return comment


async def _rollback(connection: Connection) -> None:
    if not connection.is_closed() and connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def reopen(
    connection: Connection, role: Role, *, expect: str, mark: Mark, end: Landing, give: Iterable[tuple[Grant, Change]]
) -> tuple[Change, ...]:
    """Lets the role log in again at a reduced mode, with the grants of this database that the mode leaves.

    Raises:
        Overtaken: another stop came; nothing was changed.
        AdapterError: the guards that hold the role at that mode cannot be told; nothing was changed.
    """
    async with loosened(connection, role, expect, LOGIN) as comment:
        if not await hold(connection, role, end.mode) and end.guarded:
            raise AdapterError(f"nothing in {role.database} guards the writes of {role.name}: run the set-up again")
        given = await _granted(connection, role, give, [])
        await connection.execute(altering(role, LOGIN, marked(comment, mark)))
    return tuple(given)


async def hold(connection: Connection, role: Role, mode: Mode) -> bool:
    """Tells the guards of this database what they hold the role at; False where there are none for it."""
    there = await connection.fetchval(_MAY_HOLD, SCHEMA)
    return bool(there and await connection.fetchval("SELECT agent_kill.hold($1, $2)", role.name, str(mode)))


async def give_back(
    line: Line, connection: Connection, role: Role, *, expect: str, undo: Sequence[Change], now: Survey
) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """Undoes our own changes key by key, the login last; returns what was changed and what others had changed.

    Raises:
        Overtaken: another stop came; what was given back before in other databases stays without a login.
        asyncpg.PostgresError: a grant could not be given back.
    """
    pending, kept = compared(undo, now)
    changed: list[Change] = []
    here = [item for item in pending if item[0].database == role.database]
    elsewhere = [item for item in pending if item[0].database != role.database]
    for database, items in groupby(sorted(elsewhere, key=lambda it: it[0].database), key=lambda it: it[0].database):
        async with line.visit(database, writes=True) as there, loosened(there, role, expect, role.login):
            changed += await _granted(there, role, items, kept)
    login = _login(role, undo)
    async with loosened(connection, role, expect, login) as comment:
        await hold(connection, role, Mode.NORMAL)
        changed += await _granted(connection, role, here, kept)
        await connection.execute(altering(role, login, marked(comment, None)))
    if login != role.login:
        changed.append(Change(key="login", was=role.login, now=login))
    return tuple(changed), tuple(kept)


def _login(role: Role, undo: Iterable[Change]) -> str:
    """LOGIN where we took it; else as it is found."""
    ours = any(change.key == "login" and change.was == LOGIN for change in undo)
    return LOGIN if ours else role.login


def compared(undo: Iterable[Change], now: Survey) -> tuple[list[tuple[Grant, Change]], list[str]]:
    """The three-way comparison: what is as our cut left it comes back, what is as it was is fine, the rest is kept."""
    found = {item.grant.identity: item.how for item in now.held}
    pending: dict[tuple[object, ...], tuple[Grant, Change]] = {}
    kept: list[str] = []
    for change in undo:
        grant = Grant.of(change.key)
        if grant is None or change.was is None:
            continue
        there = found.get(grant.identity)
        if there == change.now:
            pending.setdefault(grant.identity, (grant, change))
        elif there != change.was:
            kept.append(f"{grant}: now {there}, changed by somebody else")
    return list(pending.values()), kept


async def _granted(
    connection: Connection, role: Role, items: Iterable[tuple[Grant, Change]], kept: list[str]
) -> list[Change]:
    """Grants within the open transaction; objects that are gone are kept gone."""
    wanted = dict(items)
    today = await renamed(connection, wanted)
    work: list[tuple[Act | None, str, str]] = []
    done: list[Change] = []
    for grant, change in wanted.items():
        target = today[grant]
        if target is None:
            kept.append(f"{grant}: the object or the grantor is gone")
            continue
        may = await _may_speak_for(connection, grant.grantor)
        work.append(("set" if may else "inherit", grant.grantor, target.grant(role.name, change.was or "")))
        done.append(Change(key=change.key, was=change.now, now=change.was))
    if work:
        await connection.execute(as_grantors(work))
    return done


async def _may_speak_for(connection: Connection, grantor: str) -> bool:
    how = "SET" if connection.get_server_version() >= (16,) else "MEMBER"
    return bool(await connection.fetchval("SELECT pg_has_role($1::name, $2::text)", grantor, how))
