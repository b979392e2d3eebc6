"""One connection to a server, and the few that adapters of one process keep to it.

The client library only speaks the protocol here: its pool, its retries and its timeouts are left out, because the
dispatcher owns deadlines and retries, and a cut must know which connection its bytes went out on.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Self, cast
from urllib.parse import urlsplit

from redis._parsers import _AsyncRESP2Parser
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ExecAbortError,
    InvalidResponse,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from adapters.errors import AdapterError, Refused, Unreachable
from adapters.redis_acl.around import Lookout
from adapters.redis_acl.commands import Catalogue

Command = tuple[str, ...]
LARGEST = 32 * 1024 * 1024  # bytes of one answer; `CLIENT LIST` of ten thousand sessions takes 4 MB
BURY_SECONDS = 1.0  # a call that was cancelled ends after this at the latest, whatever the server does
BURY_PAUSE = 0.05  # seconds between two tries to end an abandoned connection at the server


class _Bounded(_AsyncRESP2Parser):
    """Believes no announced length beyond `LARGEST`: an endless answer must not fill the bot's memory."""

    async def _read(self, length: int) -> bytes:
        if length > LARGEST:
            raise InvalidResponse(f"an answer of {length} bytes was announced")
        return await super()._read(length)


class Full(Unreachable):
    """The server takes no more connections; the warm one still works."""


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart. `name` is safe to show: it holds no credential."""

    name: str
    user: str
    password: str = field(repr=False)
    options: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, url: str, *, database: bool = False) -> Self:
        """Reads `redis://`, `rediss://` or `unix://`. Raises `ValueError` without repeating the URL.

        Args:
            url: where, and as whom; without a user name it is `default`.
            database: whether to select the database of the URL; a bot needs no right to.
        """
        if "://" not in url or urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("a redis_acl url starts with redis://, rediss:// or unix://")
        options = dict(parse_url(url))
        host = str(options.get("host", "127.0.0.1")).lower()
        place = options.get("path") or f"{'127.0.0.1' if host == 'localhost' else host}:{options.get('port', 6379)}"
        options["db"] = options.get("db", 0) if database else 0
        return cls(str(place), str(options.get("username") or "default"), str(options.get("password") or ""), options)

    def at(self, place: str) -> Self:
        """The same login at another `host:port`. Raises `ValueError` where it is none."""
        host, colon, port = place.rpartition(":")
        if not (host and colon and port.isdigit()):
            raise ValueError(f"{place} is no host:port")
        host = host.strip("[]").lower()
        kept = {name: value for name, value in self.options.items() if name != "path"}
        if "path" in self.options:
            kept.pop("connection_class", None)
        name = f"{'127.0.0.1' if host == 'localhost' else host}:{int(port)}"
        return replace(self, name=name, options={**kept, "host": host, "port": int(port)})

    def connection(self) -> AbstractConnection:
        """A connection that is not open yet: RESP2, no retries, no timeouts, no greetings that need a permission."""
        options = {**self.options, "protocol": 2, "driver_info": None, "encoding_errors": "surrogateescape"}
        options |= {"socket_timeout": None, "socket_connect_timeout": None, "health_check_interval": 0}
        options["parser_class"] = _Bounded
        make = options.pop("connection_class", Connection)
        return cast("AbstractConnection", make(**options))


class Line:
    """One open connection. `ask` sends some commands at once and returns their answers in order."""

    def __init__(self, address: Address, connection: AbstractConnection, number: str | None) -> None:
        self.address = address
        self.number = number  # CLIENT ID at the server
        self.owing = False  # whether answers are outstanding: what was sent may still run
        self._connection = connection

    @classmethod
    async def open(cls, address: Address) -> Self:
        """Connects and logs in. Raises `Refused`, `Full` or `Unreachable`."""
        connection = address.connection()
        line = cls(address, connection, None)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        except AuthenticationError as error:
            raise Refused(
                f"{address.name} refuses the login of {address.user}: {error}; "
                "give the bot a current password in settings.url",
                missing=(f"login of {address.user}",),
            ) from error
        except (RedisError, OSError) as error:
            raise _unreachable(address, error) from error
        except asyncio.CancelledError:
            await connection.disconnect(nowait=True)
            raise
        number = (await line.ask(("CLIENT", "ID")))[0]
        line.number = None if isinstance(number, ResponseError) else str(number)
        return line

    async def ask(self, *commands: Command) -> list[object]:
        """Returns one answer per command; a server's error is an answer, of type `ResponseError`.

        Raises:
            Unreachable: the connection was lost. When this is cancelled the connection is closed as well.
        """
        self.owing = True
        try:
            await self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
            answers = [await self._answer() for _ in commands]
        except (RedisError, OSError) as error:
            await self.close()
            raise _unreachable(self.address, error) from error
        except BaseException:
            await self.close()
            raise
        self.owing = False
        return answers

    def peer(self) -> str:
        """The other end's address as `ip:port`, "" for a Unix socket: what a host name in the settings stands for."""
        writer = getattr(self._connection, "_writer", None)
        peer = writer.get_extra_info("peername") if writer is not None else None
        return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""

    async def usable(self) -> bool:
        """Whether the connection is open as far as this end knows, with nothing left unread."""
        for _ in range(2):  # the loop hears of a connection that was closed meanwhile in its next round
            await asyncio.sleep(0)
        try:
            return self._connection.is_connected and not await self._connection.can_read()
        except (RedisError, OSError):
            return False

    async def close(self) -> None:
        """Closes at once."""
        await self._connection.disconnect(nowait=True)

    async def _answer(self) -> object:
        try:
            return await self._connection.read_response()
        except ResponseError as error:
            return error


class Endpoint:
    """What the adapters of one server and one credential share: a warm connection, and what they know of the server."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.users = 0
        self.known = Catalogue({})
        self.lookout = Lookout()
        self.abandoned: set[str] = set()  # our own connections that died owing an answer
        self._warm: Line | None = None
        self._busy = asyncio.Lock()

    @staticmethod
    def key(address: Address) -> tuple[str, str, str, str]:
        """What endpoints are told apart by; the password only as a digest."""
        return ("redis_acl", address.name, address.user, sha256(address.password.encode()).hexdigest())

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """Lends the warm connection, or where that is busy one of its own, at once.

        Only where the server has no room for another does it wait for the warm one.
        """
        if not self._busy.locked():
            async with self._lent_warm() as line:
                yield line
            return
        try:
            own = await Line.open(self.address)
        except Full:
            async with self._lent_warm() as line:
                yield line
            return
        try:
            yield own
        finally:
            await own.close()
            self._note(own)

    async def bury(self, line: Line) -> None:
        """Ends `line` at the server, so that nothing that it sent can run any more; gives up after `BURY_SECONDS`.

        A server that refuses the connection outright runs nothing: its process, and every connection to it, is gone.
        What could not be ended stays in `abandoned`, and the next look at this server ends it before anything else.
        """
        self._note(line)
        line.owing = False
        with suppress(TimeoutError):
            async with asyncio.timeout(BURY_SECONDS):
                while self.abandoned:
                    await self._try_to_bury()
                    await asyncio.sleep(BURY_PAUSE if self.abandoned else 0)

    def burials(self) -> list[Command]:
        """The commands that end our abandoned connections, to be sent ahead of a cut: late bytes must not undo it."""
        return [("CLIENT", "KILL", "ID", number) for number in sorted(self.abandoned)]

    async def aclose(self) -> None:
        """Closes the warm connection when the last adapter that shares it is done."""
        self.users -= 1
        if self.users <= 0:
            await self._drop()

    async def _drop(self) -> None:
        warm, self._warm = self._warm, None
        if warm is not None:
            await warm.close()

    async def _try_to_bury(self) -> None:
        try:
            await self._bury_once()
        except Unreachable as error:
            if "refused" in str(error).lower():
                self.abandoned.clear()

    async def _bury_once(self) -> None:
        line = await Line.open(self.address)
        try:
            numbers = sorted(self.abandoned)
            await line.ask(*(("CLIENT", "KILL", "ID", number) for number in numbers))
            self.abandoned.difference_update(numbers)
        finally:
            await line.close()

    @asynccontextmanager
    async def _lent_warm(self) -> AsyncIterator[Line]:
        async with self._busy:
            if self._warm is not None and not await self._warm.usable():
                await self._drop()
            if self._warm is None:
                self._warm = await Line.open(self.address)
            line = self._warm
            try:
                yield line
            finally:
                self._note(line)

    def _note(self, line: Line) -> None:
        if line.owing and line.number is not None:
            self.abandoned.add(line.number)


def raised(answers: Sequence[object], *, address: Address, user: str) -> None:
    """Raises the first error among `answers` as the contract's: `Refused` for a right that the bot lacks."""
    errors = [answer for answer in answers if isinstance(answer, ResponseError)]
    told = next((error for error in errors if not isinstance(error, ExecAbortError)), None) or next(iter(errors), None)
    if told is None:
        return
    if isinstance(told, NoPermissionError):
        raise Refused(
            f"{address.name} does not let {address.user} do that to {user}: {told}; "
            "paste the bot's rights from docs/adapters/redis_acl.md",
            missing=_named(str(told)),
        )
    raise AdapterError(f"{address.name} answered {told} to a change of {user}; look at the server, the bot tries again")


def _named(text: str) -> tuple[str, ...]:
    """The command in `no permissions to run the 'acl|setuser' command`."""
    parts = text.split("'")
    return (f"+{parts[1]}",) if len(parts) > 2 else ()  # noqa: PLR2004  # before, the name, after


def _unreachable(address: Address, error: Exception) -> Unreachable:
    text = str(error) or type(error).__name__
    if "max number of clients" in text:
        return Full(f"{address.name} takes no more connections; raise maxclients or end some")
    if isinstance(error, BusyLoadingError):
        return Unreachable(f"{address.name} is loading its data; the bot tries again")
    return Unreachable(f"{address.name} did not answer: {text}; check that it runs and that the bot can reach it")
