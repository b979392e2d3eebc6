"""The canary: a try under the agent's own login, without effect."""

import asyncio

import asyncpg

from adapters.base import Attempt, Mode
from adapters.postgres_role.facade import TRIGGER
from adapters.postgres_role.line import Connection, dropped, user_of

# The server checks the password first and the right to log in after it, in this routine. A refusal from
# elsewhere under the same code (an address that pg_hba.conf does not let in) says nothing about our cut.
_ROUTINE = "InitializeSessionUserId"
LOGIN_SECONDS = 2.0  # for the one login of `lacking`
_CANDIDATES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, quote_ident(a.attname) AS col
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN LATERAL (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
              AND attgenerated = '' AND attidentity = '' ORDER BY attnum LIMIT 1) a ON true
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND has_schema_privilege(n.oid, 'USAGE')
  AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')
       OR has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE'))
ORDER BY has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE') DESC, c.oid LIMIT 3
"""
# No row is touched: the server checks the privilege all the same.
_WRITES = (
    "INSERT INTO {name} ({col}) SELECT NULL WHERE false",
    "UPDATE {name} SET {col} = NULL WHERE false",
    "DELETE FROM {name} WHERE false",
)


# As a guard sees it: a row before anything else judges it, with no default, so that no sequence moves.
_INSERTS = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name,
       string_agg(quote_ident(a.attname), ', ') AS cols, string_agg('NULL', ', ') AS nulls
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT')
GROUP BY c.oid, 1 ORDER BY c.oid LIMIT 3
"""
_INSERT = "INSERT INTO {name} ({cols}) OVERRIDING SYSTEM VALUE VALUES ({nulls})"
_TOUCHED = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name,
       CASE WHEN has_table_privilege(c.oid, 'DELETE') THEN 'DELETE' ELSE 'UPDATE' END AS how,
       (SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped AND a.attgenerated = '' AND has_column_privilege(c.oid, a.attnum, 'UPDATE')
        ORDER BY a.attnum LIMIT 1) AS col
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
  AND (c.relkind = 'p' OR NOT has_table_privilege(c.oid, 'INSERT'))
  AND (has_table_privilege(c.oid, 'DELETE') OR has_any_column_privilege(c.oid, 'UPDATE'))
ORDER BY c.oid LIMIT 3
"""
_TOUCHES = {
    "DELETE": "DELETE FROM {name} WHERE ctid = (SELECT ctid FROM {name} LIMIT 1)",
    "UPDATE": "UPDATE {name} SET {col} = {col} WHERE ctid = (SELECT ctid FROM {name} LIMIT 1)",
}
_GUARDED = "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = $1)"
_NONE = " 0"  # how a command's tag ends that touched no row


async def lacking(dsn: str, role: str) -> tuple[str, ...]:
    """Logs in once and returns what keeps the canary from proving anything; a role without login hides nothing."""
    if (user := user_of(dsn)) not in ("", role):
        return (f"canary logs in as {user}, not as role {role}",)
    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            connection = await _login(dsn)
            try:
                user = await connection.fetchval("SELECT session_user")
            finally:
                await dropped(connection)
    except asyncpg.InvalidPasswordError:
        return (f"canary: wrong password for role {role}",)
    except asyncpg.TooManyConnectionsError:
        return ()  # passes, and is no set-up
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        stopped = isinstance(error, asyncpg.PostgresError) and _by_cut(error)
        return () if stopped else (f"canary: correct its dsn, the login fails: {str(error) or type(error).__name__}",)
    return () if user == role else (f"canary logs in as {user}, not as role {role}",)


async def is_stale(dsn: str) -> bool:
    """Whether the server refuses the canary's password, which it judges before anything that a cut took."""
    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            await dropped(await _login(dsn))
    except asyncpg.InvalidPasswordError:
        return True
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return False


async def _login(dsn: str) -> Connection:
    return await asyncpg.connect(dsn, server_settings={"application_name": "agent-kill canary"})


def _by_cut(error: asyncpg.PostgresError) -> bool:
    """Whether the login was refused because the role may not log in; its password was right then."""
    ours = isinstance(error, asyncpg.InvalidAuthorizationSpecificationError)
    return ours and error.as_dict().get("server_source_function") == _ROUTINE


async def attempt(dsn: str, role: str, mode: Mode) -> Attempt:
    """Logs in as the agent and tries what `mode` forbids; a refusal that our cut does not explain is `untried`."""
    try:
        connection = await _login(dsn)
    except asyncpg.InvalidPasswordError:
        return Attempt.UNTRIED
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        return Attempt.REFUSED if _by_cut(error) else Attempt.UNTRIED
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return Attempt.UNTRIED
    try:
        return await _inside(connection, role, mode)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return Attempt.UNTRIED
    finally:
        await dropped(connection)


async def _inside(connection: Connection, role: str, mode: Mode) -> Attempt:
    if await connection.fetchval("SELECT session_user") != role:
        return Attempt.UNTRIED  # somebody else's login
    if mode is Mode.FULL_STOP:
        return Attempt.ALLOWED
    if mode < Mode.READ_ONLY:
        return await _past_guards(connection, Attempt.REFUSED)
    tried = [await _write(connection, row, write) for row in await connection.fetch(_CANDIDATES) for write in _WRITES]
    if Attempt.ALLOWED in tried:  # by its grants; a guard may refuse the row itself
        guarded = await connection.fetchval(_GUARDED, TRIGGER)
        refused = guarded and await _past_guards(connection, Attempt.ALLOWED) is Attempt.REFUSED
        return Attempt.REFUSED if refused else Attempt.ALLOWED
    return Attempt.REFUSED if tried and Attempt.UNTRIED not in tried else Attempt.UNTRIED


async def _past_guards(connection: Connection, parked: Attempt) -> Attempt:
    """Tries one row of up to three tables; `parked` is what it means that one is. The try is rolled back with it."""
    tried = [await _row(connection, _INSERT.format(**row), parked) for row in await connection.fetch(_INSERTS)]
    if not tried:
        rows = [row for row in await connection.fetch(_TOUCHED) if await _has_rows(connection, row["name"])]
        tried = [await _row(connection, _TOUCHES[row["how"]].format(**row), parked) for row in rows]
    if Attempt.ALLOWED in tried:
        return Attempt.ALLOWED
    return Attempt.REFUSED if Attempt.REFUSED in tried else Attempt.UNTRIED


async def _has_rows(connection: Connection, name: str) -> bool:
    return bool(await connection.fetchval(f"SELECT EXISTS (SELECT FROM {name})"))  # noqa: S608  # quoted by the server


async def _row(connection: Connection, write: str, parked: Attempt) -> Attempt:
    """A row that a constraint of the table refuses came past the guard, which would have parked it before."""
    try:
        await connection.execute("BEGIN READ WRITE; SET LOCAL lock_timeout = '200ms'")
        tag = await connection.execute(write)
    except asyncpg.InsufficientPrivilegeError:
        return Attempt.REFUSED
    except asyncpg.IntegrityConstraintViolationError as error:
        return Attempt.ALLOWED if error.table_name else Attempt.UNTRIED  # a type's own refusal comes before any guard
    except asyncpg.PostgresError:
        return Attempt.UNTRIED
    else:
        return parked if tag.endswith(_NONE) else Attempt.ALLOWED
    finally:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")


async def _write(connection: Connection, row: asyncpg.Record, write: str) -> Attempt:
    """One write in a transaction that asks for READ WRITE and is rolled back."""
    try:
        await connection.execute("BEGIN READ WRITE; SET LOCAL lock_timeout = '200ms'")
        await connection.execute(write.format(name=row["name"], col=row["col"]))
    except asyncpg.InsufficientPrivilegeError:
        return Attempt.REFUSED
    except asyncpg.PostgresError:
        return Attempt.UNTRIED
    else:
        return Attempt.ALLOWED
    finally:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
