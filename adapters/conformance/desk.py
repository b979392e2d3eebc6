"""Where a person decides on what a middle mode parked, with every effect that it had."""
# ruff: noqa: S101  # a test suite asserts

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from itertools import count

from adapters.base import Adapter, Change, Mode
from adapters.base.parked import Draft, Parked, Released
from adapters.conformance.agent import closing
from adapters.conformance.keeper import Keeper
from adapters.conformance.rig import FullRig
from adapters.conformance.wait import LATE, TICK, ticks
from adapters.errors import Unreachable

MIDDLE = frozenset({Mode.APPROVAL_GATED, Mode.DRAFT_ONLY})
BY = "U0APPROVER"
_SETTLES = 0.05  # seconds in which a second item, or a second effect, would have come
_NUMBERS = count(1)  # each proposal is told from all others


@dataclass
class Desk:
    """Where a person decides on what one mode parked."""

    rig: FullRig
    adapter: Adapter
    parked: Parked
    keeper: Keeper
    mode: Mode
    what: str
    now: Mode
    before: Counter[str]  # every effect that there was when it was opened
    asked: int = 0

    async def at(self, mode: Mode) -> None:
        """Relaxes to a mode, where that is not held already."""
        if mode < self.now:
            await self.keeper.relax(mode)
            await self.keeper.settled(mode)
            self.now = mode

    async def proposed(self) -> Draft:
        """The agent proposes, which makes one item that says so, and has no effect."""
        before = await self.items()
        effects = await self.done()
        await self.rig.propose(self.what)
        fresh = before
        for _ in ticks():
            fresh = [item for item in await self.items() if item not in before]
            if fresh:
                break
            await asyncio.sleep(TICK)
        await asyncio.sleep(_SETTLES)
        assert known(await self.items()) == known([*before, *fresh]), "what is listed changes from look to look"
        assert len(fresh) == 1, f"one proposal in {self.mode} left {len(fresh)} items"
        self._exactly(await self.done() - effects, 0)
        self._told(fresh[0])
        return fresh[0]

    def _told(self, draft: Draft) -> None:
        """Whoever approves reads what the agent asked for: that it is, of what, and with what."""
        shown = f"{draft.what}\n{draft.arguments}"
        for word in self.rig.shown(self.what):
            assert word in shown, f"the item does not show {word!r}, which is what was proposed: {shown!r}"

    async def items(self) -> list[Draft]:
        """What is listed, and counted so."""
        drafts = await self.parked.list()
        assert drafts.number in (None, len(drafts.items)), f"{drafts.number} are told, {len(drafts.items)} are listed"
        return list(drafts.items)

    async def answered(self) -> list[Draft]:
        """What is listed by the first answer after a restart."""
        for _ in ticks():
            try:
                return await self.items()
            except Unreachable:
                await asyncio.sleep(TICK)
        raise AssertionError("after its restart the surface stayed unreachable for the adapter")

    async def release(self, draft: Draft, *, allow: bool = True, by: str = BY) -> Released:
        """Asks for it."""

        async def gate(changes: tuple[Change, ...]) -> bool:
            assert changes == (), f"a release has nothing to record, and the gate was given {changes}"
            self.asked += 1
            return allow

        return await self.parked.release(draft=draft.id, by=by, gate=gate)

    async def done(self) -> Counter[str]:
        """Every real effect since this was opened, whatever was proposed."""
        return Counter(await self.rig.done()) - self.before

    async def did(self, times: int) -> None:
        """The effect comes that often, and no more often, and no other effect comes."""
        for _ in ticks():
            if (await self.done())[self.what] >= times:
                break
            await asyncio.sleep(TICK)
        await asyncio.sleep(_SETTLES * bool(times))
        self._exactly(await self.done(), times)

    async def stays(self, times: int) -> None:
        """The effect came that often, and none more, of whatever kind, comes within `LATE` either."""
        await self.did(times)
        for _ in ticks(LATE):
            self._exactly(await self.done(), times, ", a while later")
            await asyncio.sleep(TICK)

    def _exactly(self, found: Counter[str], times: int, when: str = "") -> None:
        mine = found.pop(self.what, 0)
        assert mine == times, f"{self.what!r} had its effect {mine} times, not {times}{when}"
        assert not found, f"beside what was decided on, this had an effect{when}: {dict(found)}"

    def beside(self, adapter: Adapter) -> "Desk":
        """The same, of another process."""
        assert isinstance(adapter, Parked)
        return replace(self, adapter=adapter, parked=adapter)


async def desks(rig: FullRig) -> AsyncIterator[Desk]:
    """Each parking mode, held, with nothing parked yet; and back to normal."""
    async with closing(rig.parking()) as adapter:
        assert isinstance(adapter, Parked), f"{type(adapter).__name__} does not keep the protocol Parked"
        for mode in sorted(adapter.modes & MIDDLE):
            keeper = Keeper(adapter)
            await keeper.held(mode)
            before = Counter(await rig.done())
            desk = Desk(rig, adapter, adapter, keeper, mode, f"{mode}-{next(_NUMBERS)}", mode, before)
            yield desk
            for item in await desk.items():
                await adapter.drop(draft=item.id, by=BY)
            await desk.at(Mode.NORMAL)


def known(items: Iterable[Draft]) -> set[Draft]:
    """What is listed, whatever the order."""
    return set(items)
