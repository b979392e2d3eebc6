"""Is what a middle mode holds back kept, shown, and done exactly once, by nobody but who may?"""
# ruff: noqa: S101  # a test suite asserts

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from itertools import count

import pytest

from adapters.base import Adapter, Change, Mode, Shared
from adapters.base.parked import ARGUMENTS, Draft, Parked, Released
from adapters.conformance.agent import closing
from adapters.conformance.bounds import bounded
from adapters.conformance.check import needs
from adapters.conformance.keeper import Keeper
from adapters.conformance.rig import FullRig, Stopped, reason
from adapters.conformance.wait import TICK, ticks
from adapters.errors import Unreachable

MIDDLE = frozenset({Mode.APPROVAL_GATED, Mode.DRAFT_ONLY})
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_SETTLES = 0.05  # seconds in which a second item, or a second effect, would have come
_LATE = 0.7  # seconds in which an effect that was put off would have come
_TWICE = 4  # releases at the same time
_SEVERAL = 3  # proposals that are parked together


class Holds:
    """The checks of `Parked`, in each parking mode of the kind."""

    async def test_a_middle_mode_comes_with_what_it_parks(self, rig: FullRig, keeper: Keeper) -> None:
        """A kind whose middle modes count has `Parked`: a write that is refused and lost is `read_only`."""
        middle = sorted(keeper.adapter.modes & MIDDLE)
        if not middle or _never_counts(keeper.adapter):
            return
        why = reason(rig, "parking")
        assert not why, (
            f"{', '.join(map(str, middle))} is declared and nothing is parked ({why}): declare stricter modes alone"
        )
        async with closing(rig.parking()) as adapter:
            assert isinstance(adapter, Parked), f"{type(adapter).__name__} does not keep the protocol Parked"
            seen = await adapter.observe()
            assert adapter.modes & MIDDLE <= seen.enforceable, f"set up to park, {seen.enforceable} only: {seen.why}"

    @needs("parking", "propose", "done")
    async def test_what_is_proposed_is_parked_once(self, rig: FullRig) -> None:
        """One proposal is one item, well described, without effect; listing and relaxing change nothing of that."""
        async for desk in _desks(rig):
            draft = await desk.proposed()
            assert _ID.fullmatch(draft.id), f"{draft.id!r} is no id that people can type"
            assert draft.what, "the item does not say what would be done"
            assert "\n" not in draft.what, f"what would be done is not in one line: {draft.what!r}"
            assert len(draft.arguments) <= ARGUMENTS, f"{len(draft.arguments)} characters of arguments"
            assert draft.waits is (desk.mode is Mode.APPROVAL_GATED), f"in {desk.mode}, waits is {draft.waits}"
            await desk.at(Mode.NORMAL)
            assert await desk.items() == [draft], "the relaxation changed what is parked"
            assert await desk.done() == 0, "what was parked had its effect without a release"

    @needs("parking", "propose", "done")
    async def test_several_are_kept(self, rig: FullRig) -> None:
        """All are listed, as many as are asked for with the number of all, and a release takes its own one away."""
        async for desk in _desks(rig):
            several = [replace(desk, what=f"{desk.what}-{turn}") for turn in range(_SEVERAL)]
            kept = [await one.proposed() for one in several]
            for limit in range(1, _SEVERAL + 1):
                drafts = await desk.parked.list(limit=limit)
                assert len(drafts.items) == limit, f"limit={limit} lists {len(drafts.items)} of {_SEVERAL}"
                rest = [one for one in kept if one not in drafts.items]
                assert _in_order([*drafts.items, *rest]), f"limit={limit} does not list the oldest, oldest first"
                assert _known(drafts.items) <= _known(kept), f"limit={limit} lists what was not parked"
                assert drafts.number in (None, _SEVERAL), f"of {_SEVERAL} that are parked, {drafts.number} are told"
            async with closing(rig.adapter(shared=Shared())) as fresh:
                again = await desk.beside(fresh).items()
            assert _known(again) == _known(await desk.items()), f"a bot that starts again finds {again}"
            shown = {(one.what, one.arguments) for one in kept}
            assert len(shown) == _SEVERAL, f"{_SEVERAL} different writes are shown as {len(shown)}: {sorted(shown)}"
            assert (await several[1].release(kept[1])).done
            assert _known(await desk.items()) == _known([kept[0], *kept[2:]]), (
                "the release of one changed what else is parked"
            )
            for turn, one in enumerate(several):
                await one.did(int(turn == 1))

    @needs("parking", "propose", "done")
    async def test_a_release_does_it_once(self, rig: FullRig) -> None:
        """Asked for several times at once, and again later, and by another, it is done once and no longer listed."""
        async for desk in _desks(rig):
            draft = await desk.proposed()
            async with closing(rig.parking()) as adapter:
                other = desk.beside(adapter)
                said = await asyncio.gather(*((desk, other)[turn % 2].release(draft) for turn in range(_TWICE)))
            assert any(one.done for one in said), f"nobody's release was done: {said}"
            assert [one for one in said if not one.done and not one.why] == [], "a release that was not done has no why"
            await desk.did(1)
            assert await desk.items() == [], "what was released is still listed"
            await desk.release(draft)
            later = await desk.release(draft, by="U0OTHER")
            assert not later.done, "another's release claims an effect that it did not have"
            assert later.why, "a release that was not done has no why"
            assert not await desk.parked.drop(draft=draft.id, by=_BY), "what was released could be dropped"
            await desk.did(1)

    @needs("parking", "propose", "done")
    async def test_a_dropped_one_never_happens(self, rig: FullRig) -> None:
        """It is gone, a second drop says so, and a release after it does nothing and says why."""
        async for desk in _desks(rig):
            draft = await desk.proposed()
            assert await desk.parked.drop(draft=draft.id, by=_BY), "what is parked could not be dropped"
            assert not await desk.parked.drop(draft=draft.id, by=_BY), "it was dropped twice"
            assert await desk.items() == [], "what was dropped is still listed"
            said = await desk.release(draft)
            assert not said.done, "a release claims to have done what was dropped"
            assert said.why, "a release that was not done has no why"
            await desk.stays(0)

    @needs("parking", "propose", "done")
    async def test_a_release_and_a_drop_at_once(self, rig: FullRig) -> None:
        """One of them wins, and both know which."""
        async for desk in _desks(rig):
            draft = await desk.proposed()
            async with closing(rig.parking()) as adapter:
                drop = desk.beside(adapter).parked.drop(draft=draft.id, by=_BY)
                said, dropped = await asyncio.gather(desk.release(draft), drop)
            assert said.done is not dropped, f"the release says {said}, the drop {dropped}"
            await desk.did(int(said.done))

    @needs("parking", "propose", "done")
    async def test_a_gate_that_says_no_leaves_it_parked(self, rig: FullRig) -> None:
        """A stop that came meanwhile voids the approval: nothing is done, it says why, and the item stays."""
        async for desk in _desks(rig):
            draft = await desk.proposed()
            said = await desk.release(draft, allow=False)
            assert not said.done, "it was done though the gate said no"
            assert said.why, "a release that was not done has no why"
            assert desk.asked, "the gate was not asked"
            await desk.did(0)
            assert await desk.items() == [draft]

    @needs("parking", "propose", "done")
    async def test_a_stop_while_the_gate_is_asked(self, rig: FullRig) -> None:
        """The full stop is held and the gate says no: the release that was under way has no effect, then or later."""
        async for desk in _desks(rig):
            draft = await desk.proposed()
            async with closing(rig.parking()) as adapter:
                other = desk.beside(adapter)

                async def stop(changes: tuple[Change, ...], desk: _Desk = desk) -> bool:
                    assert changes == (), f"a release has nothing to record, and the gate was given {changes}"
                    await desk.keeper.restrict(max(desk.adapter.modes))
                    return False

                said = await other.parked.release(draft=draft.id, by=_BY, gate=stop)
            desk.now = max(desk.adapter.modes)
            assert not said.done, "it was done though it was stopped meanwhile"
            assert said.why, "a release that was not done has no why"
            await desk.keeper.settled(desk.now)
            await desk.stays(0)
            assert await desk.items() == [draft], "the stop changed what is parked"

    @needs("parking", "propose", "done")
    async def test_what_is_parked_outlives_a_full_stop(self, rig: FullRig) -> None:
        """A stricter cut and the way back: it stays listed, the gate refuses it meanwhile, and it is done after."""
        async for desk in _desks(rig):
            draft = await desk.proposed()
            await desk.keeper.held(max(desk.adapter.modes))
            desk.now = max(desk.adapter.modes)
            assert await desk.items() == [draft], "the full stop changed what is parked"
            assert not (await desk.release(draft, allow=False)).done
            await desk.at(desk.mode)
            assert await desk.items() == [draft], "the way back changed what is parked"
            await desk.did(0)
            assert (await desk.release(draft)).done
            await desk.did(1)

    @needs("parking", "propose", "done", "restart")
    async def test_what_is_parked_outlives_a_restart(self, rig: FullRig) -> None:
        """The server forgets nothing of it, and does it once afterwards."""
        async for desk in _desks(rig):
            draft = await desk.proposed()
            await rig.restart()
            assert await desk.answered() == [draft], "the restart changed what is parked"
            assert (await desk.release(draft)).done
            await desk.did(1)

    @needs("parking", "propose", "done", "steal")
    async def test_the_agent_cannot_touch_what_is_parked(self, rig: FullRig) -> None:
        """With its own credential it neither releases nor changes nor removes it, in the mode and after it."""
        async for desk in _desks(rig):
            draft = await desk.proposed()
            for mode in (desk.mode, Mode.NORMAL):
                await desk.at(mode)
                with pytest.raises(Stopped):
                    await rig.steal(draft.id)
                assert await desk.items() == [draft], f"in {mode}, the agent changed what is parked"
                await desk.did(0)

    @needs("parking", "propose", "done", "freeze", "thaw")
    async def test_an_abandoned_release_does_it_once(self, rig: FullRig) -> None:
        """A release that was cancelled on a silent server is repeated: the effect came once."""
        async for desk in _desks(rig):
            draft = await desk.proposed()
            await rig.freeze()
            try:
                await bounded(desk.release(draft))
            finally:
                await rig.thaw()
            await desk.release(draft)
            await desk.did(1)
            assert await desk.items() == [], "what was released is still listed"


_BY = "U0APPROVER"
_NUMBERS = count(1)  # each proposal is told from all others


@dataclass
class _Desk:
    """Where a person decides on what one mode parked."""

    rig: FullRig
    adapter: Adapter
    parked: Parked
    keeper: Keeper
    mode: Mode
    what: str
    now: Mode
    asked: int = 0

    async def at(self, mode: Mode) -> None:
        """Relaxes to a mode, where that is not held already."""
        if mode < self.now:
            await self.keeper.relax(mode)
            await self.keeper.settled(mode)
            self.now = mode

    async def proposed(self) -> Draft:
        """The agent proposes, which makes one item and has no effect."""
        before = await self._listed()
        await self.rig.propose(self.what)
        fresh = before
        for _ in ticks():
            fresh = [item for item in await self._listed() if item not in before]
            if fresh:
                break
            await asyncio.sleep(TICK)
        await asyncio.sleep(_SETTLES)
        assert _known(await self.items()) == _known([*before, *fresh]), "what is listed changes from look to look"
        assert len(fresh) == 1, f"one proposal in {self.mode} left {len(fresh)} items"
        await self.did(0)
        return fresh[0]

    async def items(self) -> list[Draft]:
        """What is listed, and counted so."""
        return await self._listed()

    async def answered(self) -> list[Draft]:
        """What is listed by the first answer after a restart."""
        for _ in ticks():
            try:
                return await self._listed()
            except Unreachable:
                await asyncio.sleep(TICK)
        raise AssertionError("after its restart the surface stayed unreachable for the adapter")

    async def release(self, draft: Draft, *, allow: bool = True, by: str = _BY) -> Released:
        """Asks for it."""

        async def gate(changes: tuple[Change, ...]) -> bool:
            assert changes == (), f"a release has nothing to record, and the gate was given {changes}"
            self.asked += 1
            return allow

        return await self.parked.release(draft=draft.id, by=by, gate=gate)

    async def done(self) -> int:
        """Real effects."""
        return await self.rig.done(self.what)

    async def did(self, times: int) -> None:
        """The effect comes that often, and no more often."""
        for _ in ticks():
            if await self.done() >= times:
                break
            await asyncio.sleep(TICK)
        await asyncio.sleep(_SETTLES * bool(times))
        found = await self.done()
        assert found == times, f"{self.what!r} had its effect {found} times, not {times}"

    async def stays(self, times: int) -> None:
        """No effect more comes within `_LATE` either."""
        for _ in ticks(_LATE):
            if await self.done() != times:
                break
            await asyncio.sleep(TICK)
        found = await self.done()
        assert found == times, f"{self.what!r} had its effect {found} times, not {times}, a while later"

    def beside(self, adapter: Adapter) -> "_Desk":
        """The same, of another process."""
        assert isinstance(adapter, Parked)
        return _Desk(self.rig, adapter, adapter, self.keeper, self.mode, self.what, self.now)

    async def _listed(self) -> list[Draft]:
        drafts = await self.parked.list()
        assert drafts.number in (None, len(drafts.items)), f"{drafts.number} are told, {len(drafts.items)} are listed"
        return list(drafts.items)


async def _desks(rig: FullRig) -> AsyncIterator[_Desk]:
    """Each parking mode, held, with nothing parked yet; and back to normal."""
    async with closing(rig.parking()) as adapter:
        assert isinstance(adapter, Parked), f"{type(adapter).__name__} does not keep the protocol Parked"
        for mode in sorted(adapter.modes & MIDDLE):
            keeper = Keeper(adapter)
            await keeper.held(mode)
            desk = _Desk(rig, adapter, adapter, keeper, mode, f"{mode}-{next(_NUMBERS)}", mode)
            yield desk
            for item in await desk.items():
                await adapter.drop(draft=item.id, by=_BY)
            await desk.at(Mode.NORMAL)


def _known(items: Iterable[Draft]) -> set[Draft]:
    """What is listed, whatever the order: what was parked in one tick of the surface's clock has none."""
    return set(items)


def _in_order(items: Iterable[Draft]) -> bool:
    """By the surface's own clock, where it keeps one."""
    times = [item.at for item in items if item.at is not None]
    return times == sorted(times)


def _never_counts(adapter: Adapter) -> bool:
    """Whether a kind has only its surface's own word: by itself, no mode of it is ever proven."""
    return adapter.attests == "self"
