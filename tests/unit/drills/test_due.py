"""Is a drill due at its local time, once, also on the days when the clocks change?"""

import hmac
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import tzlocal
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.due import _trigger, chance, due_between, next_due

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


def test_the_order_is_that_of_the_instants() -> None:
    """A quarter past two is skipped there and comes half an hour later, after half past two, which is not."""
    assert due("15,30 2 * * *", LORD_HOWE, "2026-10-03T12:00", "2026-10-04T12:00") == [
        "2026-10-04T02:30+11:00",
        "2026-10-04T02:45+11:00",
    ]


def test_a_local_time_that_was_skipped_is_due_after_the_change_too() -> None:
    """Asked a quarter of an hour after it, by a bot that has just come up."""
    assert next_due("30 2 * * *", BERLIN, at("2026-03-29T03:15", BERLIN)) == at("2026-03-29T03:30", BERLIN)


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Tokyo"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone of the machine that the bot runs on."""
    monkeypatch.setenv("TZ", request.param)
    _forget()
    yield request.param
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    """What the process, the scheduler's library and the module remember of it."""
    time.tzset()
    tzlocal.reload_localzone()
    next_due.cache_clear()
    _trigger.cache_clear()


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC", BERLIN])
def test_the_zone_of_the_machine_says_nothing(zone: str) -> None:
    """Half an hour before ten in the drill's own zone it is due at ten there, wherever the bot runs."""
    assert next_due("0 10 14 JUL *", zone, at("2026-07-14T09:30", zone)) == at("2026-07-14T10:00", zone)


def test_the_end_of_a_span_belongs_to_it_and_its_beginning_does_not() -> None:
    """So that of two spans that meet only one has the due time between them."""
    assert due("0 10 * * *", BERLIN, "2026-03-23T10:00", "2026-03-24T10:00") == ["2026-03-24T10:00+01:00"]


def test_a_moment_that_nobody_is_told_is_drawn_the_same_everywhere() -> None:
    """By a keyed digest, which anybody who has the key can repeat: no release of the bot may draw another moment."""
    assert chance("key", "weekly", 1.5) == chance("key", "weekly", 1.5)
    drawn = hmac.digest(b"key", b"agent-kill surprise\x00weekly\x001.5", "sha256")
    assert chance("key", "weekly", 1.5) == int(drawn.hex()[:12], 16) / 16**12
    assert len({chance(*args) for args in (("key", "weekly", 1.5), ("k", "weekly", 1.5), ("key", "w", 1.5))}) == 3


def test_a_schedule_that_never_comes_is_never_due() -> None:
    """The thirtieth of February."""
    assert next_due("0 10 30 FEB *", "UTC", 0.0) is None
    assert list(due_between("0 10 30 FEB *", "UTC", 0.0, 9e9)) == []


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
