"""Times and durations as people read them; every time has its zone."""

from datetime import UTC, datetime

_STEPS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))
_SHORT = 0.1  # seconds below which milliseconds are easier to read
_TEN = 10.0  # seconds below which tenths matter


def iso(at: float) -> str:
    """`2026-01-31T12:00:00.250Z`, for machines. `at` is Unix time in seconds."""
    return f"{_utc(at):%Y-%m-%dT%H:%M:%S}.{_milliseconds(at):03}Z"


def read(text: str) -> float:
    """What `iso` was given."""
    return datetime.fromisoformat(text).timestamp()


def spoken(text: str) -> str:
    """What `iso` gave, as people read it."""
    return f"{text[:10]} {text[11:19]} UTC"


def stamp(at: float) -> str:
    """`2026-01-31 12:00:00 UTC`."""
    return f"{_utc(at):%Y-%m-%d %H:%M:%S} UTC"


def precise(at: float) -> str:
    """`2026-01-31 12:00:00.250 UTC`."""
    return f"{_utc(at):%Y-%m-%d %H:%M:%S}.{_milliseconds(at):03} UTC"


def day(at: float) -> str:
    """`2026-01-31`."""
    return f"{_utc(at):%Y-%m-%d}"


def lasting(seconds: float | None) -> str:
    """A duration with as many digits as matter: `40 ms`, `0.12 s`, `2 min 5 s`, `3 d 4 h`; `-` where it is unknown."""
    if seconds is None:
        return "-"
    for size, unit, small, rest in _STEPS:
        if round(seconds) >= size:
            whole, left = divmod(round(seconds), size)
            return f"{whole} {unit}" + (f" {left // small} {rest}" if left // small else "")
    if 0 < seconds < _SHORT:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 1:
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if seconds < _TEN else f"{seconds:.0f} s"


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(_whole(at), UTC)


def _whole(at: float) -> int:
    return int(round(at * 1000) // 1000)


def _milliseconds(at: float) -> int:
    return int(round(at * 1000) % 1000)
