"""The hold set: stops commute, restores do not.

Adding holds is monotone, so any order from any number of writers gives the same set. A lift tombstones (hold, target)
pairs by id, and ids never return, so a tombstone that arrives before its hold works too.
"""

from collections.abc import Iterable, Iterator

from adapters.base import Mode


class HoldSet:
    """Live holds per target. Grows only; nothing here reads a clock or knows who asked."""

    def __init__(self) -> None:
        self._modes: dict[str, dict[str, Mode]] = {}
        self._tombstones: set[tuple[str, str]] = set()

    def add(self, hold: str, mode: Mode, targets: Iterable[str]) -> None:
        """Holds `targets` at `mode` under the id `hold`; adding it again changes nothing.

        One delivery may reach two writers, with one id: where they differ, the stricter mode counts, in any order.
        """
        alone = {hold: mode}  # shared by all that have this hold only: nothing here changes such a dictionary
        targets = dict.fromkeys(targets, alone)
        if not self._tombstones and self._modes.keys().isdisjoint(targets):
            self._modes.update(targets)
            return
        for target in targets:
            if (hold, target) not in self._tombstones:
                held = self._modes.get(target)
                self._modes[target] = {**held, hold: max(mode, held.get(hold, mode))} if held else alone

    def lift(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Ends (hold, target) pairs for good."""
        for hold, target in pairs:
            self._tombstones.add((hold, target))
            held = self._modes.get(target, {})
            if hold in held:
                self._modes[target] = {other: mode for other, mode in held.items() if other != hold}

    def effective(self, target: str) -> Mode:
        """The strictest of the target's live holds."""
        held = self._modes.get(target)
        return max(held.values()) if held else Mode.NORMAL

    def live(self, target: str) -> dict[str, Mode]:
        """The live holds on `target`, by id."""
        return dict(self._modes.get(target, {}))

    def is_lifted(self, hold: str, target: str) -> bool:
        """Whether the pair was tombstoned."""
        return (hold, target) in self._tombstones

    def targets(self) -> Iterator[str]:
        """Every target with a live hold."""
        return (target for target, modes in self._modes.items() if modes)

    def is_live(self, hold: str) -> bool:
        """Whether the hold still binds any target."""
        return any(hold in modes for modes in self._modes.values())
