"""Migrations: what a database has, what it lacks, and bringing it up to date. No alembic.ini is needed."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from bot.service.redact import redact
from bot.store.engine import is_sqlite, make_engine, sqlite_path

_LOCK = 0x6167656E746B  # "agentk": two upgrades at once wait for one another
_LONG = "SET LOCAL statement_timeout = 0"


class SchemaError(RuntimeError):
    """The database's schema is not this version's; the text says what to do."""


class UpgradeError(SchemaError):
    """The database did not take the migrations; none of them is applied."""


async def current(url: str) -> str | None:
    """The revision of the database; None for one that is empty."""
    engine = make_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_current)
    finally:
        await engine.dispose()


async def pending(url: str) -> list[str]:
    """The revisions that are not applied yet, oldest first. Raises `SchemaError` for a newer database."""
    return _after(await current(url))


async def upgrade(url: str) -> list[str]:
    """Applies what is pending, all or nothing; returns the revisions that it applied, oldest first.

    Raises:
        SchemaError: the database was made by a newer version.
        UpgradeError: it cannot be reached, or refuses.
    """
    engine = make_engine(url)
    try:
        if is_sqlite(url):
            sqlite_path(url).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with engine.begin() as connection:
            if not is_sqlite(url):
                await connection.execute(text(_LONG))
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            return await connection.run_sync(_upgrade)
    except (SQLAlchemyError, OSError) as error:  # a TimeoutError is an OSError
        why = redact(str(getattr(error, "orig", None) or error)) or "no answer"
        raise UpgradeError(f"the database cannot be upgraded: {why}") from error
    finally:
        await engine.dispose()


async def ready(url: str) -> None:
    """Makes the database fit to follow the journals: SQLite is upgraded, PostgreSQL is only looked at.

    Raises:
        SchemaError: PostgreSQL lacks revisions, which its owner applies, or the database is of a newer version.
    """
    if is_sqlite(url):
        await upgrade(url)
        return
    missing = await pending(url)
    if missing:
        raise SchemaError(f"the database lacks {', '.join(missing)}: run `agent-kill db upgrade`")


def _upgrade(connection: Connection) -> list[str]:
    missing = _after(_current(connection))
    if missing:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return missing


def _current(connection: Connection) -> str | None:
    logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)  # it reports each look
    return MigrationContext.configure(connection).get_current_revision()


def _after(revision: str | None) -> list[str]:
    steps = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]
    if revision is None:
        return steps
    if revision not in steps:
        raise SchemaError(
            f"the database is at revision {revision}, which this version does not know (it knows up to {steps[-1]}): "
            "run the newer version of agent-kill"
        )
    return steps[steps.index(revision) + 1 :]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
