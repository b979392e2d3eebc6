"""The admin API of Unleash (`/api/admin`, version 5 to 7), as far as a flag needs it."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from adapters.errors import AdapterError, Refused, Unreachable

LIMIT = 256 * 1024  # bytes of an answer that are read
_GONE = frozenset({404, 410})
_NO_LOGIN = frozenset({401, 403})
_NOT_NOW = frozenset({429, 502, 503, 504})
_FOREVER = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


class Wire:
    """What adapters of one server share: the client, and switches that were given up and may still be thrown."""

    def __init__(self) -> None:
        self.users = 0
        self.owed: set[asyncio.Task[Any]] = set()
        self._client: ClientSession | None = None

    async def call(self, method: str, url: str, *, token: str) -> dict[str, object] | None:
        """One call; its JSON object, None where there is no such thing (404, 410).

        Raises:
            Refused: 401 or 403.
            Unreachable: no answer, or 429, 502, 503, 504.
            AdapterError: anything else.
        """
        try:
            async with self._open().request(
                method, url, headers={"Authorization": token, "Accept": "application/json"}, allow_redirects=False
            ) as reply:
                body = await _read(reply, url)
        except (ClientError, OSError) as error:
            raise Unreachable(
                f"{url} did not answer ({type(error).__name__}): check that it runs and that the bot can reach it"
            ) from error
        return _judged(reply.status, body, url)

    async def settle(self) -> bool:
        """Waits until no switch that was given up can be thrown any more. Returns whether there was one."""
        there_was = bool(self.owed)
        if self.owed:
            await asyncio.wait(self.owed)
        self.owed.clear()
        return there_was

    async def loosen(self, url: str, *, token: str) -> None:
        """A POST that goes on where this is cancelled: the end of a closed connection is not the end of its effect."""
        task = asyncio.ensure_future(self.call("POST", url, token=token))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            self.owed.add(task)
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            raise

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

    def _open(self) -> ClientSession:
        if self._client is None or self._client.closed:
            self._client = ClientSession(
                connector=TCPConnector(limit=0, limit_per_host=0),
                cookie_jar=DummyCookieJar(),
                timeout=_FOREVER,
                trust_env=False,
                auto_decompress=False,
            )
        return self._client


def path(url: str, project: str, flag: str, *more: str) -> str:
    """The address of a flag, or of something below it."""
    return "/".join(
        (url.rstrip("/"), "api/admin/projects", quote(project, safe=""), "features", quote(flag, safe=""), *more)
    )


async def _read(reply: ClientResponse, url: str) -> bytes:
    body = bytearray()
    async for part in reply.content.iter_any():
        body += part
        if len(body) > LIMIT:
            reply.close()
            raise AdapterError(f"{url} answers more than {LIMIT // 1024} KiB: it is no flag of Unleash's")
    return bytes(body)


def _judged(status: int, body: bytes, url: str) -> dict[str, object] | None:
    if status in _GONE:
        return None
    if status in _NO_LOGIN:
        raise Refused(
            f"{url} answered {status}: give settings.token an API token that may change flags of this project and "
            "environment",
            missing=("settings.token, with the right to change the flag",),
        )
    if status in _NOT_NOW:
        raise Unreachable(f"{url} answered {status}: it takes no calls now; look at the flag server")
    if status not in range(200, 300):
        raise AdapterError(f"{url} answered {status}: look at the flag server's log; the bot tries again")
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AdapterError(f"{url} answered no JSON object: it is no flag of Unleash's; mend settings.url")
    return found
