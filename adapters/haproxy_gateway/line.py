"""A connection to a runtime API or to a master's command line, and the few that adapters of one process keep to it.

It is one line of text each way (HAProxy's management guide, section 9.3). The interactive mode (`prompt`) keeps the
connection open, so that a node whose every connection is taken can still be cut over the one that was there first.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Self

from adapters.errors import AdapterError, Refused, Unreachable

LARGEST = 48 * 1024 * 1024  # bytes of one answer; `show sess` of ten thousand requests takes 3 MB
_GREETING = 256  # bytes of the first prompt, and far more than it has
_PART = 256 * 1024
_BUSY = 0.25  # seconds that a second connection may take before the warm one is waited for
_TRIES = 3
_IDLE = 7200  # seconds that HAProxy may leave the warm connection idle
_PROMPT = re.compile(rb"(?:\A|\n)(\w*)> \Z")
_ALIVE = ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command line is: a path, or a host and a port."""

    name: str
    path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def of(cls, text: str) -> Self:
        """Reads `/path` or `host:port`. Raises `ValueError`."""
        if text.startswith("/"):
            return cls(text, path=text)
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]").lower()
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise ValueError(f"{text!r} is neither /path/of/a.sock nor host:port")
        host = "127.0.0.1" if host == "localhost" else host
        return cls(f"{host}:{port}", host=host, port=int(port))


class Line:
    """One open connection; `ask` sends a command and returns its answer."""

    def __init__(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.place = place
        self.master = False  # whether it is a master's, that speaks for several processes
        self.owing = False  # whether a command was sent whose answer did not come
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, place: Place) -> Self:
        """Connects and asks for a prompt. Raises `Refused`, `Unreachable` or `AdapterError`."""
        try:
            if place.path:
                reader, writer = await asyncio.open_unix_connection(place.path)
            else:
                reader, writer = await asyncio.open_connection(place.host, place.port)
        except PermissionError as error:
            raise Refused(
                f"the bot may not open {place.name}: give its user or group the socket (`stats socket … group`)",
                missing=(f"access to the socket {place.name}",),
            ) from error
        except OSError as error:
            raise _lost(place, error) from error
        line = cls(place, reader, writer)
        try:
            await line._greet()
        except BaseException:
            line.close()
            raise
        return line

    async def ask(self, command: str, *, loosens: bool = False) -> str:
        """Returns the answer, without the prompt.

        Args:
            command: one line; of several commands in it only the first answer would be read.
            loosens: the line stays open when this is cancelled, so that it can be waited for until nothing of it can
                run any more (`Endpoint.settle`). Otherwise it is closed.

        Raises:
            Unreachable: the connection was lost.
            AdapterError: what came is no answer of HAProxy's.
        """
        self.owing = True
        try:
            self._writer.write(command.encode() + b"\n")
            answer = (await self._read(LARGEST)).decode(errors="replace")
        except BaseException as error:
            if not (loosens and isinstance(error, asyncio.CancelledError)):
                self.close()
            raise
        self.owing = False
        return answer

    async def usable(self) -> bool:
        """Whether the connection is open as far as this end knows, and owes nothing."""
        for _ in range(2):  # the loop hears of a connection that was closed meanwhile in its next round
            await asyncio.sleep(0)
        return not (self.owing or self._reader.at_eof() or self._writer.is_closing())

    async def leaving(self) -> bool:
        """Whether it leads to a process that only ends its requests, while another one takes the new ones."""
        return not self.master and "\nStopping: 1" in await self.ask("show info")

    async def end(self) -> None:
        """Returns once what was sent was answered, or its process is gone, and closes."""
        with suppress(AdapterError):
            await self._read(LARGEST)
        self.close()

    def close(self) -> None:
        """Closes at once."""
        self._writer.transport.abort()

    async def _greet(self) -> None:
        if not self.place.path:
            sock = self._writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _ALIVE:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
        self._writer.write(b"prompt\n")
        if (await self._read(_GREETING)).strip():
            raise AdapterError(_strange(self.place))
        if not self.master:
            await self.ask(f"set timeout cli {_IDLE}")

    async def _read(self, most: int) -> bytes:
        heard = bytearray()
        while not (end := _PROMPT.search(heard, max(0, len(heard) - 80))):
            try:
                part = await self._reader.read(_PART)
            except OSError as error:
                raise _lost(self.place, error) from error
            if not part:
                raise _lost(self.place, "the connection was closed")
            heard += part
            if len(heard) > most:
                raise AdapterError(_strange(self.place))
        self.master = self.master or end[1] == b"master"
        return bytes(heard[: end.start()])


class Endpoint:
    """What adapters of one process share of one command line: a warm connection, and those that may still act."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.users = 0
        self.owed: list[Line] = []  # ours, abandoned in the middle of a loosening
        self._warm: Line | None = None
        self._busy = asyncio.Lock()

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """Lends the warm connection, or where that is busy one of its own; where no other can be had, waits for it."""
        if self._busy.locked() and (own := await self._own()) is not None:
            try:
                yield own
            finally:
                self._put(own)
            return
        async with self._busy:
            line = await self._present()
            try:
                yield line
            finally:
                if line.owing:
                    self._warm = None
                    self._put(line)

    async def settle(self) -> bool:
        """Waits until no abandoned loosening can run any more. Returns whether there was one."""
        there_was = bool(self.owed)
        while self.owed:
            await self.owed[-1].end()
            self.owed.pop()
        return there_was

    def leave(self) -> None:
        """One adapter less; the last one closes everything."""
        self.users -= 1
        if self.users <= 0:
            self._drop()
            while self.owed:
                self.owed.pop().close()

    async def _present(self) -> Line:
        """The warm connection, which must not lead to a worker that a reload left behind: its map is nobody's."""
        for _ in range(_TRIES):
            if self._warm is None or not await self._warm.usable():
                self._drop()
                self._warm = await Line.open(self.place)
            if not await self._warm.leaving():
                return self._warm
            self._drop()
        raise Unreachable(f"{self.place.name} is being reloaded: its old worker still answers; the bot tries again")

    async def _own(self) -> Line | None:
        with suppress(TimeoutError, Unreachable):
            async with asyncio.timeout(_BUSY):
                return await Line.open(self.place)
        return None

    def _put(self, line: Line) -> None:
        """Puts a connection away: one that owes an answer and is open is remembered."""
        if line.owing and not line._writer.is_closing():  # noqa: SLF001  # the two are one thing
            self.owed.append(line)
        else:
            line.close()

    def _drop(self) -> None:
        warm, self._warm = self._warm, None
        if warm is not None:
            warm.close()


def _lost(place: Place, error: object) -> Unreachable:
    return Unreachable(
        f"{place.name} did not answer ({error}): check that HAProxy runs and that the bot can reach its socket"
    )


def _strange(place: Place) -> str:
    return f"{place.name} does not answer as HAProxy's runtime API does: check settings.nodes"
