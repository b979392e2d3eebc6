"""A guard's line to the company's own systems, under a key that the agent does not have."""

import json

from aiohttp import ClientError, ClientSession, ClientTimeout, web

KEY = "X-Inner-Key"
TOKEN = "X-Agent-Token"  # noqa: S105  # a header's name
_PATIENCE = ClientTimeout(total=2.0)


class OfficeLine:
    """Where effects happen.

    Args:
        url: of the office; empty for a guard that needs none.
        key: the inner key.
    """

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._client: ClientSession | None = None

    async def effect(self, surface: str, *, token: str = "") -> None:
        """Makes one action take effect. Raises 401 where the office refuses the token, 502 where it is not there."""
        try:
            async with self._open().post(f"{self._url}/effect/{surface}", headers={TOKEN: token}) as answer:
                if answer.status == web.HTTPUnauthorized.status_code:
                    raise web.HTTPUnauthorized(text="the token is not good")
                answer.raise_for_status()
        except (ClientError, TimeoutError) as error:
            raise web.HTTPBadGateway(text="the office does not answer") from error

    def introduction(self) -> bytes:
        """What another process needs to act there, as one line of JSON."""
        return json.dumps({"url": self._url, "headers": {KEY: self._key}}).encode() + b"\n"

    async def aclose(self) -> None:
        """Closes the connection."""
        if self._client:
            await self._client.close()

    def _open(self) -> ClientSession:
        if self._client is None:
            self._client = ClientSession(timeout=_PATIENCE, headers={KEY: self._key})
        return self._client
