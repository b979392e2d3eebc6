"""What does an incident's report say of what a vote gave back?"""

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from bot.domain.report import Line, report

BOT = events.Person(kind="bot", id="restore")
TARGETS = (events.HeldTarget(key="t", surfaces=("a/s",), round_to=Mode.FULL_STOP),)


def _board() -> Board:
    board = Board()
    hold = {"incident": "i", "by": BOT, "targets": TARGETS}
    board.apply(events.HoldAdded(at=1.0, hold="h", mode=Mode.FULL_STOP, **hold))
    back = events.Return(key="t", surfaces=("a/s",), now=Mode.FULL_STOP, to=Mode.NORMAL, modes=(Mode.FULL_STOP,))
    board.apply(
        events.BallotOpened(
            at=2.0,
            ballot="b",
            incident="i",
            channel="C",
            by=BOT,
            scope="a/s",
            mode=Mode.NORMAL,
            pairs=(("h", "t"),),
            returns=(back,),
            electorate=(),
            quorum=2,
            expires_at=9.0,
            dwell=0.0,
            step=0.0,
            configuration="",
        )
    )
    return board


def _lift(board: Board, mode: Mode, outcome: Outcome) -> None:
    kept = events.HoldAdded(
        at=3.0, hold="b.1", incident="i", mode=mode, by=BOT, origin="restore", parent="b", targets=TARGETS
    )
    holds = (kept,) if mode > Mode.NORMAL else ()
    board.apply(events.PairsLifted(at=3.0, ballot="b", pairs=(("h", "t"),), step=1, holds=holds))
    board.apply(events.Outcomes(at=4.0, proofs=(events.Proof(target="t", outcome=outcome, asked=mode, held=mode),)))


def _line(board: Board) -> Line:
    (line,) = report(board, board.incidents["i"], {}).lines
    return line


def test_a_surface_in_the_middle_of_a_restore_is_judged_by_what_holds_it_now() -> None:
    """Lowered to read_only by a vote and proven there: neither NOT CUT nor still asked to be fully stopped."""
    board = _board()
    _lift(board, Mode.READ_ONLY, Outcome.VERIFIED)

    line = _line(board)
    assert (line.outcome, line.asked, line.held) == (Outcome.VERIFIED, Mode.READ_ONLY, Mode.READ_ONLY)
    assert len(board.incidents["i"].holds) == 1


@pytest.mark.parametrize(("ended", "outcome"), [(False, Outcome.PROBATION), (True, Outcome.RESTORED)])
def test_what_was_given_back_is_never_called_cut(ended: bool, outcome: Outcome) -> None:  # noqa: FBT001
    """It is watched until the ballot is over, and given back then; it is no success of the stop."""
    board = _board()
    _lift(board, Mode.NORMAL, Outcome.PROBATION)
    if ended:
        board.apply(events.BallotEnded(at=5.0, ballot="b", how="completed"))

    line = _line(board)
    assert (line.outcome, line.asked) == (outcome, Mode.NORMAL)
    assert not line.not_cut
    assert not line.not_proven
    assert not report(board, board.incidents["i"], {}).verified()
