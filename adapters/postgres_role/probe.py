"""The canary: a try under the agent's own login, without effect."""

import asyncpg

from adapters.base import Attempt, Mode
from adapters.postgres_role.line import Connection, dropped

# The server checks the password first and the right to log in after it, in this routine. A refusal from
# elsewhere under the same code (an address that pg_hba.conf does not let in) says nothing about our cut.
_ROUTINE = "InitializeSessionUserId"
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


async def attempt(dsn: str, role: str, mode: Mode) -> Attempt:
    """Logs in as the agent and tries what `mode` forbids; a refusal that our cut does not explain is `untried`."""
    try:
        connection = await asyncpg.connect(dsn, server_settings={"application_name": "agent-kill canary"})
    except asyncpg.InvalidPasswordError:
        return Attempt.UNTRIED
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        routine = error.as_dict().get("server_source_function")
        return Attempt.REFUSED if routine == _ROUTINE else Attempt.UNTRIED
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
    tried = [await _write(connection, row, write) for row in await connection.fetch(_CANDIDATES) for write in _WRITES]
    if Attempt.ALLOWED in tried:
        return Attempt.ALLOWED
    return Attempt.REFUSED if tried and Attempt.UNTRIED not in tried else Attempt.UNTRIED


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
