"""The clock: ticks call use cases, and nothing else. What is due lives in the journal, so nothing is kept here."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

_log = logging.getLogger(__name__)
_JITTER = 0.1  # of the interval, so that ticks of many bots, and of one, do not meet
_LOOK, _JUMP = 5.0, 2.0  # seconds between two looks at the clock, and what counts as a jump
Tick = Callable[[], Coroutine[Any, Any, object]]


class Schedule:
    """Ticks at intervals. A tick that still runs is not started again; ticks that were missed are one."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": AsyncIOExecutor()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self.failures: dict[str, int] = {}  # by tick, since the start
        self._running: set[asyncio.Task[object]] = set()
        self._watch: asyncio.TimerHandle | None = None
        self._offset = time.time() - time.monotonic()

    def every(self, seconds: float, name: str, tick: Tick, *, jitter: bool = True) -> None:
        """Calls `tick` every so many seconds; the first time one interval after the start.

        Args:
            seconds: the interval, more than 0.
            name: unique; names the tick in logs and in `failures`. A second one of the same name is a `ValueError`.
            tick: an exception that leaves it is logged and counted, and the next tick comes.
            jitter: spreads the calls by a tenth of the interval.
        """
        if name in self.failures:
            raise ValueError(f"two ticks are called {name}: give each a name of its own")
        self.failures[name] = 0
        trigger = IntervalTrigger(seconds=seconds, jitter=seconds * _JITTER if jitter else None, timezone=UTC)
        self._scheduler.add_job(self._run, trigger, args=(name, tick), id=name, name=name)

    def start(self) -> None:
        """Starts ticking in the running event loop."""
        self._scheduler.start()
        self._watch_clock()

    async def stop(self) -> None:
        """No tick starts any more; those that run are cancelled and have ended when this returns."""
        if self._watch:
            self._watch.cancel()
        if self._scheduler.running:
            self._scheduler.pause()
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # the scheduler ends in the loop's next turn

    async def _run(self, name: str, tick: Tick) -> None:
        task = asyncio.ensure_future(tick())
        self._running.add(task)
        try:
            await asyncio.wait({task})
        finally:
            self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failures[name] += 1
            _log.error("the tick %s failed; the next one comes", name, exc_info=task.exception())

    def _watch_clock(self) -> None:
        """The scheduler reckons in wall time: without this, a clock set back by an hour would end all ticks for one."""
        offset = time.time() - time.monotonic()
        if abs(offset - self._offset) > _JUMP:
            _log.warning("the clock jumped by %.0f s; every tick comes now", offset - self._offset)
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=datetime.now(UTC))
        self._offset = offset
        self._watch = asyncio.get_running_loop().call_later(_LOOK, self._watch_clock)
