"""The drift watch: looks at what is held, often while an incident is young, and keeps snapshots of what is not."""

from collections.abc import Awaitable, Callable

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.drift import Orphan, orphans
from bot.service.dispatch import Dispatcher
from bot.service.inventory import Inventory
from bot.service.ports import Clock

CONFIRM = 5.0  # seconds until a restriction that nothing explains is looked at a second time, and believed
TICK = 1.0  # seconds between ticks; what is due is decided here
SNAPSHOT = 30.0  # seconds between two looks at a target that nothing holds


class Watch:
    """Level-triggered: the same work whether one hold or a hundred are live."""

    def __init__(
        self,
        *,
        inventory: Callable[[], Inventory],
        board: Board,
        dispatcher: Dispatcher,
        clock: Clock,
        record: Callable[[events.OrphansSeen], object],
        configured: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._inventory = inventory
        self._board = board
        self._dispatcher = dispatcher
        self._clock = clock
        self._checked: dict[str, float] = {}
        self._looked: float | None = None
        self._record = record
        self._configured = configured
        self._suspected: dict[str, tuple[Mode, float]] = {}  # what nothing explained, and when that was read

    def look_soon(self) -> None:
        """What is new in the configuration is looked at with the next tick, before anything restricts it."""
        self._looked = None

    async def tick(self) -> None:
        """One tick: asks due lanes to look, and refreshes the snapshots when they are due."""
        now = self._clock.monotonic()
        periods = self._inventory().configuration.watch
        soonest = min(periods.fast, periods.slow)
        for key in self._dispatcher.lanes():
            age = now - self._checked.setdefault(key, now)
            if age >= soonest and age >= self._period(key):
                self._checked[key] = now
                self._dispatcher.check(key)
        if self._looked is None or now - self._looked >= SNAPSHOT:
            self._looked = now
            await self._dispatcher.look(self._inventory().targets.values())
            self._note_orphans()
            if self._configured:
                await self._configured()
        elif self._suspected and now - self._looked >= CONFIRM:
            targets = self._inventory().targets
            await self._dispatcher.look(targets[key] for key in self._suspected if key in targets)
            self._note_orphans()

    def _note_orphans(self) -> None:
        """Journals the restrictions that no live hold explains, whenever that changes.

        One reading is not enough: another writer's hold may be on its way here, or a restore step under way.
        """
        targets = self._inventory().targets
        strict = {key: target.seen for key, target in targets.items() if target.seen and target.seen.mode > Mode.NORMAL}
        found = {orphan.target: orphan for orphan in orphans(self._board, strict)}
        known = {it.target: it for it in (self._board.orphans.orphans if self._board.orphans else ())}
        before, self._suspected = self._suspected, {}
        believed = []
        for key, orphan in found.items():
            mode, read_at = before.get(key, (Mode.NORMAL, targets[key].seen_at))
            if (key in known and known[key].mode is orphan.mode) or (
                mode is orphan.mode and read_at != targets[key].seen_at
            ):
                believed.append(_journaled(orphan))
            else:
                self._suspected[key] = (orphan.mode, targets[key].seen_at)
        if {it.target: it for it in believed} != known:
            self._record(events.OrphansSeen(at=self._clock.now(), orphans=tuple(believed)))

    def _period(self, key: str) -> float:
        """Seconds between looks: fast while any hold on the target is young."""
        periods = self._inventory().configuration.watch
        live = (self._board.hold_events.get(hold) for hold in self._board.holds.live(key))
        youngest = max((hold.at for hold in live if hold), default=0.0)
        return periods.fast if self._clock.now() - youngest < periods.fast_for else periods.slow


def _journaled(orphan: Orphan) -> events.OrphanSeen:
    return events.OrphanSeen(target=orphan.target, mode=orphan.mode, held=orphan.held, marked=orphan.marked)
