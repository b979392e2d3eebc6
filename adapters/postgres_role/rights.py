"""What the bot still lacks, each as the statement that gives it."""

from collections.abc import Iterable

import asyncpg

from adapters.postgres_role.line import Connection
from adapters.postgres_role.role import Role, ident
from adapters.postgres_role.survey import Survey

OLDEST = (15,)
_SET_SINCE = (16,)  # before, every member could SET ROLE, and CREATEROLE alone could alter any ordinary role
_RIGHTS = """
SELECT session_user AS bot, b.rolsuper AS super, b.rolcreaterole AS createrole, r.rolsuper AS agent_super,
       pg_has_role(session_user, r.oid, 'MEMBER WITH ADMIN OPTION') AS admin,
       pg_has_role(session_user, 'pg_signal_backend', 'USAGE') OR pg_has_role(session_user, r.oid, 'USAGE')
       OR pg_has_role(session_user, r.oid, {may_set}) AS signal,
       pg_has_role(session_user, r.oid, {may_set}) AS may_set,
       pg_has_role(r.oid, b.oid, 'MEMBER') AS agent_is_bot,
       current_setting('max_prepared_transactions')::int > 0 AS prepares
FROM pg_roles r, pg_roles b WHERE r.oid = $1 AND b.rolname = session_user
"""


async def missing(connection: Connection, role: Role) -> tuple[str, ...]:
    """Returns what is missing for full_stop; what stands in the way of read_only is the survey's `blockers`."""
    version = connection.get_server_version()
    if version < OLDEST:
        return (f"PostgreSQL {OLDEST[0]} or later; this is {version.major}",)
    modern = version >= _SET_SINCE
    row = await _read(connection, role, modern=modern)
    return tuple(_rights(row, role, modern=modern))


async def to_end(connection: Connection, role: Role, *, sessions: bool, prepared: bool) -> tuple[str, ...]:
    """Returns what is missing to end the role's sessions, or its prepared transactions."""
    modern = connection.get_server_version() >= _SET_SINCE
    row = await _read(connection, role, modern=modern)
    found = _ending(row, role, modern=modern)
    return tuple(statement for right, statement in found if (sessions if right == "signal" else prepared))


async def _read(connection: Connection, role: Role, *, modern: bool) -> asyncpg.Record:
    return await connection.fetchrow(_RIGHTS.format(may_set="'SET'" if modern else "'MEMBER'"), role.oid)


def _rights(row: asyncpg.Record, role: Role, *, modern: bool) -> Iterable[str]:
    bot, agent = ident(row["bot"]), ident(role.name)
    if row["agent_is_bot"] and not row["agent_super"]:  # a superuser counts as a member of every role
        yield f"another login for the bot: the agent's role {agent} is, or is a member of, {bot}"
    if row["super"]:
        return
    if row["agent_super"]:
        yield f"ALTER ROLE {agent} NOSUPERUSER: only a superuser may stop one; or ALTER ROLE {bot} SUPERUSER"
    if not row["createrole"] and not role.by_facade:
        yield f"ALTER ROLE {bot} CREATEROLE"
    if modern and not row["admin"] and not role.by_facade:
        yield f"GRANT {agent} TO {bot} WITH ADMIN OPTION"
    yield from (statement for _, statement in _ending(row, role, modern=modern))


def _ending(row: asyncpg.Record, role: Role, *, modern: bool) -> Iterable[tuple[str, str]]:
    """Which right is missing, and the statement that gives it. No function can roll prepared work back."""
    bot, agent = ident(row["bot"]), ident(role.name)
    if not (row["signal"] or row["super"] or role.by_facade):
        yield "signal", f"GRANT pg_signal_backend TO {bot}"
    if not (row["may_set"] or row["super"] or (role.by_facade and not row["prepares"])):
        yield "may_set", f"GRANT {agent} TO {bot}{' WITH SET TRUE' if modern else ''}"


def unrevokable(found: Survey) -> tuple[str, ...]:
    """Grants that only another membership of the bot could take."""
    grantors = dict.fromkeys(item.grant.grantor for item in found.held if item.act is None)
    return tuple(f"GRANT {ident(grantor)} TO the bot, for read_only" for grantor in grantors)
