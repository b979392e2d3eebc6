"""Which codes of the second factor are used up, and when is no further one looked at?"""

import itertools
from typing import Any

import pytest

from bot.domain import events
from bot.domain.board import Board
from bot.domain.codes import A_DAY, TRIES, Codes
from tests.unit.domain.facts import ALICE

DAY = 86_400.0
ON_BALLOT = "5 codes were wrong on this ballot, so no further one of yours is taken on it"
IN_A_DAY = "10 codes of yours were wrong in the last 24 hours, so none is taken before that is over"
BOB = events.Person(kind="slack", id="U0BOB")


def entered(attempt: int, ballot: str = "b", at: float = 100.0, **more: Any) -> events.CodeEntered:
    """A code of Alice that was wrong, unless it has a step."""
    fields = {"ballot": ballot, "digest": "ab", "by": ALICE, "attempt": attempt, **more}
    return events.CodeEntered.model_validate({"at": at, **fields})


def folded(*story: events.CodeEntered) -> Codes:
    """The fold of these."""
    made = Codes()
    for event in story:
        made.fold(event)
    return made


def test_the_last_code_that_was_taken_is_used_up() -> None:
    """Of each person, on whatever ballot, in any order; a wrong one uses nothing up."""
    story = [entered(1, step=7), entered(2, "b2", step=9), entered(3, step=8), entered(4), entered(1, by=BOB, step=3)]
    for order in itertools.permutations(story):
        assert folded(*order).used == {"U0ALICE": 9, "U0BOB": 3}


def test_five_wrong_codes_on_a_ballot_are_enough() -> None:
    """For good, of that person on that ballot alone; one that is told twice is one, and a right one is none."""
    assert (TRIES, A_DAY) == (5, 10)
    four = [entered(number) for number in range(1, 5)]
    assert folded(*four, four[0], entered(9, step=7)).locked("U0ALICE", "b", 101.0) == ""
    assert folded(*four, entered(5, "b2")).locked("U0ALICE", "b", 101.0) == ""
    assert folded(*four, entered(5, by=BOB)).locked("U0ALICE", "b", 101.0) == ""
    locked = folded(*four, entered(5))
    assert locked.locked("U0ALICE", "b", 101.0) == locked.locked("U0ALICE", "b", 9 * DAY) == ON_BALLOT
    assert (locked.locked("U0ALICE", "b2", 101.0), locked.locked("U0BOB", "b", 101.0)) == ("", "")


def test_ten_wrong_codes_in_a_day_are_enough() -> None:
    """On whatever ballots: opening one after the other gives no more guesses. It ends a day after the first."""
    ten = [entered(number % 4 + 1, f"b{number // 4}", at=100.0 + number) for number in range(10)]
    assert folded(*ten[1:]).locked("U0ALICE", "new", 200.0) == ""
    for order in (ten, ten[::-1]):
        made = folded(*order, ten[3])
        assert made.locked("U0ALICE", "new", 200.0) == IN_A_DAY
        assert made.locked("U0ALICE", "new", 99.5 + DAY) == IN_A_DAY
        assert made.locked("U0ALICE", "new", 100.0 + DAY) == ""


@pytest.mark.parametrize("turn", [1, -1])
def test_an_attempt_that_is_told_at_two_times_counts_at_the_later(turn: int) -> None:
    """In any order."""
    nine = [entered(number % 4 + 1, f"b{number // 4}", at=500.0) for number in range(9)]
    told = [entered(4, "b9", at=100.0), entered(4, "b9", at=300.0)][::turn]
    assert folded(*nine, *told).locked("U0ALICE", "new", 299.0 + DAY) == IN_A_DAY
    assert folded(*nine, *told).locked("U0ALICE", "new", 300.0 + DAY) == ""


def test_the_board_keeps_codes_with_their_ballot_and_over_all() -> None:
    """Both are needed: who confirmed this ballot, and which codes are used up."""
    made = Board()
    made.apply(entered(1, step=7))
    assert (made.codes.used, made.ballots["b"].codes) == ({"U0ALICE": 7}, [entered(1, step=7)])
