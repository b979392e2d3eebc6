"""Does an incident's report say what people decided on what the agent asked for meanwhile?"""

from pathlib import Path
from typing import Any

import pytest

from adapters.base import Mode
from bot.domain import draft_events as drafts
from bot.domain import events
from tests.unit.report.incidents import T0, found, person, stop, told, write

BOB = person("U0BOB")


def parked(after: float, target: str = "t:a/1") -> events.Event:
    """The agent asked for `d1`, and the surface parked it."""
    seen = drafts.DraftSeen(draft="d1", target=target, id="7", surfaces=("a/1",), digest="ab")
    return drafts.DraftsSeen(at=T0 + after, drafts=(seen,))


def decided(after: float, verdict: Any, how: Any, why: str = "", by: events.Person = BOB) -> tuple[events.Event, ...]:
    """Somebody decided, and what came of it."""
    shown = drafts.DraftShown(at=T0 + after, draft="d1", digest="ab", incident="inc-1", what="INSERT INTO refunds")
    decision = drafts.DraftDecided(
        at=T0 + after + 1, decision="x", draft="d1", digest="ab", verdict=verdict, by=by, mode=Mode.DRAFT_ONLY
    )
    return shown, decision, drafts.DraftSettled(at=T0 + after + 2, decision="x", draft="d1", how=how, why=why)


@pytest.mark.parametrize(
    ("verdict", "how", "why", "says", "kind", "who"),
    [
        ("release", "released", "", "was approved and done once", "back", "U0BOB"),
        ("release", "unknown", "no answer", "was approved, and whether it was done is not known", "back", "U0BOB"),
        ("release", "void", "full_stop came", "was not done: the decision is void", "note", "U0BOB"),
        ("drop", "dropped", "", "was dropped: it is never done", "note", "U0BOB"),
        ("expire", "dropped", "", "expired, and was dropped: it is never done", "note", None),
    ],
)
def test_a_decision_is_told_with_who_made_it(  # noqa: PLR0917  # one row of a table each
    tmp_path: Path, verdict: str, how: str, why: str, says: str, kind: str, who: str | None
) -> None:
    """What was shown, what came of it, and why."""
    state = tmp_path / "state"
    write(state, [stop(0, "a/1"), found(0.2, "a/1"), parked(5), *decided(6, verdict, how, why)])
    last = told(state)["timeline"][-1]
    assert last["says"] == f"what the agent had asked for (d1) {says}"
    assert last["detail"] == ": ".join(filter(None, ("INSERT INTO refunds", why)))
    assert last["kind"] == kind
    assert (last.get("who") or {}).get("id") == who


def test_what_another_agent_asked_for_is_not_told(tmp_path: Path) -> None:
    """It belongs to another incident, or to none."""
    state = tmp_path / "state"
    write(state, [stop(0, "a/1"), found(0.2, "a/1"), parked(5, "t:b/1"), *decided(6, "release", "released")])
    assert not any("asked for" in moment["says"] for moment in told(state)["timeline"] if "d1" in moment["says"])
