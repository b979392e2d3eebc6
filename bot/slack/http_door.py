"""HTTP mode: one handler for `POST /slack/events`, which the public listener mounts."""

import asyncio
import logging

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

from bot.service.ports import Clock
from bot.slack.guard import MAX_BODY, Guard, Rejected

_READ = 3.0  # seconds that a body may take; Slack gives up on the whole request then
_SAY = 10.0  # seconds between two log lines about refused requests
_SERVER_ERROR = 500
_log = logging.getLogger(__name__)


class HttpDoor:
    """Guards, hands to Bolt, answers. Whatever is not Slack's is a bare 401, whatever fails inside is never a 5xx."""

    def __init__(self, app: AsyncApp, guard: Guard, clock: Clock) -> None:
        self._app = app
        self._guard = guard
        self._clock = clock
        self._refused = 0
        self._said_at = float("-inf")

    async def handle(self, request: web.Request) -> web.Response:
        """Answers one request."""
        try:
            body = await _read(request)
            text = self._guard.check(request.method, request.headers, body, self._clock.now())
        except Rejected as why:
            self._say(str(why))
            return web.Response(status=401, text="unauthorized")
        headers = {
            name: value for name, value in request.headers.items() if not name.lower().startswith("x-slack-bolt")
        }
        done = await self._app.async_dispatch(AsyncBoltRequest(body=text, headers=headers))  # type: ignore[arg-type]  # Bolt's dict is invariant
        if done.status >= _SERVER_ERROR:
            _log.error("a request of Slack's failed inside; it is answered 404 so that Slack reports it")
            return web.Response(status=404, text="failed")
        return await to_aiohttp_response(done)

    def _say(self, why: str) -> None:
        """One line for many refusals, so that a flood does not fill the log."""
        self._refused += 1
        now = self._clock.monotonic()
        if now - self._said_at >= _SAY:
            _log.warning("refused %d request(s) at /slack/events; the last: %s", self._refused, why)
            self._refused, self._said_at = 0, now


async def _read(request: web.Request) -> bytes:
    """The body, as long as it is small and comes soon."""
    if (request.content_length or 0) > MAX_BODY:
        raise Rejected(f"body of more than {MAX_BODY} bytes")
    try:
        async with asyncio.timeout(_READ):
            return await request.read()  # not from the stream, which the listener may have read to its end already
    except Exception as error:  # noqa: BLE001  # the server has a dozen names for a body that breaks off
        raise Rejected(f"the body did not arrive ({type(error).__name__})") from None
