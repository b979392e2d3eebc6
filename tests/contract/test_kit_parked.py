"""Does the kit notice a surface that parks one write well, and is wrong otherwise? Each cheat, on a world in memory."""

import asyncio
from dataclasses import replace
from fnmatch import fnmatch
from typing import Any

import pytest

from adapters.base import Cut, Gate, Mode, Shared
from adapters.base.parked import Drafts, Released
from adapters.conformance import ticks, trial
from adapters.memory import OFF, Canary, Memory, Settings, World
from tests.contract.rigs.memory import MemoryRig

SEVERAL = "several_are_kept"
HOSTILE = "a_hostile_proposal_hides_nothing"
LISTED = "what_is_proposed_is_parked_once"


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


class NewestFirstWithoutTimes(NewestFirst):
    """The same, of a surface that keeps no time."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """Nothing but the proposals themselves tells which came first."""
        drafts = await super().list(limit=limit)
        return replace(drafts, items=tuple(replace(item, at=None) for item in drafts.items))


class Numbered(Memory):
    """Shows a number where the write should stand."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """Each another, and nobody can tell what is approved."""
        drafts = await super().list(limit=limit)
        return replace(drafts, items=tuple(replace(item, what=f"write {item.id}") for item in drafts.items))


class SecondEffect(Memory):
    """Does what was approved, and something beside it."""

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """Once each."""
        parked = draft in self.world.drafts
        said = await super().release(draft=draft, by=by, gate=gate)
        self.world.done["another write"] += said.done and parked
        return said


class LateSecond(Memory):
    """Does what was approved again, a while later."""

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """In time at first."""
        write = self.world.drafts.get(draft)
        said = await super().release(draft=draft, by=by, gate=gate)
        if write and said.done:
            _later(self.world, write.what)
        return said


class LateRefused(Memory):
    """Does what the gate refused, a while later."""

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """Not at once."""
        write = self.world.drafts.get(draft)
        said = await super().release(draft=draft, by=by, gate=gate)
        if write and not said.done:
            _later(self.world, write.what)
        return said


class LateByItself(Memory):
    """Does what is parked a while after it was listed last, for anybody to see who still looks."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """What is due is put off by each look."""
        drafts = await super().list(limit=limit)
        for item in drafts.items:
            asyncio.get_running_loop().call_later(0.3, self._do, item.id)
        return drafts

    def _do(self, draft: str) -> None:
        if draft in self.world.drafts and not self.world.done[self.world.drafts[draft].what]:
            self.world.done.update([self.world.drafts[draft].what])


class LateCut(Memory):
    """What was asked for before a cut is done a while after its proof."""

    async def restrict(self, **given: Any) -> Cut:
        """Proven at once."""
        asyncio.get_running_loop().call_later(0.25, self.world.done.update, ["put off"])
        asyncio.get_running_loop().call_later(0.25, setattr, self.world, "effects", self.world.effects + 1000)
        return await super().restrict(**given)


class MindsNoStop(Memory):
    """Leaves it to the gate alone whether a stop stands."""

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """A yes is a yes."""
        done = await gate(()) and self.world.release(draft, by)
        return Released(done=done, why="" if done else "not parked any more")


class Raw(Memory):
    """Shows what the agent wrote as it is."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """Control signs and all."""
        drafts = await super().list(limit=limit)
        return replace(drafts, items=tuple(replace(one, what=self.world.drafts[one.id].what) for one in drafts.items))


class SkipsStrange(Memory):
    """Leaves out what it cannot show."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """What has a line of its own alone."""
        drafts = await super().list(limit=limit)
        items = tuple(item for item in drafts.items if "\\" not in item.what)
        return Drafts(items=items, number=len(items))


class Choking(Memory):
    """Cannot tell anything once one is strange."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """All or nothing."""
        for write in self.world.drafts.values():
            write.what.encode()
        return await super().list(limit=limit)


class ByPattern(Memory):
    """Takes what it is asked to release for a pattern of what to do."""

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """And does everything that fits."""
        write = self.world.drafts.get(draft)
        said = await super().release(draft=draft, by=by, gate=gate)
        if write and said.done and write.what.endswith("*"):
            for name in [name for name, one in self.world.drafts.items() if fnmatch(one.what, write.what)]:
                self.world.release(name, by)
        return said


class NamePattern(Memory):
    """Takes the name of its target for a pattern."""

    async def restrict(self, **given: Any) -> Cut:
        """And cuts whatever fits."""
        target = self.target_key().removeprefix("memory:")
        if target != "memory" and fnmatch("memory", target):
            self.shared.get(("memory", "memory"), World).rights["login"] = OFF
        return await super().restrict(**given)

    def __init__(self, *, shared: Shared, **given: Any) -> None:
        super().__init__(shared=shared, **given)
        self.shared = shared


class Forgetful(Memory):
    """Keeps what is parked in the sessions' process."""

    def __init__(self, *, shared: Shared, **given: Any) -> None:
        super().__init__(shared=shared, **given)
        self.world.faults.forget = True


class WithinReach(Memory):
    """Leaves what is parked where the agent can remove it."""

    def __init__(self, *, shared: Shared, **given: Any) -> None:
        super().__init__(shared=shared, **given)
        self.world.faults.reach = True


def _later(world: World, what: str) -> None:
    asyncio.get_running_loop().call_later(0.3, world.done.update, [what])


class NoContent(Memory):
    """Shows every write alike, in all that the kind shows."""

    async def list(self, *, limit: int = 100) -> Drafts:
        """Nobody can decide on that."""
        drafts = await super().list(limit=limit)
        return replace(
            drafts,
            items=tuple(
                replace(item, what=" ".join(one.what for one in self.world.drafts.values())) for item in drafts.items
            ),
        )


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
    (NoContent, SEVERAL, "what is listed changes"),
    (NewestFirstWithoutTimes, SEVERAL, "oldest first"),
    (Numbered, LISTED, "the item does not show"),
    (SecondEffect, "a_release_does_it_once", "beside what was decided on, this had an effect: {'another write'"),
    (LateSecond, "a_release_does_it_once", "times, not 1, a while later"),
    (LateRefused, "a_gate_that_says_no_leaves_it_parked", "1 times, not 0, a while later"),
    (LateByItself, LISTED, "1 times, not 0, a while later"),
    (LateCut, "nothing_acts_after_verified", "the agent acted after the stop was verified"),
    (MindsNoStop, "what_is_parked_outlives_a_full_stop", "while read_only was held, a yes released what was parked"),
    (Raw, HOSTILE, "not one line of what can be printed"),
    (SkipsStrange, HOSTILE, "and a plain one were parked"),
    (Choking, HOSTILE, "surrogates not allowed"),
    (ByPattern, HOSTILE, "and had the effects"),
    (NamePattern, "a_hostile_name_is_nobody_else", "a cut of a target named '*' hit another"),
    (Forgetful, "what_is_parked_outlives_a_restart", "the restart changed what is parked"),
    (WithinReach, "the_agent_cannot_touch_what_is_parked", "DID NOT RAISE"),
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
