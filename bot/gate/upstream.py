"""The way to the upstreams: exactly the path that was judged, no redirects, no cookies, nothing unpacked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    StreamReader,
    TCPConnector,
)
from multidict import CIMultiDict
from yarl import URL

from bot.gate.answer import Answer
from bot.gate.judge import Call, Headers
from bot.gate.route import Route
from bot.gate.spool import Parcel

_AUTO = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
_IDLE = 4.0  # seconds: some servers close after five, and a call on a closed line would fail
_HOPS = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "host", "expect", "content-length",
})  # fmt: skip
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = "x-agent-kill-"
_MENTION = 2.0  # seconds
_LARGEST = 16_000_000  # bytes of the answer to a released call that its caller is given


class Upstreams:
    """One client for all surfaces of a gate; made inside a running loop."""

    def __init__(self) -> None:
        self._mentions: set[asyncio.Task[None]] = set()
        self._session = _client(TCPConnector(limit=0, keepalive_timeout=_IDLE))
        # On a kept line that the server closed, the client sends a PUT or DELETE a second time, which may then be two:
        # only what reads may come twice. What is parked has a line of its own, which no server closes beforehand.
        self._session._retry_connection = False  # noqa: SLF001  # there is no public word for it
        self._reads = _client(TCPConnector(limit=0, keepalive_timeout=_IDLE))
        self._single = _client(TCPConnector(limit=0, force_close=True))

    @asynccontextmanager
    async def call(
        self, route: Route, call: Call, body: "bytes | StreamReader | None", *, once: bool = False
    ) -> AsyncIterator[ClientResponse]:
        """Sends a call; whoever leaves before the answer ended closes the connection. Raises `ClientError`, OSError."""
        reads = call.method in _READS and body is None
        session = self._single if once else self._reads if reads else self._session
        url = URL(f"{route.settings.upstream}{call.target}", encoded=True)
        headers = _headers(route, call, body)
        response = await session.request(
            call.method, url, headers=headers, data=body, allow_redirects=False, skip_auto_headers=_AUTO
        )
        try:
            yield response
        finally:
            if response.content.is_eof():
                response.release()
            else:
                response.close()

    async def carry_out(self, route: Route, one: Parcel) -> Answer:
        """Sends what was parked, once, and returns the whole answer. Raises as `call` does."""
        path, _, query = one.target.partition("?")
        call = Call(one.method, path, query, one.headers)
        async with self.call(route, call, one.body or None, once=True) as response:
            body = bytearray()
            async for part in response.content.iter_any():
                if len(body) <= _LARGEST:
                    body += part
            headers = dict(answered(response))
            if len(body) > _LARGEST:
                return Answer(502, b'{"error": "done, and the answer was too long to keep"}\n', {})
            return Answer(response.status, bytes(body), headers)

    def mention(self, route: Route, call: Call, body: bytes) -> None:
        """Sends a message that nobody waits for; whatever comes of it."""
        task = asyncio.create_task(self._mention(route, call, body))
        self._mentions.add(task)
        task.add_done_callback(self._mentions.discard)

    async def _mention(self, route: Route, call: Call, body: bytes) -> None:
        with contextlib.suppress(ClientError, OSError, TimeoutError):
            async with asyncio.timeout(_MENTION), self.call(route, call, body):
                pass

    async def aclose(self) -> None:
        """Closes every connection."""
        for task in self._mentions:
            task.cancel()
        await self._session.close()
        await self._reads.close()
        await self._single.close()


def answered(response: ClientResponse) -> Iterable[tuple[str, str]]:
    """The headers that an agent gets: what only this gate may say is the gate's alone."""
    for name, value in response.headers.items():
        low = name.lower()
        if low not in _HOPS and not low.startswith(_OURS):
            yield name, value


def kept(headers: Headers) -> tuple[tuple[str, str], ...]:
    """The headers of a call that its upstream gets."""
    return tuple(
        (name, value) for name, value in headers if name.lower() not in _HOPS and not name.lower().startswith(_OURS)
    )


def _headers(route: Route, call: Call, body: object) -> CIMultiDict[str]:
    sent = CIMultiDict(kept(call.headers))
    if isinstance(body, StreamReader) and (length := call.values("content-length")):
        sent["Content-Length"] = length[0]
    for name, value in route.settings.upstream_headers.items():
        sent[name] = value.get_secret_value()
    return sent


def _client(connector: TCPConnector) -> ClientSession:
    return ClientSession(
        connector=connector,
        timeout=ClientTimeout(total=None, connect=None, sock_connect=10.0, sock_read=None),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )
