"""Connections to the Redis that is the broker: a warm one per login, and others where that is busy.

The client library only speaks the protocol: its pool, retries and timeouts are left out, because the dispatcher owns
deadlines and retries.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Self, cast
from urllib.parse import urlsplit

from redis._parsers import _AsyncRESP2Parser
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.exceptions import AuthenticationError, InvalidResponse, NoPermissionError, RedisError, ResponseError

from adapters.errors import AdapterError, Refused, Unreachable

Command = tuple[str | bytes, ...]
LARGEST = 32 * 1024 * 1024  # bytes of one answer


class _Bounded(_AsyncRESP2Parser):
    """Believes no announced length beyond `LARGEST`: an endless answer must not fill the bot's memory."""

    async def _read(self, length: int) -> bytes:
        if length > LARGEST:
            raise InvalidResponse(f"an answer of {length} bytes was announced")
        return await super()._read(length)


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart. `name` is `host:port/database` and safe to show."""

    name: str
    user: str
    password: str = field(repr=False)
    options: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Self:
        """Reads `redis://`, `rediss://` or `unix://`. Raises `ValueError` without repeating the URL."""
        if "://" not in url or urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("a celery_workers url starts with redis://, rediss:// or unix://")
        options = dict(parse_url(url))
        host = str(options.get("host", "127.0.0.1")).lower()
        place = options.get("path") or f"{'127.0.0.1' if host == 'localhost' else host}:{options.get('port', 6379)}"
        user = str(options.get("username") or "default")
        return cls(f"{place}/{options.get('db', 0)}", user, str(options.get("password") or ""), options)

    def connection(self) -> AbstractConnection:
        """A connection that is not open yet: RESP2, no retries, no timeouts, no greetings that need a permission."""
        options = {**self.options, "protocol": 2, "driver_info": None, "encoding_errors": "surrogateescape"}
        options |= {"socket_timeout": None, "socket_connect_timeout": None, "health_check_interval": 0}
        options["parser_class"] = _Bounded
        make = options.pop("connection_class", Connection)
        return cast("AbstractConnection", make(**options))


class Line:
    """One open connection. `ask` sends some commands at once and returns their answers in order."""

    def __init__(self, address: Address, connection: AbstractConnection) -> None:
        self.address = address
        self._connection = connection

    @classmethod
    async def open(cls, address: Address) -> Self:
        """Connects and logs in. Raises `Refused` or `Unreachable`."""
        connection = address.connection()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        except (AuthenticationError, NoPermissionError) as error:
            raise Refused(
                f"{address.name} refuses the login of {address.user}: {error}; correct settings.url",
                missing=(f"login of {address.user}",),
            ) from error
        except (RedisError, OSError) as error:
            raise _unreachable(address, error) from error
        except asyncio.CancelledError:
            await connection.disconnect(nowait=True)
            raise
        return cls(address, connection)

    async def ask(self, *commands: Command) -> list[Any]:
        """Returns one answer per command. When it is cancelled the connection is closed.

        Raises:
            Unreachable: the connection was lost.
            Refused: a right that the bot lacks.
            AdapterError: any other error that the server answered.
        """
        answers = await self.tried(*commands)
        for error in (answer for answer in answers if isinstance(answer, ResponseError)):
            if isinstance(error, NoPermissionError):
                raise Refused(
                    f"{self.address.name} does not let {self.address.user} do that: {error}; paste the rights from "
                    "docs/adapters/celery_workers.md",
                    missing=(str(error),),
                )
            raise AdapterError(f"{self.address.name} answered {error}; the bot tries again")
        return answers

    async def tried(self, *commands: Command) -> list[Any]:
        """As `ask`, with the server's errors as answers."""
        try:
            await self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
            return [await self._answer() for _ in commands]
        except (RedisError, OSError) as error:
            await self.close()
            raise _unreachable(self.address, error) from error
        except BaseException:
            await self.close()
            raise

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
    """What the adapters of one database and login share: a warm connection."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.users = 0
        self._warm: Line | None = None
        self._busy = asyncio.Lock()

    @staticmethod
    def key(address: Address) -> tuple[str, ...]:
        """What endpoints are told apart by; the password only as a digest."""
        return ("celery_workers", address.name, address.user, sha256(address.password.encode()).hexdigest())

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """Lends the warm connection, or where that is busy one of its own; without room for one, waits for it."""
        if self._busy.locked() and (own := await self._own()) is not None:
            try:
                yield own
            finally:
                await own.close()
            return
        async with self._busy:
            if self._warm is None or not await self._warm.usable():
                await self._drop()
                self._warm = await Line.open(self.address)
            yield self._warm

    async def aclose(self) -> None:
        """Closes the warm connection when the last adapter that shares it is done."""
        self.users -= 1
        if self.users <= 0:
            await self._drop()

    async def _own(self) -> Line | None:
        try:
            return await Line.open(self.address)
        except Unreachable:
            return None

    async def _drop(self) -> None:
        warm, self._warm = self._warm, None
        if warm is not None:
            await warm.close()


def _unreachable(address: Address, error: Exception) -> Unreachable:
    text = str(error) or type(error).__name__
    return Unreachable(f"{address.name} did not answer: {text}; check that it runs and that the bot can reach it")
