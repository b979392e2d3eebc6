"""The supervisor: starts the agent's worker as a real process group, and kills the whole group on a stop."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from bot.sandbox.demo.guards.group import members
from bot.sandbox.demo.guards.guard import Guard, Handler

_UNDER_WAY = 0.05  # seconds in which what a killed process sent last still arrives


class Supervisor(Guard):
    """`POST /NAME/start` makes sure that the worker runs; its answer has the process id."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self._worker: asyncio.subprocess.Process | None = None
        self._line = -1
        self._starting = asyncio.Lock()

    def routes(self) -> Iterator[tuple[str, str, Handler]]:
        """The agent's entrances."""
        yield from super().routes()
        yield "POST", "start", self.start

    async def start(self, request: web.Request) -> web.Response:
        """Starts the worker unless it runs."""
        self.admit(request)
        async with self._starting:
            if not self.forbids() and not self._alive():
                await self._kill()  # takes note of one that ended by itself
                await self._spawn()
            self.admit(request)  # a stop may have come meanwhile
        return web.json_response({"pid": self._worker.pid if self._worker else 0})

    async def enforce(self) -> int:
        """Kills the group: the worker and every helper that it forked."""
        if not self.forbids():
            return 0
        async with self._starting:
            return await self._kill()

    def in_flight(self) -> int:
        """Processes of the worker that live."""
        return self._alive() if self.forbids() else 0

    async def aclose(self) -> None:
        """Kills the group."""
        await self._kill()

    def _alive(self) -> int:
        return len(members(self._worker.pid)) if self._worker else 0

    async def _spawn(self) -> None:
        """The pipe stays ours: the group ends with this process, and not by itself when one of the two is ended."""
        theirs, self._line = os.pipe()
        os.write(self._line, self.office.introduction())
        try:
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot.sandbox.demo.guards.worker",
                self.surface,
                stdin=theirs,
                start_new_session=True,
            )
        finally:
            os.close(theirs)

    async def _kill(self) -> int:
        worker, alive = self._worker, self._alive()
        if worker is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        await worker.wait()
        while self._alive():  # noqa: ASYNC110  # the system tells nobody of the end of a grandchild
            await asyncio.sleep(_UNDER_WAY)
        self._worker = None
        os.close(self._line)
        await asyncio.sleep(_UNDER_WAY)
        return alive
