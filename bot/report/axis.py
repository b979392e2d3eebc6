"""A time axis that is monotone and not linear: the first second of a stop and the weeks after it fit in one line."""

import math
from collections.abc import Iterable, Sequence

from bot.report.times import day, precise

_UNIT = 0.05  # seconds: shorter gaps keep their proportions, longer ones grow with their logarithm
_BRIEF = 10.0  # seconds below which labels have milliseconds
_DOT = 19  # where the fraction of a second begins
_APART = 118.0  # of two labels, in the units of the width


class Axis:
    """Places times between 0 and `width`.

    Args:
        times: of everything that happened; Unix seconds. What lies between two of them is placed in proportion.
        width: of the axis.
    """

    def __init__(self, times: Iterable[float], width: float) -> None:
        self.times = sorted(set(times)) or [0.0]
        self.width = width
        weights = [
            math.log1p((after - before) / _UNIT) for before, after in zip(self.times, self.times[1:], strict=False)
        ]
        total = sum(weights) or 1.0
        self._places = [0.0]
        for weight in weights:
            self._places.append(self._places[-1] + weight / total * width)

    def place(self, at: float) -> float:
        """Where a time is; one outside is at the edge."""
        if at <= self.times[0]:
            return 0.0
        if at >= self.times[-1]:
            return self._places[-1]
        low = _before(self.times, at)
        start, end = self.times[low], self.times[low + 1]
        return self._places[low] + (at - start) / (end - start) * (self._places[low + 1] - self._places[low])

    def ticks(self) -> list[tuple[float, str, str]]:
        """Place, time and, where the day is a new one, the day; the last one always, and none that meets another."""
        last = self._places[-1]
        chosen: list[int] = []
        for number, place in enumerate(self._places):
            if not chosen or (place - self._places[chosen[-1]] >= _APART and last - place >= _APART):
                chosen.append(number)
        if len(self.times) > 1:
            chosen.append(len(self.times) - 1)
        found, shown = [], ""
        end = _DOT + 4 if self.times[-1] - self.times[0] < _BRIEF else _DOT + 2  # milliseconds, or tenths
        for number in chosen:
            at = self.times[number]
            found.append((self._places[number], precise(at)[11:end], day(at) if day(at) != shown else ""))
            shown = day(at)
        return found


def _before(times: Sequence[float], at: float) -> int:
    """The last time that is not after `at`."""
    low, high = 0, len(times) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if times[middle] <= at else (low, middle)
    return low
