"""The agent's work in a Python service: refused where the mode forbids it, and ended by a stop.

work = Work(lambda: receiver.mode)
receiver = Receiver(SECRET, FOLDER, work.end)
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

MODES = ("normal", "approval_gated", "draft_only", "read_only", "full_stop")
STOPPED_BY = {"writes": 1, "released": 3, "reads": 4}  # the mildest mode, by its place, that forbids such work


class Stopped(PermissionError):
    """The mode, its argument, forbids that: answer 403 with the header `X-Agent-Kill-Mode: <mode>`."""


class Work:
    """`patience`: seconds that a stop waits for what it cancelled; what then still runs is told as in flight."""

    def __init__(self, mode: Callable[[], str], patience: float = 2.0) -> None:
        self.mode, self.patience, self.changed = mode, patience, Condition()
        self.running: dict[object, tuple[str, Callable[[], object]]] = {}

    @contextmanager
    def __call__(self, kind: str = "writes", cancel: Callable[[], object] | None = None) -> Iterator[None]:
        """Do all that the agent does `with work():`, and what only reads `with work("reads"):`. Raises `Stopped`.

        A stop calls `cancel` from another thread; without one, it cancels the asyncio task that this runs in.
        """
        with self.changed:
            if MODES.index(mode := self.mode()) >= STOPPED_BY[kind]:
                raise Stopped(mode)
            self.running[me := object()] = kind, cancel or _this_task()
        try:
            yield
        finally:
            with self.changed:
                del self.running[me]
                self.changed.notify_all()

    def end(self, mode: str) -> dict[str, int]:
        """Ends what a mode forbids, and says how much ended and how much is left."""
        with self.changed:
            found = [me for me, (kind, _) in self.running.items() if MODES.index(mode) >= STOPPED_BY[kind]]
            for me in found:
                self.running[me][1]()
            self.changed.wait_for(lambda: self.running.keys().isdisjoint(found), self.patience)
            left = len(self.running.keys() & found)
        return {"ended": len(found) - left, "in_flight": left}


def _this_task() -> Callable[[], object]:
    try:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
    except RuntimeError:
        return lambda: None  # a thread cannot be ended from outside
    return lambda: loop.call_soon_threadsafe(task.cancel) if task else None
