"""The gateway in front of the company's API. It tells reads from writes, and can park writes as drafts."""

import asyncio
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from bot.sandbox.demo.guards.guard import MODE, Guard, Handler
from bot.sandbox.demo.guards.office_line import TOKEN

_DRAFTS = 1000  # that are kept


class Gateway(Guard):
    """`POST /NAME/effect` writes, `GET /NAME/effect` reads, `POST /NAME/slow?seconds=N` writes N seconds later."""

    modes = ("draft_only", "read_only", "full_stop")

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self._running: set[asyncio.Task[None]] = set()
        self._drafts: list[str] = []

    def routes(self) -> Iterator[tuple[str, str, Handler]]:
        """The agent's entrances."""
        yield from super().routes()
        yield "POST", "effect", self.write
        yield "GET", "effect", self.read
        yield "POST", "slow", self.slow

    async def read(self, request: web.Request) -> web.Response:
        """Reads are let through unless everything is stopped."""
        self.admit(request, writes=False)
        return web.json_response({"invoices": 3})

    async def write(self, request: web.Request) -> web.Response:
        """One effect, or a draft of one."""
        if self.orders.acting == "draft_only":
            return self._parked(request)
        self.admit(request)
        await self.carry_out(token=request.headers.get(TOKEN, ""))
        return web.Response(text="done")

    async def slow(self, request: web.Request) -> web.Response:
        """One effect, later; a stop ends it."""
        self.admit(request)
        task = asyncio.create_task(asyncio.sleep(float(request.query["seconds"])))
        self._running.add(task)
        try:
            await asyncio.wait({task})
        finally:
            self._running.discard(task)
            task.cancel()
        if task.cancelled():
            self.admit(request)  # says which stop it was
            raise web.HTTPServiceUnavailable(text="the gateway ends")
        return await self.write(request)

    async def canary(self, request: web.Request) -> web.Response:
        """As a write: taken in and not carried out where writes are parked."""
        if self.orders.acting == "draft_only":
            return self._parked(request, keep=False)
        return await super().canary(request)

    async def enforce(self) -> int:
        """Every call that waits here writes."""
        return self._end() if self.forbids() else 0

    def in_flight(self) -> int:
        """Calls that wait."""
        return len(self._running) if self.forbids() else 0

    async def aclose(self) -> None:
        """Ends what waits."""
        self._end()

    def _end(self) -> int:
        running, self._running = self._running, set()
        for task in running:
            task.cancel()
        return len(running)

    def _parked(self, request: web.Request, *, keep: bool = True) -> web.Response:
        self.admit(request, writes=False)
        if keep and len(self._drafts) < _DRAFTS:
            self._drafts.append(request.path)
        return web.Response(status=202, text="kept as a draft", headers={MODE: "draft_only"})
