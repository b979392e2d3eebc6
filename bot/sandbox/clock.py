"""The clock of the simulated workspace, so that a test can say what time it is."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells seconds since 1970."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()


class SteppedClock:
    """A clock that stands still until it is moved.

    Args:
        at: where it starts, in seconds since 1970.
    """

    def __init__(self, at: float = 1_700_000_000.0) -> None:
        self.at = at

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Moves the clock forward by `seconds`."""
        self.at += seconds
