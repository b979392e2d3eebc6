"""What each target is like while nothing restricts it, on disk: it stands in for undo records that a crash took."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from adapters.base import Change, Mode, Observation
from bot.domain import events
from bot.domain.board import Board
from bot.service.inventory import Target
from bot.service.ports import Clock
from bot.service.seal import Seal

_NOTE = "note:"  # before the names of what the adapter noted beside the state


@dataclass(frozen=True, slots=True)
class Before:
    """A target as it was last looked at while nothing restricted it; `at` is Unix time in seconds."""

    at: float
    state: Mapping[str, str | None] = field(default_factory=dict)
    notes: Mapping[str, str | None] = field(default_factory=dict)


def before(board: Board, seal: Seal, key: str) -> Before | None:
    """Reads it from the board; None where there is none, or another key sealed it."""
    known = board.baselines.get(key)
    facts = {change.key: change.was for change in seal.open([known[1]])} if known else {}
    if known is None or not facts:
        return None
    state = {name: value for name, value in facts.items() if not name.startswith(_NOTE)}
    notes = {name.removeprefix(_NOTE): value for name, value in facts.items() if name.startswith(_NOTE)}
    return Before(known[0], state, notes)


class Baselines:
    """Kept by the sweeps of the drift watch, one line for all that changed; encrypted as undo records are.

    Args:
        seal: for undo records.
        board: the fold of every journal.
        record: records an event.
    """

    def __init__(
        self, *, seal: Seal, board: Board, record: Callable[[events.AnyEvent], Awaitable[bool]], clock: Clock
    ) -> None:
        self._seal = seal
        self._board = board
        self._record = record
        self._clock = clock
        self._states: dict[str, Mapping[str, str | None]] = {}

    def note(self, targets: Iterable[Target]) -> None:
        """Records the states that are news, of targets that were just looked at and that nothing restricts."""
        news = []
        for target in targets:
            seen = target.seen
            if seen is None or not self._is_baseline(target.key, seen):
                continue
            facts = {**seen.state, **{f"{_NOTE}{name}": value for name, value in target.noted.items()}}
            if self._facts(target.key) == facts:
                continue
            self._states[target.key] = facts
            same = (Change(key=key, was=value, now=value) for key, value in facts.items())
            news.append((target.key, self._seal.close(same)))
        if news:
            self._record(events.BaselinesTaken(at=self._clock.now(), records=tuple(news)))

    def of(self, key: str) -> Observation | None:
        """The target as it was last recorded; None where it never was, or another key sealed it."""
        state = {name: value for name, value in self._facts(key).items() if not name.startswith(_NOTE)}
        return Observation(exists=True, mode=Mode.NORMAL, enforceable=frozenset(), state=state) if state else None

    def _is_baseline(self, key: str, seen: Observation) -> bool:
        free = seen.exists and seen.mode is Mode.NORMAL and seen.token is None
        return free and bool(seen.state) and self._board.effective(key) is Mode.NORMAL

    def _facts(self, key: str) -> Mapping[str, str | None]:
        known = self._states.get(key)
        if known is None:
            sealed = self._board.baselines.get(key)
            changes = self._seal.open([sealed[1]]) if sealed else ()
            known = self._states[key] = {change.key: change.was for change in changes}
        return known
