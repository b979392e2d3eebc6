"""Does the board come out the same, whatever the order in which the journals are read?"""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.drill_events import DrillReleased
from bot.domain.report import report
from bot.domain.rota import on_turn
from tests.properties.journals import BOT, INCIDENTS, JOURNAL, TARGETS, fold, held_targets


def _said(board: Board) -> dict[str, Any]:
    """What people and lanes are told of a board, without the order of lines and stops."""
    return {
        "live": {target: board.holds.live(target) for target in TARGETS},
        "effective": {target: board.effective(target) for target in TARGETS},
        "surfaces": {target: board.surfaces_of(target) for target in TARGETS},
        "incidents": {target: board.incidents_of(target) for target in TARGETS},
        "undo": {target: set(board.undo.get(target, ())) for target in TARGETS},
        "baselines": board.baselines,
        "confirmed": {name: ballot.confirmed() for name, ballot in board.ballots.items()},
        "codes": (board.codes.used, {who: board.codes.locked(who, "b", 2e9) for who in ("U1", "U2")}),
        "released": {name: {r.model_dump_json() for r in run.released} for name, run in board.practice.runs.items()},
        "ended": {name: run.ended for name, run in board.practice.runs.items()},
        "missed": board.practice.missed,
        "on turn": {due: on_turn(board.practice, "d", due) for due in (1.0, 2.0)},
        "proposals": board.proposals.all,
        "parked": {target: {it.name for it in found} for target, found in board.proposals.known().items()},
        "closed": {name for name in INCIDENTS if name in board.incidents and board.incidents[name].closed},
        "holds": {hold: (event.mode, event.at, event.reason) for hold, event in board.hold_events.items()},
        "opened": {i: (board.incidents[i].opened_at, board.incidents[i].channel) for i in _with_stops(board)},
        "lines": {i: sorted(map(repr, _lines(board, i))) for i in _with_stops(board)},
    }


def _with_stops(board: Board) -> list[str]:
    return [name for name in INCIDENTS if name in board.incidents and board.incidents[name].holds]


def _lines(board: Board, incident: str) -> Sequence[object]:
    return report(board, board.incidents[incident], {}).lines


@settings(max_examples=250, deadline=None)
@given(journal=JOURNAL, data=st.data())
def test_any_order_gives_the_same_board(journal: list[events.AnyEvent], data: st.DataObject) -> None:
    """I3, I13: every permutation of the journals' events amounts to the same holds, reasons, proofs and reports."""
    shuffled = data.draw(st.permutations(journal))

    assert _said(fold(shuffled)) == _said(fold(journal))


@settings(max_examples=250, deadline=None)
@given(journal=JOURNAL, data=st.data())
def test_repeated_events_change_nothing(journal: list[events.AnyEvent], data: st.DataObject) -> None:
    """I13, interleaving 5: an old backup, read again after what is newer, neither revives nor regresses anything."""
    backup = journal[: data.draw(st.integers(0, len(journal)))]

    assert _said(fold([*journal, *backup])) == _said(fold(journal))


@settings(max_examples=200, deadline=None)
@given(journal=JOURNAL)
def test_effective_is_the_union_of_holds_minus_tombstones(journal: list[events.AnyEvent]) -> None:
    """I3: what a target is held at is the strictest hold that any writer recorded and no lift names.

    One delivery that several writers took holds every target of each at the strictest mode of any.
    """
    holds = [event for event in journal if isinstance(event, events.HoldAdded)]
    holds += [hold for event in journal if isinstance(event, events.PairsLifted) for hold in event.holds]
    strictest = {hold.hold: max(it.mode for it in holds if it.hold == hold.hold) for hold in holds}
    lifting = [event for event in journal if isinstance(event, events.PairsLifted | DrillReleased)]
    lifted = {pair for event in lifting for pair in event.pairs}
    board = fold(journal)

    for target in TARGETS:
        live = [
            strictest[hold.hold]
            for hold in holds
            for held in hold.targets
            if held.key == target and (hold.hold, target) not in lifted
        ]
        assert board.effective(target) is max(live, default=Mode.NORMAL)


@settings(max_examples=200, deadline=None)
@given(journal=JOURNAL, mode=st.sampled_from([mode for mode in Mode if mode is not Mode.NORMAL]))
def test_a_new_stop_is_not_proven_by_what_was_read_before(journal: list[events.AnyEvent], mode: Mode) -> None:
    """I6: right after a further stop no line that it binds is green, whatever was proven or lifted before."""
    last = max((event.at for event in journal), default=0.0) + 1.0
    fresh = events.HoldAdded(at=last, hold="fresh", incident="fresh", mode=mode, by=BOT, targets=held_targets(TARGETS))

    board = fold([*journal, fresh])

    assert not report(board, board.incidents["fresh"], {}).verified()
    assert not report(fold([fresh, *journal]), board.incidents["fresh"], {}).verified()
