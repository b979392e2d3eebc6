"""The drift watch: looks at what is held, often while an incident is young, and keeps snapshots of what is not."""

from collections.abc import Callable

from bot.domain.board import Board
from bot.service.dispatch import Dispatcher
from bot.service.inventory import Inventory
from bot.service.ports import Clock

TICK = 1.0  # seconds between ticks; what is due is decided here
SNAPSHOT = 30.0  # seconds between two looks at a target that nothing holds


class Watch:
    """Level-triggered: the same work whether one hold or a hundred are live."""

    def __init__(
        self, *, inventory: Callable[[], Inventory], board: Board, dispatcher: Dispatcher, clock: Clock
    ) -> None:
        self._inventory = inventory
        self._board = board
        self._dispatcher = dispatcher
        self._clock = clock
        self._checked: dict[str, float] = {}
        self._looked: float | None = None

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

    def _period(self, key: str) -> float:
        """Seconds between looks: fast while any hold on the target is young."""
        periods = self._inventory().configuration.watch
        live = (self._board.hold_events.get(hold) for hold in self._board.holds.live(key))
        youngest = max((hold.at for hold in live if hold), default=0.0)
        return periods.fast if self._clock.now() - youngest < periods.fast_for else periods.slow
