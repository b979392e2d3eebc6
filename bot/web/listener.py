"""A listening socket that slow, silent and too many peers cannot take away from a stop.

aiohttp waits for the first request of a connection as long as the peer likes. Here a connection has a few seconds to
send a whole request, and where too many are open, the one that has owed its request longest goes.
"""

import asyncio
import errno
import ipaddress
import os
from collections import OrderedDict
from collections.abc import Callable
from typing import cast

from aiohttp import web

from bot.web.answers import Handler, problem

PATIENCE = 10.0  # seconds for a whole request, and for taking the answer to the one before
BODY_WITHIN = 3.0  # seconds for a body after its head: Slack itself gives up after three
MOST = 400  # connections; below the usual 1,024 descriptors of a process, most of which the surfaces need
_SHUTDOWN = 3.0


class NotLoopbackError(ValueError):
    """A listener without authentication would be reachable from other machines."""


def require_loopback(host: str) -> None:
    """Refuses to show the private listener to the network.

    Raises:
        NotLoopbackError: `host` is not a loopback address.
    """
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local:
        raise NotLoopbackError(
            f"the private listener (status page, metrics, /readyz) has no login and does not listen on {host}: "
            "use 127.0.0.1, and a tunnel or an authenticating proxy to reach it from elsewhere"
        )


def cannot_listen(error: OSError, what: str, address: str, variable: str) -> str:
    """Why a listener could not start, and what to set.

    Args:
        error: of `Listener.start`.
        what: which listener.
        address: `host:port`.
        variable: the environment variable of the port.
    """
    if error.errno == errno.EADDRINUSE:
        return (
            f"the {what} listener cannot start: {address} is taken; set {variable} to a free port, or end what has it"
        )
    settings = f"{variable} or AGENT_KILL_HOST" if what == "public" else variable
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return f"the {what} listener cannot listen on {address}: {why}; set {settings} to what it may have"


class Listener:
    """Serves an application on one address.

    Args:
        app: not started yet.
        host: address to listen on.
        port: 0 takes a free one.
        patience: seconds for a whole request.
        most: connections that may be open at once.
    """

    def __init__(
        self, app: web.Application, host: str, port: int, *, patience: float = PATIENCE, most: int = MOST
    ) -> None:
        self._host, self._port = host, port
        self._peers = _Peers(patience, most)
        app.middlewares.append(self._peers.read_first)
        self._runner = web.AppRunner(
            app,
            access_log=None,  # the audit is the journal; paths of strangers are noise
            keepalive_timeout=patience,
            shutdown_timeout=_SHUTDOWN,
            lingering_time=1.0,
            auto_decompress=False,  # a signature covers the bytes as they travel, and no bomb unfolds
        )
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listens, and returns the port. Raises OSError where the address is taken."""
        port = await self.bind()
        await self.serve()
        return port

    async def bind(self) -> int:
        """Takes the address, lets nobody in yet, and returns the port.

        Raises:
            OSError: it cannot be had. `EMFILE`: every descriptor is taken.
        """
        loop = asyncio.get_running_loop()
        if self._server is None:
            server = await loop.create_server(self._peer, self._host, self._port, backlog=1024, start_serving=False)
            if not server.sockets:  # asyncio takes a socket that it is refused for a family that there is not
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            self._server = server
        return int(self._server.sockets[0].getsockname()[1])

    async def serve(self) -> None:
        """Lets peers in, after `bind`. Raises OSError where somebody else listens at the same address meanwhile."""
        await self._runner.setup()
        if self._server is None:
            raise RuntimeError(f"nothing is bound to {self._host}:{self._port}: call `bind` first")
        try:
            await self._server.start_serving()
        except OSError:
            await self.stop()
            raise

    def _peer(self) -> asyncio.Protocol:
        make = cast("Callable[[], asyncio.Protocol]", self._runner.server)
        return _Peer(make(), self._peers)

    async def stop(self) -> None:
        """Closes the socket, lets running requests end for three seconds, closes the rest."""
        if self._server:
            self._server.close()
            self._server = None
        await self._runner.cleanup()
        self._peers.close()


class _Peers:
    """The connections that owe a request, the one that waits longest first, and how many are open at all."""

    def __init__(self, patience: float, most: int) -> None:
        self._patience, self._most = patience, most
        self._waiting: OrderedDict[asyncio.BaseTransport, asyncio.TimerHandle] = OrderedDict()
        self._open: set[asyncio.BaseTransport] = set()

    def opened(self, transport: asyncio.Transport) -> None:
        """One more; the newest sends its request at once, the oldest that has sent none is the one to lose."""
        self._open.add(transport)
        self._wait(transport)
        if len(self._open) > self._most:
            self._abort(next(iter(self._waiting)))

    def closed(self, transport: asyncio.BaseTransport) -> None:
        """One less."""
        self._open.discard(transport)
        self._came(transport)

    def close(self) -> None:
        """Ends all that are left."""
        for transport in list(self._open):
            self._abort(transport)

    @web.middleware
    async def read_first(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Reads the whole body before the handler starts, within a time and a size: no handler waits for a peer."""
        try:
            async with asyncio.timeout(BODY_WITHIN):
                await request.read()
        except TimeoutError:
            answer = problem(408, f"the body did not arrive within {BODY_WITHIN:.0f} s")
            answer.force_close()
            return answer
        transport = request.transport
        if transport is None or transport not in self._open:
            return await handler(request)
        self._came(transport)
        try:
            return await handler(request)
        finally:
            if transport in self._open:
                self._wait(transport)

    def _wait(self, transport: asyncio.BaseTransport) -> None:
        """From now on the peer has `patience` to take its answer and to send a whole request."""
        loop = asyncio.get_running_loop()
        self._waiting[transport] = loop.call_later(self._patience, self._abort, transport)

    def _came(self, transport: asyncio.BaseTransport) -> None:
        timer = self._waiting.pop(transport, None)
        if timer:
            timer.cancel()

    def _abort(self, transport: asyncio.BaseTransport) -> None:
        self.closed(transport)
        cast("asyncio.Transport", transport).abort()


class _Peer(asyncio.Protocol):
    """One connection: aiohttp's own protocol, watched."""

    def __init__(self, inner: asyncio.Protocol, peers: _Peers) -> None:
        self._inner, self._peers = inner, peers
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._inner.connection_made(transport)
        self._peers.opened(cast("asyncio.Transport", transport))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport:
            self._peers.closed(self._transport)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
