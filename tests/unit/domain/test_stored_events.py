"""Is every entry that a journal may hold read as it was written, by this version and by those to come?"""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from bot.domain import armed_events, drill_events, event_base, events

BY = {"kind": "slack", "id": "U0ALICE"}
TARGET = {"key": "t", "surfaces": ["a/1"], "round_to": "read_only"}
HOLD = {"type": "hold_added", "at": 1.0, "hold": "h", "incident": "i", "mode": "read_only", "by": BY}
HOLD_LATER: dict[str, Any] = {
    "reason": "",
    "scope": "",
    "channel": None,
    "origin": "slack",
    "parent": None,
    "targets": [],
    "left": [],
    "roster_age": None,
}
PROOF = {"target": "t", "outcome": "verified", "asked": "read_only"}
PROOF_LATER: dict[str, Any] = {
    "held": None,
    "attempt": None,
    "ended": 0,
    "left": 0,
    "elapsed_ms": 0.0,
    "detail": "",
    "next": "",
    "token": None,
    "late": False,
    "settled": False,
}
RETURN = {"key": "t", "surfaces": ["a/1"], "now": "full_stop", "to": "normal", "modes": ["full_stop"]}
OPENED = {
    "type": "ballot_opened",
    "ballot": "b",
    "incident": "i",
    "channel": "C1",
    "by": BY,
    "scope": "a",
    "mode": "normal",
    "pairs": [["h", "t"]],
    "returns": [RETURN],
    "electorate": [BY],
    "quorum": 2,
    "expires_at": 9.0,
    "dwell": 60.0,
    "step": 300.0,
    "configuration": "cd",
}
OPENED_LATER: dict[str, Any] = {
    "kind": "restore",
    "reason": "",
    "excluded": [],
    "confirmations": 0,
    "evidence": [],
    "without": [],
    "returns": [{**RETURN, "risk": "medium", "backlog": None}],
}
ORPHAN = {"target": "t", "mode": "full_stop", "held": "normal", "marked": True}
DRILLED = {"key": "t", "surfaces": ["a/1"]}
CARD = {"kind": "live", "mode": "read_only"}
CARD_LATER: dict[str, Any] = {
    **CARD,
    "asked_at": None,
    "surfaces": [],
    "evaluations": [],
    "faults": [],
    "load": "",
    "remarks": [],
    "interrupted": False,
    "next_due": None,
}
CLAIMED = {"type": "drill_claimed", "run": "r", "drill": "d", "kind": "live", "mode": "read_only", "due": 1.0, "by": BY}
STARTED = {"type": "drill_started", "run": "r", "hold": "h", "mode": "read_only", "targets": [DRILLED]}
ENDED = {"type": "drill_ended", "run": "r", "drill": "d", "how": "passed", "card": CARD}
ANSWERED = {"type": "drill_answered", "drill": "d", "due": 1.0, "answer": "postponed", "by": BY}
SEEN = {"draft": "d1", "target": "t", "id": "7", "surfaces": ["a/1"], "digest": "ab"}
DECIDED = {
    "type": "draft_decided",
    "decision": "x",
    "draft": "d1",
    "digest": "ab",
    "verdict": "release",
    "by": BY,
    "mode": "draft_only",
}
ENTRIES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (HOLD, HOLD_LATER),
    ({"type": "pairs_lifted", "ballot": "b", "pairs": [["h", "t"]]}, {"step": 0, "holds": []}),
    ({"type": "reason_given", "hold": "h", "by": BY, "reason": "it leaks"}, {}),
    ({"type": "undo_recorded", "target": "t", "sealed": "s"}, {}),
    ({"type": "undos_recorded", "records": [["t", "s"]]}, {}),
    ({"type": "baselines_taken", "records": [["t", "s"]]}, {}),
    ({"type": "configuration_seen", "parts": [["billing", "ab"]]}, {}),
    ({"type": "outcomes", "proofs": [PROOF]}, {"proofs": [{**PROOF, **PROOF_LATER}]}),
    ({"type": "incident_closed", "incident": "i", "by": BY}, {"owned": []}),
    ({"type": "posted", "incident": "i", "slot": "parent", "channel": "C1", "ts": "1.0", "digest": "ab"}, {}),
    (OPENED, OPENED_LATER),
    ({"type": "votes_counted", "ballot": "b"}, {"approvals": [], "vetoes": [], "confirmed": []}),
    ({"type": "code_entered", "ballot": "b", "digest": "ab", "by": BY, "attempt": 1}, {"step": None, "why": ""}),
    ({"type": "step_done", "ballot": "b", "step": 1, "targets": ["t"]}, {}),
    ({"type": "ballot_ended", "ballot": "b", "how": "vetoed"}, {"why": "", "by": None}),
    ({"type": "acknowledged", "subject": "a/1", "by": BY}, {"reason": ""}),
    ({"type": "episode_ended", "target": "t", "records": ["ab"]}, {}),
    ({"type": "heads_seen", "heads": [["bot", 1, "ab"]]}, {}),
    ({"type": "refusal", "by": BY, "asked": "full_stop", "why": "not in the group"}, {}),
    ({"type": "orphans_seen"}, {"orphans": []}),
    ({"type": "orphans_seen", "orphans": [ORPHAN]}, {}),
    ({"type": "loop_blocked", "seconds": 2.0, "where": "m:1"}, {"target": None, "ended": False}),
    ({"type": "drill_asked", "ask": "x", "drill": "d", "by": BY}, {}),
    (CLAIMED, {"scheduled": True, "ask": None}),
    (STARTED, {"backstops": [], "faults": [], "load": []}),
    ({**STARTED, "backstops": ["b/1"], "faults": ["slack", "ledger", "hung"], "load": ["run", "it"]}, {}),
    ({"type": "drill_measured", "run": "r", "card": CARD}, {"card": CARD_LATER}),
    ({"type": "drill_released", "run": "r", "pairs": [["h", "t"]]}, {}),
    ({"type": "drill_gave_back", "run": "r", "targets": ["t"]}, {}),
    ({"type": "drill_left_held", "run": "r", "surfaces": ["a/1"], "why": "it did not loosen"}, {}),
    (ENDED, {"why": "", "card": CARD_LATER}),
    ({"type": "drill_missed", "drill": "d", "due": 1.0, "why": "the bot was down"}, {}),
    ({"type": "drill_called", "drill": "d", "due": 1.0, "begins": 1.0, "offset": 60.0}, {"operator": None}),
    (ANSWERED, {"to": None, "until": None}),
    (
        {"type": "armed_changed", "changes": [{"subject": "a/1", "armed": False}]},
        {"changes": [{"subject": "a/1", "armed": False, "why": "", "next": ""}]},
    ),
    ({"type": "armed_told", "told": [["a/1", False]], "channel": "C1", "ts": "1.0"}, {}),
    ({"type": "drafts_seen", "drafts": [SEEN]}, {"drafts": [{**SEEN, "waits": False}]}),
    ({"type": "drafts_gone", "drafts": ["d1"]}, {}),
    (
        {"type": "draft_shown", "draft": "d1", "digest": "ab", "incident": "i", "what": "INSERT"},
        {"arguments": "", "shortened": False},
    ),
    ({"type": "draft_asked", "draft": "d1", "digest": "ab", "by": BY}, {}),
    (DECIDED, {"roster_age": None}),
    ({"type": "draft_settled", "decision": "x", "draft": "d1", "how": "released"}, {"why": ""}),
    ({"type": "note", "text": "opened"}, {}),
]
NAMES = [entry["type"] for entry, _ in ENTRIES]


def test_every_kind_of_entry_is_known_here() -> None:
    """One that is added needs a line in this file."""
    kinds = events.EVENT.json_schema()["discriminator"]["mapping"]
    assert {*NAMES} == {*kinds}


@pytest.mark.parametrize(("entry", "later"), ENTRIES, ids=NAMES)
def test_an_entry_is_read_with_what_older_versions_did_not_write(entry: dict[str, Any], later: dict[str, Any]) -> None:
    """A journal outlives every version of the bot: no name changes, and what is missing says nothing new."""
    read = events.EVENT.validate_python({"at": 1.0, **entry})
    assert read.model_dump(mode="json") == {"at": 1.0, **entry, **later}
    assert events.EVENT.validate_json(read.model_dump_json()) == read
    unnamed = type(read).model_validate({key: value for key, value in {"at": 1.0, **entry}.items() if key != "type"})
    assert unnamed == read  # whoever makes one does not say its name


def test_a_hold_says_all_that_a_restart_needs() -> None:
    """Its targets with their rounding, what it does not bind, and where it came from."""
    whole = HOLD | {
        "reason": "it leaks",
        "scope": "billing",
        "channel": "C1",
        "origin": "backstop",
        "parent": "h0",
        "targets": [TARGET],
        "left": [{"surface": "a/2", "why": "left alone"}],
        "roster_age": 3.5,
    }
    assert events.EVENT.validate_python(whole).model_dump(mode="json") == whole


SCORE = {"surface": "a/1", "asked": "read_only"}
SCORE_LATER: dict[str, Any] = {
    **SCORE,
    "held": None,
    "outcome": "pending",
    "attempt": None,
    "cut_ms": None,
    "proof_ms": None,
    "deadline_ms": 0.0,
    "ended": 0,
    "left": None,
    "effects": None,
    "given_back_ms": None,
    "came_back": 0,
    "detail": "",
}
MEASURED: dict[str, Any] = {
    **SCORE,
    "held": "full_stop",
    "outcome": "verified",
    "attempt": "refused",
    "cut_ms": 12.5,
    "proof_ms": 30.0,
    "deadline_ms": 1000.0,
    "ended": 2,
    "left": 0,
    "effects": 1,
    "given_back_ms": 40.0,
    "came_back": 3,
    "detail": "two sessions ended",
}


def test_a_scorecard_is_read_as_it_was_measured() -> None:
    """Whatever a report needs years later; what was not measured says so, and no number in its place."""
    whole: dict[str, Any] = {
        **CARD,
        "asked_at": 1.5,
        "surfaces": [MEASURED, SCORE],
        "evaluations": [{"when": "before", "failing": ["no tools"]}, {"when": "during"}, {"when": "after"}],
        "faults": [{"fault": name, "survived": True} for name in ("slack", "ledger", "hung")],
        "load": "it ended with 1",
        "remarks": ["it was slow"],
        "interrupted": True,
        "next_due": 9.0,
    }
    read = drill_events.Scorecard.model_validate(whole)
    assert read.model_dump(mode="json") == {
        **whole,
        "surfaces": [MEASURED, SCORE_LATER],
        "evaluations": [*whole["evaluations"][:1], *({"when": when, "failing": []} for when in ("during", "after"))],
        "faults": [{**fault, "detail": ""} for fault in whole["faults"]],
    }
    assert drill_events.Scorecard.model_validate_json(read.model_dump_json()) == read


@pytest.mark.parametrize("kind", ["tabletop", "canary", "live"])
@pytest.mark.parametrize("how", ["passed", "failed", "void", "refused"])
def test_a_drill_is_of_one_of_three_kinds_and_ends_in_one_of_four_ways(kind: str, how: str) -> None:
    """And in no other."""
    ended = {**ENDED, "at": 1.0, "how": how, "card": {**CARD, "kind": kind}}
    read = events.EVENT.validate_python(ended)
    assert isinstance(read, drill_events.DrillEnded)
    assert (read.how, read.card.kind) == (how, kind)
    for wrong in ({"how": f"{how}!"}, {"card": {**CARD, "kind": f"{kind}!"}}):
        with pytest.raises(ValidationError):
            events.EVENT.validate_python({**ended, **wrong})


@pytest.mark.parametrize("answer", ["acknowledged", "handed_over", "postponed"])
def test_a_reminder_is_answered_in_one_of_three_ways(answer: str) -> None:
    """And in no other."""
    read = events.EVENT.validate_python({**ANSWERED, "at": 1.0, "answer": answer})
    assert isinstance(read, drill_events.DrillAnswered)
    assert read.answer == answer
    with pytest.raises(ValidationError):
        events.EVENT.validate_python({**ANSWERED, "at": 1.0, "answer": "late"})


def _all(kind: type[BaseModel]) -> list[type[BaseModel]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _all(child))]


PARTS = [
    event_base.Person,
    events.HeldTarget,
    events.LeftAlone,
    events.Proof,
    events.Owned,
    events.Return,
    events.Finding,
]


DRILL_PARTS = [
    drill_events.Drilled,
    drill_events.SurfaceScore,
    drill_events.Tried,
    drill_events.FaultScore,
    drill_events.Scorecard,
]


@pytest.mark.parametrize(
    "kind", [*_all(event_base.Event), *PARTS, *DRILL_PARTS, events.OrphanSeen, armed_events.ArmedSeen]
)
def test_what_nobody_wrote_is_refused_and_what_was_read_stays(kind: type[BaseModel]) -> None:
    """An entry with a word too much is no entry of ours; one that was read is never changed in memory."""
    assert (kind.model_config.get("extra"), kind.model_config.get("frozen")) == ("forbid", True)


def test_a_word_too_much_makes_an_entry_unreadable() -> None:
    """Also deep inside."""
    for wrong in (HOLD | {"by": BY | {"name": "Al"}}, HOLD | {"note": "x"}, HOLD | {"targets": [TARGET | {"x": 1}]}):
        with pytest.raises(ValidationError):
            events.EVENT.validate_python(wrong)


@pytest.mark.parametrize("how", ["void", "expired", "vetoed", "withdrawn", "aborted", "completed"])
def test_a_ballot_ends_in_one_of_six_ways(how: str) -> None:
    """And in no other."""
    ended = {"type": "ballot_ended", "at": 1.0, "ballot": "b", "how": how}
    assert events.BallotEnded.model_validate(ended).how == how
    with pytest.raises(ValidationError):
        events.BallotEnded.model_validate(ended | {"how": f"{how}!"})
