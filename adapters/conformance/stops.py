"""Does the agent stop? Its open session, its work in flight, what it left behind, and it itself in a tight loop."""
# ruff: noqa: S101  # a test suite asserts

import asyncio

import pytest

from adapters.base import Mode
from adapters.conformance.agent import action_against, allowed, busy, opened
from adapters.conformance.check import needs
from adapters.conformance.keeper import Keeper
from adapters.conformance.rig import FullRig, Rig, Stopped
from adapters.conformance.wait import LATE, TICK, ticks

TRIES = 25  # refused tries of a busy agent after which "nothing acts" is believed


class Stops:
    """The checks of what a cut ends."""

    async def test_a_session_opened_before_the_stop_is_ended(self, rig: Rig, keeper: Keeper) -> None:
        """Neither the agent's open session nor a new one can act once full_stop is read back."""
        mode = max(keeper.adapter.modes)
        action = action_against(mode)
        async with opened(rig) as session:
            await session.act(action)
            await keeper.held(mode)
            before = await rig.effects()
            with pytest.raises(Stopped):
                await session.act(action)
            assert not await allowed(rig, mode)
            assert await rig.effects() == before

    @needs("begin")
    async def test_work_in_flight_is_ended_or_counted(self, rig: Rig, keeper: Keeper) -> None:
        """Work that runs when a cut lands never has its effect, or is reported as alive, in every mode."""
        for mode in sorted(keeper.adapter.modes):
            async with opened(rig) as session:
                before = await rig.effects()
                await session.begin()
                cut = await keeper.restrict(mode)
                seen = await keeper.adapter.observe()
                assert cut.left is None or (cut.left > 0) is (seen.in_flight != 0), f"{cut} and then {seen}"
                if cut.left == 0:
                    with pytest.raises(Stopped):
                        await session.finish()
                    assert await rig.effects() == before, f"work that {mode} had ended had its effect"
                    if mode is max(keeper.adapter.modes):
                        await _quiet(rig, before)
                    assert cut.ended > 0, "work was ended and not counted"
            await keeper.relax(Mode.NORMAL)

    async def test_nothing_acts_after_verified(self, rig: Rig, keeper: Keeper) -> None:
        """An agent that hammers and logs in again in a loop has no effect from the moment that a cut is verified."""
        for mode in sorted(keeper.adapter.modes):
            async with busy(rig, mode) as agent:
                await keeper.held(mode)
                before, refused = await rig.effects(), agent.refused
                await agent.until(lambda it, least=refused + TRIES: it.refused >= least)  # type: ignore[misc]
                assert await rig.effects() == before, f"the agent acted after {mode} was verified"
            await _quiet(rig, before)
            await keeper.relax(Mode.NORMAL)

    @needs("prepare")
    async def test_prepared_work_is_ended_or_counted(self, rig: FullRig, keeper: Keeper) -> None:
        """Work that outlives its session is not completed after a cut by whoever picks it up, or it is counted."""
        for mode in sorted(keeper.adapter.modes):
            before = await rig.effects()
            complete = await rig.prepare()
            cut = await keeper.restrict(mode)
            seen = await keeper.adapter.observe()
            if cut.left == 0 and seen.in_flight == 0:
                with pytest.raises(Stopped):
                    await complete()
                assert await rig.effects() == before, f"work prepared before {mode} was completed after it"
            await keeper.relax(Mode.NORMAL)

    @needs("redeliver", "begin")
    async def test_redelivered_work_has_no_effect(self, rig: FullRig, keeper: Keeper) -> None:
        """Work that was ended and is handed out again while the hold stands is not done."""
        async with opened(rig) as session:
            await session.begin()
            await keeper.held(max(keeper.adapter.modes))
            before = await rig.effects()
            await rig.redeliver()
            await _quiet(rig, before)

    @needs("stubborn")
    async def test_a_stubborn_process_is_ended(self, rig: FullRig, keeper: Keeper) -> None:
        """An agent that ignores SIGTERM, and its child in a session of its own, have no effect after the cut."""
        began = await rig.effects()
        await rig.stubborn()
        for _ in ticks():
            if await rig.effects() > began:
                break
            await asyncio.sleep(TICK)
        await keeper.held(max(keeper.adapter.modes))
        await _quiet(rig, await rig.effects())


async def _quiet(rig: Rig, before: int) -> None:
    for _ in ticks(LATE):
        assert await rig.effects() == before, "the agent acted after the stop was verified"
        await asyncio.sleep(TICK)
