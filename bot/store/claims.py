"""Claims of due times: a unique row per (drill, due time), so that nothing runs twice, whoever asks."""

import asyncio

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from bot.service.redact import redact
from bot.store import tables as t
from bot.store.engine import PATIENCE, make_engine
from bot.store.upgrade import SchemaError, ready


class SqlClaims:
    """Implements `bot.service.drill_ports.Claims` over the ledger's database.

    Args:
        url: as `AGENT_KILL_DATABASE_URL`.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def claim(self, drill: str, due: float, run: str, at: float) -> str | None:
        """Takes a due time for this run; yields the run that has it now. Raises `OSError` where the database does not.

        A repeated claim of the same run is one: an answer that was lost on the way costs nothing.
        """
        try:
            async with asyncio.timeout(2 * PATIENCE):
                return await self._claim({"drill": drill, "due": due, "run": run, "at": at})
        except (SQLAlchemyError, SchemaError, OSError) as error:  # a TimeoutError is an OSError
            reason = redact(str(getattr(error, "orig", None) or error)) or "no answer"
            raise OSError(f"the database did not take the claim: {reason}") from error

    async def _claim(self, row: dict[str, object]) -> str | None:
        await ready(self._url)
        engine, c = make_engine(self._url), t.drill_claims.c
        try:
            async with engine.begin() as connection:
                dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
                await connection.execute(dialect.insert(t.drill_claims).on_conflict_do_nothing(), row)
                query = sa.select(c.run).where(c.drill == row["drill"], c.due == row["due"])
                found: str | None = await connection.scalar(query)
                return found
        finally:
            await engine.dispose()
