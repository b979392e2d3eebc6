"""One HTTP client for all control endpoints of a process: no queue, no redirects, no cookies, nothing unpacked.

A pool limit would make the ten-thousandth stop wait for the first, and a timeout here would count that waiting; so
there is neither, and the dispatcher's cancellation ends a call (aiohttp #1463 is the trap).
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from adapters.errors import AdapterError, Unreachable

LIMIT = 64 * 1024  # bytes of an answer that are read
_NAMES = 64  # names that may be looked up at once: a silent name server holds one of these, not the loop's own threads
_KEEP = 90.0  # seconds that an idle connection is kept: longer than the drift watch's interval, so that it stays warm
_FOREVER = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_PLAIN = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "agent-kill"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers that matter, and the body up to `LIMIT` bytes."""

    status: int
    body: bytes = b""
    mode: str = ""  # the header X-Agent-Kill-Mode


class Wire:
    """The client that adapters share. It opens with the first call and closes with the last adapter."""

    def __init__(self) -> None:
        self.users = 0
        self.accepted: set[str] = set()  # digests of canaries that were seen to work in this process
        self._session: ClientSession | None = None

    async def call(self, method: str, url: URL, *, headers: dict[str, str], body: bytes, name: str) -> Answer:
        """Sends one request and reads its answer.

        Args:
            method: GET or POST.
            url: exactly this one; a redirect is an answer, not an instruction.
            headers: beside the plain ones.
            body: the bytes as they were signed.
            name: what errors call the endpoint; holds no secret.

        Raises:
            Unreachable: no answer: the name, the route, the port, the handshake or the connection.
            AdapterError: an answer of more than `LIMIT` bytes.
        """
        try:
            async with self._open().request(
                method, url, headers=headers, data=body or None, allow_redirects=False
            ) as reply:
                return Answer(reply.status, await _read(reply, name), reply.headers.get("X-Agent-Kill-Mode", ""))
        except (ClientError, OSError) as error:
            raise Unreachable(
                f"{name} did not answer ({short(str(error) or type(error).__name__)}): "
                "check that it runs and that the bot can reach it"
            ) from error

    async def knock(self, method: str, url: URL, *, headers: dict[str, str]) -> Answer | None:
        """Sends one request of the agent's own and reads the status only; None where nothing answered."""
        try:
            async with self._open().request(method, url, headers=headers, allow_redirects=False) as reply:
                return Answer(reply.status, mode=reply.headers.get("X-Agent-Kill-Mode", ""))
        except (ClientError, OSError, ValueError):
            return None

    async def leave(self) -> None:
        """One adapter less; the last one closes the client."""
        self.users -= 1
        if self.users <= 0 and self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _open(self) -> ClientSession:
        if self._session is None or self._session.closed:
            self._session = ClientSession(
                connector=TCPConnector(limit=0, limit_per_host=0, keepalive_timeout=_KEEP, resolver=_Names()),
                timeout=_FOREVER,
                cookie_jar=DummyCookieJar(),
                headers=_PLAIN,
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


class _Names(AbstractResolver):
    """Looks names up on threads of its own, so that a name server that hangs delays nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_NAMES, thread_name_prefix="http_control")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Every address of `host`. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        )
        return [
            ResolveResult(hostname=host, host=str(place[0]), port=port, family=kind, proto=proto, flags=0)
            for kind, _, proto, _, place in found
        ]

    async def close(self) -> None:
        """Lets the threads end without waiting for them."""
        self._threads.shutdown(wait=False, cancel_futures=True)


async def _read(reply: ClientResponse, name: str) -> bytes:
    body = bytearray()
    async for part in reply.content.iter_any():
        body += part
        if len(body) > LIMIT:
            reply.close()
            raise AdapterError(f"{name} answers more than {LIMIT // 1024} KiB: it is not a control endpoint; mend it")
    return bytes(body)


def short(text: str, length: int = 120) -> str:
    """A stranger's text made fit for one line of a report."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:length]).strip()
