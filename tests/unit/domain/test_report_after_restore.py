"""What does an incident's report say of what a vote gave back?"""

from dataclasses import replace

import pytest

from adapters.base import Mode, SurfaceClass
from bot.domain import events
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from bot.domain.report import Known, Line, report

BOT = events.Person(kind="bot", id="restore")
TARGETS = (events.HeldTarget(key="t", surfaces=("a/s",), round_to=Mode.FULL_STOP),)


def _board(voted: str = "t") -> Board:
    board = Board()
    hold = {"incident": "i", "by": BOT, "targets": TARGETS}
    board.apply(events.HoldAdded(at=1.0, hold="h", mode=Mode.FULL_STOP, **hold))
    back = events.Return(key=voted, surfaces=("a/s",), now=Mode.FULL_STOP, to=Mode.NORMAL, modes=(Mode.FULL_STOP,))
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


FACTS = Known(adapter="memory", surface_class=SurfaceClass.API, owner="U0OWNER")


def _line(board: Board) -> Line:
    (line,) = report(board, board.incidents["i"], {"a/s": FACTS}).lines
    return line


def _see(board: Board, at: float, outcome: Outcome, asked: Mode, **more: object) -> None:
    fields = {"target": "t", "outcome": outcome, "asked": asked, "held": asked, **more}
    board.apply(events.Outcomes(at=at, proofs=(events.Proof.model_validate(fields),)))


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


def test_what_is_given_back_in_part_says_what_was_asked_before() -> None:
    """The strictest of the stops that the vote lifted; one that it did not lift is no part of that."""
    board = _board()
    stop = {"incident": "i", "by": BOT, "targets": TARGETS}
    board.apply(events.HoldAdded(at=1.5, hold="h2", mode=Mode.DRAFT_ONLY, **stop))
    kept = events.HoldAdded(at=3.0, hold="b.1", mode=Mode.READ_ONLY, origin="restore", parent="b", **stop)
    pairs = (("h", "t"), ("h2", "t"))
    board.apply(events.PairsLifted(at=3.0, ballot="b", pairs=pairs, step=1, holds=(kept,)))
    _see(board, 4.0, Outcome.VERIFIED, Mode.READ_ONLY, settled=True)

    assert (_line(board).asked, _line(board).eased) == (Mode.READ_ONLY, Mode.FULL_STOP)
    board.apply(events.HoldAdded(at=5.0, hold="h3", mode=Mode.FULL_STOP, **stop))
    assert (_line(board).asked, _line(board).eased) == (Mode.FULL_STOP, None)


def test_a_surface_that_was_only_stopped_was_not_eased() -> None:
    """Nor is another surface of the incident that no vote was about."""
    board = _board()
    assert (_line(board).eased, _line(board).outcome) == (None, Outcome.PENDING)
    other = (events.HeldTarget(key="t2", surfaces=("b/s",), round_to=Mode.FULL_STOP),)
    board.apply(events.HoldAdded(at=1.5, hold="h2", incident="i", mode=Mode.FULL_STOP, by=BOT, targets=other))
    _lift(board, Mode.READ_ONLY, Outcome.VERIFIED)
    lines = {line.surface: line for line in report(board, board.incidents["i"], {}).lines}
    assert (lines["b/s"].eased, lines["b/s"].asked) == (None, Mode.FULL_STOP)
    assert (lines["a/s"].eased, lines["a/s"].asked) == (Mode.FULL_STOP, Mode.READ_ONLY)


@pytest.mark.parametrize(
    ("returns", "ended", "outcome"),
    [("t", False, Outcome.RELAXING), ("t", True, Outcome.PENDING), ("t2", False, Outcome.PENDING)],
)
def test_a_step_that_is_under_way_is_no_cut_that_is_waited_for(returns: str, ended: bool, outcome: Outcome) -> None:  # noqa: FBT001
    """Its line is settled; once the vote is over, or where it was about another target, the proof is waited for."""
    board = _board(returns)
    _lift(board, Mode.READ_ONLY, Outcome.VERIFIED)
    second = {"incident": "i", "mode": Mode.DRAFT_ONLY, "by": BOT, "targets": TARGETS, "origin": "restore"}
    held = events.HoldAdded(at=6.0, hold="b.2", parent="b", **second)
    board.apply(events.PairsLifted(at=6.0, ballot="b", pairs=(("b.1", "t"),), step=2, holds=(held,)))
    if ended:
        board.apply(events.BallotEnded(at=7.0, ballot="b", how="aborted"))

    line = _line(board)
    assert (line.asked, line.eased, line.outcome) == (Mode.DRAFT_ONLY, Mode.FULL_STOP, outcome)
    assert line.settled is (outcome is Outcome.RELAXING)
    _see(board, 8.0, Outcome.VERIFIED, Mode.DRAFT_ONLY, settled=True)
    assert (_line(board).outcome, _line(board).settled) == (Outcome.VERIFIED, True)
    _see(board, 9.0, Outcome.FAILED, Mode.DRAFT_ONLY)
    assert (_line(board).outcome, _line(board).settled) == (Outcome.FAILED, False)


def test_what_was_given_back_is_told_as_its_last_step_found_it() -> None:
    """With what a person must look at; nothing that a cut had said before is repeated."""
    board = _board()
    board.apply(events.PairsLifted(at=3.0, ballot="b", pairs=(("h", "t"),), step=1))
    empty = Line(
        surface="a/s",
        adapter="memory",
        surface_class=SurfaceClass.API,
        owner="U0OWNER",
        asked=Mode.NORMAL,
        held=None,
        outcome=Outcome.PROBATION,
        settled=True,
    )
    assert _line(board) == empty
    _see(board, 4.5, Outcome.FAILED, Mode.FULL_STOP, held=Mode.DRAFT_ONLY, detail="sessions go on", next="end them")
    assert _line(board) == replace(empty, held=Mode.DRAFT_ONLY)
    _see(board, 5.0, Outcome.PROBATION, Mode.NORMAL, detail="2 rights stay: changed by others", next="look at them")
    told = {"detail": "2 rights stay: changed by others", "next": "look at them"}
    assert _line(board) == replace(empty, held=Mode.NORMAL, **told)  # type: ignore[arg-type]  # fields of a line


@pytest.mark.parametrize("outcome", [Outcome.PROBATION, Outcome.RESTORED])
def test_a_report_lists_what_was_given_back(outcome: Outcome) -> None:
    """And nothing else among it."""
    board = _board()
    assert report(board, board.incidents["i"], {}).given_back() == ()
    _lift(board, Mode.NORMAL, Outcome.PROBATION)
    if outcome is Outcome.RESTORED:
        board.apply(events.BallotEnded(at=5.0, ballot="b", how="completed"))
    (line,) = report(board, board.incidents["i"], {}).given_back()
    assert (line.surface, line.outcome) == ("a/s", outcome)


def test_what_was_left_alone_or_is_misconfigured_is_bound_by_no_hold() -> None:
    """Every other surface of a report is."""
    left = {outcome for outcome in Outcome if replace(_line(_board()), outcome=outcome).left}
    assert left == {Outcome.LEFT, Outcome.QUARANTINED}
