"""After a crash in the middle of a restore: what a step had begun and not proven goes back to where it started."""

from collections.abc import Iterator

from adapters.base import Mode
from bot.domain import events, release
from bot.domain.ballot import Ballot, steps
from bot.domain.board import Board
from bot.service.restore_hold import restore_hold

WHY = "the bot was restarted in the middle of the restore"
WHY_DRILL = "the bot was restarted while the drill gave it back"


def put_back(board: Board, now: float) -> Iterator[events.AnyEvent]:
    """The holds and the ends of what a process before this one left unfinished: restores, releases of drills; pure.

    A target whose step was begun and not read back is held at the mode that it had before that step; what was read
    back stays as it is, and the remaining steps are void. A drill gives back again what is held again.
    """
    for ballot in list(board.ballots.values()):
        if ballot.opened is not None and ballot.restoring:
            yield from _holds(board, ballot, ballot.opened, now)
            yield events.BallotEnded(at=now, ballot=ballot.id, how="aborted", why=WHY)
    for run in list(board.practice.runs.values()):
        keys = release.begun(board, run)
        if keys:
            yield release.put_back_hold(board, run, keys, why=WHY_DRILL, now=now)


def _holds(board: Board, ballot: Ballot, opened: events.BallotOpened, now: float) -> Iterator[events.HoldAdded]:
    modes = dict(enumerate(steps(opened), 1))
    begun: dict[Mode, list[events.Return]] = {}
    for item in opened.returns:
        taken = [step for step, lifts in ballot.lifts.items() if step and item.key in _touched(lifts)]
        last = max(taken, default=0)
        if last and (last, item.key) not in ballot.done:
            before = max((step for step in taken if step < last), default=0)
            start = modes[before] if before else item.now
            begun.setdefault(start, []).append(item)
    for mode, items in begun.items():
        name = f"{ballot.id}.restart.{mode}"
        yield restore_hold(board, opened, hold=name, mode=mode, items=items, why=WHY, now=now)


def _touched(lifts: list[events.PairsLifted]) -> set[str]:
    return {key for lift in lifts for _, key in lift.pairs}
