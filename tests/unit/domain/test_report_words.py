"""What does a report say of each surface, and which of several stops does it follow?"""

import itertools
from typing import Any

from adapters.base import Attempt, Mode, SurfaceClass
from bot.domain import events
from bot.domain.outcome import NOT_CUT, NOT_PROVEN, Outcome
from bot.domain.report import Known, Line, Report, report
from tests.unit.domain.facts import ALICE, board, held_target, hold, seen

KNOWN = {
    name: Known(adapter="memory", surface_class=SurfaceClass.QUEUE, owner="U0OWNER") for name in ("a/1", "a/2", "a/3")
}


def _bare() -> dict[str, Any]:
    """What a line cannot be without."""
    return {
        "surface": "a/1",
        "adapter": "",
        "surface_class": None,
        "asked": Mode.FULL_STOP,
        "held": None,
        "outcome": Outcome.PENDING,
    }


def made(*story: events.Event, known: dict[str, Known] = KNOWN) -> Report:
    """The report of incident `i`."""
    folded = board(*story)
    return report(folded, folded.incidents["i"], known)


def lines(*story: events.Event) -> dict[str, Line]:
    """Its lines by surface."""
    return {line.surface: line for line in made(*story).lines}


def _left(surface: str, why: str) -> tuple[events.LeftAlone, ...]:
    return (events.LeftAlone(surface=surface, why=why),)


def test_a_report_names_its_incident() -> None:
    """Where and when it opened, its stops, the strictest mode, and whether it is closed."""
    one, two = hold("h1", 20.0, "a/1", mode=Mode.DRAFT_ONLY, channel="C1"), hold("h2", 10.0, "a/2", mode=Mode.READ_ONLY)
    found = made(one, two)
    assert (found.incident, found.channel, found.opened_at, found.closed) == ("i", "C1", 10.0, False)
    assert found.holds == (one, two)
    assert found.mode is Mode.READ_ONLY
    assert made(one, events.IncidentClosed(at=30.0, incident="i", by=ALICE)).closed
    empty = events.Posted(at=1.0, incident="i", slot="parent", channel="C1", ts="1", digest="")
    assert (made(empty).mode, made(empty).lines, made(empty).settled) == (Mode.NORMAL, (), True)


def test_a_proven_line_says_everything_that_was_found() -> None:
    """Word for word from the proof, with what the configuration says of the surface."""
    found = seen(
        20.0, "a/1", attempt=Attempt.REFUSED, ended=2, left=3, elapsed_ms=12.5, detail="what", next="do", late=True,
        settled=True,
    )  # fmt: skip
    expected = Line(
        surface="a/1",
        adapter="memory",
        surface_class=SurfaceClass.QUEUE,
        asked=Mode.FULL_STOP,
        held=Mode.FULL_STOP,
        outcome=Outcome.VERIFIED,
        attempt=Attempt.REFUSED,
        ended=2,
        unknown=3,
        elapsed_ms=12.5,
        detail="what",
        next="do",
        owner="U0OWNER",
        late=True,
        settled=True,
    )
    assert made(hold("h", 10.0, "a/1"), found).lines == (expected,)
    bare = seen(20.0, "a/1", left=None)
    line = lines(hold("h", 10.0, "a/1"), bare)["a/1"]
    assert (line.unknown, line.attempt, line.late, line.settled) == (1, None, False, False)
    assert lines(hold("h", 10.0, "a/1"), seen(20.0, "a/1", left=0))["a/1"].unknown == 0


def test_a_line_without_a_proof_of_what_is_asked_is_pending() -> None:
    """P3: with what to do meanwhile, and what was last read back where that is known."""
    expected = Line(
        surface="a/1",
        adapter="memory",
        surface_class=SurfaceClass.QUEUE,
        asked=Mode.FULL_STOP,
        held=None,
        outcome=Outcome.PENDING,
        next="wait for the bot, which goes on trying, or cut it by hand",
        owner="U0OWNER",
    )
    (pending,) = made(hold("h", 10.0, "a/1")).lines
    assert pending == expected
    assert (pending.attempt, pending.ended, pending.unknown, pending.elapsed_ms) == (None, 0, 0, 0.0)
    assert (pending.detail, pending.late, pending.drifts, pending.settled) == ("", False, (), False)
    assert (Line(**{**_bare(), "outcome": Outcome.LEFT}).next, Known().agent_name, Known().adapter) == ("", "", "")
    assert (Line(**_bare()).owner, Known().owner, Known().surface_class) == (None, None, None)
    looser = seen(20.0, "a/1", asked=Mode.READ_ONLY, held=Mode.READ_ONLY, settled=True)
    line = lines(hold("h", 10.0, "a/1"), looser)["a/1"]
    assert (line.outcome, line.held, line.settled) == (Outcome.PENDING, Mode.READ_ONLY, False)
    older = lines(seen(5.0, "a/1"), hold("h", 10.0, "a/1"))["a/1"]
    assert (older.outcome, older.held) == (Outcome.PENDING, None)
    stricter = lines(hold("h", 10.0, "a/1", mode=Mode.READ_ONLY), seen(20.0, "a/1"))["a/1"]
    assert (stricter.outcome, stricter.asked) == (Outcome.VERIFIED, Mode.READ_ONLY)


def test_a_surface_that_left_the_configuration_keeps_its_line() -> None:
    """Without the facts that only the configuration had."""
    found = made(hold("h", 10.0, "a/9", left=_left("a/8", "left alone")))
    assert [(line.surface, line.adapter, line.surface_class, line.owner) for line in found.lines] == [
        ("a/9", "", None, None),
        ("a/8", "", None, None),
    ]


def test_what_was_left_says_why_and_what_to_do() -> None:
    """A mistake in the configuration is told from a choice; neither is waited for."""
    found = lines(
        hold("h1", 10.0, left=_left("a/1", "configuration: unknown key")),
        hold("h2", 10.0, left=_left("a/2", "left alone, as configured")),
    )
    expected = Line(
        surface="a/1",
        adapter="memory",
        surface_class=SurfaceClass.QUEUE,
        asked=Mode.FULL_STOP,
        held=None,
        outcome=Outcome.QUARANTINED,
        detail="configuration: unknown key",
        next="mend the line and run `agent-kill check`, or cut a/1 by hand",
        owner="U0OWNER",
        settled=True,
    )
    assert found["a/1"] == expected
    assert (found["a/2"].outcome, found["a/2"].detail) == (Outcome.LEFT, "left alone, as configured")
    assert found["a/2"].next == "cut a/2 by hand, or stop it with a stricter mode"


def test_the_strictest_stop_of_a_surface_is_reported() -> None:
    """In any order of the stops; the others of the incident keep their own surfaces."""
    stops = [
        hold("h1", 10.0, "a/1", "a/2", mode=Mode.DRAFT_ONLY),
        hold("h2", 20.0, "a/1", mode=Mode.FULL_STOP),
        hold("h3", 30.0, "a/1", mode=Mode.READ_ONLY),
    ]
    for story in itertools.permutations(stops):
        found = lines(*story)
        assert (found["a/1"].asked, found["a/2"].asked) == (Mode.FULL_STOP, Mode.DRAFT_ONLY)


def test_of_two_alike_what_was_left_is_reported() -> None:
    """P3: a surface that one of two stops could not bind is not green by the other; a stricter one that did bind is."""
    capital = hold("h1", 10.0, held_target("A", "a/1")), hold("h2", 20.0, left=_left("a/1", "left alone"))
    for story in (capital, capital[::-1]):
        assert lines(*story)["a/1"].outcome is Outcome.LEFT
    bound, left = hold("h1", 10.0, "a/1"), hold("h2", 20.0, left=_left("a/1", "left alone"))
    for story in ((bound, left), (left, bound)):
        assert lines(*story, seen(30.0, "a/1"))["a/1"].outcome is Outcome.LEFT
    milder = hold("h2", 20.0, mode=Mode.READ_ONLY, left=_left("a/1", "left alone"))
    for story in ((bound, milder), (milder, bound)):
        assert lines(*story, seen(30.0, "a/1"))["a/1"].outcome is Outcome.VERIFIED


def test_of_two_alike_the_same_one_is_reported_in_any_order() -> None:
    """The first by its words, or by its target."""
    words = [hold("h1", 10.0, left=_left("a/1", "b")), hold("h2", 10.0, left=_left("a/1", "a"))]
    moved = [hold("h1", 10.0, held_target("t2", "a/1")), hold("h2", 10.0, held_target("t1", "a/1"))]
    for order in ((0, 1), (1, 0)):
        assert lines(*(words[place] for place in order))["a/1"].detail == "a"
        proof = seen(20.0, "t1", detail="first"), seen(20.0, "t2", detail="second")
        assert lines(*(moved[place] for place in order), *proof)["a/1"].detail == "first"


def test_a_line_tells_how_it_came_back_in_this_incident_alone() -> None:
    """In the order of time, from the first stop on, whatever came after."""
    story: list[Any] = [
        seen(5.0, "a/1", outcome=Outcome.DRIFTED, detail="long ago"),
        hold("h1", 10.0, "a/1", "a/2"),
        hold("h2", 25.0, "a/1"),
        seen(30.0, "a/1", outcome=Outcome.DRIFTED, detail="second"),
        seen(10.0, "a/1", outcome=Outcome.DRIFTED, detail="first"),
        seen(40.0, "a/1", "a/2"),
    ]
    found = lines(*story)
    assert (found["a/1"].drifts, found["a/2"].drifts) == (("first", "second"), ())
    assert found["a/1"].outcome is Outcome.VERIFIED
    pending = lines(*story, hold("h3", 50.0, "a/1"))["a/1"]
    assert (pending.outcome, pending.drifts) == (Outcome.PENDING, ("first", "second"))


def test_every_outcome_stands_where_a_person_looks_for_it() -> None:
    """NOT CUT, NOT PROVEN or proven; what a restore says of a surface is none of them."""
    told = {Outcome.VERIFIED, Outcome.RELAXING, Outcome.PROBATION, Outcome.RESTORED}
    assert set(Outcome) - NOT_CUT - NOT_PROVEN == told
    assert {Outcome.APPLIED} == NOT_PROVEN
    stops = hold("h", 10.0, "a/1", "a/2", "a/3", left=_left("a/4", "left alone"))
    found = made(
        stops,
        seen(20.0, "a/1", settled=True),
        seen(20.0, "a/2", outcome=Outcome.APPLIED, settled=True),
        seen(20.0, "a/3", outcome=Outcome.FAILED),
    )
    assert [line.surface for line in found.verified()] == ["a/1"]
    assert [line.surface for line in found.not_proven()] == ["a/2"]
    assert [line.surface for line in found.not_cut()] == ["a/3", "a/4"]
    assert [(line.not_cut, line.not_proven) for line in found.lines] == [
        (False, False),
        (False, True),
        (True, False),
        (True, False),
    ]
    assert not found.settled
    assert made(hold("h", 10.0, "a/1"), seen(20.0, "a/1", settled=True)).settled


def test_a_line_is_made_anew_where_the_words_of_the_configuration_change() -> None:
    """A line that is kept is never an old one: other facts, mode, proof or drift give another."""
    folded = board(hold("h", 10.0, "a/1", mode=Mode.READ_ONLY), seen(20.0, "a/1"))
    incident = folded.incidents["i"]

    def line(known: dict[str, Known] = KNOWN) -> Line:
        (only,) = report(folded, incident, known).lines
        return only

    first = line()
    assert line() is first
    assert line({"a/1": Known(adapter="other")}).adapter == "other"
    assert line() == first
    folded.apply(seen(30.0, "a/1", outcome=Outcome.DRIFTED, asked=Mode.READ_ONLY, detail="back"))
    assert line().outcome is Outcome.DRIFTED
    folded.apply(seen(40.0, "a/1", asked=Mode.READ_ONLY))
    assert (line().outcome, line().drifts) == (Outcome.VERIFIED, ("back",))
    folded.apply(seen(35.0, "a/1", outcome=Outcome.DRIFTED, detail="again"))
    assert line().drifts == ("back", "again")
    fresh = board(hold("h", 10.0, "a/1", mode=Mode.READ_ONLY))
    assert report(fresh, fresh.incidents["i"], KNOWN).lines[0].asked is Mode.READ_ONLY
    fresh.apply(hold("h2", 20.0, "a/1"))
    assert report(fresh, fresh.incidents["i"], KNOWN).lines[0].asked is Mode.FULL_STOP
    folded.apply(hold("h2", 50.0, "a/1"))
    assert (line().asked, line().outcome) == (Mode.FULL_STOP, Outcome.PENDING)
