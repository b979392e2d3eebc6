"""A listening socket whose callers cannot use up what the bot needs to reach the gate."""

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import web

_HEAD_WITHIN = 30.0  # seconds for the first request of a connection


class Listener:
    """Serves on one address.

    Args:
        server: aiohttp's.
        most: connections that may be open; one that comes when there is no room is closed. 0: no bound.
    """

    def __init__(self, server: web.Server, most: int = 0) -> None:
        self._protocols, self._most = server, most
        self._open: set[asyncio.BaseTransport] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens, and returns the port. Raises OSError where the address is taken."""
        make = cast("Callable[[], asyncio.Protocol]", self._protocols)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Counted(make(), self._open, self._most), host, port, backlog=1024
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Closes the socket and every connection, without waiting for calls."""
        if self._server:
            self._server.close()
        for transport in list(self._open):
            cast("asyncio.Transport", transport).abort()
        await self._protocols.shutdown(1.0)


class _Counted(asyncio.Protocol):
    """One connection: aiohttp's own protocol, counted."""

    def __init__(self, inner: asyncio.Protocol, opened: set[asyncio.BaseTransport], most: int) -> None:
        self._inner, self._opened, self._most = inner, opened, most
        self._transport: asyncio.BaseTransport | None = None
        self._late: asyncio.TimerHandle | None = None
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._opened.add(transport)
        self._inner.connection_made(transport)
        if self._most and len(self._opened) > self._most:
            cast("asyncio.Transport", transport).abort()
        elif self._most:
            loop = asyncio.get_running_loop()
            self._late = loop.call_later(_HEAD_WITHIN, cast("asyncio.Transport", transport).abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport:
            self._opened.discard(self._transport)
        self._came()
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._late is not None:
            if b"\r\n\r\n" in self._tail + data:
                self._came()
            self._tail = (self._tail + data)[-3:]
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def _came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
