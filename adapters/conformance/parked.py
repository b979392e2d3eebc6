"""Is what a middle mode holds back kept, shown, and done exactly once, by nobody but who may?"""
# ruff: noqa: S101  # a test suite asserts

import asyncio
import re
from collections import Counter
from dataclasses import replace

import pytest

from adapters.base import Adapter, Change, Mode, Shared
from adapters.base.parked import ARGUMENTS, WHAT, Draft, Parked
from adapters.conformance.agent import closing
from adapters.conformance.bounds import bounded
from adapters.conformance.check import needs
from adapters.conformance.desk import BY, MIDDLE, Desk, desks, known
from adapters.conformance.hostile import TEXTS
from adapters.conformance.keeper import Keeper
from adapters.conformance.rig import FullRig, Stopped, reason

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
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

    @needs("parking", "propose", "shown", "done")
    async def test_what_is_proposed_is_parked_once(self, rig: FullRig) -> None:
        """One proposal is one item, well described, without effect; listing and relaxing change nothing of that."""
        async for desk in desks(rig):
            draft = await desk.proposed()
            _readable(draft)
            assert draft.waits is (desk.mode is Mode.APPROVAL_GATED), f"in {desk.mode}, waits is {draft.waits}"
            await desk.at(Mode.NORMAL)
            assert await desk.items() == [draft], "the relaxation changed what is parked"
            await desk.stays(0)

    @needs("parking", "propose", "shown", "done")
    async def test_several_are_kept(self, rig: FullRig) -> None:
        """All are listed, as many as are asked for with the number of all, and a release takes its own one away."""
        async for desk in desks(rig):
            several = [replace(desk, what=f"{desk.what}-{turn}") for turn in range(_SEVERAL)]
            kept = [await one.proposed() for one in several]
            for limit in range(1, _SEVERAL + 1):
                drafts = await desk.parked.list(limit=limit)
                assert len(drafts.items) == limit, f"limit={limit} lists {len(drafts.items)} of {_SEVERAL}"
                assert known(drafts.items) <= known(kept), f"limit={limit} lists what was not parked"
                assert list(drafts.items) == kept[:limit], f"limit={limit} does not list the oldest, oldest first"
                assert drafts.number in (None, _SEVERAL), f"of {_SEVERAL} that are parked, {drafts.number} are told"
            async with closing(rig.adapter(shared=Shared())) as fresh:
                again = await desk.beside(fresh).items()
            assert known(again) == known(await desk.items()), f"a bot that starts again finds {again}"
            shown = {(one.what, one.arguments) for one in kept}
            assert len(shown) == _SEVERAL, f"{_SEVERAL} different writes are shown as {len(shown)}: {sorted(shown)}"
            assert (await several[1].release(kept[1])).done
            assert known(await desk.items()) == known([kept[0], *kept[2:]]), (
                "the release of one changed what else is parked"
            )
            await several[1].did(1)

    @needs("parking", "propose", "shown", "done")
    async def test_a_release_does_it_once(self, rig: FullRig) -> None:
        """Asked for several times at once, and again later, and by another, it is done once and no longer listed."""
        async for desk in desks(rig):
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
            assert not await desk.parked.drop(draft=draft.id, by=BY), "what was released could be dropped"
            await desk.stays(1)

    @needs("parking", "propose", "shown", "done")
    async def test_a_dropped_one_never_happens(self, rig: FullRig) -> None:
        """It is gone, a second drop says so, and a release after it does nothing and says why."""
        async for desk in desks(rig):
            draft = await desk.proposed()
            assert await desk.parked.drop(draft=draft.id, by=BY), "what is parked could not be dropped"
            assert not await desk.parked.drop(draft=draft.id, by=BY), "it was dropped twice"
            assert await desk.items() == [], "what was dropped is still listed"
            said = await desk.release(draft)
            assert not said.done, "a release claims to have done what was dropped"
            assert said.why, "a release that was not done has no why"
            await desk.stays(0)

    @needs("parking", "propose", "shown", "done")
    async def test_a_release_and_a_drop_at_once(self, rig: FullRig) -> None:
        """One of them wins, and both know which."""
        async for desk in desks(rig):
            draft = await desk.proposed()
            async with closing(rig.parking()) as adapter:
                drop = desk.beside(adapter).parked.drop(draft=draft.id, by=BY)
                said, dropped = await asyncio.gather(desk.release(draft), drop)
            assert said.done is not dropped, f"the release says {said}, the drop {dropped}"
            await desk.did(int(said.done))

    @needs("parking", "propose", "shown", "done")
    async def test_a_gate_that_says_no_leaves_it_parked(self, rig: FullRig) -> None:
        """A stop that came meanwhile voids the approval: nothing is done, it says why, and the item stays."""
        async for desk in desks(rig):
            draft = await desk.proposed()
            said = await desk.release(draft, allow=False)
            assert not said.done, "it was done though the gate said no"
            assert said.why, "a release that was not done has no why"
            assert desk.asked, "the gate was not asked"
            await desk.stays(0)
            assert await desk.items() == [draft]

    @needs("parking", "propose", "shown", "done")
    async def test_a_stop_while_the_gate_is_asked(self, rig: FullRig) -> None:
        """The full stop is held and the gate says no: the release that was under way has no effect, then or later."""
        async for desk in desks(rig):
            draft = await desk.proposed()
            async with closing(rig.parking()) as adapter:
                other = desk.beside(adapter)

                async def stop(changes: tuple[Change, ...], desk: Desk = desk) -> bool:
                    assert changes == (), f"a release has nothing to record, and the gate was given {changes}"
                    await desk.keeper.restrict(max(desk.adapter.modes))
                    return False

                said = await other.parked.release(draft=draft.id, by=BY, gate=stop)
            desk.now = max(desk.adapter.modes)
            assert not said.done, "it was done though it was stopped meanwhile"
            assert said.why, "a release that was not done has no why"
            await desk.keeper.settled(desk.now)
            await desk.stays(0)
            assert await desk.items() == [draft], "the stop changed what is parked"

    @needs("parking", "propose", "shown", "done")
    async def test_what_is_parked_outlives_a_full_stop(self, rig: FullRig) -> None:
        """A stricter cut and the way back: it stays listed, no yes releases it meanwhile, and it is done after."""
        async for desk in desks(rig):
            draft = await desk.proposed()
            for mode in sorted(desk.adapter.modes - MIDDLE):
                await desk.keeper.held(mode)
                desk.now = mode
                assert await desk.items() == [draft], f"{mode} changed what is parked"
                said = await desk.release(draft)
                assert not said.done, f"while {mode} was held, a yes released what was parked"
                assert said.why, "a release that was not done has no why"
            await desk.stays(0)
            await desk.at(desk.mode)
            assert await desk.items() == [draft], "the way back changed what is parked"
            assert (await desk.release(draft)).done
            await desk.did(1)

    @needs("parking", "propose", "shown", "done", "restart")
    async def test_what_is_parked_outlives_a_restart(self, rig: FullRig) -> None:
        """The server forgets nothing of it, and does it once afterwards."""
        async for desk in desks(rig):
            draft = await desk.proposed()
            await rig.restart()
            assert await desk.answered() == [draft], "the restart changed what is parked"
            assert (await desk.release(draft)).done
            await desk.did(1)

    @needs("parking", "propose", "shown", "done", "steal")
    async def test_the_agent_cannot_touch_what_is_parked(self, rig: FullRig) -> None:
        """With its own credential it neither releases nor changes nor removes it, in the mode and after it."""
        async for desk in desks(rig):
            draft = await desk.proposed()
            for mode in (desk.mode, Mode.NORMAL):
                await desk.at(mode)
                with pytest.raises(Stopped):
                    await rig.steal(draft.id)
                assert await desk.items() == [draft], f"in {mode}, the agent changed what is parked"
                await desk.did(0)

    @needs("parking", "propose", "shown", "done")
    async def test_a_hostile_proposal_hides_nothing(self, rig: FullRig) -> None:
        """Whatever an agent writes: each is listed and readable beside the others, and has its own effect alone."""
        async for desk in desks(rig):
            if desk.mode is not max(desk.adapter.modes & MIDDLE):
                continue
            hostile = [text for text in TEXTS if await _asked(desk, f"{desk.what}{text}")]
            plain = await replace(desk, what=f"{desk.what}.plain").proposed()
            items = await desk.items()
            assert len(items) == len(hostile) + 1, f"{len(hostile)} and a plain one were parked: {items}"
            for item in items:
                _readable(item)
            before = await desk.done()
            for item in items:
                came, done = await _released(desk, item, before)
                assert done or item != plain, "among others, a plain proposal was not released"
                before += came
            await asyncio.gather(*(desk.parked.drop(draft=item.id, by=BY) for item in await desk.items()))

    @needs("parking", "propose", "shown", "done", "freeze", "thaw")
    async def test_an_abandoned_release_does_it_once(self, rig: FullRig) -> None:
        """A release that was cancelled on a silent server is repeated: the effect came once."""
        async for desk in desks(rig):
            draft = await desk.proposed()
            await rig.freeze()
            try:
                await bounded(desk.release(draft))
            finally:
                await rig.thaw()
            await desk.release(draft)
            await desk.did(1)
            assert await desk.items() == [], "what was released is still listed"


async def _asked(desk: Desk, what: str) -> bool:
    """Whether the surface took what the agent asked for."""
    try:
        await desk.rig.propose(what)
    except Stopped:
        return False
    return True


async def _released(desk: Desk, item: Draft, before: Counter[str]) -> tuple[Counter[str], bool]:
    """Releases one, which has one effect, of what somebody proposed, or none and says why."""
    said = await desk.release(item)
    came = await desk.done() - before
    assert came.total() == int(said.done), f"the release of {item.what!r} says {said}, and had the effects {dict(came)}"
    assert said.done or said.why, "a release that was not done has no why"
    assert all(what.startswith(desk.what) for what in came), f"nobody proposed {dict(came)}"
    return came, said.done


def _readable(draft: Draft) -> None:
    """For people, in one line, and by whatever stores and shows it."""
    assert _ID.fullmatch(draft.id), f"{draft.id!r} is no id that people can type"
    assert draft.what, "the item does not say what would be done"
    assert draft.what.isprintable(), f"what would be done is not one line of what can be printed: {draft.what!r}"
    assert len(draft.what) <= WHAT, f"{len(draft.what)} characters say what would be done"
    assert len(draft.arguments) <= ARGUMENTS, f"{len(draft.arguments)} characters of arguments"
    draft.arguments.encode()


def _never_counts(adapter: Adapter) -> bool:
    """Whether no mode of a kind is ever proven: it has only its surface's own word, and no try of the agent's.

    A kind that has tries and keeps `Parked` may meet a surface that does not: what it says there is its page's affair.
    """
    return adapter.attests == "self" and (adapter.canary_type is None or isinstance(adapter, Parked))
