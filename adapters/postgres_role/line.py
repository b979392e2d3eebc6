"""Connections to one server under one credential: a warm one, own ones beside it, and those that were abandoned.

asyncpg only speaks the protocol here. Its pool and its time-outs are left out: the dispatcher owns deadlines, and a
cut must know which backend its bytes went to.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from adapters.errors import Refused, Unreachable

Connection: TypeAlias = "asyncpg.Connection"
BURY_SECONDS = 1.0  # to end an abandoned backend at the server
CUT_BURY_SECONDS = 0.2  # the same, when a cut waits for it
PING_SECONDS = 0.5  # after which a silent warm connection is given up for a new one
BURY_TICK = 0.01
DEFAULT_PORT = 5432
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
# search_path: an agent's own function must never be called by us. synchronous_commit: a stop waits for no standby.
# lock_timeout: whoever locks the role is ended, not waited for. idle_in_transaction: an abandoned loosening ends alone.
_SETUP = """
SET search_path = pg_catalog, pg_temp;
SET standard_conforming_strings = on;
SET default_transaction_read_only = off;
SET synchronous_commit = local;
SET lock_timeout = '50ms';
SET idle_in_transaction_session_timeout = '2s';
"""
_STARTED = "SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_END_BACKEND = """
WITH ours AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2)
SELECT pg_terminate_backend(pid) FROM ours
"""
LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,  # the connection was closed meanwhile
    asyncpg.InternalClientError,  # it is being closed right now
)


class Full(Unreachable):
    """The server takes no more connections; the warm one still works."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A connection with the identity of its process at the server; a process id alone may be used again."""

    connection: Connection
    pid: int
    started: datetime

    @property
    def usable(self) -> bool:
        """Whether nothing of an earlier call hangs on it."""
        return not self.connection.is_closed() and not self.connection.is_in_transaction()


def endpoint(dsn: str) -> str:
    """Returns `host:port` of an address, the same for every way of writing this machine; no credential.

    Raises:
        ValueError: not a PostgreSQL URL; the text does not repeat it.
    """
    parts = urlsplit(dsn)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError("a dsn starts with postgresql://")
    options = parse_qs(parts.query)
    host = parts.hostname or options.get("host", [""])[0].lower()
    port = parts.port or options.get("port", [str(DEFAULT_PORT)])[0]
    return f"{'localhost' if host in _LOCAL else host}:{port}"


def user_of(dsn: str) -> str:
    """Returns the user of an address; empty where it names none."""
    parts = urlsplit(dsn)
    return unquote(parts.username or "") or parse_qs(parts.query).get("user", [""])[0]


@contextmanager
def told(place: str) -> Iterator[None]:
    """Turns the library's errors into the contract's; what is left means *unknown*.

    The server's own text comes last, because a report may shorten the whole.
    """
    try:
        yield
    except asyncpg.ClientConfigurationError as error:
        raise Refused(
            f"correct the setting dsn for {place}: {error}", missing=("a well-formed setting dsn",)
        ) from error
    except asyncpg.TooManyConnectionsError as error:
        raise Full(f"free connections of {place}, or reserve one for the bot: it takes no more ({error})") from error
    except LOST as error:
        why = str(error) or type(error).__name__
        raise Unreachable(f"{place} does not answer, check that it runs and can be reached: {why}") from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        missing = ("a login of the bot that the server accepts (setting dsn)",)
        raise Refused(f"correct the login in the setting dsn, {place} refuses it: {error}", missing=missing) from error
    except asyncpg.InvalidCatalogNameError as error:
        missing = ("an existing database (setting dsn)",)
        raise Refused(f"correct the database in the setting dsn of {place}: {error}", missing=missing) from error
    except asyncpg.InsufficientPrivilegeError as error:
        missing = (str(error),)
        raise Refused(
            f"grant what `agent-kill check --probe` prints, {place} refuses the bot: {error}", missing=missing
        ) from error


class Line:
    """The connections to one server under one credential, shared by all its targets.

    Args:
        dsn: where and as whom; never shown.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.place = f"PostgreSQL at {endpoint(dsn)}"
        self.users = 0
        self._lock = asyncio.Lock()
        self._warm: Backend | None = None
        self._abandoned: set[tuple[int, datetime]] = set()

    @asynccontextmanager
    async def borrow(self, *, writes: bool) -> AsyncIterator[Connection]:
        """The warm connection, or one of our own when it is busy, or the warm one after all when there is no room.

        Args:
            writes: whether an abandoned call must be ended at the server too.

        Raises:
            Unreachable, Refused: as `told` says.
        """
        own: Backend | None = None
        if self._lock.locked():
            with suppress(Full):
                own = await self._open()
        if own is not None:
            async with self._guarded(own, writes=writes, keep=False):
                yield own.connection
            return
        async with self._lock:
            warm = await self._warmed()
            async with self._guarded(warm, writes=writes, keep=True):
                yield warm.connection

    @asynccontextmanager
    async def visit(self, database: str, *, writes: bool) -> AsyncIterator[Connection]:
        """A short connection to another database of the server. Raises as `borrow`."""
        backend = await self._open(database)
        async with self._guarded(backend, writes=writes, keep=False):
            yield backend.connection

    async def bury(self, connection: Connection, *, seconds: float = CUT_BURY_SECONDS) -> None:
        """Ends what earlier, abandoned calls left at the server, as far as the time allows.

        A cut does not wait long for it: what is frozen now meets the cut's mark when it thaws.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for pid, started in tuple(self._abandoned):
                    await _ended(connection, pid, started)
                    self._abandoned.discard((pid, started))

    async def close(self) -> None:
        """Closes the warm connection."""
        warm, self._warm = self._warm, None
        if warm is not None:
            await dropped(warm.connection)

    async def _warmed(self) -> Backend:
        """The warm connection once it has answered; a new one where it is dead or silent."""
        warm, self._warm = self._warm, None
        if warm is not None:
            with suppress(*LOST, asyncpg.PostgresError):
                if warm.usable and await self._answers(warm):
                    self._warm = warm
                    return warm
            await dropped(warm.connection)
        self._warm = await self._open()
        return self._warm

    async def _answers(self, backend: Backend) -> bool:
        try:
            async with asyncio.timeout(PING_SECONDS):
                await backend.connection.execute("SELECT 1")
        except asyncio.CancelledError:
            await dropped(backend.connection)
            raise
        return True

    async def _open(self, database: str | None = None) -> Backend:
        with told(self.place):
            connection = await asyncpg.connect(
                self._dsn, database=database, server_settings={"application_name": "agent-kill"}
            )
            try:
                await connection.execute(_SETUP)
                started = await connection.fetchval(_STARTED)
            except BaseException:
                await dropped(connection)
                raise
        return Backend(connection, connection.get_server_pid(), started)

    @asynccontextmanager
    async def _guarded(self, backend: Backend, *, writes: bool, keep: bool) -> AsyncIterator[None]:
        """Translates errors; a cancelled call ends only when its backend can do nothing more, or a second passed."""
        try:
            with told(self.place):
                yield
        except asyncio.CancelledError:
            await dropped(backend.connection)
            if writes:
                await self._abandon(backend)
            raise
        finally:
            if not keep or not backend.usable:
                await dropped(backend.connection)

    async def _abandon(self, backend: Backend) -> None:
        """Remembers the backend first: a frozen server is asked again before the next cut."""
        self._abandoned.add((backend.pid, backend.started))
        with suppress(*LOST, Unreachable, Refused, asyncpg.PostgresError):
            async with asyncio.timeout(BURY_SECONDS):
                fresh = await self._open()
                try:
                    await self.bury(fresh.connection, seconds=BURY_SECONDS)
                finally:
                    await dropped(fresh.connection)


async def _ended(connection: Connection, pid: int, started: datetime) -> None:
    """Ends one backend and returns when it is gone."""
    while await connection.fetchval(_END_BACKEND, pid, started) is not None:  # noqa: ASYNC110  # the server knows, no event
        await asyncio.sleep(BURY_TICK)


async def dropped(connection: Connection) -> None:
    """Closes a connection without a word, and lets the library's own tasks about it come to their end."""
    connection.terminate()
    for _ in range(3):
        await asyncio.sleep(0)
