"""Does the page of a drill say what the drill found?"""

from adapters.base import Mode
from bot.domain import drill_events as drills
from bot.domain.outcome import Outcome
from bot.domain.practice import Practice
from bot.report.drilled import drilled


def practice(how: drills.How = "passed", why: str = "", **score: object) -> Practice:
    """One run of one surface, with a fault."""
    made = Practice()
    one = {"surface": "a/b", "asked": Mode.FULL_STOP, "outcome": Outcome.VERIFIED, "cut_ms": 40.0, "deadline_ms": 50.0}
    card = drills.Scorecard(
        kind="live",
        mode=Mode.FULL_STOP,
        surfaces=(drills.SurfaceScore.model_validate({**one, **score}),),
        faults=(drills.FaultScore(fault="slack", survived=how == "passed"),),
    )
    made.fold(drills.DrillStarted(at=1.0, run="r1", hold="hold-1", mode=Mode.FULL_STOP, targets=()))
    made.fold(drills.DrillEnded(at=2.0, run="r1", drill="weekly", how=how, why=why, card=card))
    return made


def test_a_drill_that_passed() -> None:
    """In its deadline, with its faults; that nothing watched it is said."""
    assert drilled(practice(), frozenset({"hold-1", "hold-2"})) == (
        "The drill weekly passed; every surface was cut within its deadline; no evaluation watched it; "
        "the fault slack was survived."
    )


def test_a_drill_that_failed() -> None:
    """With its reason, what was late, and what a witness saw."""
    said = drilled(practice("failed", "it was slow", cut_ms=60.0, effects=3), frozenset({"hold-1"}))
    assert said == (
        "The drill weekly failed: it was slow; not cut within the deadline: a/b; 3 effects after the cut were seen at "
        "1 of 1 surfaces; the fault slack was NOT survived."
    )


def test_another_stop_is_no_drill() -> None:
    """Nothing is said of it."""
    assert not drilled(practice(), frozenset({"hold-9"}))
