"""The simulated Slack workspace as a running server."""

import asyncio
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.sandbox import api_files
from bot.sandbox.actors import Person
from bot.sandbox.admin import Admin
from bot.sandbox.calls import CallLog
from bot.sandbox.channels import Channel
from bot.sandbox.clock import Clock, SystemClock
from bot.sandbox.courier import Courier, Mode
from bot.sandbox.delivery import Delivery
from bot.sandbox.desk import Desk
from bot.sandbox.events import EventFeed
from bot.sandbox.faults import Faults
from bot.sandbox.http_mode import HttpMode
from bot.sandbox.identity import Identity, Ids
from bot.sandbox.manifest import Manifest
from bot.sandbox.rates import Buckets
from bot.sandbox.response_urls import ResponseUrls
from bot.sandbox.socket_mode import SocketMode
from bot.sandbox.stage import Stage
from bot.sandbox.triggers import Triggers
from bot.sandbox.web_api import WebApi
from bot.sandbox.workspace import Workspace

POLL = 0.005
UPLOAD_BYTES = 64 * 1024 * 1024


class Simulator:
    """One workspace with one app installed, on 127.0.0.1.

    Use it as an asynchronous context manager; it listens between enter and exit.

    Args:
        manifest: the app's manifest, parsed or as a dictionary; scopes, events, commands and shortcuts come from it.
        clock: what the workspace takes for the time (timestamps, trigger ids, rate limits, signatures).
        port: 0 for a free one.
        ack_timeout: seconds that the app has to acknowledge; Slack's three.
        rate_limits: off, no call is refused for coming too often (faults still strike).
        strict: write violations of the documentation to `workspace.violations`.
    """

    def __init__(
        self,
        manifest: Manifest | Mapping[str, Any],
        *,
        clock: Clock | None = None,
        app: Identity | None = None,
        port: int = 0,
        ack_timeout: float = 3.0,
        rate_limits: bool = True,
        strict: bool = True,
    ) -> None:
        clock, ids = clock or SystemClock(), Ids()
        self.manifest = manifest if isinstance(manifest, Manifest) else Manifest.parse(manifest)
        self.workspace = Workspace(clock=clock, app=app or Identity(), ids=ids)
        self.faults = Faults()
        self.socket = SocketMode(self.workspace.app, ids, ack_timeout=ack_timeout)
        self.http = HttpMode(self.workspace.app, ids, clock=clock, faults=self.faults, ack_timeout=ack_timeout)
        self.courier = Courier(socket=self.socket, http=self.http, faults=self.faults, ids=ids)
        self._desk = Desk(
            workspace=self.workspace,
            manifest=self.manifest,
            events=EventFeed(self.workspace, self.manifest, self.courier),
            socket=self.socket,
            triggers=Triggers(clock, ids),
            buckets=Buckets(clock, enabled=rate_limits),
            granted=self.manifest.bot_scopes,
        )
        self._api = WebApi(self._desk, self.faults)
        self._api.strict = strict
        self._urls = ResponseUrls(self._desk)
        self._stage = Stage(self._desk, self.courier, self._urls)
        self.admin = Admin(self._desk)
        self.port = port
        self._runner: web.AppRunner | None = None
        if strict:
            self.workspace.violations.extend(self.manifest.complaints())

    # Addresses and secrets -----------------------------------------------------------------------------------------
    @property
    def api_url(self) -> str:
        """What SLACK_API_URL must be: the base of the Web API, with a slash at the end."""
        return f"http://127.0.0.1:{self.port}/api/"

    @property
    def bot_token(self) -> str:
        """The bot token (xoxb-)."""
        return self.workspace.app.bot_token

    @property
    def app_token(self) -> str:
        """The app-level token (xapp-), with the scope connections:write."""
        return self.workspace.app.app_token

    @property
    def signing_secret(self) -> str:
        """The secret under which HTTP requests to the app are signed."""
        return self.workspace.app.signing_secret

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a bot at this workspace over Socket Mode."""
        return {"SLACK_API_URL": self.api_url, "SLACK_BOT_TOKEN": self.bot_token, "SLACK_APP_TOKEN": self.app_token}

    # Who and what --------------------------------------------------------------------------------------------------
    def person(self, key: str) -> Person:
        """Somebody's hands, by the name in `people.CAST` or by id.

        Raises:
            LookupError: there is nobody of that name.
        """
        user = self.workspace.user(key)
        if user is None:
            raise LookupError(f"there is nobody called {key}; there are {sorted(self.workspace.people)}")
        return Person(user, self._stage)

    def channel(self, key: str) -> Channel:
        """A channel by name or id.

        Raises:
            LookupError: there is no such channel.
        """
        found = self.workspace.channel(key)
        if found is None:
            raise LookupError(f"there is no channel {key}; there are {sorted(self.workspace.channels)}")
        return found

    @property
    def calls(self) -> CallLog:
        """Every Web API call so far."""
        return self._api.calls

    @property
    def violations(self) -> list[str]:
        """What the app did that Slack's documentation does not allow."""
        return self.workspace.violations

    @property
    def deliveries(self) -> list[Delivery]:
        """Everything that was sent to the app so far."""
        return self.courier.deliveries

    # The way to the app --------------------------------------------------------------------------------------------
    def use(self, mode: Mode, *, url: str = "") -> None:
        """Chooses Socket Mode, or HTTP with the app's request URL."""
        self.courier.mode = mode
        self.http.url = url or self.http.url

    def uninstall(self) -> None:
        """Takes the app out of the workspace: its tokens stop working and it is told."""
        tokens = {"oauth": [], "bot": [self.workspace.app.bot_user]}
        self._desk.events.emit("tokens_revoked", {"tokens": tokens})
        self._desk.events.emit("app_uninstalled", {})
        self._api.revoked = True

    async def wait_for(self, predicate: Callable[[], Any], timeout: float = 5.0, *, what: str = "") -> Any:  # noqa: ASYNC109  # a test's own bound, in its own words
        """Waits until `predicate` answers something true, and returns that.

        Raises:
            AssertionError: it did not within `timeout` seconds; says what was awaited and what Slack saw.
        """
        end = time.monotonic() + timeout
        while not (found := predicate()):
            if time.monotonic() > end:
                raise AssertionError(
                    f"{what or predicate} did not happen within {timeout} s; calls: {self.calls.counts()}"
                )
            await asyncio.sleep(POLL)
        return found

    async def connected(self, count: int = 1, timeout: float = 10.0) -> None:  # noqa: ASYNC109  # see wait_for
        """Waits until the app holds `count` Socket Mode connections."""
        await self.wait_for(
            lambda: len(self.socket.connections) >= count, timeout, what=f"{count} Socket Mode connections"
        )

    # Up and down ---------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Listens."""
        self._runner = web.AppRunner(self.make_app(), access_log=None, shutdown_timeout=0.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        self._desk.host = f"127.0.0.1:{self.port}"
        self.courier.down = False

    async def go_down(self) -> None:
        """Slack is wholly down: connections break, new ones are refused. `start` brings it back on the same port."""
        self.courier.down = True
        self.socket.cut()
        self._api.release()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        """Listens."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops and leaves nothing behind."""
        await self.stop()

    async def stop(self) -> None:
        """Stops and leaves nothing behind."""
        await self.courier.stop()
        await self.socket.stop()
        await self.http.stop()
        await self.go_down()

    def make_app(self) -> web.Application:
        """The aiohttp application, for a composition that brings its own runner (it must set `port` itself)."""
        app = web.Application(client_max_size=UPLOAD_BYTES)
        app.router.add_route("*", "/api/{method}", self._api.handle)
        app.router.add_get("/link/", self.socket.handle)
        app.router.add_post("/upload/v1/{ticket}", self._upload)
        for kind in ("commands", "actions", "app"):
            app.router.add_post(f"/{kind}/{{path:.+}}", self._urls.handle)
        return app

    async def _upload(self, request: web.Request) -> web.Response:
        status, text = api_files.receive(self._desk, request.match_info["ticket"], await _content(request))
        return web.Response(status=status, text=text)


async def _content(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for part in (await request.post()).values():
        if isinstance(part, web.FileField):
            return part.file.read()
        return part.encode() if isinstance(part, str) else bytes(part)
    return b""
