"""Calls to supervisord: XML-RPC over HTTP, by TCP or a Unix socket (http://supervisord.org/api.html)."""

import asyncio
import xmlrpc.client  # no document type is let through to the parser
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, cast
from xml.parsers.expat import ExpatError

from aiohttp import (
    BaseConnector,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    UnixConnector,
)
from yarl import URL

from adapters.errors import AdapterError, Refused, Unreachable

LIMIT = 8 * 1024 * 1024  # bytes of an answer that are read; a thousand processes are described in one
_KEPT = 540.0  # seconds that the warm connection may be idle; supervisord closes it after 600
_FOREVER = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_OK = 200
_NO_LOGIN = frozenset({401, 403})
_SHUTDOWN = 6
Call = tuple[str, tuple[object, ...]]


class Fault(AdapterError):
    """supervisord's own no to one call; `code` is its number for it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Wire:
    """What adapters of one supervisord and login share: a client with its warm connection, and starts still under way.

    Args:
        url: `http://host:port` or `unix:///path/of/the.sock`.
        user: of its http server; empty where it asks for none.
        password: likewise.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        parts = URL(url)
        login = b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Content-Type": "text/xml"} | ({"Authorization": f"Basic {login}"} if user else {})
        self._socket = parts.path if parts.scheme == "unix" else ""
        self._address = "http://localhost/RPC2" if self._socket else f"{bare(url)}/RPC2"
        self.name = bare(url)
        self.users = 0
        self.owed: set[asyncio.Task[Any]] = set()
        self._client: ClientSession | None = None

    async def call(self, method: str, *params: object) -> Any:
        """One call, and what it returned.

        Raises:
            Fault: supervisord says no to this call.
            Refused: the login is not accepted.
            Unreachable: no answer, or it is shutting down.
            AdapterError: what came is no answer of supervisord's.
        """
        body = xmlrpc.client.dumps(params, method, allow_none=False)  # type: ignore[arg-type]  # only what XML-RPC has
        try:
            async with self._open().post(
                self._address, data=body, headers=self._headers, allow_redirects=False
            ) as reply:
                answer = await self._read(reply)
        except (ClientError, OSError) as error:
            raise Unreachable(
                f"{self.name} did not answer ({type(error).__name__}): check that supervisord runs and that the bot "
                "can reach it"
            ) from error
        return self._judged(reply.status, answer)

    async def all(self, *calls: Call) -> list[Any]:
        """Several calls in one turn of supervisord's; of each what it returned, or the `Fault`. Raises as `call`."""
        asked = [{"methodName": method, "params": list(params)} for method, params in calls]
        answers = await self.call("system.multicall", asked)
        if not isinstance(answers, list) or len(answers) != len(calls):
            raise AdapterError(self._strange())
        told = [_fault(one) if isinstance(one, dict) and "faultCode" in one else one for one in answers]
        if any(isinstance(one, Fault) and one.code == _SHUTDOWN for one in told):
            raise Unreachable(self._leaving())
        return told

    async def loosen(self, method: str, *params: object) -> None:
        """A call that goes on where this is cancelled: the end of a closed connection is not the end of its effect."""
        task = asyncio.ensure_future(self.call(method, *params))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            self.owed.add(task)
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            raise

    async def settle(self) -> bool:
        """Waits until no start that was given up can happen any more. Returns whether there was one."""
        there_was = bool(self.owed)
        if self.owed:
            await asyncio.wait(self.owed)
        self.owed.clear()
        return there_was

    async def leave(self) -> None:
        """One adapter less; the last one closes the client."""
        self.users -= 1
        if self.users <= 0:
            for task in self.owed:
                task.cancel()
            await asyncio.gather(*self.owed, return_exceptions=True)
            client, self._client = self._client, None
            if client is not None:
                await client.close()

    async def _read(self, reply: ClientResponse) -> bytes:
        body = bytearray()
        async for part in reply.content.iter_any():
            body += part
            if len(body) > LIMIT:
                reply.close()
                raise AdapterError(self._strange())
        return bytes(body)

    def _judged(self, status: int, body: bytes) -> Any:
        if status in _NO_LOGIN:
            raise Refused(
                f"{self.name} answered {status}: correct settings.user and settings.password",
                missing=("the user and password of supervisord's http server",),
            )
        if status != _OK or b"<!" in body:
            raise AdapterError(self._strange())
        try:
            (value,), _ = cast("tuple[Sequence[Any], object]", xmlrpc.client.loads(body))
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == _SHUTDOWN:
                raise Unreachable(self._leaving()) from fault
            raise Fault(fault.faultCode, f"{self.name}: {fault.faultString}") from fault
        except (xmlrpc.client.Error, ExpatError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise AdapterError(self._strange()) from error
        return value

    def _open(self) -> ClientSession:
        if self._client is None or self._client.closed:
            connector: BaseConnector = (
                UnixConnector(self._socket, limit=0, keepalive_timeout=_KEPT)
                if self._socket
                else TCPConnector(limit=0, limit_per_host=0, keepalive_timeout=_KEPT)
            )
            self._client = ClientSession(
                connector=connector,
                cookie_jar=DummyCookieJar(),
                timeout=_FOREVER,
                trust_env=False,
                auto_decompress=False,
            )
        return self._client

    def _strange(self) -> str:
        return f"{self.name} does not answer as supervisord's XML-RPC does: correct settings.url"

    def _leaving(self) -> str:
        return f"{self.name} is shutting down or restarting: the bot tries again"


def bare(url: str) -> str:
    """The address in one spelling: `http://host:port` or `unix:///path`."""
    parts = URL(url)
    return f"unix://{parts.path}" if parts.scheme == "unix" else str(parts.origin())


def _fault(told: dict[str, Any]) -> Fault:
    return Fault(int(told["faultCode"]), str(told.get("faultString", "")))
