"""What could be wrong with `memory`."""

import pytest

from adapters.base import Mode
from adapters.conformance import Rig
from adapters.memory import FACTS, ON, Memory, World
from tests.contract.defects import common
from tests.contract.defects.defect import Defect

LYING, *REST = common.of(Memory)


def _sessions_live_on(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(Memory, "_end_sessions", lambda _self: 0)
    patch.setattr(Memory, "_in_flight", lambda _self: 0)


def _writes_stay(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setitem(FACTS, Mode.READ_ONLY, "spare")
    patch.setattr(World, "mode", _Sloppy.mode)


def _over_others(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    given = Memory._give

    def give(self: Memory, to: Mode, undo: tuple[object, ...]) -> object:
        self.world.rights = dict.fromkeys(self.world.rights, ON) if to is Mode.NORMAL else self.world.rights
        return given(self, to, undo)  # type: ignore[arg-type]  # as it came

    patch.setattr(Memory, "_give", give)


class _Sloppy:
    """A world that reads a right that nobody checks."""

    def mode(self: World) -> Mode:  # type: ignore[misc]  # put into another class
        """As the real one, of its rights."""
        return max((mode for mode, fact in FACTS.items() if self.rights.get(fact, ON) != ON), default=Mode.NORMAL)


DEFECTS = (
    LYING,
    Defect("open sessions live on", "work_in_flight_is_ended_or_counted", "DID NOT RAISE", _sessions_live_on),
    Defect("others' changes are overwritten", "relax_keeps_what_others_changed", "not ours", _over_others),
    *REST,
    *common.backlog(Memory),
)
