"""Does a report tell what a drill's own release gave back from what a vote gave back?"""

from bot.domain.report import report
from tests.unit.domain.facts import board, hold, lift, seen
from tests.unit.domain.runs import cut, released, started

PLAN = started(9.0, "a/1", "a/2")
CUT = cut(10.0, "a/1", "a/2")
RELEASED = released(20.0, ("cut", "a/1"), ("cut", "a/2"))


def drilled(*story: object) -> dict[str, bool]:
    """By surface, whether its line says that a drill gave it back."""
    made = board(*story)  # type: ignore[arg-type]  # events
    return {line.surface: line.drilled for line in report(made, made.incidents["i"], {}).lines}


def test_what_a_drill_gave_back_by_itself_says_so() -> None:
    """Each surface from when it is released on; what is held yet is a cut like any other."""
    assert drilled(PLAN, CUT, seen(11.0, "a/1")) == {"a/1": False, "a/2": False}
    assert drilled(PLAN, CUT, released(20.0, ("cut", "a/2"))) == {"a/1": False, "a/2": True}
    assert drilled(PLAN, CUT, RELEASED) == {"a/1": True, "a/2": True}


def test_a_vote_on_any_of_it_makes_it_the_votes() -> None:
    """The incident was people's to decide then; a vote on another hold is another incident's."""
    voted = lift(20.0, ("cut", "a/1"))
    assert drilled(PLAN, CUT, voted, released(21.0, ("cut", "a/2"))) == {"a/1": False, "a/2": False}
    back = cut(21.0, "a/1", name="r.back1")  # the release did not come to its end there
    assert drilled(PLAN, CUT, RELEASED, back, lift(30.0, ("r.back1", "a/1"))) == {"a/1": False, "a/2": False}
    elsewhere = (hold("h", 12.0, "a/1", incident="j"), lift(20.0, ("h", "a/1")))
    assert drilled(PLAN, CUT, RELEASED, *elsewhere) == {"a/1": True, "a/2": True}


def test_a_real_stop_in_the_incident_makes_it_no_drill() -> None:
    """Whatever was given back how."""
    real = hold("h", 12.0, "a/1")
    assert drilled(PLAN, CUT, RELEASED, real, released(21.0, ("h", "a/1"))) == {"a/1": False, "a/2": False}
