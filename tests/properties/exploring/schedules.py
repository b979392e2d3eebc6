"""A virtual event loop that decides anew which of the ready tasks goes first.

Two ways: at random, and by priorities that change at few random points (probabilistic concurrency testing, Burckhardt
et al., ASPLOS 2010), which finds orderings that need one task to starve. Callbacks of one task keep their order.
"""

import random
from collections import deque
from typing import Any

from tests.unit.service.virtual_time import VirtualLoop

_CHANGE = 0.02  # how often a priority changes, per turn of the loop


class Scheduled(VirtualLoop):
    """Virtual time, and a schedule that the seed decides.

    Args:
        rng: the scenario's.
        starving: by priorities that rarely change instead of at random.
    """

    def __init__(self, rng: random.Random, *, starving: bool) -> None:
        super().__init__()
        self._rng = rng
        self._starving = starving
        self._priority: dict[int, float] = {}

    def _run_once(self) -> None:
        ready: deque[Any] = self._ready  # type: ignore[attr-defined]  # the loop's own queue
        if len(ready) > 1:
            if not self._starving:
                self._priority.clear()
            elif self._rng.random() < _CHANGE:
                self._priority[id(self._rng.choice(ready)._context)] = self._rng.random() - 1.0
            handles = sorted(ready, key=self._rank)
            ready.clear()
            ready.extend(handles)
        super()._run_once()  # type: ignore[misc]  # as above

    def _rank(self, handle: Any) -> float:
        """Each task runs in a context of its own, so a context stands for a task."""
        return self._priority.setdefault(id(handle._context), self._rng.random())
