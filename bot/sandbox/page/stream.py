"""Server-sent events: the whole state when something changed, rates all the time, and first those of the last minute.

Every client gets the newest only.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator

from aiohttp import web

from bot.sandbox.demo.background import background
from bot.sandbox.page.counting import PERIOD
from bot.sandbox.page.world import World, essence

_LOOK = 0.2  # seconds between two looks for changes: at most five states a second
_AGED = 2.0  # seconds after which a state is sent for its ages alone


class Stream:
    """One ticker for all clients.

    Args:
        world: what is told.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._told = {"state": (0, ""), "rates": (0, "")}  # by event: number, data
        self._essence, self._at = "", 0.0
        self._news = asyncio.Condition()
        self._over = False

    async def run(self, app: web.Application) -> AsyncGenerator[None]:
        """For the application's lifetime (`cleanup_ctx`)."""
        del app
        async with background(self._states, "states"), background(self._rates, "rates"):
            yield

    async def close(self, app: web.Application) -> None:
        """Ends every client's stream (`on_shutdown`)."""
        del app
        self._over = True
        await self._tell()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """`GET /api/stream`."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        seen = {"state": 0, "rates": 0}
        try:
            await response.write(_event("past", json.dumps(self._world.past(), separators=(",", ":"))))
            while not self._over:
                for event, (number, data) in self._told.items():
                    if number > seen[event]:
                        seen[event] = number
                        await response.write(_event(event, data))
                async with self._news:
                    await self._news.wait_for(lambda: self._over or self._newer(seen))
        except ConnectionError:
            pass  # the browser went away
        return response

    def _newer(self, seen: dict[str, int]) -> bool:
        return any(number > seen[event] for event, (number, _) in self._told.items())

    async def _states(self) -> None:
        while True:
            state = self._world.state()
            now, found = time.monotonic(), essence(state)
            if found != self._essence or now - self._at > _AGED:
                self._essence, self._at = found, now
                await self._put("state", json.dumps(state, separators=(",", ":")))
            await asyncio.sleep(_LOOK)

    async def _rates(self) -> None:
        while True:
            if self._told["state"][0]:  # the first event of a stream is the state
                await self._put("rates", json.dumps(self._world.tick(), separators=(",", ":")))
            await asyncio.sleep(PERIOD)

    async def _put(self, event: str, data: str) -> None:
        self._told[event] = (self._told[event][0] + 1, data)
        await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
