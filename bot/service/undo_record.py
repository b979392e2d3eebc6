"""The undo record of one target, as its lane keeps it: what a reopening would have to undo is on disk before it."""

import asyncio
from collections.abc import Callable

from adapters.base import Change
from bot.service.desk import Desk
from bot.service.episode import SNAPSHOT_MAX_AGE, Episode
from bot.service.inventory import Target

BUDGET = 1.0  # seconds that a reopening waits for its undo record


class UndoRecord:
    """The running episode of a target, and what no disk has taken of it yet.

    Args:
        target: yields the target as it is configured now.
    """

    def __init__(self, target: Callable[[], Target], desk: Desk) -> None:
        self._target = target
        self._desk = desk
        self._episode: Episode | None = None
        self._unkept: tuple[str, ...] = ()  # sealed records that no disk took so far

    def episode(self) -> Episode:
        """The running one, or a new one."""
        if self._episode is None:
            target = self._target()
            age = self._desk.clock.monotonic() - target.seen_at
            fresh = target.seen if age <= SNAPSHOT_MAX_AGE else None
            self._episode = self._desk.open_episode(target.key, fresh)
        return self._episode

    def end(self) -> None:
        """Nothing of ours is left there: whatever comes now is another episode."""
        self._episode, self._unkept = None, ()

    def note(self, sealed: str | None) -> None:
        """Records changes beside: it never delays a cut."""
        if sealed is not None:
            self._desk.gather_undo(self._target().key, sealed)

    async def keeps(self, changes: tuple[Change, ...]) -> bool:
        """Whether all of it is on disk, with these changes; without it the target stays fully stopped.

        What a full or slow disk did not take is offered to it again at the next reopening.
        """
        self._desk.flush_undo()
        sealed = self.episode().add(changes)
        self._unkept += () if sealed is None else (sealed,)
        if self._unkept:
            offered, key = self._unkept, self._target().key
            kept = asyncio.gather(*(self._desk.keep_undo(key, record) for record in offered))
            done, _ = await asyncio.wait({kept}, timeout=BUDGET)
            if done and all(kept.result()):
                self._unkept = tuple(record for record in self._unkept if record not in offered)
        return not self._unkept
