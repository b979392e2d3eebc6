"""Does the report of an incident say what is recorded, and never more?"""

from pathlib import Path

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.domain.outcome import Outcome
from tests.unit.report.incidents import T0, closed, found, page, person, report, stop, told, write
from tests.unit.report.quarter import DAY, quarter, run


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory without journals."""
    return tmp_path / "state"


def surface(state: Path, name: str) -> dict[str, object]:
    """One surface of the document."""
    return next(row for row in told(state)["surfaces"] if row["surface"] == name)


def test_a_proven_stop_is_told_in_three_sentences(state: Path) -> None:
    """Who asked what when and why, what came of it, how it ended."""
    write(state, [stop(0, "a/1", "a/2"), found(0.2, "a/1"), found(0.5, "a/2"), closed(60)])
    assert told(state)["summary"] == [
        "U0ALICE (Slack) asked for full_stop on all at 2026-01-01 00:00:00 UTC: “it leaks”.",
        "Both surfaces of 1 agent were cut and proven, the last after 0.50 s.",
        "U0BOB (Slack) closed the incident at 2026-01-01 00:01:00 UTC.",
    ]


def test_the_word_of_a_surface_is_no_proof(state: Path) -> None:
    """An applied cut has no time to proof, stands under NOT PROVEN, and is in no sentence about proofs."""
    write(state, [stop(0, "a/1"), found(0.2, "a/1", outcome=Outcome.APPLIED)])
    document = told(state)
    assert (document["not_proven"], document["never_proven"]) == (["a/1"], ["a/1"])
    assert surface(state, "a/1")["proven_after"] is None
    assert document["summary"][1] == "None of the 1 surface of 1 agent was ever proven to be cut."


def test_a_surface_without_an_answer_is_not_cut(state: Path) -> None:
    """The journal ends before it answered."""
    write(state, [stop(0, "a/1", "a/2"), found(0.2, "a/1")])
    document = told(state)
    assert document["not_cut"] == ["a/2"]
    assert (
        "1 of 2 surfaces of 1 agent were cut and proven, the last after 0.20 s; never proven: a/2."
        in (document["summary"])
    )


def test_what_was_left_alone_is_not_cut(state: Path) -> None:
    """It was in scope and no hold binds it."""
    left = (events.LeftAlone(surface="a/9", why="it cannot hold draft_only"),)
    write(state, [stop(0, "a/1", left=left), found(0.2, "a/1")])
    assert told(state)["not_cut"] == ["a/9"]
    assert page(state).index("it cannot hold draft_only") < page(state).index("What happened")


def test_what_is_not_cut_comes_before_what_happened(state: Path) -> None:
    """In the page and in the terminal."""
    write(state, [stop(0, "a/1"), found(0.2, "a/1", outcome=Outcome.FAILED, detail="no rights")])
    html = page(state)
    assert html.index("no rights") < html.index("What happened")
    shown = report(state, "inc-1").stdout
    assert shown.index("NOT CUT") < shown.index("Timeline")


def test_a_missed_deadline_and_its_backstop_are_told(state: Path) -> None:
    """When it was late, how long it was not cut, and which hold tripped."""
    late = found(5, "a/1", outcome=Outcome.UNKNOWN, late=True, detail="no answer within 5 s")
    backstop = stop(5.1, "a/2", hold="hold-2", origin="backstop", parent="hold-1", scope="a/2")
    write(state, [stop(0, "a/1"), late, backstop, found(5.4, "a/2"), found(9, "a/1")])
    document = told(state)
    assert document["missed_deadlines"] == [{"surface": "a/1", "at": ["2026-01-01T00:00:05.000Z"]}]
    gap = {"from": "2026-01-01T00:00:05.000Z", "until": "2026-01-01T00:00:09.000Z", "why": "no answer within 5 s"}
    assert surface(state, "a/1")["gaps"] == [gap]
    assert any("the backstop holds a/2 at full_stop" in moment["says"] for moment in document["timeline"])


def test_drift_and_the_cut_again_are_told(state: Path) -> None:
    """Each is a moment, and the surface counts how often it came back."""
    drift = found(60, "a/1", outcome=Outcome.DRIFTED, held=Mode.NORMAL, detail="somebody granted it again")
    write(state, [stop(0, "a/1"), found(0.2, "a/1"), drift, found(61, "a/1")])
    says = [moment["says"] for moment in told(state)["timeline"]]
    assert says[1:] == ["cut to full_stop and proven", "came back by itself", "cut again to full_stop and proven"]
    assert surface(state, "a/1")["came_back"] == 1
    assert "authority came back by itself once" in told(state)["summary"][1]


def test_a_rounded_mode_is_told_as_it_was_held(state: Path) -> None:
    """Asked draft_only, held as read_only: in the table, in the timeline and in the picture."""
    proof = found(0.2, "a/1", asked=Mode.DRAFT_ONLY, held=Mode.READ_ONLY)
    write(state, [stop(0, "a/1", mode=Mode.DRAFT_ONLY), proof, closed(60)])
    row = surface(state, "a/1")
    assert (row["asked"], row["held"]) == ("draft_only", "read_only")
    document = told(state)
    assert document["timeline"][1]["says"] == "cut to draft_only and proven (held as read_only)"
    assert [(span["mode"], span["state"]) for span in document["authority"][0]["spans"]] == [
        ("draft_only", "open"),
        ("read_only", "proven"),
    ]


def test_a_closed_incident_is_told_as_it_was(state: Path) -> None:
    """What a later incident finds at the same surface changes nothing in it."""
    later = stop(500, "a/1", hold="hold-2", incident="inc-2")
    failed = found(501, "a/1", outcome=Outcome.FAILED, detail="broken now")
    write(state, [stop(0, "a/1"), found(0.2, "a/1"), closed(60), later, failed])
    assert (told(state)["not_cut"], told(state)["covers"]["until"]) == ([], "2026-01-01T00:01:00.000Z")
    assert told(state, "inc-2")["not_cut"] == ["a/1"]


def test_work_that_nobody_saw_is_told(state: Path) -> None:
    """A proof of the cut is none of the work in flight."""
    write(state, [stop(0, "a/1"), found(0.2, "a/1", left=None, ended=3)])
    row = surface(state, "a/1")
    assert (row["work_ended"], row["work_unknown"]) == (3, True)
    assert told(state)["work_not_seen"] == ["a/1"]
    assert "nobody could see" in page(state)


def test_a_reason_that_came_later_is_told(state: Path) -> None:
    """With who gave it."""
    given = events.ReasonGiven(at=T0 + 30, hold="hold-1", by=person("U0BOB"), reason="a wrong refund")
    write(state, [stop(0, "a/1", reason=""), found(0.2, "a/1"), given])
    assert "“a wrong refund”" in told(state)["summary"][0]
    assert told(state)["timeline"][-1]["who"] == {"kind": "slack", "id": "U0BOB"}


def test_a_drill_is_told_as_one(tmp_path: Path) -> None:
    """Its own release gave back, no vote; and a stop before it was one of surfaces that nobody had drilled."""
    state = quarter(tmp_path, stop(0, "billing/queue"), found(0.2, "billing/queue"), closed(60), *run(3))
    document = told(state, "inc-run-3")
    assert document["drill"] is True
    assert document["summary"][0].startswith("As a drill, ")
    says = [moment["says"] for moment in document["timeline"]]
    assert "run-3 released its own hold, as was authorised with it" in says
    assert "the drill monthly ended (run-3): passed" in says
    assert document["authority"][0]["spans"][-1]["mode"] == "normal"
    assert (document["never_drilled_before"], told(state)["never_drilled_before"]) == ([], ["billing/queue"])


def test_a_surface_whose_drill_was_too_long_ago_is_told(tmp_path: Path) -> None:
    """As it was when the stop came, not as it is now."""
    late = stop(200 * DAY, "billing/ledger", incident="inc-late", hold="hold-late")
    state = quarter(tmp_path, *run(3), late, *run(201))
    document = told(state, "inc-late")
    assert (document["never_drilled_before"], document["drill_overdue"]) == ([], ["billing/ledger"])
    assert "Its drill was overdue: billing/ledger." in page(state, "inc-late")


def test_many_alike_are_one_line(state: Path) -> None:
    """Two thousand surfaces are one row, one lane and few moments; the document has them all."""
    names = [f"a/{number}" for number in range(2_000)]
    batches = [found(0.1 + number / 2_000, *names[number : number + 100]) for number in range(0, 2_000, 100)]
    write(state, [stop(0, *names), *batches])
    document, html = told(state), page(state)
    assert len(document["surfaces"]) == 2_000
    assert len(document["timeline"]) == 2
    assert "2,000 surfaces alike" in html
    assert html.count('class="name"') == 1
    assert len(html) < 100_000


def test_a_refused_command_is_one_line_however_often_it_was_typed(state: Path) -> None:
    """With who typed it, what, and why not."""
    refused = (
        events.Refusal(at=T0 + 1 + n, by=person("U0EVE"), asked="full_stop b", why="not in the group")
        for n in range(200)
    )
    write(state, [stop(0, "a/1"), found(0.2, "a/1"), *refused])
    last = told(state)["timeline"][-1]
    assert last["says"] == "U0EVE (Slack) was refused while the incident was open: full_stop b"
    assert (last["detail"], last["count"], last["kind"]) == ("not in the group", 200, "refused")


def test_weeks_of_coming_back_are_few_lines(state: Path) -> None:
    """A surface that comes back every hour for weeks is counted, not listed."""
    story: list[events.Event] = [stop(0, "a/1"), found(0.2, "a/1")]
    for hour in range(1, 500):
        back = found(3600 * hour, "a/1", outcome=Outcome.DRIFTED, held=Mode.NORMAL, detail="granted again")
        story += [back, found(3600 * hour + 1, "a/1")]
    write(state, story)
    assert [moment["count"] for moment in told(state)["timeline"]] == [1, 1, 499, 499]
    assert len(page(state)) < 150_000
