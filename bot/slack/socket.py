"""Socket Mode: two lines, each renewed before it is let go, so that no command meets a closed door.

The client library closes the old socket before it opens the new one, and a command that comes between is lost. Here a
line that is to be renewed stays open, and answers what it received, until its successor has heard `hello`.
https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import contextlib
import json
import logging
import random
import time
from typing import Any

from aiohttp import WSMsgType
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app
from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.respond import Responder
from bot.slack.roster import explain, retry_after
from bot.slack.tasks import Tasks

LINES = 2  # Slack allows ten in all; a renewal takes one more for a moment
_OPEN = 15.0  # seconds for one attempt to open a line
_HELLO = 5.0  # seconds to wait for the greeting
_LINGER = 30.0  # seconds that a replaced line stays open: Slack itself closes it, and may deliver until then
_GRACE = 3.0  # seconds for answering what was received
_LONGEST = 10.0  # seconds between attempts at the most: no command comes in meanwhile, and Slack allows fifty a minute
_STEADY = 5.0  # seconds that a line lives when all is well; a shorter life counts as a failure
_RENEWALS = 3  # short lives in a row that are renewed at once all the same
_PING = 5.0
_log = logging.getLogger(__name__)
_library_log = logging.getLogger(f"{__name__}.library")
_library_log.setLevel(logging.CRITICAL)  # it logs every envelope, and addresses with their tickets

Payload = dict[str, Any]  # JSON that goes back in an acknowledgement


class Line(SocketModeClient):
    """One socket, used once: instead of reconnecting it asks for a successor."""

    def __init__(self, *, app_token: str, web_client: AsyncWebClient) -> None:
        super().__init__(app_token=app_token, web_client=web_client, logger=_library_log, ping_interval=_PING)
        self.renew = asyncio.Event()
        self.hello = asyncio.Event()
        self.gone = asyncio.Event()
        self.serving: set[asyncio.Task[None]] = set()
        self.message_listeners.append(self._hear)

    async def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  # the library's
        """The library's wish to reconnect: a disconnect message, a close, silence."""
        self.renew.set()

    async def open(self, url: str) -> None:
        """Connects once, and waits for Slack's greeting. The library's own way repeats a used-up address for ever."""
        ssl = self.web_client.ssl if self.web_client.ssl is not None else True
        self.current_session = await self.aiohttp_client_session.ws_connect(
            url, autoping=False, heartbeat=self.ping_interval, proxy=self.proxy, ssl=ssl
        )
        self.message_receiver = asyncio.ensure_future(self.receive_messages())
        self.current_session_monitor = asyncio.ensure_future(self.monitor_current_session())
        with contextlib.suppress(TimeoutError):  # a line without a greeting is still a line
            async with asyncio.timeout(_HELLO):
                await self.hello.wait()

    async def receive_messages(self) -> None:
        """Reads until the socket ends, however it ends, and asks for a successor at once."""
        session = self.current_session
        try:
            while session is not None and not session.closed:
                message = await session.receive()
                if message.type is WSMsgType.TEXT:
                    await self.enqueue_message(message.data)
                elif message.type is WSMsgType.PING:
                    await session.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    self.last_ping_pong_time = time.time()
                else:
                    break
        except (ConnectionError, RuntimeError) as error:
            _log.info("a socket broke: %s", type(error).__name__)
        finally:
            self.gone.set()
            self.renew.set()

    def alive(self) -> bool:
        """Whether a command could come in here."""
        session = self.current_session
        return not (self.closed or self.stale or session is None or session.closed)

    async def _hear(self, _client: AsyncBaseSocketModeClient, message: Payload, _raw: str | None = None) -> None:
        if message.get("type") == "hello":
            _log.info("a socket is open; Slack counts %s for this app", message.get("num_connections"))
            self.hello.set()

    async def end(self) -> None:
        """Closes the socket and waits for the library's tasks."""
        with contextlib.suppress(Exception):
            await self.close()  # type: ignore[no-untyped-call]  # as above
        tasks = [self.message_processor, self.current_session_monitor, self.message_receiver]
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


class Sockets:
    """Keeps `LINES` lines open for ever.

    Args:
        client: the shared Web API client, for `apps.connections.open`.
        app_token: `SLACK_APP_TOKEN`, with the scope connections:write.
    """

    def __init__(
        self, *, app: AsyncApp, client: AsyncWebClient, app_token: str, responder: Responder, tasks: Tasks
    ) -> None:
        self._app = app
        self._client = client
        self._app_token = app_token
        self._responder = responder
        self._tasks = tasks
        self._lines: dict[int, Line] = {}
        self._all: set[Line] = set()
        self._trouble = "not connected yet"
        self._keepers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts connecting, in the background: Slack being down delays nothing."""
        self._keepers = [self._tasks.spawn(self._keep(slot), name=f"socket {slot}") for slot in range(LINES)]

    async def stop(self) -> None:
        """Closes every line; what was received is still answered, for a few seconds at the most."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(self._end(line) for line in list(self._all)))
        self._lines.clear()

    def connected(self) -> bool:
        """Whether at least one line is open."""
        return any(line.alive() for line in self._lines.values())

    def problems(self) -> tuple[str, ...]:
        """Why no line is open; empty while one is."""
        return () if self.connected() else (f"Socket Mode: {self._trouble}",)

    async def _keep(self, slot: int) -> None:
        failures = 0
        while True:
            try:
                line = await self._open()
            except Exception as error:  # noqa: BLE001  # for ever, whatever Slack or the network does
                failures += 1
                await self._back_off(error, failures)
                self._drop_dead(slot)
                continue
            before, self._lines[slot] = self._lines.get(slot), line
            if before is not None:
                self._tasks.spawn(self._retire(before), name="retire a socket")
            opened = time.monotonic()
            await line.renew.wait()
            failures = 0 if time.monotonic() - opened > _STEADY else failures + 1
            if failures > _RENEWALS:  # a line that ends as soon as it opens is not chased in a circle
                await asyncio.sleep(_pause(failures - _RENEWALS))

    async def _open(self) -> Line:
        answer = await self._client.apps_connections_open(app_token=self._app_token)
        line = Line(app_token=self._app_token, web_client=self._client)
        line.socket_mode_request_listeners.append(self._receive)
        self._all.add(line)
        try:
            async with asyncio.timeout(_OPEN):
                await line.open(str(answer["url"]))
        except BaseException:
            self._all.discard(line)
            await line.end()
            raise
        return line

    async def _back_off(self, error: Exception, failures: int) -> None:
        self._trouble = explain(error)
        wait = retry_after(error) or _pause(failures)
        _log.warning("a socket could not be opened: %s; again in %.0f s", self._trouble, wait)
        await asyncio.sleep(wait)

    def _drop_dead(self, slot: int) -> None:
        """Lets a line go that has no successor yet and carries nothing any more."""
        line = self._lines.get(slot)
        if line is not None and not line.alive():
            del self._lines[slot]
            self._tasks.spawn(self._retire(line), name="retire a socket")

    async def _retire(self, line: Line) -> None:
        """Leaves a replaced line open until Slack closes it, so that nothing on its way is lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER if line.alive() else 0.0):
                await line.gone.wait()
        await self._end(line)

    async def _end(self, line: Line) -> None:
        """Lets a line answer what it received, then closes it."""
        if line.serving:
            await asyncio.wait(set(line.serving), timeout=_GRACE)
        await line.end()
        self._all.discard(line)

    async def _receive(self, line: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Takes an envelope. The work is held here, since the library holds its own tasks by nothing."""
        if isinstance(line, Line):
            task = self._tasks.spawn(self._serve(line, request), name=f"serve {request.type}")
            line.serving.add(task)
            task.add_done_callback(line.serving.discard)

    async def _serve(self, line: Line, request: SocketModeRequest) -> None:
        done = await run_async_bolt_app(self._app, request)
        await self._acknowledge(line, request, done)

    async def _acknowledge(self, line: Line, request: SocketModeRequest, done: BoltResponse) -> None:
        """Acknowledges on the socket that delivered; where that one is gone, the answer goes by `response_url`."""
        if done.status != 200:  # noqa: PLR2004  # only an OK is acknowledged, so that Slack says so or repeats
            _log.warning("a request of type %s was answered %d", request.type, done.status)
            return
        payload = _payload(done)
        try:
            await line.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=payload))
        except Exception as error:  # noqa: BLE001  # the socket may be gone in a dozen ways
            _log.warning("an acknowledgement was lost with its socket: %s", type(error).__name__)
            url = request.payload.get("response_url")
            if payload and url:
                await self._responder.send(str(url), payload)


def _pause(failures: int) -> float:
    return min(_LONGEST, 2.0 ** min(failures - 1, 5)) * random.uniform(0.5, 1.0)  # noqa: S311  # jitter


def _payload(done: BoltResponse) -> Payload | None:
    if not done.body:
        return None
    kind = done.headers.get("content-type", [""])[0]
    found: Payload = json.loads(done.body) if kind.startswith("application/json") else {"text": done.body}
    return found
