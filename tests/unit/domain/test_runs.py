"""What does the journal say of the runs of a drill, in whatever order and however often it is read?"""

import itertools

import pytest

from bot.domain import drill_events as drills
from bot.domain.outcome import Outcome
from bot.domain.practice import Practice, Run
from tests.unit.domain.runs import claimed, ended, gave_back, measured, practice, released, started, the_run

MEASURED = drills.DrillMeasured(at=3.0, run="r", card=ended(0.0, "a/1").card)
LEFT = drills.DrillLeftHeld(at=6.0, run="r", surfaces=("a/1",), why="it did not loosen")
STORY = (
    claimed(1.0),
    started(2.0, "a/1"),
    MEASURED,
    released(4.0, ("cut", "a/1")),
    gave_back(5.0, "a/1"),
    LEFT,
    ended(7.0, "a/1"),
)


@pytest.mark.parametrize("order", [STORY, STORY[::-1], STORY * 2])
def test_every_entry_of_a_run_is_kept_in_its_place(order: tuple[drills.AnyDrillEvent, ...]) -> None:
    """Once, though a journal may be read twice."""
    assert the_run(*order) == Run(
        id="r",
        claimed=claimed(1.0),
        started=started(2.0, "a/1"),
        measured=MEASURED,
        released=[released(4.0, ("cut", "a/1"))],
        given_back={"a/1"},
        left=LEFT,
        ended=ended(7.0, "a/1"),
    )


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (claimed(1.0), claimed(2.0)),
        (started(1.0, "z"), started(2.0, "a")),
        (MEASURED, MEASURED.model_copy(update={"at": 4.0})),
        (LEFT, LEFT.model_copy(update={"at": 7.0, "why": "a"})),
        (ended(1.0, "z"), ended(2.0, "a")),
        (ended(1.0, "a"), ended(1.0, "z")),  # of one moment: the same one in any order
    ],
)
def test_of_two_alike_the_earlier_counts(earlier: drills.AnyDrillEvent, later: drills.AnyDrillEvent) -> None:
    """In any order."""
    assert the_run(later, earlier) == the_run(earlier, later) == the_run(earlier)


def test_what_is_given_back_or_released_in_parts_adds_up() -> None:
    """Each release stays as it was journaled."""
    first, second = released(4.0, ("cut", "a/1")), released(5.0, ("cut", "a/2"))
    run = the_run(first, gave_back(5.0, "a/1"), second, gave_back(6.0, "a/2"))
    assert (run.released, run.given_back) == ([first, second], {"a/1", "a/2"})


@pytest.mark.parametrize(
    ("story", "is_under_way"),
    [
        ((claimed(1.0),), True),
        ((started(2.0),), True),
        ((claimed(1.0), started(2.0)), True),
        ((claimed(1.0), ended(3.0)), False),
        ((released(3.0),), False),
    ],
)
def test_a_run_is_under_way_from_its_claim_to_its_end(
    story: tuple[drills.AnyDrillEvent, ...], is_under_way: object
) -> None:
    """Also where only one of the two entries of its beginning was read; any other entry alone begins none."""
    assert the_run(*story).under_way is is_under_way


def test_a_run_knows_its_targets_and_their_surfaces() -> None:
    """None before its plan is read."""
    plan = started(2.0).model_copy(
        update={
            "targets": (drills.Drilled(key="t", surfaces=("a/1", "b/1")), drills.Drilled(key="u", surfaces=("a/2",)))
        }
    )
    run = the_run(plan)
    assert run.targets() == ("t", "u")
    assert run.surfaces_of(["u", "t", "elsewhere"]) == ("a/1", "b/1", "a/2")
    assert run.surfaces_of(iter(["t"])) == ("a/1", "b/1")
    unread = the_run(claimed(1.0))
    assert (unread.targets(), unread.surfaces_of(["t"])) == ((), ())


def test_the_runs_of_a_drill_come_oldest_first() -> None:
    """By the time of their claims, then by id; not another drill's, nor one whose claim was not read."""
    story: list[drills.AnyDrillEvent] = [
        claimed(5.0, "late"),
        claimed(1.0, "b"),
        claimed(1.0, "a"),
        claimed(2.0, "other", drill="e"),
        started(0.0, run="unread"),
    ]
    for order in itertools.permutations(story):
        made = practice(*order)
        assert [run.id for run in made.of("d")] == ["a", "b", "late"]
    made.fold(ended(9.0, run="a"))
    assert (made.last("d"), made.last("e")) == (made.runs["a"], None)
    made.fold(ended(8.0, run="b"))
    assert made.last("d") is made.runs["b"]


def test_a_due_time_is_settled_once_it_was_run_or_missed() -> None:
    """A run that was typed without a due time settles none, nor does another drill's."""
    made = practice(
        claimed(10.5, "r1", due=10.0),
        claimed(40.5, "r2", due=40.0, scheduled=False),
        claimed(50.5, "r3", due=50.0, drill="e"),
        drills.DrillMissed(at=21.0, drill="d", due=20.0, why="down"),
        drills.DrillMissed(at=61.0, drill="e", due=60.0, why="down"),
    )
    assert [due for due in (10.0, 20.0, 40.0, 50.0, 60.0) if made.is_settled("d", due)] == [10.0, 20.0]
    assert (made.known_due("d"), made.known_due("e"), made.known_due("f")) == (20.0, 60.0, None)
    made.fold(claimed(30.5, "r4", due=30.0))
    assert made.known_due("d") == 30.0


def test_of_two_reasons_for_a_missed_time_the_first_stands() -> None:
    """In any order of the journals."""
    told = [drills.DrillMissed(at=at, drill="d", due=1.0, why=why) for at, why in ((2.0, "z"), (3.0, "a"), (2.0, "zz"))]
    for order in itertools.permutations(told):
        assert practice(*order).missed == {("d", 1.0): told[0]}


def test_calls_and_answers_are_kept_by_their_due_time() -> None:
    """Once each; answers in the order in which they were given, which decides who is on turn."""
    by = claimed(0.0).by
    call = drills.DrillCalled(at=1.0, drill="d", due=9.0, begins=9.0, offset=8.0)
    second = call.model_copy(update={"at": 2.0})
    made = practice(call, second, call, call.model_copy(update={"due": 8.0}))
    assert made.called == {("d", 9.0): [call, second], ("d", 8.0): [call.model_copy(update={"due": 8.0})]}
    answers = [
        drills.DrillAnswered(at=at, drill="d", due=9.0, answer=answer, by=by)
        for at, answer in ((1.0, "postponed"), (2.0, "acknowledged"), (2.0, "handed_over"))
    ]
    for order in itertools.permutations(answers):
        assert practice(*order, order[0]).answers == {("d", 9.0): answers}


def test_what_was_asked_for_waits_under_its_id() -> None:
    """The running bot looks there."""
    ask = drills.DrillAsked(at=1.0, ask="x", drill="d", by=claimed(0.0).by)
    assert practice(ask).asked == {"x": ask}
    assert practice(ask).runs == {}


def test_the_latest_run_that_proved_a_cut_counts_for_a_surface() -> None:
    """With what its own schedule asked for next. A run that did not end, failed there or cut nothing proves nothing."""
    story: list[drills.AnyDrillEvent] = [
        ended(5.0, "a/1", "a/2", run="new", next_due=50.0),
        ended(3.0, "a/1", "a/3", run="old", next_due=30.0),
        ended(9.0, "a/1", run="failed", outcome=Outcome.FAILED),
        ended(9.0, "a/2", run="table", kind="tabletop"),
        ended(2.0, "a/4", run="applied", outcome=Outcome.APPLIED),
        claimed(8.0, "open"),
    ]
    for order in (story, story[::-1]):
        assert practice(*order).drilled() == {
            "a/1": (5.0, 50.0),
            "a/2": (5.0, 50.0),
            "a/3": (3.0, 30.0),
            "a/4": (2.0, None),
        }


def test_two_runs_that_ended_in_one_moment_amount_to_the_same_in_any_order() -> None:
    """The order in which journals are read says nothing."""
    ends = (ended(5.0, "a/1", run="r1", next_due=50.0), ended(5.0, "a/1", run="r2", next_due=40.0))
    assert practice(*ends).drilled() == practice(*ends[::-1]).drilled() == {"a/1": (5.0, 40.0)}


@pytest.mark.parametrize(
    ("story", "pulled"),
    [
        ((started(2.0, "a/1"),), False),
        ((started(2.0, "a/1"), ended(4.0)), False),
        ((started(2.0, "a/1"), ended(4.0, "a/1", outcome=Outcome.PENDING)), False),  # a real stop came before its cut
        ((started(2.0, "a/1"), ended(4.0, "a/1", outcome=Outcome.FAILED)), True),  # the surface did not do it
        ((started(2.0, "a/1"), measured(3.0, "a/1")), True),  # not ended yet
        ((started(2.0, "a/1"), measured(3.0, "a/1"), ended(4.0)), True),  # its end tells of less
        ((measured(3.0, "a/1", outcome=Outcome.PENDING), ended(4.0, "a/1")), True),
    ],
)
def test_whoever_began_a_run_pulled_the_switch_once_a_surface_answered_to_the_cut(
    story: tuple[drills.AnyDrillEvent, ...], pulled: object
) -> None:
    """A plan practises nobody, nor does a run whose claim was not read."""
    assert the_run(*story).pull is None
    assert the_run(claimed(1.0), *story).pull == (claimed(1.0) if pulled else None)


def test_the_slack_users_who_pulled_the_switch_are_named() -> None:
    """Not somebody at a command line, nor the clock, nor who claimed a run that never cut."""
    made = Practice()
    for run, kind, who, cut in (
        ("r1", "slack", "U1", True),
        ("r2", "slack", "U2", False),
        ("r3", "cli", "root", True),
        ("r4", "bot", "clock", True),
    ):
        made.fold(claimed(1.0, run, by={"kind": kind, "id": who}))
        if cut:
            made.fold(measured(2.0, "a/1", run=run))
    assert made.pullers() == {"U1"}
