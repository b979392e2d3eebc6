"""One active `serve` per database: a lock that dies with its process, and that never ends a running bot."""

import asyncio
import fcntl
import json
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.service.ports import Clock
from bot.service.redact import redact
from bot.store.engine import PATIENCE, is_sqlite, make_engine, sqlite_path

_KEY = 0x6167656E746B73  # "agentks": the one lock of a database
_EVERY = 10.0  # seconds between two looks at a lock that may be lost with its connection
_HOLDER = text(
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND classid = CAST(:high AS bigint) AND objid = CAST(:low AS bigint) "
    "AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
).bindparams(high=_KEY >> 32, low=_KEY & 0xFFFFFFFF)


class AlreadyServedError(RuntimeError):
    """Another live `serve` has this database; the text names it."""


class ServeLock(Protocol):
    """Held from before a `serve` acts until it ends."""

    async def acquire(self) -> None:
        """Takes the lock. Raises `AlreadyServedError`; a database that does not answer is a problem, not an error."""

    async def keep(self) -> None:
        """Runs until it is cancelled: takes the lock back whenever it was lost."""

    def problems(self) -> list[str]:
        """What stands in the way, a sentence each."""

    def skew(self) -> float | None:
        """Seconds that the database's clock is ahead of this machine's; None where that is not known."""

    async def release(self) -> None:
        """Gives the lock back."""


def make_lock(url: str, clock: Clock) -> ServeLock:
    """The lock that fits the database."""
    return FileLock(sqlite_path(url), clock) if is_sqlite(url) else AdvisoryLock(url, clock)


class FileLock:
    """A lock on a file beside the SQLite file; the system gives it back when the process ends."""

    def __init__(self, database: Path, clock: Clock) -> None:
        self._path = database.with_name(database.name + ".serve")
        self._clock = clock
        self._fd: int | None = None
        self._problem = ""

    async def acquire(self) -> None:
        """Takes the lock, or raises `AlreadyServedError`; a disk that refuses keeps no bot from starting."""
        try:
            self._take()
        except OSError as error:
            self._problem = f"the lock of this database could not be taken: {error.strerror} ({self._path.name})"

    def _take(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(fd, 1000, 0).decode(errors="replace")
            os.close(fd)
            raise AlreadyServedError(_taken(_said(holder), f"the file {self._path.name}")) from error
        self._fd, self._problem = fd, ""
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(_self(self._clock.now())).encode(), 0)

    async def keep(self) -> None:
        """A file's lock cannot be lost; one that a disk refused, or that found no descriptor left, is tried again."""
        while True:
            await self._clock.sleep(_EVERY)
            try:
                if self._fd is None:
                    await self.acquire()
            except AlreadyServedError as error:
                self._problem = str(error)

    def problems(self) -> list[str]:
        """Why the lock is not held."""
        return [self._problem] if self._problem else []

    def skew(self) -> float | None:
        """A file has no clock of its own."""
        return None

    async def release(self) -> None:
        """Gives the lock back."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class AdvisoryLock:
    """A session's advisory lock in PostgreSQL; its holder's name is the session's application name."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url, self._clock = url, clock
        self._engine: AsyncEngine | None = None
        self._connection: AsyncConnection | None = None
        self._problem = ""
        self._skew: float | None = None

    async def acquire(self) -> None:
        """Takes the lock, or raises `AlreadyServedError`; without an answer, `keep` goes on trying."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._take()
        except AlreadyServedError:
            await self.release()
            raise
        except Exception as error:  # noqa: BLE001  # no database may keep the bot from starting
            await self._lose(f"the lock of this database could not be taken: {redact(str(error) or 'no answer')}")

    async def keep(self) -> None:
        """Looks every ten seconds; a lock that another `serve` took meanwhile is a problem, and this bot runs on."""
        while True:
            await self._clock.sleep(_EVERY)
            try:
                await self._look()
            except AlreadyServedError as error:
                await self._lose(str(error))

    def problems(self) -> list[str]:
        """Why the lock is not held."""
        return [self._problem] if self._problem else []

    def skew(self) -> float | None:
        """As of the last look, ten seconds ago at most; None while there is no session."""
        return self._skew if self._connection is not None else None

    async def release(self) -> None:
        """Closes the session, and the lock with it."""
        connection, self._connection = self._connection, None
        engine, self._engine = self._engine, None
        with suppress(Exception):  # a server that does not answer sees the session end later
            async with asyncio.timeout(PATIENCE):
                if connection is not None:
                    await connection.invalidate()
                    await connection.close()
                if engine is not None:
                    await engine.dispose()

    async def _look(self) -> None:
        if self._connection is None:
            await self.acquire()
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self._read_clock(self._connection)
        except Exception as error:  # noqa: BLE001  # whatever it was, the session and its lock are gone
            await self._lose(f"the lock of this database was lost: {redact(str(error) or 'no answer')}")

    async def _read_clock(self, connection: AsyncConnection) -> None:
        before = self._clock.now()
        theirs = await connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())::float8"))
        self._skew = float(theirs or 0.0) - (before + self._clock.now()) / 2

    async def _take(self) -> None:
        me = _self(self._clock.now())
        name = f"agent-kill {me['host'][:24]} {me['pid']} {me['since']}"
        self._engine = make_engine(self._url, application_name=name).execution_options(isolation_level="AUTOCOMMIT")
        connection = await self._engine.connect()
        taken = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY})
        if not taken:
            holder = await connection.scalar(_HOLDER)
            await connection.close()
            raise AlreadyServedError(_taken(_session(holder), "its advisory lock in pg_locks"))
        await self._read_clock(connection)
        self._connection, self._problem = connection, ""

    async def _lose(self, problem: str) -> None:
        self._problem = problem
        await self.release()


def _self(now: float) -> dict[str, str]:
    return {"host": socket.gethostname(), "pid": str(os.getpid()), "since": f"{now:.0f}"}


def _session(name: object) -> dict[str, str]:
    """Reads a session's application name; empty where it is another program's, or hidden."""
    parts = str(name or "").split(" ")
    named = dict(zip(("host", "pid", "since"), parts[1:], strict=False))
    return named if parts[0] == "agent-kill" and len(named) == 3 else {}  # noqa: PLR2004  # three words


def _said(text_: str) -> dict[str, str]:
    try:
        found = json.loads(text_)
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _taken(holder: dict[str, str], where: str) -> str:
    who = (
        f"pid {holder['pid']} on {holder['host']} since {_date(holder['since'])}"
        if {"pid", "host", "since"} <= holder.keys()
        else f"an unnamed process, see {where}"
    )
    return (
        f"another `agent-kill serve` already serves this database: {who}. Stop it first: two bots must share neither "
        "a database nor a state directory; `agent-kill stop` works beside it"
    )


def _date(since: str) -> str:
    """Unix time as a person reads it; as it was written where it is none."""
    try:
        return f"{datetime.fromtimestamp(float(since), UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return since[:40]
