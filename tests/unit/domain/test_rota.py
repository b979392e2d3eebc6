"""Whose turn is it to pull the switch, and who has not done so for too long?"""

import itertools

from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.practice import Practice
from bot.domain.rota import declined, last_pulls, next_operator, on_turn, unpractised_people
from tests.unit.domain.facts import hold
from tests.unit.domain.runs import claimed, measured, practice, started


def slack(name: str) -> events.Person:
    """A Slack user."""
    return events.Person(kind="slack", id=name)


def called(at: float, operator: str | None, due: float = 9.0, offset: float = 60.0) -> drills.DrillCalled:
    """A reminder."""
    who = slack(operator) if operator else None
    return drills.DrillCalled(at=at, drill="d", due=due, begins=due, offset=offset, operator=who)


def handed_over(at: float, by: str, to: str, due: float = 9.0) -> drills.DrillAnswered:
    """An answer that names somebody else."""
    return drills.DrillAnswered(at=at, drill="d", due=due, answer="handed_over", by=slack(by), to=slack(to))


def test_the_last_stop_or_drill_of_each_slack_user_counts() -> None:
    """In any order; a backstop, a drill's own hold, and whoever is no Slack user pull nothing here."""
    stops = [
        hold("h1", 5.0, by=slack("U1")),
        hold("h2", 3.0, by=slack("U1")),
        hold("h3", 9.0, by=slack("U1"), origin="drill"),
        hold("h4", 9.0, by=events.Person(kind="http", id="U1")),
        hold("h5", 4.0, by=slack("U2")),
        hold("h6", 0.0, by=slack("U7")),
    ]
    made = practice(
        claimed(7.0, "r1", by=slack("U2")),
        measured(8.0, "a/1", run="r1"),
        claimed(6.0, "r2", by=slack("U2")),
        measured(8.0, "a/1", run="r2"),
        claimed(2.0, "r3", by=slack("U3")),
        measured(8.0, "a/1", run="r3"),
        claimed(2.0, "r4", by=slack("U4")),
        started(8.0, run="r4"),
        claimed(2.0, "r5", by=events.Person(kind="cli", id="U5")),
        measured(8.0, "a/1", run="r5"),
        measured(8.0, "a/1", run="r6"),
        claimed(1.0, "r7", by=slack("U1")),
        measured(8.0, "a/1", run="r7"),
    )
    for order in (stops, stops[::-1]):
        assert last_pulls(made, order) == {"U1": 5.0, "U2": 7.0, "U3": 2.0, "U7": 0.0}


def test_who_never_did_is_before_who_did_longest_ago() -> None:
    """Of two alike the id decides, so that every restart names the same person."""
    pulls = {"U1": 5.0, "U2": 3.0, "U3": 3.0}
    assert next_operator({"U1", "U2", "U3", "U4", "U5"}, pulls) == "U4"
    assert next_operator({"U3", "U2", "U1"}, pulls) == "U2"
    assert next_operator({"U1", "U2", "U3"}, pulls, without={"U2"}) == "U3"
    assert next_operator({"U1"}, pulls, without=["U1", "U9"]) is None
    assert next_operator((), pulls) is None


def test_who_was_called_first_is_on_turn_until_it_is_handed_over() -> None:
    """The last to whom it was handed over then; another due time, or another drill, is another turn."""
    calls = [called(2.0, "U2"), called(1.0, None), called(1.5, "U1"), called(0.5, "U8", due=8.0)]
    for order in itertools.permutations(calls):
        assert on_turn(practice(*order), "d", 9.0) == "U1"
    given = [handed_over(3.0, "U1", "U4"), handed_over(4.0, "U4", "U3"), handed_over(5.0, "U1", "U9", due=8.0)]
    for answers in itertools.permutations(given):
        made = practice(*calls, *answers)
        assert on_turn(made, "d", 9.0) == "U3"
    assert on_turn(made, "e", 9.0) is None
    assert on_turn(made, "d", 7.0) is None
    assert on_turn(practice(called(1.0, None)), "d", 9.0) is None


def test_two_calls_of_one_moment_name_the_same_person_in_any_order() -> None:
    """As two journals may have them."""
    one, other = called(1.0, "U1"), called(1.0, "U2")
    assert on_turn(practice(one, other), "d", 9.0) == on_turn(practice(other, one), "d", 9.0) == "U1"


def test_an_answer_that_hands_nothing_over_leaves_the_turn_where_it_is() -> None:
    """Whoever takes it on, or puts it off, is not on turn by that."""
    yes = drills.DrillAnswered(at=3.0, drill="d", due=9.0, answer="acknowledged", by=slack("U5"))
    assert on_turn(practice(called(1.0, "U1"), yes), "d", 9.0) == "U1"


def test_who_handed_it_over_is_not_asked_for_it_again() -> None:
    """For that due time."""
    postponed = drills.DrillAnswered(at=2.0, drill="d", due=9.0, answer="postponed", by=slack("U5"))
    made = practice(handed_over(1.0, "U1", "U2"), handed_over(2.0, "U2", "U3"), postponed)
    assert declined(made, "d", 9.0) == {"U1", "U2"}
    assert declined(made, "d", 8.0) == declined(Practice(), "d", 9.0) == frozenset()


def test_everyone_has_a_whole_period() -> None:
    """Who pulled it exactly so long ago has not waited too long yet; who never did has."""
    pulls = {"U1": 90.0, "U2": 79.9, "U3": 80.0}
    assert unpractised_people(["U3", "U4", "U2", "U1"], pulls, period=20.0, now=100.0) == ("U2", "U4")
