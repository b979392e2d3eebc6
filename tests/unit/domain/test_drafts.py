"""What is known of a parked write, in whatever order it was read, and when does an approval count?"""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.base import Mode
from adapters.base.parked import Draft
from bot.domain import draft_events as events
from bot.domain.board import Board
from bot.domain.drafts import PROMPT, Proposal, Proposals, draft_digest, draft_name, why_no_release, why_void
from bot.domain.event_base import Person
from bot.domain.model import ApprovePolicy

ALICE = Person(kind="slack", id="U0ALICE")
POLICY = ApprovePolicy(ttl=100.0, keep=1000.0)


def seen(at: float, digest: str = "ab", *, waits: bool = False, **more: Any) -> events.DraftsSeen:
    """The draft `d1` of the target `t` was found so."""
    fields = {"draft": "d1", "target": "t", "id": "7", "surfaces": ("a/1",), "digest": digest, "waits": waits, **more}
    return events.DraftsSeen(at=at, drafts=(events.DraftSeen(**fields),))


def decided(at: float, decision: str = "x", **more: Any) -> events.DraftDecided:
    """Alice approved it under draft_only, or what is said."""
    fields = {"draft": "d1", "digest": "ab", "verdict": "release", "by": ALICE, "mode": Mode.DRAFT_ONLY, **more}
    return events.DraftDecided(at=at, decision=decision, **fields)


def settled(at: float, how: events.Settled, decision: str = "x", why: str = "") -> events.DraftSettled:
    """What came of that decision."""
    return events.DraftSettled(at=at, decision=decision, draft="d1", how=how, why=why)


def folded(*happened: events.AnyDraft) -> Proposal:
    """The draft after all of these, which is the same in every order."""
    found = []
    for order in itertools.permutations(happened):
        proposals = Proposals()
        for event in order:
            proposals.fold(event)
        found.append(proposals.all["d1"])
    assert all(one == found[0] for one in found)
    return found[0]


WRITTEN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("DraftsSeen", {"drafts": ()}, {"type": "drafts_seen"}),
    ("DraftsGone", {"drafts": ("d1",)}, {"type": "drafts_gone"}),
    (
        "DraftShown",
        {"draft": "d1", "digest": "ab", "incident": "i", "what": "INSERT"},
        {"type": "draft_shown", "arguments": "", "shortened": False},
    ),
    ("DraftAsked", {"draft": "d1", "digest": "ab", "by": ALICE}, {"type": "draft_asked"}),
    (
        "DraftDecided",
        {"decision": "x", "draft": "d1", "digest": "ab", "verdict": "drop", "by": ALICE, "mode": Mode.DRAFT_ONLY},
        {"type": "draft_decided", "roster_age": None},
    ),
    ("DraftSettled", {"decision": "x", "draft": "d1", "how": "void"}, {"type": "draft_settled", "why": ""}),
]


@pytest.mark.parametrize(("kind", "said", "unsaid"), WRITTEN, ids=[it[0] for it in WRITTEN])
def test_an_entry_says_what_it_is_and_no_more(kind: str, said: dict[str, Any], unsaid: dict[str, Any]) -> None:
    """What is left out says nothing, and the name in the journal is its own."""
    made = getattr(events, kind)(at=1.0, **said)
    by = {"by": ALICE.model_dump()} if "by" in said else {}
    assert made.model_dump() == {"at": 1.0, **said, **unsaid, **by}


def test_a_draft_that_was_seen_stays_as_it_was_seen() -> None:
    """It waits only where that is said; nothing else is taken, and nothing is changed."""
    fields = {"draft": "d1", "target": "t", "id": "7", "surfaces": ("a/1",), "digest": "ab"}
    made = events.DraftSeen(**fields)
    assert made.waits is False
    with pytest.raises(ValidationError):
        events.DraftSeen.model_validate({**fields, "more": 1})
    with pytest.raises(ValidationError):
        made.digest = "cd"  # type: ignore[misc]  # the very thing that must not go


def test_a_draft_has_one_short_name_for_each_target_and_id() -> None:
    """The same after every restart, and never that of another; where the one ends and the other begins counts."""
    name = draft_name("t", "7")
    assert name == "d6cb8b36c93" == draft_name("t", "7")
    assert len({name, draft_name("t", "8"), draft_name("u", "7"), draft_name("t7", "")}) == 4


@pytest.mark.parametrize("change", [{"id": "8"}, {"what": "DELETE"}, {"arguments": "id=2"}])
def test_a_digest_names_what_would_be_done(change: dict[str, Any]) -> None:
    """Whatever is changed of it gives another one, but for when it was parked and how it waits."""
    draft = Draft(id="7", what="INSERT", arguments="id=1")
    same = Draft(id="7", what="INSERT", arguments="id=1", at=9.0, waits=True)
    assert draft_digest(draft) == draft_digest(same)
    assert len(draft_digest(draft)) == 32
    assert draft_digest(replace(draft, **change)) != draft_digest(draft)


def test_the_board_keeps_what_was_proposed() -> None:
    """It is part of what the journals amount to."""
    board = Board()
    board.apply(seen(1.0))
    assert set(board.proposals.all) == {"d1"}


def test_a_draft_that_was_seen_is_open() -> None:
    """Nobody decided, and nothing is said to have come of it."""
    found = folded(seen(1.0))
    assert found.open
    assert (found.standing(), found.ended(), found.last()) == (None, None, None)


def test_a_decision_stands_until_it_is_settled() -> None:
    """While it does, nobody else decides; the first of several stands."""
    first, second, third = decided(3.0, "z"), decided(4.0, "a"), decided(4.0, "b")
    found = folded(seen(1.0), third, first, second)
    assert not found.open
    assert found.standing() == first
    assert folded(seen(1.0), third, second).standing() == second


@pytest.mark.parametrize("how", ["released", "dropped", "gone"])
def test_a_decision_that_was_carried_out_is_the_end(how: events.Settled) -> None:
    """It is never open again, and what came of it is told."""
    found = folded(seen(1.0), decided(2.0), settled(3.0, how))
    assert not found.open
    assert found.standing() is None
    assert found.ended() == settled(3.0, how)
    assert found.last() is None


@pytest.mark.parametrize("how", ["void", "failed", "unknown"])
def test_a_decision_that_came_to_nothing_leaves_it_open(how: events.Settled) -> None:
    """It is still parked, as far as is known, and the last reason is told."""
    later = decided(4.0, "y")
    found = folded(seen(1.0), decided(2.0), settled(3.0, how), later, settled(5.0, "void", "y", "read_only came"))
    assert found.open
    assert found.ended() is None
    assert found.last() == settled(5.0, "void", "y", "read_only came")
    assert folded(decided(2.0), settled(3.0, how), decided(2.0, "y"), settled(3.0, how, "y")).last() == settled(
        3.0, how, "y"
    )


def test_of_two_ends_the_release_is_told() -> None:
    """A drop from the command line that met a release: what had an effect is what people must hear of."""
    both = (decided(1.0, "a"), decided(1.0, "b"), settled(3.0, "released", "b"), settled(2.0, "dropped", "a"))
    assert folded(*both).ended() == settled(3.0, "released", "b")
    dropped = folded(settled(3.0, "gone", "a"), settled(2.0, "dropped", "b"))
    assert dropped.ended() == settled(2.0, "dropped", "b")
    assert folded(settled(2.0, "gone", "b"), settled(2.0, "dropped", "a")).ended() == settled(2.0, "dropped", "a")


def test_what_is_known_of_a_decision_beats_what_is_not() -> None:
    """A restart calls unknown what another writer knows; of the same knowledge the earlier word counts."""
    assert folded(settled(1.0, "unknown"), settled(2.0, "released")).ended() == settled(2.0, "released")
    assert folded(settled(1.0, "unknown", why="b"), settled(2.0, "unknown", why="a")).last() == settled(
        1.0, "unknown", why="b"
    )
    assert folded(settled(1.0, "void"), settled(1.0, "failed")).last() == settled(1.0, "failed")


def test_a_draft_that_vanished_is_not_open_until_it_is_seen_again() -> None:
    """Somebody decided at the surface by hand; or a listing missed it for a while."""
    gone = events.DraftsGone(at=5.0, drafts=("d1",))
    earlier = events.DraftsGone(at=3.0, drafts=("d1",))
    assert folded(seen(1.0), gone).vanished
    assert not folded(seen(1.0), gone).open
    assert folded(seen(1.0), seen(4.0), gone, earlier).vanished
    assert folded(gone).vanished
    assert folded(seen(1.0), seen(6.0), gone).open
    assert folded(seen(5.0), gone).open
    assert not folded(seen(1.0)).vanished


def test_the_time_of_a_draft_runs_from_when_it_was_first_seen_so() -> None:
    """What waits for a decision has less time than a draft; a changed one begins anew, an unseen one has none."""
    found = folded(seen(2.0), seen(1.0), seen(5.0, "cd", waits=True))
    assert found.expires_at("ab", POLICY) == 1001.0
    assert found.expires_at("cd", POLICY) == 105.0
    assert found.expires_at("ef", POLICY) is None


def test_of_two_first_sights_the_same_one_counts() -> None:
    """Two writers that saw it at the same moment under other names of the target."""
    found = folded(seen(1.0, surfaces=("b/1",)), seen(1.0, surfaces=("a/1",)))
    assert found.seen["ab"][1].surfaces == ("a/1",)


def test_what_was_shown_and_asked_first_counts() -> None:
    """For each digest: another card for the same thing binds nothing else."""
    shown = [
        events.DraftShown(at=at, draft="d1", digest=digest, incident=incident, what="INSERT")
        for at, digest, incident in ((2.0, "ab", "i"), (1.0, "ab", "k"), (1.0, "ab", "j"), (3.0, "cd", "i"))
    ]
    found = folded(*shown)
    assert {digest: it.incident for digest, it in found.shown.items()} == {"ab": "j", "cd": "i"}
    asked = [events.DraftAsked(at=at, draft="d1", digest="ab", by=ALICE) for at in (2.0, 1.0)]
    assert folded(*asked).asked == {"ab": asked[1]}


def test_what_is_not_over_is_known_by_target() -> None:
    """It is looked at whatever is held there; targets without any are named too."""
    proposals = Proposals()
    for number, end in enumerate((None, settled(3.0, "dropped"), settled(3.0, "void"))):
        name = f"d{number}"
        proposals.fold(seen(1.0, draft=name))
        if end:
            proposals.fold(end.model_copy(update={"draft": name}))
    proposals.fold(seen(1.0, draft="d3"))
    proposals.fold(events.DraftsGone(at=2.0, drafts=("d3",)))
    proposals.fold(seen(1.0, draft="d1"))  # read late: it ended all the same
    proposals.fold(settled(4.0, "dropped", "y").model_copy(update={"draft": "d1"}))
    proposals.fold(seen(1.0, draft="d4", target="u"))
    proposals.fold(seen(2.0, "cd", draft="d4", target="u"))
    known = proposals.known(("t", "v"))
    assert {target: [it.name for it in found] for target, found in known.items()} == {
        "t": ["d0", "d2"],
        "u": ["d4"],
        "v": [],
    }
    assert "v" not in proposals.known()


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        (Mode.NORMAL, ""),
        (Mode.DRAFT_ONLY, ""),
        (Mode.READ_ONLY, "read_only is held there, and nothing is released under it"),
        (Mode.FULL_STOP, "full_stop is held there, and nothing is released under it"),
    ],
)
def test_nothing_is_released_under_a_mode_that_parks_nothing(mode: Mode, why: str) -> None:
    """A release is an effect of the agent's, and read_only means that there is none."""
    assert why_no_release(mode) == why


VOID: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"now": 10.0 + PROMPT}, ""),
    ({"effective": Mode.APPROVAL_GATED}, ""),
    ({"effective": Mode.READ_ONLY}, "read_only came after the approval, and a stricter hold voids it"),
    ({"listed": None}, "it is not parked any more"),
    ({"listed": "cd"}, "what is parked is not what was shown: it changed since"),
    ({"expires_at": None}, "it has expired"),
    ({"expires_at": 11.0}, "it has expired"),
    ({"now": 10.0 + PROMPT + 1}, "the approval could not be carried out within 60 s, or the clock was set"),
    ({"now": 9.0}, "the approval could not be carried out within 60 s, or the clock was set"),
    ({"now": 10.0}, ""),
]


@pytest.mark.parametrize(("change", "why"), VOID)
def test_an_approval_counts_for_what_was_shown_and_for_as_strict_a_hold(change: dict[str, Any], why: str) -> None:
    """A stricter hold voids it, and so do time and every change of what is parked."""
    facts = {"effective": Mode.DRAFT_ONLY, "listed": "ab", "expires_at": 900.0, "now": 11.0, **change}
    assert why_void(decided(10.0), **facts) == why


def test_an_approval_under_a_full_stop_counts_for_nothing() -> None:
    """Even one that was given while it was held."""
    given = decided(10.0, mode=Mode.FULL_STOP)
    said = why_void(given, effective=Mode.FULL_STOP, listed="ab", expires_at=900.0, now=11.0)
    assert said == "full_stop is held there, and nothing is released under it"
