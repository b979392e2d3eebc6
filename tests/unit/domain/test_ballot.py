"""How are the votes on a ballot counted, when does it pass, in which steps is it carried out, and what ends it?"""

import itertools
import math
from typing import Any

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.domain.ballot import (
    Ballot,
    Reading,
    Tally,
    ballot_digest,
    by_mode,
    fishing,
    hold_id,
    meaning,
    passes,
    round_up,
    steps,
    tally,
    waves,
)
from tests.unit.domain.facts import ALICE, hold

BOB = events.Person(kind="slack", id="U0BOB")
EVERY = (Mode.APPROVAL_GATED, Mode.DRAFT_ONLY, Mode.READ_ONLY, Mode.FULL_STOP)
DAY = 86_400.0


def back(key: str = "t", now: Mode = Mode.FULL_STOP, modes: tuple[Mode, ...] = EVERY, **more: Any) -> events.Return:
    """A target that would come back to normal."""
    return events.Return(key=key, surfaces=(f"a/{key}",), now=now, to=Mode.NORMAL, modes=modes, **more)


def opened(*returns: events.Return, **more: Any) -> events.BallotOpened:
    """A ballot that needs two votes."""
    fields = {"at": 1.0, "ballot": "b", "incident": "i", "channel": "C1", "by": ALICE, "scope": "a"}
    fields |= {"mode": Mode.NORMAL, "pairs": (("h", "t"),), "returns": returns or (back(),), "electorate": ()}
    fields |= {"quorum": 2, "expires_at": 9.0, "dwell": 60.0, "step": 300.0, "configuration": ""}
    return events.BallotOpened.model_validate(fields | more)


def folded(*story: events.AnyEvent) -> Ballot:
    """The fold of its events."""
    made = Ballot(id="b")
    for event in story:
        made.fold(event)
    return made


def lifted(step: int = 0, *holds: events.HoldAdded, at: float = 2.0) -> events.PairsLifted:
    """A step that was begun; 0 is the commit."""
    return events.PairsLifted(at=at, ballot="b", pairs=(("h", "t"),), step=step, holds=holds)


def ended(at: float, how: events.Ending = "completed") -> events.BallotEnded:
    """Its end."""
    return events.BallotEnded(at=at, ballot="b", how=how)


def counted(at: float, *approvals: events.Person) -> events.VotesCounted:
    """A tally."""
    return events.VotesCounted(at=at, ballot="b", approvals=approvals)


def code(at: float, by: events.Person = ALICE, **more: Any) -> events.CodeEntered:
    """A code that was taken."""
    fields = {"ballot": "b", "digest": ballot_digest(opened()), "by": by, "attempt": 1, "step": 7, **more}
    return events.CodeEntered.model_validate({"at": at, **fields})


@pytest.mark.parametrize(
    ("story", "voting", "restoring"),
    [
        ((), False, False),
        ((opened(),), True, False),
        ((opened(), lifted()), False, True),
        ((lifted(),), False, False),
        ((opened(), ended(3.0)), False, False),
        ((opened(), lifted(), ended(3.0)), False, False),
        ((ended(3.0),), False, False),
        ((lifted(), ended(3.0)), False, False),
    ],
)
def test_a_ballot_is_voted_on_then_carried_out_then_over(
    story: tuple[events.AnyEvent, ...], *, voting: bool, restoring: bool
) -> None:
    """In any order of its entries; of one whose opening is not read yet neither is so."""
    for order in itertools.permutations(story):
        made = folded(*order)
        assert (made.voting, made.restoring) == (voting, restoring)


def test_a_ballot_of_which_nothing_is_known_is_empty() -> None:
    """Before its first entry."""
    made = Ballot(id="b")
    assert (made.opened, made.votes, made.ended, made.step, made.committed) == (None, None, None, 0, False)
    assert (made.tallies, made.codes, made.lifts, made.done, made.done_at) == ([], [], {}, set(), {})
    assert (made.own_holds(), made.confirmed()) == (set(), frozenset())


def test_the_latest_tally_counts_and_of_one_instant_the_one_that_is_read_last() -> None:
    """In any order of the journals."""
    for order in itertools.permutations([counted(2.0, ALICE), counted(4.0, ALICE, BOB), counted(3.0)]):
        assert folded(*order).votes == counted(4.0, ALICE, BOB)
    assert folded(counted(2.0), counted(2.0, ALICE)).votes == counted(2.0, ALICE)


def test_the_first_end_counts() -> None:
    """In any order; at one instant the same one everywhere."""
    ends = [ended(5.0, "vetoed"), ended(4.0, "expired"), ended(4.0, "withdrawn")]
    for order in itertools.permutations(ends):
        assert folded(*order).ended == ended(4.0, "expired")
    first = ended(4.0, "expired")
    assert folded(first, first.model_copy(update={"why": "told again"})).ended is first


def test_steps_are_done_when_they_were_first_read_back() -> None:
    """Each target by itself, whoever tells it again; entries of another kind say nothing."""
    done = [
        events.StepDone(at=5.0, ballot="b", step=1, targets=("t1", "t2")),
        events.StepDone(at=4.0, ballot="b", step=1, targets=("t1",)),
        events.StepDone(at=6.0, ballot="b", step=2, targets=("t1",)),
    ]
    story: list[events.AnyEvent] = [*done, events.Note(at=1.0, text="x")]
    for order in itertools.permutations(story):
        made = folded(*order)
        assert made.done == {(1, "t1"), (1, "t2"), (2, "t1")}
        assert made.done_at == {(1, "t1"): 4.0, (1, "t2"): 5.0, (2, "t1"): 6.0}


def test_its_own_holds_are_those_of_all_its_steps() -> None:
    """A step that is told again adds none, and one that two writers began adds both; the last is the step."""
    one, two, three = (hold(name, 2.0, "t", origin="restore") for name in ("b.1", "b.2", "b.3"))
    made = folded(lifted(0, one), lifted(2, two), lifted(0, one), lifted(0, three))
    assert (made.own_holds(), made.step, made.committed) == ({"b.1", "b.2", "b.3"}, 2, True)
    assert made.lifts[0] == [lifted(0, one), lifted(0, three)]


def test_a_vote_is_confirmed_by_a_code_that_was_taken_for_this_ballot() -> None:
    """Not by one that was refused, nor by one for a ballot that reads otherwise, nor before it is known."""
    assert folded(opened(), code(2.0)).confirmed() == {"U0ALICE"}
    assert folded(code(2.0)).confirmed() == frozenset()
    assert folded(opened(), code(2.0, step=None, why="wrong")).confirmed() == frozenset()
    assert folded(opened(quorum=3), code(2.0)).confirmed() == frozenset()
    assert folded(opened(), code(2.0, BOB, step=0), code(2.0)).confirmed() == {"U0ALICE", "U0BOB"}
    twice = folded(opened(), code(2.0), code(2.0), counted(3.0, ALICE), counted(3.0, ALICE))
    assert (len(twice.codes), len(twice.tallies)) == (1, 1)


def test_a_vote_that_was_taken_back_needs_another_code() -> None:
    """Though it was cast again; a tally from before the code, or another person's, takes nothing back."""
    entered = code(3.0)
    assert folded(opened(), counted(2.0), entered, counted(4.0, BOB, ALICE)).confirmed() == {"U0ALICE"}
    assert folded(opened(), entered, counted(3.0)).confirmed() == frozenset()
    again: list[events.AnyEvent] = [opened(), entered, counted(4.0), counted(5.0, ALICE)]
    for order in itertools.permutations(again):
        assert folded(*order).confirmed() == frozenset()
    assert folded(*again, code(6.0, attempt=2)).confirmed() == {"U0ALICE"}


def test_a_tally_and_a_code_stand_after_all_that_is_known() -> None:
    """Though the clock was set back."""
    made = folded(opened(), counted(5.0), code(7.0))
    assert Ballot(id="b").stamp(-3.0) == -3.0
    assert [made.stamp(now) for now in (8.0, 7.0, 2.0)] == [8.0, *[math.nextafter(7.0, math.inf)] * 2]
    assert folded(counted(9.0), code(7.0)).stamp(8.0) > 9.0


def test_the_digest_of_a_ballot_names_all_that_it_is_bound_to() -> None:
    """Ten characters, the same everywhere."""
    digest = ballot_digest(opened())
    assert (len(digest), ballot_digest(opened())) == (10, digest)
    others = [opened(quorum=3), opened(back(now=Mode.READ_ONLY)), opened(pairs=(("h", "t"), ("h2", "t")))]
    assert len({digest, *map(ballot_digest, others)}) == 4
    assert len(ballot_digest(opened(scope="half a \ud800"))) == 10


@pytest.mark.parametrize(
    ("names", "word"),
    [
        ("+1 thumbsup white_check_mark +1::skin-tone-2 thumbsup::skin-tone-6", "for"),
        ("-1 thumbsdown x no_entry -1::skin-tone-3 thumbsdown::skin-tone-4 no_entry::skin-tone-5", "veto"),
        ("ok heavy_check_mark +1::skin-tone-1 +1::skin-tone-7 +1::skin-tone-22 +1::skin-tone +2 X no", None),
        ("+1::skin-tone-2::skin-tone-3", None),
    ],
)
def test_tones_and_aliases_are_one_and_look_alikes_none(names: str, word: str | None) -> None:
    """As Slack names them."""
    assert {meaning(name) for name in names.split()} == {word}


def test_people_are_counted_and_not_reactions() -> None:
    """Whoever does both vetoes; whoever has no say is told apart, whatever they reacted with."""
    users = {
        "+1": frozenset({"U1", "U2", "U9"}),
        "white_check_mark": frozenset({"U1", "U3"}),
        "x": frozenset({"U3", "U8"}),
        "eyes": frozenset({"U4", "U7"}),
    }
    found = tally(Reading(users=users, complete=False), frozenset({"U1", "U2", "U3", "U4"}), frozenset({"U2", "U3"}))
    assert found == Tally(
        approvals=frozenset({"U1", "U2"}),
        vetoes=frozenset({"U3"}),
        others=frozenset({"U8", "U9"}),
        complete=False,
        confirmed=frozenset({"U2"}),
    )
    assert tally(Reading(users={}), frozenset({"U1"})) == Tally()
    assert (Tally().complete, Reading(users={}).complete) == (True, True)


@pytest.mark.parametrize(
    ("facts", "passed"),
    [
        ({"approvals": {"U1", "U2"}}, True),
        ({"approvals": {"U1", "U2", "U3"}}, True),
        ({"approvals": {"U1"}}, False),
        ({"approvals": {"U1", "U2"}, "vetoes": {"U3"}}, False),
        ({"approvals": {"U1", "U2"}, "complete": False}, False),
    ],
)
def test_a_ballot_passes_with_its_quorum_and_without_a_veto(facts: dict[str, Any], *, passed: bool) -> None:
    """P4: only on a reading that is complete."""
    fields: dict[str, Any] = {key: frozenset(it) if isinstance(it, set) else it for key, it in facts.items()}
    assert passes(opened(), Tally(**fields)) is passed


@pytest.mark.parametrize(("confirmed", "passed"), [((), False), (("U1",), True), (("U1", "U2"), True)])
def test_a_ballot_that_needs_codes_waits_for_them(confirmed: tuple[str, ...], *, passed: bool) -> None:
    """As many as it says."""
    votes = Tally(approvals=frozenset({"U1", "U2"}), confirmed=frozenset(confirmed))
    assert passes(opened(confirmations=1), votes) is passed


@pytest.mark.parametrize(
    ("modes", "asked", "held"),
    [
        (EVERY, Mode.DRAFT_ONLY, Mode.DRAFT_ONLY),
        ((Mode.FULL_STOP, Mode.READ_ONLY), Mode.DRAFT_ONLY, Mode.READ_ONLY),
        ((Mode.DRAFT_ONLY,), Mode.READ_ONLY, Mode.FULL_STOP),
        ((), Mode.APPROVAL_GATED, Mode.FULL_STOP),
        (EVERY, Mode.NORMAL, Mode.NORMAL),
    ],
)
def test_a_step_is_rounded_to_what_can_be_held(modes: tuple[Mode, ...], asked: Mode, held: Mode) -> None:
    """Stricter, never looser."""
    assert round_up(back(modes=modes), asked) is held


@pytest.mark.parametrize(
    ("returns", "mode", "found"),
    [
        ((back(),), Mode.NORMAL, (Mode.READ_ONLY, Mode.DRAFT_ONLY, Mode.APPROVAL_GATED, Mode.NORMAL)),
        ((back(),), Mode.DRAFT_ONLY, (Mode.READ_ONLY, Mode.DRAFT_ONLY)),
        (
            (back("t1", now=Mode.DRAFT_ONLY), back("t2")),
            Mode.NORMAL,
            (Mode.READ_ONLY, Mode.DRAFT_ONLY, Mode.APPROVAL_GATED, Mode.NORMAL),
        ),
        ((back(now=Mode.DRAFT_ONLY),), Mode.NORMAL, (Mode.APPROVAL_GATED, Mode.NORMAL)),
        ((back(modes=(Mode.FULL_STOP, Mode.DRAFT_ONLY)),), Mode.NORMAL, (Mode.DRAFT_ONLY, Mode.NORMAL)),
        ((back(modes=()),), Mode.NORMAL, (Mode.NORMAL,)),
        ((back(modes=()),), Mode.READ_ONLY, ()),
        (
            (back("t1", modes=()), back("t2", now=Mode.DRAFT_ONLY)),
            Mode.NORMAL,
            (Mode.APPROVAL_GATED, Mode.NORMAL),
        ),
    ],
)
def test_authority_comes_back_mode_by_mode(
    returns: tuple[events.Return, ...], mode: Mode, found: tuple[Mode, ...]
) -> None:
    """From the strictest that is held on; a step that would change nothing anywhere is left out."""
    assert steps(opened(*returns, mode=mode)) == found


def test_the_undo_of_a_mistake_is_one_step() -> None:
    """Nothing was meant to be held."""
    assert steps(opened(kind="undo")) == (Mode.NORMAL,)


def test_a_ballot_on_nothing_has_no_steps() -> None:
    """Whatever it asks."""
    assert steps(opened().model_copy(update={"returns": ()})) == ()


def test_what_can_do_most_harm_comes_back_last() -> None:
    """All of one risk at once; what is no stricter than the step takes no part in it."""
    low, medium, high, loose = (
        back("t1", risk="low"),
        back("t2"),
        back("t3", risk="high"),
        back("t4", now=Mode.DRAFT_ONLY, risk="low"),
    )
    ballot = opened(high, loose, medium, low, back("t5", risk="low"))
    assert waves(ballot, Mode.DRAFT_ONLY) == ((low, back("t5", risk="low")), (medium,), (high,))
    assert waves(opened(high), Mode.NORMAL) == ((high,),)


def test_a_step_that_is_repeated_adds_the_hold_that_it_added_before() -> None:
    """Its id is of its ballot, step and mode."""
    assert hold_id("b", 2, Mode.READ_ONLY) == "b.2.read_only"


def test_targets_are_listed_by_what_they_are_held_at() -> None:
    """The strictest first, in the order of the ballot."""
    returns = (back("t1", now=Mode.DRAFT_ONLY), back("t2"), back("t3", now=Mode.DRAFT_ONLY))
    found = by_mode(returns)
    assert list(found.items()) == [(Mode.FULL_STOP, (returns[1],)), (Mode.DRAFT_ONLY, (returns[0], returns[2]))]


def past(how: events.Ending | None, ago: float, key: str = "t") -> Ballot:
    """A ballot that ended so many seconds before now, a day and a half; one that is open where `how` is None."""
    story: list[events.AnyEvent] = [opened(back(key))]
    return folded(*story, *([] if how is None else [ended(1.5 * DAY - ago, how)]))


def why_not(*ballots: Ballot, keys: tuple[str, ...] = ("t",)) -> str:
    """What is said to whoever wants to open another."""
    return fishing(ballots, keys, 1.5 * DAY)


def test_two_ballots_are_never_open_on_one_target() -> None:
    """On others there may be one."""
    assert why_not(past(None, 0.0)) == "a ballot on them is open already: vote there, or withdraw it"
    assert why_not(past("vetoed", 1.0), past(None, 0.0), keys=("t2", "t")).startswith("a ballot on them is open")
    assert why_not(past(None, 0.0, "t2")) == why_not(Ballot(id="unread")) == why_not() == ""


@pytest.mark.parametrize(
    ("ago", "left"), [(0.0, "15 min"), (300.0, "10 min"), (899.0, "1 min"), (900.0, ""), (DAY, "")]
)
def test_a_veto_is_followed_by_a_quarter_of_an_hour(ago: float, left: str) -> None:
    """In which something is to change."""
    said = f"a ballot on them was vetoed: wait {left} and say what changed" if left else ""
    assert why_not(past("vetoed", ago)) == said


def test_the_last_veto_counts() -> None:
    """Of several; no other end is one, and a veto of other targets says nothing."""
    assert "wait 10 min" in why_not(past("vetoed", 600.0), past("vetoed", 300.0), past("vetoed", 700.0))
    others: list[events.Ending] = ["void", "expired", "withdrawn", "aborted", "completed"]
    assert {why_not(past(how, 1.0)) for how in others} == {""}
    assert why_not(past("vetoed", 1.0, "t2")) == ""


def test_three_that_fail_in_a_day_are_enough() -> None:
    """One more would fish for a tired quorum; the day counts from the first of them."""
    three = [past("vetoed", 0.5 * DAY), past("expired", 0.25 * DAY), past("expired", 1.0)]
    told = "3 ballots on them failed in the last 24 hours: the next may be opened in"
    assert why_not(*three) == f"{told} 12 h"
    assert why_not(*three, past("vetoed", 0.75 * DAY)) == f"4{told[1:]} 6 h"
    assert why_not(*three[:2]) == why_not(*three[:2], past("void", 1.0)) == ""
    assert why_not(*three[1:], past("expired", DAY)) == ""
    assert why_not(*three[1:], past("expired", DAY - 1)) == f"{told} 1 min"
    assert why_not(*three[1:], past("expired", DAY - 7_140)) == f"{told} 119 min"
    assert why_not(*three[1:], past("expired", DAY - 7_200)) == f"{told} 2 h"
    assert why_not(*three[1:], past("expired", DAY - 45_001)) == f"{told} 13 h"
