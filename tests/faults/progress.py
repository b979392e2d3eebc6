"""How far a whole run of crash points is: `make faults` shows it, for it takes long."""

import logging

_LOG = logging.getLogger(__name__)
_EVERY = 100


class Progress:
    """Counts points that ended.

    Args:
        what: the run's name.
        points: how many there are in all; a sample says nothing.
    """

    def __init__(self, what: str, points: int) -> None:
        self._what = what
        self._points = points
        self._ended = 0

    def step(self) -> None:
        """One more ended."""
        self._ended += 1
        if self._ended % _EVERY == 0:
            _LOG.info("%s: %d of %d points", self._what, self._ended, self._points)
