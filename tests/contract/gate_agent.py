"""An agent that writes its requests byte by byte, and an upstream that records what it understood of them."""

import asyncio
import json
import socket
from dataclasses import dataclass, field

from aiohttp import web

from bot.sandbox.servers import HOST

READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass
class Recorder:
    """An upstream that keeps every call: its method, path and body, as a lenient server reads them.

    `line` is a socket that listens already, and stays open after it; `at` a port, 0 a free one. No call is answered
    until `go` is set, as it is at first.
    """

    calls: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    line: socket.socket | None = None
    at: int = 0
    port: int = 0
    status: int = 200
    go: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.ServerRunner | None = None

    @property
    def writes(self) -> list[tuple[str, str, bytes]]:
        """What was no read, by its method or by an override that a framework would take."""
        return [
            call
            for call, headers in zip(self.calls, self.headers, strict=True)
            if call[0] not in READS or "x-http-method-override" in headers or "_method" in call[1].lower() or call[2]
        ]

    async def start(self) -> None:
        """Serves."""
        self.go.set()
        self._runner = web.ServerRunner(web.Server(self._take, access_log=None))
        await self._runner.setup()
        site = (
            web.SockSite(self._runner, self.line.dup())
            if self.line
            else web.TCPSite(self._runner, HOST, self.at, reuse_address=True)
        )
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Ends it."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.BaseRequest) -> web.Response:
        self.calls.append((request.method, request.raw_path, await request.read()))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        await self.go.wait()
        return web.Response(status=self.status, text="done", headers={"X-Agent-Kill-Mode": "normal", "X-Own": "yes"})


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, object]:
        """The body as JSON."""
        found: dict[str, object] = json.loads(self.body)
        return found


async def raw(port: int, data: bytes, *, within: float = 5.0) -> list[Reply]:
    """Writes bytes on a connection of its own and returns every answer until it is closed, or none comes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(data)
        await writer.drain()
        replies: list[Reply] = []
        while True:
            try:
                async with asyncio.timeout(within if not replies else 0.2):
                    head = await reader.readuntil(b"\r\n\r\n")
                    replies.append(await _reply(head, reader))
            except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
                return replies
    finally:
        writer.close()


async def _reply(head: bytes, reader: asyncio.StreamReader) -> Reply:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Reply(int(first.split(" ")[1]), headers, body)


def request(
    method: str, path: str, *headers: str, body: bytes = b"", host: str = "gate", length: bool | None = None
) -> bytes:
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    if length or (length is None and body):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
