"""When a surface that was cut comes back, and when it is contested."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.base import Mode, Observation
from bot.domain.board import Board

WINDOW = 600.0  # seconds
ALLOWED = 3  # re-cuts in the window; one more is contested


class Recuts:
    """Counts the re-cuts of one target in the last ten minutes."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def add(self, now: float) -> None:
        """Notes a re-cut."""
        self._times.append(now)

    def contested(self, now: float) -> bool:
        """Whether it had to be cut again more than three times in ten minutes."""
        while self._times and now - self._times[0] > WINDOW:
            self._times.popleft()
        return len(self._times) > ALLOWED


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A restriction that no live hold explains: it stays, is reported, and can be balloted away.

    `held` is what the live holds ask for, as it was planned to be rounded; `mode` is what was read.
    """

    target: str
    mode: Mode
    held: Mode
    marked: bool  # whether it bears a mark, so that an earlier cut of ours is the likely cause
    next: str


def orphans(board: Board, seen: Mapping[str, Observation | None]) -> tuple[Orphan, ...]:
    """What reads stricter than its live holds explain; pure.

    Args:
        board: the fold of every journal.
        seen: the last observation of each target, None where there is none.
    """
    found = []
    for target, observation in seen.items():
        if observation is None or not observation.exists:
            continue
        explained = _explained(board, target)
        if observation.mode > explained:
            marked = observation.token is not None
            found.append(
                Orphan(target=target, mode=observation.mode, held=explained, marked=marked, next=_orphan_step(marked))
            )
    return tuple(found)


def known_orphans(board: Board) -> tuple[Orphan, ...]:
    """Those that the journal has and that nothing explains since; pure."""
    return tuple(
        Orphan(target=it.target, mode=it.mode, held=it.held, marked=it.marked, next=_orphan_step(it.marked))
        for it in (board.orphans.orphans if board.orphans else ())
        if it.mode > _explained(board, it.target)
    )


def _explained(board: Board, target: str) -> Mode:
    """The strictest that a live hold may have left there: after rounding, or as a cut of it was last read back."""
    live = (board.hold_events[hold] for hold in board.holds.live(target))
    rounded = (held.round_to for hold in live for held in hold.targets if held.key == target)
    read_back = [board.proofs[target].held or Mode.NORMAL] if board.is_proven(target) else []
    return max(*rounded, *read_back, board.effective(target), Mode.NORMAL)


def _orphan_step(marked: bool) -> str:  # noqa: FBT001  # the only thing that it depends on
    if marked:
        return "look for a lost journal with `agent-kill status`; it stays until a restore of it is voted"
    return "it bears no mark of agent-kill: ask whoever restricted it; nothing here loosens it"
