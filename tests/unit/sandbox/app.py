"""The smallest app there is, over a raw websocket or an HTTP server: it records what comes and answers as told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from bot.sandbox.simulator import Simulator

Json = dict[str, Any]


class SocketApp:
    """One Socket Mode connection.

    Attributes:
        seen: every text frame, parsed.
        acknowledge: whether envelopes are acknowledged, and with which payload (None: without one).
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[Json] = []
        self.pongs: list[bytes] = []
        self.acknowledge = True
        self.answer: Json | None = None

    @property
    def envelopes(self) -> list[Json]:
        """The payloads that came, in their envelopes."""
        return [frame for frame in self.seen if "envelope_id" in frame]

    async def listen(self) -> None:
        """Reads until the connection ends."""
        async for frame in self.socket:
            if frame.type is aiohttp.WSMsgType.TEXT:
                await self._take(json.loads(frame.data))
            elif frame.type is aiohttp.WSMsgType.PONG:
                self.pongs.append(frame.data)

    async def _take(self, message: Json) -> None:
        self.seen.append(message)
        if "envelope_id" in message and self.acknowledge:
            answer: Json = {"envelope_id": message["envelope_id"]}
            await self.socket.send_json(answer | ({"payload": self.answer} if self.answer else {}))


async def open_url(sim: Simulator, session: aiohttp.ClientSession) -> str:
    """A websocket address from apps.connections.open."""
    headers = {"Authorization": f"Bearer {sim.app_token}"}
    async with session.post(f"{sim.api_url}apps.connections.open", headers=headers) as answer:
        return str((await answer.json())["url"])


@asynccontextmanager
async def socket_app(sim: Simulator) -> AsyncIterator[SocketApp]:
    """An app that is connected."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(await open_url(sim, session), autoping=False) as socket,
    ):
        app = SocketApp(socket)
        reader = asyncio.create_task(app.listen())
        await sim.wait_for(lambda: app.seen, what="hello")
        yield app
        await socket.close()
        await reader


class HttpApp:
    """A request URL.

    Attributes:
        seen: (headers, raw body) of every request.
        status: what it answers with; `body` beside it.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.status, self.body, self.slow = 200, "", 0.0
        self.headers: dict[str, str] = {}
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Records and answers."""
        raw = await request.read()
        self.seen.append((dict(request.headers), raw))
        await asyncio.sleep(self.slow)
        kind = "application/json" if self.body.startswith("{") else "text/plain"
        return web.Response(status=self.status, text=self.body, headers=self.headers, content_type=kind)


@asynccontextmanager
async def http_app(sim: Simulator) -> AsyncIterator[HttpApp]:
    """An app that listens, with the simulator pointed at it."""
    app, server = HttpApp(), web.Application()
    server.router.add_post("/slack/events", app.handle)
    runner = web.AppRunner(server, shutdown_timeout=0.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    app.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    sim.use("http", url=app.url)
    try:
        yield app
    finally:
        await runner.cleanup()
