"""The hold set: stops commute, restores do not.

Adding holds is monotone, so any order from any number of writers gives the same set. A lift tombstones (hold, target)
pairs by id, and ids never return, so a tombstone that arrives before its hold works too.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from adapters.base import Mode

_NONE: Mapping[str, Mode] = MappingProxyType({})


class HoldSet:
    """Live holds per target. Grows only; nothing here reads a clock or knows who asked."""

    def __init__(self) -> None:
        self._modes: dict[str, Mapping[str, Mode]] = {}
        self._lifted: dict[str, set[str]] = {}  # the tombstones: targets by hold

    def add(self, hold: str, mode: Mode, targets: Iterable[str]) -> None:
        """Holds `targets` at `mode` under the id `hold`; adding it again changes nothing.

        One delivery may reach two writers, with one id: where they differ, the stricter mode counts, in any order.
        """
        alone = {hold: mode}  # shared by all that have this hold only: nothing here changes such a dictionary
        fresh = dict.fromkeys(targets, alone)
        for target in self._lifted.get(hold, ()):
            fresh.pop(target, None)
        for target in self._modes.keys() & fresh.keys():
            held = self._modes[target]
            fresh[target] = {**held, hold: max(mode, held.get(hold, mode))}
        self._modes.update(fresh)

    def lift(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Ends (hold, target) pairs for good."""
        for hold, target in pairs:
            self._lifted.setdefault(hold, set()).add(target)
            held = self._modes.pop(target, _NONE)
            rest = {other: mode for other, mode in held.items() if other != hold}
            if rest:
                self._modes[target] = rest

    def effective(self, target: str) -> Mode:
        """The strictest of the target's live holds."""
        held = self._modes.get(target)
        return max(held.values()) if held else Mode.NORMAL

    def live(self, target: str) -> Mapping[str, Mode]:
        """The live holds on `target`, by id."""
        return self._modes.get(target, _NONE)

    def is_lifted(self, hold: str, target: str) -> bool:
        """Whether the pair was tombstoned."""
        return target in self._lifted.get(hold, ())

    def targets(self) -> Iterator[str]:
        """Every target with a live hold."""
        return iter(self._modes)

    def is_live(self, hold: str) -> bool:
        """Whether the hold still binds any target."""
        return any(hold in modes for modes in self._modes.values())
