"""Does a report say what was never rehearsed, and how many people have ever pulled the switch?"""

from adapters.base import Mode
from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.domain.practice import Practice, Practised, practised
from bot.slack.blocks.closing import _practised

DAY = 86_400.0
NOW = 1_000.0 * DAY


def ended(surface: str, at: float, *, kind: str = "live", outcome: Outcome = Outcome.VERIFIED) -> drills.DrillEnded:
    """A run that ended."""
    score = drills.SurfaceScore(surface=surface, asked=Mode.FULL_STOP, outcome=outcome)
    card = drills.Scorecard.model_validate(
        {"kind": kind, "mode": Mode.FULL_STOP, "surfaces": (score,), "next_due": at + 7 * DAY}
    )
    return drills.DrillEnded(at=at, run=f"r{at}{surface}", drill="d", how="passed", card=card)


def stop(user: str, origin: str = "slack") -> events.HoldAdded:
    """A stop by a person."""
    by = events.Person(kind="slack", id=user)
    return events.HoldAdded.model_validate(
        {"at": NOW, "hold": user, "incident": "i", "mode": Mode.FULL_STOP, "by": by, "origin": origin}
    )


def test_only_a_real_cut_that_was_proven_counts_and_not_for_ever() -> None:
    """A tabletop drill cuts nothing; one that failed proves nothing; the next due time makes it overdue."""
    practice = Practice()
    for event in (
        ended("a/fresh", NOW - DAY),
        ended("a/old", NOW - 8 * DAY),
        ended("a/planned", NOW - DAY, kind="tabletop"),
        ended("a/failed", NOW - DAY, outcome=Outcome.FAILED),
    ):
        practice.fold(event)
    names = ["a/fresh", "a/old", "a/planned", "a/failed", "a/none", "a/none"]
    found = practised(practice, [], names, None, NOW)
    assert found == Practised(never=("a/planned", "a/failed", "a/none"), overdue=("a/old",), pulled=0, people=None)


def test_people_count_who_stopped_or_drilled_themselves() -> None:
    """Of those who may stop now; a drill's own hold and a stranger's stop count for nobody."""
    stops = [stop("U1"), stop("U9"), stop("U2", "drill")]
    found = practised(Practice(), stops, [], {"U1", "U2", "U3"}, NOW)
    assert (found.pulled, found.people) == (1, 3)


def test_a_drill_is_overdue_an_hour_after_its_time() -> None:
    """Or after ninety days, whatever its schedule asks for, or where it asks for nothing more."""
    practice = Practice()
    due = NOW - 3600.0
    for surface, at, next_due in (
        ("a/hour", NOW - DAY, due),
        ("a/later", NOW - DAY, due - 0.5),
        ("a/old", NOW - 90 * DAY, None),
        ("a/older", NOW - 90 * DAY - 0.5, None),
        ("a/rare", NOW - 90 * DAY - 0.5, NOW + DAY),
    ):
        end = ended(surface, at)
        practice.fold(end.model_copy(update={"card": end.card.model_copy(update={"next_due": next_due})}))
    names = ["a/rare", "a/older", "a/old", "a/later", "a/hour"]
    assert practised(practice, [], names, None, NOW).overdue == ("a/rare", "a/older", "a/later")


def test_surfaces_and_people_are_counted_together() -> None:
    """A stop of a drill's own, or by somebody who is no Slack user, is nobody's; who cut in a drill pulled it too."""
    practice = Practice()
    practice.fold(ended("a/old", NOW - 8 * DAY))
    for user in ("U2", "U3"):
        by = events.Person(kind="slack", id=user)
        claim = {"run": user, "drill": "d", "kind": "live", "mode": Mode.FULL_STOP, "due": 1.0, "by": by}
        practice.fold(drills.DrillClaimed.model_validate({"at": 1.0, **claim}))
    practice.fold(drills.DrillMeasured(at=2.0, run="U2", card=ended("a/old", 2.0).card))
    cli = stop("U4").model_copy(update={"by": events.Person(kind="cli", id="U4")})
    found = practised(practice, [stop("U1"), cli], ["a/old", "a/none"], {"U1", "U2", "U3", "U4"}, NOW)
    assert found == Practised(never=("a/none",), overdue=("a/old",), pulled=2, people=4)


def test_the_report_names_the_first_of_them_and_counts_the_rest() -> None:
    """And says nothing where there is nothing to say."""
    assert _practised(Practised()) is None
    never = tuple(f"a/{number}" for number in range(7))
    block = _practised(Practised(never=never, overdue=("b/x",), pulled=1, people=4))
    assert block is not None
    text = str(block["elements"])
    assert "*Never drilled* (7): `a/0`, `a/1`, `a/2`, `a/3`, `a/4` and 2 more." in text
    assert "*Drill overdue* (1): `b/x`." in text
    assert "1 of 4 people who may stop have ever pulled the switch." in text
