"""Does the check of schedules agree with the scheduler that runs them?"""

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from bot.settings.cron import WEEKDAYS, cron_line

WORDS = st.sampled_from(
    ["*", "0", "5", "59", "60", "23", "24", "31", "32", "12", "13", "jan", "DEC", "1-5", "5-1", "*/2"]
)
WORDS |= st.sampled_from(
    ["*/59", "*/60", "0-10/5", "0-10/11", "1,15", "1,,2", "", "a", "jan-mar", "-1", "1-", "/2", "5/2"]
)
DAYS = st.sampled_from(["*", "MON", "mon-fri", "sat,sun", "fri-mon", "funday"])


@given(st.tuples(WORDS, WORDS, WORDS, WORDS, DAYS))
def test_what_is_accepted_can_be_scheduled(fields: tuple[str, ...]) -> None:
    """Whatever passes the check is a schedule for the scheduler too, so that no drill is lost at the start."""
    line = " ".join(fields)
    try:
        cron_line(line)
    except ValueError:
        return
    CronTrigger.from_crontab(line)


@pytest.mark.parametrize("line", ["0 10 * * MON", "*/15 0-6 1,15 jan-mar sat,sun", "0 0 31 12 *", "5 4 * * mon-fri"])
def test_usual_schedules_are_accepted(line: str) -> None:
    """Steps, ranges, lists and names are accepted where cron has them."""
    assert cron_line(line) == line


@pytest.mark.parametrize("day", ["0", "1", "7", "1-5", "*/2", "MON/2", "MON-2", "fri-mon", "last"])
def test_weekdays_are_names(day: str) -> None:
    """A number as weekday means another day in cron than in the scheduler: it is refused."""
    with pytest.raises(ValueError, match="weekday"):
        cron_line(f"0 10 * * {day}")


def test_the_week_begins_as_the_schedulers_does() -> None:
    """The order of the names is the scheduler's, so that the same ranges are refused."""
    assert [str(CronTrigger.from_crontab(f"0 0 * * {day}").fields[4]) for day in WEEKDAYS] == list(WEEKDAYS)
