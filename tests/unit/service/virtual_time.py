"""An event loop whose clock jumps to the next timer whenever nothing else is ready."""

import asyncio
import selectors


class _Selector(selectors.SelectSelector):
    """Never sleeps for a timer: it moves the loop's clock instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; where nothing is, the time that would have passed passes at once."""
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 1,000 seconds, so that an age is never mistaken for a time."""

    def __init__(self) -> None:
        self._timer = _Selector()
        super().__init__(self._timer)

    def time(self) -> float:
        """Seconds of virtual time."""
        return 1000.0 + self._timer.now
