"""How long a target waits that held up the whole process before, so that all others are cut first."""

from collections.abc import Iterable

MEMORY = 86400.0  # seconds that a target stays known for it
BEHIND = 2.0  # seconds that it starts after the others, however long ago it was
FIRST_PAUSE = 10.0  # seconds after the first time; doubled each time
LONGEST_PAUSE = 300.0


def hesitation(blocked_at: Iterable[float], now: float) -> float:
    """Seconds until a target may be touched; 0 for one that never blocked the process.

    Args:
        blocked_at: Unix times at which the process was found blocked in a call for this target.
        now: Unix time. A clock that was set back counts what lies ahead as just now.
    """
    recent = [min(at, now) for at in blocked_at if now - at < MEMORY]
    if not recent:
        return 0.0
    pause = min(FIRST_PAUSE * 2.0 ** (min(len(recent), 10) - 1), LONGEST_PAUSE)
    return max(BEHIND, max(recent) + pause - now)
