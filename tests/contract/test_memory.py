import asyncio

import pytest

from adapters.base import Attempt, Mode, Shared
from adapters.conformance import ConformanceSuite, Keeper, Rig, ticks
from adapters.errors import Refused, Unreachable
from adapters.memory import Canary, Memory, Settings
from tests.contract.rigs.memory import MemoryRig


class TestMemory(ConformanceSuite):
    """The reference adapter passes the suite that it is the reference for."""

    @pytest.fixture
    async def rig(self) -> Rig:
        """A fresh world."""
        return MemoryRig()


async def test_a_lying_world_is_found_by_the_canary() -> None:
    """A world that confirms a cut and does not carry it out reads as held, and the agent's try is allowed."""
    rig = MemoryRig()
    rig.world.faults.lie = True
    adapter = rig.adapter()
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert (cut.held, (await adapter.observe()).mode) == (Mode.FULL_STOP, Mode.FULL_STOP)
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.ALLOWED


async def test_a_half_applied_cut_counts_what_is_left() -> None:
    """Sessions that survive the fence are in `left` and in `in_flight`, and a reduced mode is not reopened."""
    rig = MemoryRig()
    rig.world.faults.half_apply = True
    adapter = rig.adapter()
    await rig.session()
    cut = await Keeper(adapter).restrict(Mode.READ_ONLY)
    assert (cut.held, cut.left, cut.ended) == (Mode.FULL_STOP, 1, 0)
    assert "alive" in cut.why
    assert (await adapter.observe()).in_flight == 1


async def test_a_flapping_world_loosens_itself_after_each_look() -> None:
    """The first look after a cut shows it, the second one shows normal again."""
    rig = MemoryRig()
    adapter = rig.adapter()
    await Keeper(adapter).restrict(Mode.FULL_STOP)
    rig.world.faults.flap = True
    assert (await adapter.observe()).mode is Mode.FULL_STOP
    assert (await adapter.observe()).mode is Mode.NORMAL


async def test_a_slow_world_answers_later() -> None:
    """A slow world answers after its delay and not before."""
    rig = MemoryRig()
    rig.world.faults.slow = 0.2
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(rig.adapter().observe(), 0.05)
    assert (await asyncio.wait_for(rig.adapter().observe(), 5)).exists


async def test_faults_reach_every_verb() -> None:
    """Unreachable and refused hold for attempt and preflight too."""
    rig = MemoryRig()
    for adapter, error in ((rig.unreachable(), Unreachable), (rig.intruder(), Refused)):
        for call in (adapter.preflight(), adapter.attempt(mode=Mode.FULL_STOP)):
            with pytest.raises(error):
                await call


async def test_a_session_may_end_by_itself_while_it_drains() -> None:
    """Work that ends within the drain keeps its effect; the session is ended after it."""
    rig = MemoryRig()
    adapter, session = rig.adapter(), await rig.session()
    await session.begin()
    cut = asyncio.create_task(Keeper(adapter).restrict(Mode.FULL_STOP, drain=5))
    for _ in ticks():
        await asyncio.sleep(0)
        if (await adapter.observe()).mode is Mode.FULL_STOP:
            break
    await session.finish()
    assert (await cut).ended == 1
    assert await rig.effects() == 1


async def test_a_stale_canary_proves_nothing() -> None:
    """A canary whose credential is not the current one is untried."""
    rig = MemoryRig()
    adapter = Memory(config=Settings(), canary=Canary(credential="old"), shared=rig.shared)
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.UNTRIED


async def test_without_canary_nothing_is_tried() -> None:
    """An adapter without a canary never says refused."""
    adapter = Memory(config=Settings(), canary=None, shared=Shared())
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.UNTRIED
