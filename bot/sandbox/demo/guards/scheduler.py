"""The scheduler: fires the agent's jobs by itself, whether the agent is there or not."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from bot.sandbox.demo.guards.guard import Guard, Handler

_SHORTEST = 0.05  # seconds between two runs of a job


class Scheduler(Guard):
    """`POST /NAME/jobs` with `{"name": …, "every": seconds}` plans a job; one of that name is replaced."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self._jobs: dict[str, float] = {}
        self._clocks: dict[str, asyncio.Task[None]] = {}

    def routes(self) -> Iterator[tuple[str, str, Handler]]:
        """The agent's entrances."""
        yield from super().routes()
        yield "POST", "jobs", self.plan

    async def plan(self, request: web.Request) -> web.Response:
        """Takes a job in."""
        asked = await request.json()
        self.admit(request)
        name, every = str(asked["name"]), max(float(asked["every"]), _SHORTEST)
        if self._jobs.get(name) != every:
            self._jobs[name] = every
            await self.enforce()
        return web.json_response({"jobs": self._jobs})

    async def enforce(self) -> int:
        """Stopped, no clock runs; the plan stays, so that a restart that forgets the mode fires again."""
        ended = await self._halt()
        if not self.forbids():
            self._clocks = {name: asyncio.create_task(self._fire(every)) for name, every in self._jobs.items()}
        return ended if self.forbids() else 0

    def in_flight(self) -> int:
        """Clocks that run."""
        return len(self._clocks) if self.forbids() else 0

    async def aclose(self) -> None:
        """Stops every clock."""
        await self._halt()

    async def _halt(self) -> int:
        clocks, self._clocks = list(self._clocks.values()), {}
        for clock in clocks:
            clock.cancel()
        await asyncio.gather(*clocks, return_exceptions=True)
        return len(clocks)

    async def _fire(self, every: float) -> None:
        while True:
            with contextlib.suppress(web.HTTPException):  # a run that fails does not end the plan
                await self.carry_out()
            await asyncio.sleep(every)
