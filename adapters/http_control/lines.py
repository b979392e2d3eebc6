"""Keep-alive connections of our own for control calls, since ten thousand of them are cut at once.

A general client spends some ten times the processor time of these two files on one small call (`docs/performance.md`).
What these lines do not take for granted (a login in the address, an odd answer) is `Odd`, and the general client's.
"""

import asyncio
import socket
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohappyeyeballs
from aiohttp.abc import ResolveResult
from yarl import URL

from adapters.http_control.answer import Answer
from adapters.http_control.parse import Odd, Reading
from adapters.http_control.request import Request

KEEP = 90.0  # seconds that an idle connection is kept: longer than the drift watch's interval, so that it stays warm
_SWEEP = 30.0  # seconds between two looks for connections that idle for too long
_EYEBALLS = 0.25  # seconds until the next address of a name is tried beside (RFC 8305)
_GONE = 1.0  # seconds that the end of a call waits for its connection's

Resolve = Callable[[str, int], Awaitable[list[ResolveResult]]]


class Lost(ConnectionError):
    """The connection ended before the answer was whole."""

    def __init__(self, why: str, *, heard: bool) -> None:
        super().__init__(why)
        self.heard = heard  # whether any byte of an answer had come


class Line(asyncio.Protocol):
    """One connection; at most one call at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self.calls = 0
        self._reading = Reading()
        self._heard = False
        self._answer: asyncio.Future[Answer] | None = None
        self._end = asyncio.get_running_loop().create_future()

    @property
    def usable(self) -> bool:
        """Whether it may take another call."""
        return self.transport is not None and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of `asyncio.Protocol`."""
        self.transport = transport  # type: ignore[assignment]  # a stream's is a Transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of `asyncio.Protocol`."""
        self.transport = None
        self._fail(Lost(str(exc or "the connection was closed before the answer was whole"), heard=self._heard))
        if not self._end.done():
            self._end.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Part of `asyncio.Protocol`."""
        waiting = self._answer
        if waiting is None or waiting.done():
            self.drop()  # nobody asked
            return
        self._heard = True
        try:
            answer = self._reading.feed(data)
        except ValueError as error:
            self._fail(error)
            self.drop()
            return
        if answer is not None:
            if not self._reading.keep:
                self.drop()
            waiting.set_result(answer)

    async def call(self, request: bytes) -> Answer:
        """Sends a request and reads its answer. One that does not end well ends with the connection gone.

        Raises:
            Lost: the connection ended.
            Odd: the answer is not for this reader.
            TooLong: the answer is too long.
        """
        if self.transport is None:
            raise Lost("the connection was closed", heard=False)
        self.calls += 1
        self._reading, self._heard = Reading(), False
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        try:
            return await self._answer
        except BaseException:
            self.drop()
            await asyncio.wait({self._end}, timeout=_GONE)
            raise
        finally:
            self._answer = None

    def drop(self) -> None:
        """Ends the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


@dataclass(slots=True)
class _Endpoint:
    """Where connections lead, and those that wait for a call, the latest last."""

    host: str
    port: int
    tls: bool
    idle: "deque[Line]" = field(default_factory=deque)


class Lines:
    """Every endpoint's connections: a call never waits for another's.

    Args:
        resolve: looks a name up.
    """

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._endpoints: dict[tuple[str, int, bool], _Endpoint] = {}
        self._heads: dict[tuple[str, URL], tuple[_Endpoint, bytes]] = {}
        self._odd: set[URL] = set()
        self._tls: ssl.SSLContext | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def call(self, url: URL, request: Request) -> Answer:
        """Sends one request over a connection of its own for as long as it takes.

        Raises:
            Odd: not for these lines; the address or the answer asks for the general client, now and later.
            TooLong: the answer is too long.
            OSError: no connection, or it was lost.
        """
        if url in self._odd:
            raise Odd("known")
        endpoint, head = self._heads.get((request.method, url)) or self._head(request.method, url)
        try:
            return await self._send(endpoint, head, request)
        except Odd:
            self._odd.add(url)
            raise

    def close(self) -> None:
        """Ends what is idle; calls under way end with whoever made them."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for endpoint in self._endpoints.values():
            while endpoint.idle:
                endpoint.idle.pop().drop()

    async def _send(self, endpoint: _Endpoint, head: bytes, request: Request) -> Answer:
        while (line := self._take(endpoint)) is not None:
            try:
                return await self._over(line, endpoint, _whole(head, request))
            except Lost as error:
                if error.heard:
                    raise
                # it was closed while it idled; setting a mode twice is setting it once, so another one carries it
        return await self._over(await self._connect(endpoint), endpoint, _whole(head, request))

    async def _over(self, line: Line, endpoint: _Endpoint, request: bytes) -> Answer:
        answer = await line.call(request)
        if line.usable:
            line.idle_since = time.monotonic()
            endpoint.idle.append(line)
        return answer

    @staticmethod
    def _take(endpoint: _Endpoint) -> Line | None:
        """The connection that was used last, so that those that nobody needs grow old."""
        while endpoint.idle:
            line = endpoint.idle.pop()
            if line.usable:
                return line
        return None

    async def _connect(self, endpoint: _Endpoint) -> Line:
        loop = asyncio.get_running_loop()
        if self._sweeper is None:
            self._sweeper = loop.call_later(_SWEEP, self._sweep)
        sock = await self._socket(endpoint)
        try:
            _, line = await loop.create_connection(
                Line,
                sock=sock,
                ssl=self._context() if endpoint.tls else None,
                server_hostname=endpoint.host if endpoint.tls else None,
            )
        except BaseException:
            sock.close()
            raise
        return line

    async def _socket(self, endpoint: _Endpoint) -> socket.socket:
        """A connected socket to the first address that answers."""
        found = await self._resolve(endpoint.host, endpoint.port)
        places = [
            (one["family"], socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (one["host"], one["port"])) for one in found
        ]
        sock = await aiohappyeyeballs.start_connection(
            places,
            happy_eyeballs_delay=_EYEBALLS if len(places) > 1 else None,
            loop=asyncio.get_running_loop(),
        )
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _head(self, method: str, url: URL) -> tuple[_Endpoint, bytes]:
        """The endpoint and the part of the request that is the same every time; made once."""
        if url.user is not None:
            raise Odd("a login")
        host, port, tls = url.raw_host or "", url.port or 0, url.scheme == "https"
        endpoint = self._endpoints.setdefault((host, port, tls), _Endpoint(host, port, tls))
        lines = (
            f"{method} {url.raw_path_qs} HTTP/1.1",
            f"Host: {url.host_port_subcomponent}",
            "Accept: application/json",
            "Accept-Encoding: identity",
            "User-Agent: agent-kill",
            "",
        )
        made = self._heads[method, url] = endpoint, "\r\n".join(lines).encode("ascii")
        return made

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def _sweep(self) -> None:
        """Ends connections that nobody used for a while."""
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP, self._sweep)
        oldest = time.monotonic() - KEEP
        for endpoint in self._endpoints.values():
            while endpoint.idle and (endpoint.idle[0].idle_since < oldest or not endpoint.idle[0].usable):
                endpoint.idle.popleft().drop()


def _whole(head: bytes, request: Request) -> bytes:
    """The bytes of one try."""
    if request.method == "GET":
        return b"%b%b\r\n" % (head, request.head().encode("latin-1"))
    body = request.body
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (head, request.head().encode("latin-1"), len(body), body)
