"""What the guards parked: shown, done once, or removed, through the functions of the facade alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from adapters.base import Gate
from adapters.base.parked import ARGUMENTS, Draft, Drafts, Released, legible
from adapters.errors import Refused
from adapters.postgres_role.facade import CHANGED, GONE, STRICTER
from adapters.postgres_role.guards import SHOWN
from adapters.postgres_role.line import LOST, Connection, Line

_HELD = "a stricter hold came meanwhile"


class Drawer:
    """The part of the adapter that keeps `Parked`."""

    _line: Line
    _name: str

    async def list(self, *, limit: int = 100) -> Drafts:
        """The oldest rows that are parked. Raises `Unreachable`, `Refused`."""
        async with self._opened(writes=False) as connection:
            rows = await connection.fetch("SELECT * FROM agent_kill.parked($1, $2)", self._name, limit)
        return Drafts(items=tuple(map(_draft, rows)), number=rows[0]["total"] if rows else 0)

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """Does one row's write, in one transaction with its own end. Raises `Unreachable`, `Refused`."""
        number = _number(draft)
        async with self._opened(writes=True) as connection:
            found = await connection.fetchval("SELECT agent_kill.peek($1, $2)", number, self._name)
            if found == "" and not await gate(()):
                return Released(done=False, why=_HELD)
            try:
                found = await connection.fetchval("SELECT agent_kill.release($1, $2, $3)", number, self._name, by)
            except (*LOST, asyncpg.UndefinedFunctionError, asyncpg.InvalidSchemaNameError):
                raise  # whether it was done is unknown now, or nothing is there that could
            except asyncpg.PostgresError as error:
                return Released(done=False, why=_why(error))
        if found == by:
            return Released(done=True)
        return Released(done=False, why=f"{found} released it before" if found else f"{draft} is not parked (any more)")

    async def drop(self, *, draft: str, by: str) -> bool:  # noqa: ARG002  # the bot's own record says who
        """Removes one row that is parked. Raises `Unreachable`, `Refused`."""
        async with self._opened(writes=True) as connection:
            return bool(await connection.fetchval("SELECT agent_kill.discard($1, $2)", _number(draft), self._name))

    @asynccontextmanager
    async def _opened(self, *, writes: bool) -> AsyncIterator[Connection]:
        async with self._line.borrow(writes=writes) as connection:
            if writes:
                await self._line.bury(connection)
            try:
                yield connection
            except (asyncpg.InvalidSchemaNameError, asyncpg.UndefinedFunctionError) as error:
                missing = ("the set-up that parks writes",)
                raise Refused(
                    f"run the set-up, nothing parks writes there: {SHOWN} ({error})", missing=missing
                ) from error


def _number(draft: str) -> int:
    """The row's own number; what is none is parked under no number."""
    return int(draft) if draft.isascii() and draft.isdigit() and len(draft) < 19 else -1  # noqa: PLR2004  # a bigint's


def _draft(row: asyncpg.Record) -> Draft:
    told = str(row["arguments"])
    told = told if len(told) <= ARGUMENTS else f"{told[: ARGUMENTS - 1]}…"
    return Draft(id=str(row["id"]), what=legible(row["what"]), arguments=told, at=row["at"], waits=row["waits"])


def _why(error: asyncpg.PostgresError) -> str:
    state = error.sqlstate
    if state == STRICTER:
        return _HELD
    if isinstance(error, asyncpg.LockNotAvailableError):
        return "somebody else holds it or its table, perhaps a release that is still going on: look again"
    return str(error) if state in (CHANGED, GONE) else f"the database refuses it, and it stays parked: {error}"
