"""Is a line of a report that was kept ever an old one?"""

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from bot.domain.report import Known, Line, report

KNOWN = {"a/1": Known(adapter="memory", owner="U1"), "a/2": Known(adapter="memory")}


def _hold(hold: str, mode: Mode, at: float) -> events.HoldAdded:
    targets = tuple(events.HeldTarget(key=name, surfaces=(f"a/{name}",), round_to=mode) for name in "12")
    by = events.Person(kind="slack", id="U0")
    return events.HoldAdded(at=at, hold=hold, incident="i", mode=mode, by=by, targets=targets)


def _proofs(at: float, mode: Mode, outcome: Outcome, *keys: str) -> events.Outcomes:
    made = tuple(events.Proof(target=key, outcome=outcome, asked=mode, held=mode, detail=f"at {at}") for key in keys)
    return events.Outcomes(at=at, proofs=made)


def _lines(board: Board, known: dict[str, Known]) -> tuple[Line, ...]:
    return report(board, board.incidents["i"], known).lines


def test_every_line_is_the_one_that_a_fresh_board_gives() -> None:
    """After each event, and after the configuration changed; lines that nothing happened to are the same objects."""
    history: list[events.AnyEvent] = [
        _hold("h1", Mode.READ_ONLY, 1.0),
        _proofs(2.0, Mode.READ_ONLY, Outcome.UNKNOWN, "1"),
        _proofs(3.0, Mode.READ_ONLY, Outcome.VERIFIED, "1", "2"),
        _proofs(4.0, Mode.READ_ONLY, Outcome.DRIFTED, "2"),
        _proofs(5.0, Mode.READ_ONLY, Outcome.VERIFIED, "2"),
        _hold("h2", Mode.FULL_STOP, 6.0),
        _proofs(7.0, Mode.FULL_STOP, Outcome.APPLIED, "1", "2"),
    ]
    kept = Board()
    for length, event in enumerate(history, start=1):
        kept.apply(event)
        fresh = Board()
        for earlier in history[:length]:
            fresh.apply(earlier)
        lines = _lines(kept, KNOWN)
        assert lines == _lines(fresh, KNOWN)
        again = _lines(kept, KNOWN)
        assert all(one is other for one, other in zip(lines, again, strict=True))
    moved = {**KNOWN, "a/1": Known(adapter="memory", owner="U2")}
    assert [line.owner for line in _lines(kept, moved)] == ["U2", None]
