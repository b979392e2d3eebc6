"""Claims of due times: a unique row per (drill, due time), so that nothing runs twice, whoever asks."""

import asyncio

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from bot.service.redact import redact
from bot.store import tables as t
from bot.store.engine import PATIENCE, make_engine

_TRIES, _PAUSE = 3, 0.3  # and seconds between them


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
        row: dict[str, object] = {"drill": drill, "due": due, "run": run, "at": at}
        for left in reversed(range(_TRIES)):
            try:
                async with asyncio.timeout(PATIENCE):
                    return await self._claim(row)
            except (SQLAlchemyError, OSError) as error:  # a TimeoutError is an OSError
                reason = redact(str(getattr(error, "orig", None) or error)) or "no answer"
                if not left:
                    raise OSError(f"the database did not take the claim: {reason}") from error
            await asyncio.sleep(_PAUSE)  # a bot that started just now makes its tables first
        return None

    async def _claim(self, row: dict[str, object]) -> str | None:
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
