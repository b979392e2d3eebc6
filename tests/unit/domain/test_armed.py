"""What may be said of a button, by what was found, what was told, and when somebody last looked?"""

import itertools
import math

import pytest

from bot.domain.armed import Roll, State, is_part, not_armed, standing, words
from bot.domain.armed_events import ArmedChanged, ArmedSeen, ArmedTold

PERIOD = 300.0


def found(at: float, *subjects: str, armed: bool = False) -> ArmedChanged:
    """An event of the check."""
    return ArmedChanged(
        at=at, changes=tuple(ArmedSeen(subject=name, armed=armed, why="" if armed else "down") for name in subjects)
    )


def told(at: float, *subjects: str, armed: bool = False) -> ArmedTold:
    """An event of the news."""
    return ArmedTold(at=at, told=tuple((name, armed) for name in subjects), channel="C1", ts="1.0")


STORY = (
    found(1.0, "a/1", "a/2"),
    told(2.0, "a/1", "a/2"),
    found(3.0, "a/1", armed=True),
    told(3.0, "a/1", armed=True),
    found(3.0, "a/3"),
)


@pytest.mark.parametrize("order", list(itertools.permutations(STORY)))
def test_the_order_of_the_events_does_not_matter(order: tuple[ArmedChanged | ArmedTold, ...]) -> None:
    """Journals are read chain by chain, and a line may be read twice."""
    roll = Roll()
    for event in (*order, order[0]):
        roll.apply(event)
    assert [roll.is_armed(name) for name in ("a/1", "a/2", "a/3", "a/4")] == [True, False, False, True]
    assert roll.news(["a/1", "a/2", "a/3", "a/4"]) == ("a/3",)
    assert roll.news(["a/1"]) == ("a/2",)  # it is gone, and people believe that it is NOT ARMED


def test_two_findings_of_one_moment_are_no_good_news() -> None:
    """In any order."""
    for pair in itertools.permutations((found(1.0, "a/1"), found(1.0, "a/1", armed=True))):
        roll = Roll()
        for event in pair:
            roll.apply(event)
        assert not roll.is_armed("a/1")


def test_two_reasons_of_one_moment_amount_to_the_same_in_any_order() -> None:
    """As two journals may have them; the younger finding counts for all that."""
    whys = [ArmedChanged(at=1.0, changes=(ArmedSeen(subject="a/1", armed=False, why=why),)) for why in ("down", "gone")]
    found_ = []
    for pair in itertools.permutations(whys):
        roll = Roll()
        for event in pair:
            roll.apply(event)
        found_.append(roll.last("a/1"))
    assert found_[0] == found_[1]
    roll.apply(ArmedChanged(at=2.0, changes=(ArmedSeen(subject="a/1", armed=False, why="a"),)))
    assert (roll.last("a/1"), roll.since("a/1")) == (ArmedSeen(subject="a/1", armed=False, why="a"), 2.0)
    assert (roll.last("a/2"), roll.since("a/2")) == (None, None)


def test_two_messages_of_one_moment_told_no_good_news() -> None:
    """In any order; the later message counts, whatever it said."""
    for pair in itertools.permutations((told(1.0, "a/1"), told(1.0, "a/1", armed=True))):
        roll = Roll()
        for event in pair:
            roll.apply(event)
        assert not roll.told_armed("a/1")
        roll.apply(told(2.0, "a/1", armed=True))
        roll.apply(told(1.5, "a/1"))
        assert roll.told_armed("a/1")


def test_news_is_whatever_people_do_not_know() -> None:
    """Those that are there in their order, then those that are gone by name; none where nothing ever was amiss."""
    roll = Roll()
    assert not roll.is_news()
    roll.apply(found(1.0, "a/2", "a/1", armed=True))
    assert (roll.is_news(), roll.news(["a/1", "a/2"])) == (False, ())
    roll.apply(found(2.0, "a/2", "a/1"))
    assert (roll.is_news(), roll.news(["a/2", "a/3", "a/1", "a/2"])) == (True, ("a/2", "a/1"))
    roll.apply(told(3.0, "a/2", "a/1"))
    assert roll.news(["a/2", "a/1"]) == ()
    assert (roll.is_news(), roll.news(["a/1"]), roll.news([])) == (True, ("a/2",), ("a/1", "a/2"))
    roll.apply(found(4.0, "a/2", "a/1", armed=True))
    assert roll.news(["a/2"]) == ("a/2", "a/1")
    roll.apply(told(5.0, "a/2", "a/1", armed=True))
    assert (roll.is_news(), roll.news([])) == (False, ())


def test_what_is_recorded_next_is_later_than_all_that_is_known_of_it() -> None:
    """Also than what was told, and than what bears the same time; and no later than that."""
    roll = Roll()
    roll.apply(found(10.0, "a/1"))
    roll.apply(told(20.0, "a/2"))
    assert roll.stamp(["a/1"], 10.0) == roll.stamp(["a/3", "a/1"], 1.0) == math.nextafter(10.0, math.inf)
    assert roll.stamp(["a/1", "a/2"], 10.0) == math.nextafter(20.0, math.inf)
    assert roll.stamp(["a/1", "a/2"], 30.0) == 30.0
    assert roll.stamp([], 1.0) == 1.0


def test_a_clock_that_is_set_back_hides_nothing() -> None:
    """What is found after that gets a time of its own, just behind what is known."""
    roll = Roll()
    roll.apply(found(1000.0, "a/1"))
    roll.apply(found(roll.stamp(["a/1"], 10.0), "a/1", armed=True))
    assert roll.is_armed("a/1")
    assert roll.stamp(["a/2"], 10.0) == 10.0


@pytest.mark.parametrize(
    ("checked_at", "state"),
    [
        (None, State.UNCHECKED),
        (1000.0, State.ARMED),
        (1000.0 - 2 * PERIOD, State.ARMED),
        (999.0 - 2 * PERIOD, State.STALE),
        (1004.0, State.ARMED),
        (1100.0, State.UNCHECKED),  # by a clock that was ahead: nobody knows when that was
    ],
)
def test_only_what_was_looked_at_lately_is_armed(checked_at: float | None, state: State) -> None:
    """Two periods; what was found amiss stays NOT ARMED however old that is."""
    stands = standing(Roll(), "a/1", checked_at, 1000.0, PERIOD)
    assert (stands.state, stands.ok, bool(stands.why)) == (state, state is State.ARMED, state is not State.ARMED)
    roll = Roll()
    roll.apply(found(1.0, "a/1"))
    lost = standing(roll, "a/1", checked_at, 1000.0, PERIOD)
    assert (lost.state, lost.why, lost.since) == (State.NOT_ARMED, "down", 1.0)


def test_what_was_found_amiss_comes_first() -> None:
    """Then what is too old, then what nobody looked at."""
    roll = Roll()
    roll.apply(found(1.0, "a/3"))
    times = {"a/1": None, "a/2": 1.0, "a/3": 1000.0, "a/4": 1000.0}
    stands = {name: standing(roll, name, at, 1000.0, PERIOD) for name, at in times.items()}
    assert [it.subject for it in not_armed(stands)] == ["a/3", "a/2", "a/1"]


def test_a_part_has_no_slash() -> None:
    """And a surface always has one."""
    assert [is_part(name) for name in ("slack scopes", "disk state", "billing/ledger")] == [True, True, False]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59.0, "59 s"), (300.0, "5 min"), (7200.0, "2 h"), (2e5, "2 d")]
)
def test_a_duration_is_said_in_its_largest_unit(seconds: float, said: str) -> None:
    """As people read it."""
    assert words(seconds) == said
