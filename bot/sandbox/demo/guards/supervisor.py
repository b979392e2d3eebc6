"""The supervisor: starts the agent's worker as a real process group, and kills the whole group on a stop."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from bot.sandbox.demo.guards.guard import Guard, Handler
from bot.sandbox.processes import descendants

_UNDER_WAY = 0.05  # seconds in which what a killed process sent last still arrives


class Supervisor(Guard):
    """`POST /NAME/start` makes sure that the worker runs; its answer has the process id."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self._worker: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    def routes(self) -> Iterator[tuple[str, str, Handler]]:
        """The agent's entrances."""
        yield from super().routes()
        yield "POST", "start", self.start

    async def start(self, request: web.Request) -> web.Response:
        """Starts the worker unless it runs."""
        self.admit(request)
        async with self._starting:
            if not self.forbids() and not self._runs():
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

    def _runs(self) -> bool:
        return self._worker is not None and self._worker.returncode is None

    def _alive(self) -> int:
        return 1 + len(descendants(self._worker.pid)) if self._worker is not None and self._runs() else 0

    async def _spawn(self) -> None:
        self._worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot.sandbox.demo.guards.worker",
            self.surface,
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert self._worker.stdin is not None  # noqa: S101  # it is a pipe
        self._worker.stdin.write(self.office.introduction())

    async def _kill(self) -> int:
        worker, alive = self._worker, self._alive()
        if worker is None or not alive:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        await worker.wait()
        self._worker = None
        await asyncio.sleep(_UNDER_WAY)
        return alive
