"""One HTTP client for all control endpoints of a process: no queue, no redirects, no cookies, nothing unpacked.

A pool limit would make the ten-thousandth stop wait for the first, and a timeout here would count that waiting; so
there is neither, and the dispatcher's cancellation ends a call (aiohttp #1463 is the trap).
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from adapters.errors import AdapterError, Unreachable
from adapters.http_control.answer import LIMIT, Answer
from adapters.http_control.lines import KEEP, Lines
from adapters.http_control.parse import Odd, TooLong
from adapters.http_control.request import Request

_IPV6 = 6
_NAMES = 64  # names that may be looked up at once: a silent name server holds one of these, not the loop's own threads
_FOREVER = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_PLAIN = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "agent-kill"}


class Wire:
    """The client that adapters share. It opens with the first call and closes with the last adapter."""

    def __init__(self) -> None:
        self.users = 0
        self.accepted: set[str] = set()  # digests of canaries that were seen to work in this process
        self._session: ClientSession | None = None
        self._names = _Names()
        self._lines = Lines(self._names.resolve)

    async def call(self, url: URL, request: Request, *, name: str) -> Answer:
        """Sends one request and reads its answer.

        Args:
            url: exactly this one; a redirect is an answer, not an instruction.
            request: is signed anew for every try.
            name: what errors call the endpoint; holds no secret.

        Raises:
            Unreachable: no answer: the name, the route, the port, the handshake or the connection.
            AdapterError: an answer of more than `LIMIT` bytes.
        """
        try:
            try:
                return await self._lines.call(url, request)
            except Odd:
                return await self._general(url, request, name=name)
        except TooLong:
            raise _too_long(name) from None
        except (ClientError, OSError) as error:
            raise Unreachable(
                f"{name} did not answer ({short(str(error) or type(error).__name__)}): "
                "check that it runs and that the bot can reach it"
            ) from error

    async def _general(self, url: URL, request: Request, *, name: str) -> Answer:
        """The same by the general client. A mode that was set already is set again, which changes nothing."""
        async with self._open().request(
            request.method, url, headers=request.headers(), data=request.body or None, allow_redirects=False
        ) as reply:
            mode, signature = (reply.headers.get(header, "") for header in ("X-Agent-Kill-Mode", "X-Agent-Kill-Answer"))
            return Answer(reply.status, await _read(reply, name), mode, signature)

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
        if self.users <= 0:
            self._lines.close()
            session, self._session = self._session, None
            if session is not None:
                await session.close()
            await self._names.close()

    def _open(self) -> ClientSession:
        if self._session is None or self._session.closed:
            self._session = ClientSession(
                connector=TCPConnector(limit=0, limit_per_host=0, keepalive_timeout=KEEP, resolver=self._names),
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
        self._threads: ThreadPoolExecutor | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Every address of `host`. Raises `OSError`."""
        if (known := _literal(host)) is not None:
            return [ResolveResult(hostname=host, host=host, port=port, family=known, proto=0, flags=0)]
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_NAMES, thread_name_prefix="http_control")
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
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)


def _literal(host: str) -> socket.AddressFamily | None:
    """The family of an address; None for a name."""
    try:
        return socket.AF_INET6 if ip_address(host).version == _IPV6 else socket.AF_INET
    except ValueError:
        return None


async def _read(reply: ClientResponse, name: str) -> bytes:
    body = bytearray()
    async for part in reply.content.iter_any():
        body += part
        if len(body) > LIMIT:
            reply.close()
            raise _too_long(name)
    return bytes(body)


def _too_long(name: str) -> AdapterError:
    return AdapterError(f"{name} answers more than {LIMIT // 1024} KiB: it is not a control endpoint; mend it")


def short(text: str, length: int = 120) -> str:
    """A stranger's text made fit for one line of a report."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:length]).strip()
