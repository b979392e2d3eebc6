"""Does the kit notice a surface that parks one write well, and is wrong otherwise? Each cheat, on a world in memory."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from adapters.base import Gate, Mode, Shared
from adapters.base.parked import Drafts, Released
from adapters.conformance import ticks, trial
from adapters.memory import Canary, Memory, Settings
from tests.contract.rigs.memory import MemoryRig

SEVERAL = "several_are_kept"


class NewestFirst(Memory):
    """Lists the newest first."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """The wrong way round."""
        drafts = await super().list()
        return Drafts(items=drafts.items[::-1][:limit], number=drafts.number)


class NoLimit(Memory):
    """Lists all, whatever the limit."""

    async def list(self, *, limit: int = 100) -> Drafts:  # noqa: ARG002  # the cheat
        """All."""
        return await super().list()


class NumberOfListed(Memory):
    """Tells how many it lists as how many there are."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """The number is of what was cut off."""
        drafts = await super().list(limit=limit)
        return Drafts(items=drafts.items, number=len(drafts.items))


class OnlyLast(Memory):
    """Loses the older one when a second is parked."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """The newest alone is kept."""
        for name in [*self.world.drafts][:-1]:
            del self.world.drafts[name]
        return await super().list(limit=limit)


class OnlyFirst(Memory):
    """Cuts to one and does not know how many there are."""

    async def list(self, *, limit: int = 100) -> Drafts:  # noqa: ARG002  # the cheat
        """The oldest alone is listed."""
        return Drafts(items=(await super().list(limit=1)).items, number=None)


class LosesAll(Memory):
    """Forgets everything once two are parked."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """Listed once."""
        drafts = await super().list(limit=limit)
        if len(self.world.drafts) > 1:
            self.world.drafts.clear()
        return drafts


class NoContent(Memory):
    """Shows every write alike."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """Nobody can decide on that."""
        drafts = await super().list(limit=limit)
        return replace(drafts, items=tuple(replace(item, what="a write") for item in drafts.items))


class LateDrop(Memory):
    """Does what was dropped, a while later."""

    async def drop(self, *, label: str = "", draft: str = "", by: str = "") -> Any:
        """Not at once."""
        write = self.world.drafts.get(draft)
        if write:
            asyncio.get_running_loop().call_later(0.4, self.world.done.update, [write.what])
        return await super().drop(draft=draft, by=by) if by else await super().drop(label=label)


class InTheProcess(Memory):
    """Keeps in the bot's own process what was parked."""

    def __init__(self, *, shared: Shared, **given: Any) -> None:
        super().__init__(shared=shared, **given)
        self.known: dict[str, object] = shared.get(("memory", "known"), dict)

    async def list(self, *, limit: int = 100) -> Drafts:
        """A new process knows the newest alone."""
        drafts = await super().list(limit=limit)
        self.known |= {item.id: item for item in drafts.items[-1:]}
        items = tuple(item for item in drafts.items if item.id in self.known)
        return Drafts(items=items, number=drafts.number if len(self.known) > 1 else len(items))


class StoppedLater(Memory):
    """Asks the gate, and does it a while later whatever came meanwhile."""

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """Says what is true now."""
        write = self.world.drafts.get(draft)
        said = await super().release(draft=draft, by=by, gate=gate)
        if write and self.world.mode() is Mode.FULL_STOP:
            asyncio.get_running_loop().call_later(0.4, self.world.done.update, [write.what])
        return said


CHEATS = [
    (NoContent, SEVERAL, "3 different writes are shown as 1"),
    (LateDrop, "a_dropped_one_never_happens", "a while later"),
    (InTheProcess, SEVERAL, "a bot that starts again finds"),
    (StoppedLater, "a_stop_while_the_gate_is_asked", "a while later"),
    (NewestFirst, SEVERAL, "oldest first"),
    (NoLimit, SEVERAL, "limit=1 lists 3 of 3"),
    (NumberOfListed, SEVERAL, "of 3 that are parked, 1 are told"),
    (OnlyLast, SEVERAL, "what is listed changes"),
    (OnlyFirst, SEVERAL, "left 0 items"),
    (LosesAll, SEVERAL, "what is listed changes"),
]


def _rig(cheat: type[Memory]) -> MemoryRig:
    class Cheating(MemoryRig):
        def adapter(self, *, shared: Shared | None = None, target: str = "memory") -> Memory:
            super().adapter(shared=shared, target=target)
            shared = shared or self.shared
            return cheat(config=Settings(target=target), canary=Canary(), shared=shared)

    return Cheating()


@pytest.mark.parametrize(("cheat", "check", "says"), CHEATS, ids=[cheat.__name__ for cheat, _, _ in CHEATS])
async def test_a_cheat_is_caught(cheat: type[Memory], check: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check that is for it fails and says so; nobody waits long for what a cheat never does."""
    monkeypatch.setattr(ticks, "__defaults__", (0.5,))
    assert says in await trial(_rig(cheat), f"test_{check}")
