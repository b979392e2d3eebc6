"""Is what is said of a button complete: its state, why, since when, and what to do?"""

import pytest

from bot.domain.armed import Armed, Roll, State, not_armed, standing, words
from bot.domain.armed_events import ArmedChanged, ArmedSeen

PERIOD = 300.0
LOOK = "see that `agent-kill serve` runs, and look into its log"


def roll(at: float, *, armed: bool) -> Roll:
    """What is known of `a/1`."""
    made = Roll()
    why, what = ("", "") if armed else ("it is down", "start it")
    made.apply(ArmedChanged(at=at, changes=(ArmedSeen(subject="a/1", armed=armed, why=why, next=what),)))
    return made


def test_what_was_found_amiss_says_why_and_what_to_do() -> None:
    """Since it was found so, and how long ago it was looked at last, also where that is too long or unknown."""
    amiss = {"subject": "a/1", "state": "not_armed", "why": "it is down", "next": "start it", "since": 5.0}
    for checked_at, age in ((990.0, 10.0), (10.0, 990.0), (None, None)):
        assert standing(roll(5.0, armed=False), "a/1", checked_at, 1000.0, PERIOD).json() == {**amiss, "age": age}


def test_what_works_says_since_when() -> None:
    """That is unknown where nothing ever was amiss."""
    good = {"subject": "a/1", "state": "armed", "why": "", "next": "", "age": 0.123}
    assert standing(roll(5.0, armed=True), "a/1", 1000.0, 1000.1234, PERIOD).json() == {**good, "since": 5.0}
    assert standing(Roll(), "a/1", 1000.0, 1000.1234, PERIOD).json() == {**good, "since": None}
    assert standing(Roll(), "a/1", 999.0, 1000.0, PERIOD).why == ""


def test_what_is_too_old_says_how_old() -> None:
    """And how often it should have been asked."""
    assert standing(roll(5.0, armed=True), "a/1", 100.0, 1000.0, PERIOD).json() == {
        "subject": "a/1",
        "state": "stale",
        "why": "it was last checked 15 min ago, and every 5 min is asked for",
        "next": LOOK,
        "since": 5.0,
        "age": 900.0,
    }


@pytest.mark.parametrize("checked_at", [None, 1005.5])
def test_what_nobody_looked_at_says_so(checked_at: float | None) -> None:
    """Also where the clock was set back behind the look: nobody knows how long ago that was."""
    assert standing(roll(5.0, armed=True), "a/1", checked_at, 1000.0, PERIOD) == Armed(
        subject="a/1", state=State.UNCHECKED, why="it was not checked yet", next=LOOK, since=None, age=None
    )


def test_a_clock_that_runs_a_little_behind_makes_nothing_younger_than_now() -> None:
    """Five seconds at the most."""
    found = [standing(Roll(), "a/1", at, 1000.0, PERIOD) for at in (1000.5, 1005.0)]
    assert [(it.state, it.age) for it in found] == [(State.ARMED, 0.0)] * 2


def test_alike_ones_stand_in_the_order_of_their_names() -> None:
    """Behind all that is worse."""
    states = {"d": State.UNCHECKED, "b": State.UNCHECKED, "c": State.STALE, "a": State.ARMED, "e": State.NOT_ARMED}
    found = {name: Armed(subject=name, state=state) for name, state in states.items()}
    assert [it.subject for it in not_armed(found)] == ["e", "c", "b", "d"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (59.0, "59 s"),
        (60.0, "1 min"),
        (3599.0, "60 min"),
        (3600.0, "1 h"),
        (5 * 3600.0, "5 h"),
        (86_399.0, "24 h"),
        (86_400.0, "1 d"),
        (40 * 86_400.0, "40 d"),
        (900 * 60.0 - 1.0, "15 h"),
    ],
)
def test_a_unit_begins_where_it_is_whole(seconds: float, said: str) -> None:
    """Below it the next smaller one says more."""
    assert words(seconds) == said
