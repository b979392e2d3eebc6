"""A period as people write it: `90d`, `2026-Q3`, `2026-07`, `2026`, `2026-01-01..2026-03-31`. Days are those of UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_DAY = 86_400.0
_MOST = 3650  # days
_FORMS = "write 90d, 2026-Q3, 2026-07, 2026 or 2026-01-01..2026-03-31"
_MONTHS = {"Q1": (1, 4), "Q2": (4, 7), "Q3": (7, 10), "Q4": (10, 13)}


class PeriodError(ValueError):
    """Not a period; the text says why and what is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `start` until just before `end`, Unix seconds; `asked` as it was written."""

    asked: str
    start: float
    end: float

    def has(self, at: float) -> bool:
        """Whether the moment is within it."""
        return self.start <= at < self.end


def period(text: str, now: float) -> Period:
    """Reads a period. Raises `PeriodError`; one that has not begun yet is an error too."""
    words = text.strip()
    try:
        start, end = _bounds(words, now)
    except (ValueError, OverflowError) as error:
        raise PeriodError(f"{text!r} is not a period ({error}): {_FORMS}") from None
    if start >= end:
        raise PeriodError(f"{text!r} ends before it begins: {_FORMS}")
    if start > now:
        raise PeriodError(f"{text!r} has not begun yet: nothing can be stated of it")
    return Period(asked=words, start=start, end=end)


def _bounds(words: str, now: float) -> tuple[float, float]:
    if found := re.fullmatch(r"(\d{1,4})d", words, re.ASCII):
        days = int(found[1])
        if not 0 < days <= _MOST:
            raise ValueError(f"between 1 and {_MOST} days")
        return now - days * _DAY, now
    if ".." in words:
        first, _, last = words.partition("..")
        return _midnight(date.fromisoformat(first)), _midnight(date.fromisoformat(last) + timedelta(days=1))
    if found := re.fullmatch(r"(\d{4})(?:-(Q[1-4]|\d\d))?", words, re.ASCII):
        part = found[2] or ""
        first_month, after = _MONTHS.get(part) or ((int(part), int(part) + 1) if part else (1, 13))
        return _midnight(_month(int(found[1]), first_month)), _midnight(_month(int(found[1]), after))
    raise ValueError("it has no form that is known")


def _month(year: int, month: int) -> date:
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
