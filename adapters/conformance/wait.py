"""Waiting for an effect with a bound."""

import time

PATIENCE = 10.0  # seconds to wait for something that must come
TICK = 0.01
LATE = 0.5  # seconds that are watched after a proof or a decision: an effect that was put off comes in them


def ticks(seconds: float = PATIENCE) -> "Ticks":
    """Iterates until the time is over; the body does the waiting."""
    return Ticks(time.monotonic() + seconds)


class Ticks:
    """Iterator of `ticks`."""

    def __init__(self, end: float) -> None:
        self._end = end

    def __iter__(self) -> "Ticks":
        return self

    def __next__(self) -> float:
        left = self._end - time.monotonic()
        if left < 0:
            raise StopIteration
        return left
