"""Is a drill due at its local time, once, also on the days when the clocks change?"""

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.due import due_between, next_due

BERLIN, LORD_HOWE, APIA = "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"
DAY = 86_400.0


def at(text: str, zone: str, fold: int = 0) -> float:
    """A local time as Unix seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def due(schedule: str, zone: str, since: str, until: str) -> list[str]:
    """The local times that are due, with their offsets."""
    found = due_between(schedule, zone, at(since, zone), at(until, zone))
    return [datetime.fromtimestamp(one, ZoneInfo(zone)).isoformat(timespec="minutes") for one in found]


def test_a_weekly_drill_keeps_its_local_time_across_both_changes() -> None:
    """Ten o'clock is ten o'clock in summer and in winter."""
    assert due("0 10 * * MON", BERLIN, "2026-03-20T00:00", "2026-04-04T00:00") == [
        "2026-03-23T10:00+01:00",
        "2026-03-30T10:00+02:00",
    ]
    assert due("0 10 * * MON", BERLIN, "2026-10-18T00:00", "2026-10-31T00:00") == [
        "2026-10-19T10:00+02:00",
        "2026-10-26T10:00+01:00",
    ]


def test_a_local_time_that_does_not_exist_runs_once_that_day() -> None:
    """The clock jumps from two to three: half past two is half past three."""
    assert due("30 2 * * *", BERLIN, "2026-03-28T12:00", "2026-03-30T12:00") == [
        "2026-03-29T03:30+02:00",
        "2026-03-30T02:30+02:00",
    ]


def test_a_local_time_that_exists_twice_runs_once_that_day() -> None:
    """The clock falls from three to two: the first half past two counts."""
    assert due("30 2 * * *", BERLIN, "2026-10-24T12:00", "2026-10-26T12:00") == [
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
    ]


def test_what_two_local_times_share_is_one_instant() -> None:
    """The skipped half hour and the one after it are due once, and the order is that of the instants."""
    found = due("0,30 * * * *", BERLIN, "2026-03-29T01:15", "2026-03-29T04:15")
    assert found == [
        "2026-03-29T01:30+01:00",
        "2026-03-29T03:00+02:00",
        "2026-03-29T03:30+02:00",
        "2026-03-29T04:00+02:00",
    ]


def test_half_hours_and_skipped_days_are_right_too() -> None:
    """Lord Howe changes by half an hour; Samoa left a whole day out, which is due a day later, once."""
    assert due("15 2 * * *", LORD_HOWE, "2026-10-03T12:00", "2026-10-05T12:00") == [
        "2026-10-04T02:45+11:00",
        "2026-10-05T02:15+11:00",
    ]
    assert due("0 12 * * *", APIA, "2011-12-29T13:00", "2012-01-01T00:00") == ["2011-12-31T12:00+14:00"]


def test_a_schedule_that_never_comes_is_never_due() -> None:
    """The thirtieth of February."""
    assert next_due("0 10 30 FEB *", "UTC", 0.0) is None


def test_the_next_one_is_after_and_not_at() -> None:
    """A due time that was run is not due again."""
    one = at("2026-03-23T10:00", BERLIN)
    assert next_due("0 10 * * MON", BERLIN, one - 1) == one
    assert next_due("0 10 * * MON", BERLIN, one) == at("2026-03-30T10:00", BERLIN)


@pytest.mark.parametrize("zone", [BERLIN, "America/Santiago", LORD_HOWE, "UTC"])
@given(day=st.integers(0, 3650), hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_a_daily_time_is_due_once_for_each_local_day(zone: str, day: int, hour: int, minute: int) -> None:
    """Between two noons there is exactly one, whatever the clocks do; no drill runs twice and none is left out."""
    schedule, noon = f"{minute} {hour} * * *", at("2025-01-01T12:00", zone) + day * DAY
    found = list(due_between(schedule, zone, noon, noon + 3 * DAY))
    assert len(found) in {2, 3, 4}
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert all(20 * 3600 <= gap <= 28 * 3600 for gap in gaps), gaps
