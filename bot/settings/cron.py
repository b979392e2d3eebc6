"""Checks a cron schedule without the scheduler, which the stop path must not import.

Accepted is what APScheduler's `CronTrigger.from_crontab` accepts, less the day of the week by number: there 0 is
Monday, in crontab(5) it is Sunday, and a drill on the wrong day is found out too late.
"""

import re
from dataclasses import dataclass

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PART = re.compile(
    r"(?:\*|(?P<first>[0-9]{1,2}|[a-z]{3})(?:-(?P<last>[0-9]{1,2}|[a-z]{3}))?)(?:/(?P<step>[0-9]{1,2}))?"
)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, word: str) -> int:
        if word in self.names:
            return self.names.index(word) + self.low
        if not word.isdigit() or not self.low <= int(word) <= self.high:
            raise ValueError(f"has {word!r} as its {self.name}: write {self.low} to {self.high}")
        return int(word)

    def check(self, text: str) -> None:
        for part in text.split(","):
            match = _PART.fullmatch(part)
            if not match:
                raise ValueError(f"has {part!r} as its {self.name}: write *, 5, 1-5, */15 or 1,15")
            self._range(match)

    def _range(self, match: re.Match[str]) -> None:
        first = self.number(match["first"]) if match["first"] else self.low
        last = self.number(match["last"]) if match["last"] else self.high if not match["first"] else first
        if first > last:
            raise ValueError(f"has a {self.name} that ends before it begins: {match[0]!r}")
        step = int(match["step"] or 1)
        if not 1 <= step <= max(1, (self.high if not match["last"] else last) - first):
            raise ValueError(f"has a step that does not fit into its {self.name}: {match[0]!r}")


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
)


def cron_line(text: str) -> str:
    """Returns `text`, a cron line of five fields. Raises `ValueError` with what would be accepted."""
    parts = text.lower().split()
    if len(parts) != len(_FIELDS) + 1:
        raise ValueError('is not a schedule: write five fields (minute hour day month weekday), such as "0 10 * * MON"')
    for field, part in zip(_FIELDS, parts, strict=False):
        field.check(part)
    _weekdays(parts[-1])
    return text


def _weekdays(text: str) -> None:
    for part in () if text == "*" else text.split(","):
        names = part.split("-")
        if len(names) > 2 or any(name not in WEEKDAYS for name in names):  # noqa: PLR2004  # first and last
            raise ValueError(f"has {part!r} as its weekday: write the name, such as MON or MON-FRI, not a number")
        if WEEKDAYS.index(names[0]) > WEEKDAYS.index(names[-1]):
            raise ValueError(f"has a weekday range that ends before it begins: {part!r}; the week begins with MON")
