"""The undo record of one restriction episode: what we changed, so that only that is ever undone."""

from collections.abc import Iterable

from adapters.base import Change, Observation
from bot.service.seal import Seal

SNAPSHOT_MAX_AGE = 60.0  # seconds


class Episode:
    """Grow-only changes of one target, from the moment it leaves normal until nothing of ours is left to undo.

    Args:
        seal: opens and closes the records.
        sealed: the records so far, from the board.
        snapshot: the last observation before the episode, where it is fresh enough to stand in for a lost reply.
        replied: False where the cut was another process's, which may have ended before it recorded what it replaced.
    """

    def __init__(
        self, seal: Seal, sealed: Iterable[str], snapshot: Observation | None, *, replied: bool = True
    ) -> None:
        self._seal = seal
        self._changes = list(seal.open(sealed))
        self._snapshot = snapshot if not self._changes else None
        self._reply_lost = not replied and not self._changes

    @property
    def changes(self) -> tuple[Change, ...]:
        """Everything that is ours to undo."""
        return tuple(self._changes)

    def add(self, changes: Iterable[Change]) -> str | None:
        """Adds what is new; returns it sealed, or None where nothing is new."""
        fresh = [change for change in changes if change not in self._changes]
        self._changes += fresh
        return self._seal.close(fresh) if fresh else None

    def lost_reply(self) -> None:
        """A cut's answer never came: what it replaced is known from the snapshot only."""
        self._reply_lost = True

    def recover(self, seen: Observation) -> str | None:
        """After a lost reply, derives the changes from the snapshot and what is read now; sealed as by `add`."""
        if not self._reply_lost or self._snapshot is None:
            return None
        self._reply_lost = False
        recorded = {change.key for change in self._changes}
        before = self._snapshot.state
        return self.add(
            Change(key=key, was=before.get(key), now=seen.state.get(key))
            for key in sorted({*before, *seen.state} - recorded)
            if before.get(key) != seen.state.get(key)
        )

    @property
    def no_undo(self) -> bool:
        """Whether a reply was lost with no snapshot to stand in: a person must restore what that call replaced."""
        return self._reply_lost and self._snapshot is None
