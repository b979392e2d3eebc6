"""What may a drill's release name, and what does it never take for its own?"""

import pytest

from adapters.base import Mode
from bot.domain import drill_events as drills
from bot.domain import events, release
from bot.domain.board import Board
from bot.domain.practice import Practice

BOT = events.Person(kind="bot", id="clock")
KEY = "memory:ledger"
CARD = drills.Scorecard(kind="live", mode=Mode.FULL_STOP)


def hold(name: str, at: float = 10.0, **more: object) -> events.HoldAdded:
    """A stop of the one target."""
    target = events.HeldTarget(key=KEY, surfaces=("billing/ledger",), round_to=Mode.FULL_STOP)
    return events.HoldAdded.model_validate(
        {"at": at, "hold": name, "incident": "i", "mode": Mode.FULL_STOP, "by": BOT, "targets": (target,), **more}
    )


def drilled(*later: events.AnyEvent) -> Board:
    """A board with the run `drill-1` and its hold, and what came later."""
    board = Board()
    target = drills.Drilled(key=KEY, surfaces=("billing/ledger",))
    for event in (
        drills.DrillStarted(at=9.0, run="drill-1", hold="cut", mode=Mode.FULL_STOP, targets=(target,)),
        hold("cut", origin="drill", channel="C0INCIDENT"),
        *later,
    ):
        board.apply(event)
    return board


def test_its_own_are_its_cut_and_what_put_it_back() -> None:
    """Each that puts it back has the next number, and names the run."""
    board = drilled()
    run = board.practice.runs["drill-1"]
    assert release.own_holds(board, run) == {"cut"}
    for number in (1, 2):
        back = release.put_back_hold(board, run, (KEY,), why="it failed", now=20.0 + number)
        assert (back.hold, back.parent, back.origin) == (f"drill-1.back{number}", "drill-1", "drill")
        assert (back.at, back.reason, back.channel, back.by.id) == (20.0 + number, "it failed", "C0INCIDENT", "drill")
        board.apply(back)
    assert release.own_holds(board, run) == {"cut", "drill-1.back1", "drill-1.back2"}
    assert release.pairs(board, run) == (("cut", KEY), ("drill-1.back1", KEY), ("drill-1.back2", KEY))


def test_what_puts_it_back_counts_as_later_than_what_is_known_of_it() -> None:
    """By a clock that was set back meanwhile too."""
    board = drilled()
    back = release.put_back_hold(board, board.practice.runs["drill-1"], (KEY,), why="it failed", now=1.0)
    assert back.at > 10.0


def test_only_what_was_begun_and_not_read_back_is_put_back_after_a_restart() -> None:
    """A target that was read back as normal stays given back."""
    board = drilled(drills.DrillReleased(at=12.0, run="drill-1", pairs=(("cut", KEY),)))
    run = board.practice.runs["drill-1"]
    assert release.begun(board, run) == (KEY,)
    board.apply(drills.DrillGaveBack(at=13.0, run="drill-1", targets=(KEY,)))
    assert release.begun(board, run) == ()


def test_what_a_hold_says_of_itself_makes_it_nobodys() -> None:
    """A real stop that is told as a drill's, of this run even, voids the release; so does another run's."""
    for other in (hold("hold-1", origin="drill", parent="drill-1"), hold("drill-10.back1"), hold("drill-2.back1")):
        board = drilled(other)
        run = board.practice.runs["drill-1"]
        assert release.own_holds(board, run) == {"cut"}
        assert release.why_void(board, run) == "a real stop came, and it wins"
        assert release.pairs(board, run) == ()


def test_a_run_that_never_began_has_none() -> None:
    """Nor anything to release."""
    board = drilled()
    board.apply(drills.DrillMeasured(at=9.0, run="drill-2", card=CARD))
    run = board.practice.runs["drill-2"]
    assert release.own_holds(board, run) == frozenset()
    with pytest.raises(AssertionError):
        release.put_back_hold(board, run, (KEY,), why="it failed", now=20.0)


def test_the_latest_known_due_time_is_one_of_the_schedule_up_to_a_moment() -> None:
    """Run or missed; what was typed is none, and a later one is not known yet. Another drill's is its own."""
    practice = Practice()
    assert practice.known_due("weekly") is None
    for run, due, scheduled in (("a", 100.0, True), ("b", 250.0, False), ("c", 300.0, True)):
        practice.fold(
            drills.DrillClaimed(
                at=due, run=run, drill="weekly", kind="live", mode=Mode.FULL_STOP, due=due, scheduled=scheduled, by=BOT
            )
        )
    practice.fold(drills.DrillEnded(at=1.0, run="d", drill="weekly", how="failed", card=CARD))  # read before its claim
    practice.fold(drills.DrillMissed(at=201.0, drill="weekly", due=200.0, why="it was late"))
    practice.fold(drills.DrillMissed(at=900.0, drill="daily", due=900.0, why="it was late"))
    assert practice.known_due("weekly") == 300.0
    assert [practice.known_due("weekly", until) for until in (300.0, 299.0, 200.0, 100.0, 99.0)] == [
        300.0,
        200.0,
        200.0,
        100.0,
        None,
    ]
