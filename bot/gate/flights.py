"""The calls under way at one surface, so that a stop ends those that its mode forbids, and says how many."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from adapters.base import Mode

_PATIENCE = 2.0  # seconds that a stop waits for what it ended


class Sort(Enum):
    """What a call does; its value is the mildest mode that forbids it."""

    WRITES = Mode.APPROVAL_GATED
    WAITS = Mode.DRAFT_ONLY  # for a decision: a stricter hold ends the wait
    RELEASED = Mode.READ_ONLY  # a person approved it
    READS = Mode.FULL_STOP


@dataclass(eq=False, slots=True)
class Flight:
    """One call. `cut` once a stop ended it; then its task is cancelled."""

    sort: Sort
    task: "asyncio.Task[object]"
    over: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    cut: bool = False


class Flights:
    """Those of one surface."""

    def __init__(self) -> None:
        self._running: set[Flight] = set()

    @contextmanager
    def __call__(self, sort: Sort) -> Iterator[Flight]:
        """Counts this task as a call under way; a stop cancels it."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a coroutine runs in a task
        flight = Flight(sort, task)
        self._running.add(flight)
        try:
            yield flight
        finally:
            self._running.discard(flight)
            if not flight.over.done():
                flight.over.set_result(None)

    def number(self, mode: Mode) -> int:
        """How many run that a mode forbids."""
        return sum(mode >= flight.sort.value for flight in self._running)

    async def end(self, mode: Mode, drain: float) -> tuple[int, int]:
        """Lets what a mode forbids end for `drain` seconds, ends the rest; returns how much ended, and what is left."""
        found = {flight for flight in self._running if mode >= flight.sort.value}
        if found and drain > 0:
            await asyncio.wait({flight.over for flight in found}, timeout=drain)
        for flight in found & self._running:
            if not flight.cut:
                flight.cut = True
                flight.task.cancel()
        if found & self._running:
            await asyncio.wait({flight.over for flight in found}, timeout=_PATIENCE)
        left = len(found & self._running)
        return len(found) - left, left
