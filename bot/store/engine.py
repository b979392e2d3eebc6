"""One engine per database: SQLite in a file, or PostgreSQL. Nothing here connects."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

PATIENCE = 5.0  # seconds for a connection and for each command; nobody who stops anything waits for them
_SQLITE_BUSY = 2.5  # seconds that SQLite waits for another process's lock, within the patience
_DRIVERS = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}


class BadUrlError(ValueError):
    """AGENT_KILL_DATABASE_URL names no database that the ledger can live in."""


def default_url(state_dir: Path) -> str:
    """The SQLite file in the state directory."""
    return f"sqlite:///{(state_dir / 'ledger.sqlite3').resolve()}"


def parse(url: str) -> URL:
    """Reads a database URL and puts the driver in. The text of the error holds no password.

    Raises:
        BadUrlError: it is no URL, or of another kind of database.
    """
    try:
        found = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise BadUrlError(_accepted("it cannot be read")) from error
    name = found.drivername.partition("+")[0]
    if name not in _DRIVERS:
        raise BadUrlError(_accepted(f"{name} is not supported"))
    if name == "sqlite" and not found.database:
        raise BadUrlError(_accepted("a ledger in memory would be forgotten"))
    query = dict(found.query)
    if "sslmode" in query:  # libpq's word for what asyncpg calls ssl
        query["ssl"] = query.pop("sslmode")
    return found.set(drivername="postgresql" if name == "postgres" else name, query=query)


def is_sqlite(url: str) -> bool:
    """Whether the ledger is a file of this machine."""
    return parse(url).drivername == "sqlite"


def sqlite_path(url: str) -> Path:
    """The file of a SQLite URL."""
    return Path(parse(url).database or "")


def make_engine(url: str, *, application_name: str = "agent-kill ledger") -> AsyncEngine:
    """Makes an engine whose commands all end within `PATIENCE`; `BadUrlError` as `parse`."""
    found = parse(url)
    with_driver = found.set(drivername=_DRIVERS[found.drivername])
    if found.drivername == "sqlite":
        engine = create_async_engine(with_driver, hide_parameters=True, connect_args={"timeout": _SQLITE_BUSY})
        event.listen(engine.sync_engine, "connect", _tune)
        event.listen(engine.sync_engine, "begin", _begin)
        return engine
    return create_async_engine(
        with_driver,
        hide_parameters=True,
        pool_size=1,
        max_overflow=1,
        pool_timeout=PATIENCE,
        connect_args={
            "timeout": PATIENCE,
            "command_timeout": PATIENCE,
            "server_settings": {"application_name": application_name[:63]},
        },
    )


def _tune(connection: Any, _record: object) -> None:
    """Each commit is on disk when it returns; readers never wait. `_begin` says where transactions begin."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin(connection: Connection) -> None:
    """sqlite3 itself would begin at the first write only, and leave changes of the schema outside."""
    connection.exec_driver_sql("BEGIN")


def _accepted(reason: str) -> str:
    return (
        f"AGENT_KILL_DATABASE_URL: {reason}; accepted are sqlite:////path/to/file and "
        "postgresql://user:password@host:5432/database"
    )
