"""When a surface that was cut comes back, and when it is contested."""

from collections import deque

WINDOW = 600.0  # seconds
ALLOWED = 3  # re-cuts in the window; one more is contested


class Recuts:
    """Counts the re-cuts of one target in the last ten minutes."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def add(self, now: float) -> None:
        """Notes a re-cut."""
        self._times.append(now)

    def contested(self, now: float) -> bool:
        """Whether it had to be cut again more than three times in ten minutes."""
        while self._times and now - self._times[0] > WINDOW:
            self._times.popleft()
        return len(self._times) > ALLOWED
