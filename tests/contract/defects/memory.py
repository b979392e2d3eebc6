"""What could be wrong with `memory`."""

import pytest

from adapters.base import Mode
from adapters.conformance import Rig
from adapters.memory import FACTS, ON, Canary, Memory, Settings, World, WorldSession
from tests.contract.defects import common
from tests.contract.defects.defect import Defect
from tests.contract.rigs.memory import MemoryRig

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


def _done_as_well(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    write = World.write

    def both(self: World, session: WorldSession, what: str) -> bool:
        self.done[what] += 1
        return write(self, session, what)

    patch.setattr(World, "write", both)


def _kept(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    release = World.release

    def again(self: World, draft: str, by: str) -> bool:
        write = self.drafts.get(draft)
        did = release(self, draft, by)
        if write:
            self.drafts[draft] = write
        return did

    patch.setattr(World, "release", again)


def _without_parked(patch: pytest.MonkeyPatch, _rig: Rig) -> None:
    patch.setattr(MemoryRig, "parking", lambda self: _Refusing(config=Settings(), canary=Canary(), shared=self.shared))


class _Refusing(Memory):
    """A kind that refuses what a middle mode forbids, and keeps none of it."""

    release = None  # type: ignore[assignment]  # as if there were none


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
    *common.parked(Memory),
    Defect("the write is done and parked", "what_is_proposed_is_parked_once", "1 times, not 0", _done_as_well),
    Defect("what is released stays", "a_release_does_it_once", "times, not 1", _kept),
    Defect("middle modes park nothing", "a_middle_mode_comes_with_what_it_parks", "Parked", _without_parked),
)
