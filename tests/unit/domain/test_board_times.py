"""Which proofs count, and when is what is recorded next?"""

import itertools
import math

import pytest

from adapters.base import Mode
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from tests.unit.domain.facts import board, hold, lift, seen


def test_a_proof_counts_until_the_holds_of_its_own_target_change() -> None:
    """P3: a further stop, or a lift, ends the proof of every target that it names, and of no other."""
    for change in (hold("h2", 30.0, "a/1"), lift(30.0, ("h1", "a/1"))):
        made = board(hold("h1", 10.0, "a/1", "a/2"), seen(20.0, "a/1", "a/2"))
        assert made.is_proven("a/1")
        made.apply(change)
        assert (made.is_proven("a/1"), made.is_proven("a/2")) == (False, True)


def test_a_proof_of_the_instant_of_a_hold_may_be_older_and_proves_nothing() -> None:
    """P3: two writers may give one time to a hold and to what was read before it."""
    assert not board(seen(10.0, "a/1"), hold("h", 10.0, "a/1")).is_proven("a/1")
    assert board(seen(10.5, "a/1"), hold("h", 10.0, "a/1")).is_proven("a/1")


def test_a_target_that_was_never_read_is_not_proven() -> None:
    """Nor is one that only a hold or another target's proof speaks of; a proof without any hold is one."""
    made = board(hold("h", 0.25, "a/1"), seen(0.5, "a/2"))
    assert (made.is_proven("a/1"), made.is_proven("a/2"), made.is_proven("a/3")) == (False, True, False)


def test_a_late_arrival_of_an_old_lift_does_not_make_a_newer_hold_look_older() -> None:
    """I6: what another journal tells of the past leaves the time of the last change as it is."""
    made = board(hold("h1", 10.0, "a/1"), hold("h2", 30.0, "a/1"), lift(15.0, ("h1", "a/1")), seen(20.0, "a/1"))
    assert not made.is_proven("a/1")


def test_a_delivery_that_a_second_writer_tells_later_is_a_change_at_the_later_time() -> None:
    """The later of the two times counts, in any order; a proof from between them proves nothing of it."""
    for story in itertools.permutations([hold("h", 10.0, "a/1"), hold("h", 30.0, "a/1"), seen(20.0, "a/1")]):
        assert not board(*story).is_proven("a/1")


def test_a_second_telling_is_a_change_of_every_target_of_both() -> None:
    """At the later time, in any order."""
    tellings = [hold("h", 30.0, "a/1"), hold("h", 10.0, "a/1", "a/2"), seen(20.0, "a/1", "a/2")]
    for story in itertools.permutations(tellings):
        made = board(*story)
        assert (made.is_proven("a/1"), made.is_proven("a/2")) == (False, False)


def test_a_stop_that_is_read_late_ends_an_earlier_proof() -> None:
    """Whatever else was read before it."""
    made = board(seen(15.0, "a/1", "a/2"), hold("h1", 20.0, "b/1"), hold("h2", 18.0, "a/1"))
    assert (made.is_proven("a/1"), made.is_proven("a/2")) == (False, True)


def test_the_newest_proof_counts_whatever_is_read_last() -> None:
    """An old backup that is read again regresses nothing; of two of one instant the one that is read last counts."""
    new, old = seen(20.0, "a/1", detail="new"), seen(15.0, "a/1", detail="old")
    made = board(hold("h", 10.0, "a/1"), new, old)
    assert (made.proofs["a/1"].detail, made.proof_at["a/1"]) == ("new", 20.0)
    assert board(seen(0.0, "a/1")).proofs["a/1"].outcome is Outcome.VERIFIED
    made.apply(seen(20.0, "a/1", detail="same instant"))
    assert made.proofs["a/1"].detail == "same instant"


def test_a_look_renews_the_proof_that_is_known() -> None:
    """What was read again without news is as old as the look."""
    made = board(hold("h", 10.0, "a/1", "a/2"), seen(20.0, "a/1", "a/2"))
    made.look_again(["a/1"], 50.0)
    assert made.proof_at == {"a/1": 50.0, "a/2": 20.0}


def test_the_time_of_a_record_is_the_clocks() -> None:
    """Where nothing is known, and where all that is known is older."""
    assert Board().stamp(["a/1"], 5.0) == 5.0
    assert board(hold("h", 10.0, "a/1"), seen(20.0, "a/1")).stamp(["a/1"], 20.5) == 20.5


@pytest.mark.parametrize("now", [20.0, 3.0])
def test_a_clock_that_was_set_back_is_not_followed(now: float) -> None:
    """P3: what is done next is just after the last that is known of its targets, be that a proof or a hold."""
    proven = board(hold("h", 10.0, "a/1", "a/2"), seen(20.0, "a/1"))
    held = board(seen(10.0, "a/1"), hold("h", 20.0, "a/1"))
    looked = board(hold("h", 5.0, "a/1"), seen(6.0, "a/1"))
    looked.look_again(["a/1"], 20.0)
    for made in (proven, held, looked):
        assert made.stamp(["a/1"], now) == math.nextafter(20.0, math.inf)
        assert made.stamp(["a/0", "a/1", "a/9"], now) == math.nextafter(20.0, math.inf)
    assert proven.stamp(["a/2"], now) == max(now, math.nextafter(10.0, math.inf))
    assert proven.stamp(["a/3"], now) == now


def test_an_old_look_does_not_make_the_board_younger() -> None:
    """A clock that was set back before a look must not let the next record stand before what is known."""
    made = board(hold("h", 10.0, "a/1"), seen(20.0, "a/1"))
    made.look_again(["a/2"], 15.0)
    assert made.stamp(["a/1"], 18.0) == math.nextafter(20.0, math.inf)


def test_an_old_proof_that_arrives_late_does_not_make_the_board_younger() -> None:
    """As above, of another journal's entry."""
    made = board(hold("h", 20.0, "a/1"), seen(15.0, "a/2"))
    assert made.stamp(["a/1"], 18.0) == math.nextafter(20.0, math.inf)
    assert board(seen(20.0, "a/1")).stamp(["a/1"], 18.0) == math.nextafter(20.0, math.inf)


def test_how_a_target_came_back_is_kept_by_its_time() -> None:
    """The cut that follows hides it in the proofs; a proof of any other outcome is no drift."""
    made = board(
        hold("h", 1.0, "a/1", mode=Mode.READ_ONLY),
        seen(4.0, "a/1", outcome=Outcome.DRIFTED, detail="second"),
        seen(2.0, "a/1", outcome=Outcome.DRIFTED, detail="first"),
        seen(3.0, "a/1", outcome=Outcome.FAILED, detail="no drift"),
        seen(5.0, "a/1"),
    )
    assert made.drifts == {"a/1": {2.0: "first", 4.0: "second"}}
    assert made.proofs["a/1"].outcome is Outcome.VERIFIED


def test_when_a_target_was_last_contested_is_kept_by_target() -> None:
    """The latest time, in any order; no other outcome is one."""
    story = [seen(at, "a/1", outcome=Outcome.CONTESTED) for at in (2.0, 5.0)]
    for order in itertools.permutations([*story, seen(4.0, "a/2", outcome=Outcome.CONTESTED), seen(7.0, "a/3")]):
        assert board(*order).contested == {"a/1": 5.0, "a/2": 4.0}
