"""When a schedule is due: cron fields in local time, turned into instants so that each happens exactly once. Pure.

APScheduler's trigger finds the local times; which instant a local time is, is decided here. One that exists twice, in
the hour that a clock is set back, is its first; one that does not exist, in the hour that is skipped, is as much
later as the clock was set forward. (`zoneinfo` reads a time with `fold=0` so: PEP 495, "Conversion from local time".)
Apart from this file nothing of the domain knows the scheduler, and the stop path does not load it.
"""

import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

_LEAP = timedelta(hours=25)  # the furthest that a zone ever moved its clocks: across the date line
_STEP = timedelta(microseconds=1)


@lru_cache(maxsize=4096)  # a tick asks again and again from the same moments
def next_due(schedule: str, timezone: str, after: float) -> float | None:
    """The first instant after `after` that the schedule asks for, in Unix seconds; None where it never does again.

    Args:
        schedule: five cron fields, weekdays by name, as `bot/settings/cron.py` accepts them.
        timezone: of the schedule, by its name in the time zone database.
        after: Unix seconds.
    """
    zone, found = ZoneInfo(timezone), None
    start = datetime.fromtimestamp(after, zone).replace(tzinfo=UTC) - _room(zone, after)
    for wall in _walls(schedule, start):
        if found is not None and wall > found[0] + _room(zone, found[1]):
            break
        at = wall.replace(tzinfo=zone, fold=0).timestamp()
        if at > after and (found is None or at < found[1]):
            found = (found[0] if found else wall, at)
    return found[1] if found else None


def _room(zone: ZoneInfo, at: float) -> timedelta:
    """How far around an instant local times may be out of order: not at all, but near a change of the clocks."""
    changes = _offset(zone, at - _LEAP.total_seconds()) != _offset(zone, at + _LEAP.total_seconds())
    return _LEAP if changes else timedelta()


def _offset(zone: ZoneInfo, at: float) -> timedelta | None:
    return datetime.fromtimestamp(at, zone).utcoffset()


def due_between(schedule: str, timezone: str, since: float, until: float) -> Iterator[float]:
    """Every instant after `since` and not after `until`, oldest first."""
    at = next_due(schedule, timezone, since)
    while at is not None and at <= until:
        yield at
        at = next_due(schedule, timezone, at)


def chance(secret: str, drill: str, due: float) -> float:
    """A fraction of 1 for one due time: the same in every process that has the secret, and no guess without it."""
    drawn = hmac.digest(secret.encode(), f"agent-kill surprise\0{drill}\0{due!r}".encode(), "sha256")
    return int.from_bytes(drawn[:6], "big") / 2**48


def _walls(schedule: str, start: datetime) -> Iterator[datetime]:
    """Local times as if no clock were ever set: their `tzinfo` is a stand-in."""
    trigger = _trigger(schedule)
    wall = trigger.get_next_fire_time(None, start)
    while wall is not None:
        yield wall
        wall = trigger.get_next_fire_time(None, wall + _STEP)


@lru_cache(maxsize=256)
def _trigger(schedule: str) -> CronTrigger:
    return CronTrigger.from_crontab(schedule, timezone=UTC)
