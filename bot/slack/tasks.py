"""Background work of this room, held by strong references: the event loop itself keeps none."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Tasks:
    """Starts tasks, keeps each until it ends, says what failed, and leaves none behind."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[object]] = set()
        self._waiting: set[asyncio.Task[object]] = set()

    def spawn(self, work: Coroutine[object, object, T], *, name: str, waits: bool = False) -> asyncio.Task[T]:
        """Starts `work` under a name that appears in the log when it fails.

        Args:
            work: is held until it ends.
            name: for the log.
            waits: it only waits for what may come, so no end waits for it; what it then does is a task of its own.
        """
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        if waits:
            self._waiting.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        self._waiting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s failed: %s: %s", task.get_name(), type(error).__name__, error)

    async def aclose(self, *, grace: float = 0.0) -> None:
        """Lets tasks end for `grace` seconds, then cancels what is left and waits for it."""
        for task in self._waiting:
            task.cancel()
        if self._running and grace > 0:
            await asyncio.wait(set(self._running), timeout=grace)
        left = set(self._running)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=5)
