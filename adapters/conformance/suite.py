"""The tests that every kind passes."""
# ruff: noqa: S101  # a test suite asserts

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress

import pytest

from adapters.base import Mode
from adapters.conformance.agent import allowed, busy, closing
from adapters.conformance.keeper import Keeper
from adapters.conformance.rig import Rig, Stopped
from adapters.conformance.unblocked import unblocked
from adapters.errors import AdapterError, Refused, Unreachable

BOUND = 3.0  # seconds within which a cancelled call must have ended
TRIES = 25  # refused tries of a busy agent after which "nothing acts" is believed


async def bounded(call: Awaitable[object]) -> None:
    """Cancels a call that hangs and checks that it ends soon, whichever way."""
    task = asyncio.ensure_future(call)
    done, _ = await asyncio.wait({task}, timeout=0.3)
    assert not done, f"the server is frozen and the call ended: {task}"
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=BOUND)
    assert done, f"a cancelled call was still running after {BOUND} s"
    with suppress(asyncio.CancelledError, AdapterError):
        task.result()


class ConformanceSuite:
    """Subclass as `Test…` with a fixture `rig`. A method that does not fit a kind is overridden with a reason."""

    @pytest.fixture
    async def keeper(self, rig: Rig) -> AsyncIterator[Keeper]:
        """Drives the rig's target in a loop that must not be blocked; gives everything back at the end."""
        async with unblocked(), closing(rig.adapter()) as adapter:
            yield Keeper(adapter)

    async def test_a_session_opened_before_the_stop_is_ended(self, rig: Rig, keeper: Keeper) -> None:
        """Neither the agent's open session nor a new one can act once full_stop is read back."""
        session = await rig.session()
        await session.act(Mode.READ_ONLY)
        await keeper.held(Mode.FULL_STOP)
        before = await rig.effects()
        with pytest.raises(Stopped):
            await session.act(Mode.READ_ONLY)
        assert not await allowed(rig, Mode.FULL_STOP)
        assert await rig.effects() == before
        await session.close()

    async def test_work_in_flight_is_ended_or_counted(self, rig: Rig, keeper: Keeper) -> None:
        """Work that runs when the stop lands never has its effect, or is reported as still alive."""
        session = await rig.session()
        before = await rig.effects()
        await session.begin()
        cut = await keeper.restrict(Mode.FULL_STOP)
        seen = await keeper.adapter.observe()
        if cut.left == 0 and seen.in_flight == 0:
            with pytest.raises(Stopped):
                await session.finish()
            assert await rig.effects() == before
            assert cut.ended > 0, "work was ended and not counted"
        await session.close()

    async def test_nothing_acts_after_verified(self, rig: Rig, keeper: Keeper) -> None:
        """An agent that hammers in a tight loop has no effect from the moment that the cut is verified."""
        for mode in sorted(keeper.adapter.modes & {Mode.READ_ONLY, Mode.FULL_STOP}):
            async with busy(rig) as agent:
                await keeper.held(mode)
                before, refused = await rig.effects(), agent.refused
                await agent.until(lambda it, least=refused + TRIES: it.refused >= least)  # type: ignore[misc]
                assert await rig.effects() == before, f"the agent acted after {mode} was verified"
            await keeper.relax(Mode.NORMAL)

    async def test_each_mode_is_enforced(self, rig: Rig, keeper: Keeper) -> None:
        """What a declared mode forbids is refused, and what it leaves still works."""
        for mode in sorted(keeper.adapter.modes):
            assert await allowed(rig, mode), f"before the cut the agent could not do what {mode} forbids"
            await keeper.held(mode)
            for action in sorted({*keeper.adapter.modes}):
                assert await allowed(rig, action) is (action > mode), f"in {mode}, the action that {action} forbids"
            await keeper.relax(Mode.NORMAL)

    async def test_every_transition(self, rig: Rig, keeper: Keeper) -> None:
        """Between any two modes, the second one is exactly what is held, and normal is exactly what was before."""
        before = await rig.authority()
        modes = sorted(keeper.adapter.modes)
        for start in modes:
            for end in modes:
                await keeper.held(start)
                if end >= start:
                    await keeper.held(end)
                else:
                    await keeper.relax(end)
                    await keeper.settled(end)
                    await keeper.refused(end)
                await keeper.relax(Mode.NORMAL)
                assert await rig.authority() == before, f"after {start}, {end}, normal"

    async def test_a_cut_may_be_repeated(self, rig: Rig, keeper: Keeper) -> None:
        """The same cut twice holds the same, takes the newer mark and records nothing new; also after a relax."""
        before = await rig.authority()
        for mode in sorted(keeper.adapter.modes):
            await keeper.held(mode)
            record = keeper.undo
            await keeper.held(mode)
            assert keeper.undo == record, "the undo record was taken from a restricted state"
            await keeper.relax(Mode.NORMAL)
            await keeper.held(mode)
            await keeper.relax(Mode.NORMAL)
            assert await rig.authority() == before

    async def test_undo_is_never_taken_from_a_restricted_state(self, rig: Rig, keeper: Keeper) -> None:
        """What an administrator loosened by hand during a hold is cut again and not given back as ours."""
        for mode in sorted(keeper.adapter.modes):
            await keeper.held(mode)
            record = keeper.undo
            await rig.loosen()
            assert (await keeper.adapter.observe()).mode < mode, "the loosening by hand was not seen"
            await keeper.held(mode)
            assert keeper.undo == record
            await keeper.relax(Mode.NORMAL)

    async def test_relax_keeps_what_others_changed(self, rig: Rig, keeper: Keeper) -> None:
        """A third party's change during the hold stands after the relaxation."""
        for mode in sorted(keeper.adapter.modes):
            await keeper.held(mode)
            await rig.meddle()
            await keeper.relax(Mode.NORMAL)
            assert await rig.meddled(), "the relaxation undid a change that was not ours"

    async def test_relax_never_gives_back_a_credential(self, rig: Rig, keeper: Keeper) -> None:
        """A credential that was replaced during the hold stays replaced."""
        await keeper.held(Mode.FULL_STOP)
        await rig.rotate()
        await keeper.relax(Mode.NORMAL)
        assert await rig.rotated()

    async def test_relax_wants_its_own_mark(self, rig: Rig, keeper: Keeper) -> None:
        """With a strange mark on the target nothing is loosened."""
        if not keeper.adapter.marks:
            return
        await keeper.held(Mode.FULL_STOP)
        token, keeper.token = keeper.token, "strange"
        with pytest.raises(Refused, match="restrict again"):
            await keeper.relax(Mode.NORMAL)
        assert not await allowed(rig, Mode.FULL_STOP)
        keeper.token = token
        await keeper.relax(Mode.NORMAL)
        assert await allowed(rig, Mode.FULL_STOP)

    async def test_a_gate_that_says_no_holds(self, rig: Rig, keeper: Keeper) -> None:
        """A no of the gate keeps a reduced mode at full_stop where reopening was needed, and stops any relaxation."""
        keeper.allow = False
        for mode in sorted(keeper.adapter.modes):
            keeper.asked.clear()
            cut = await keeper.restrict(mode)
            assert cut.held is (Mode.FULL_STOP if keeper.asked else mode)
            await keeper.settled(cut.held)
            expect = keeper.token
            with suppress(Refused):
                await keeper.relax(Mode.NORMAL)
            await keeper.settled(cut.held)
            assert not await allowed(rig, cut.held)
            keeper.token, keeper.allow = expect, True
            await keeper.relax(Mode.NORMAL)
            keeper.allow = False

    async def test_a_mistyped_target_is_absent(self, rig: Rig) -> None:
        """A target that does not exist is said to be absent, before and after a cut, and never looks held."""
        async with closing(rig.mistyped()) as adapter:
            assert not (await adapter.observe()).exists
            with suppress(AdapterError):
                await Keeper(adapter).restrict(Mode.FULL_STOP)
            assert not (await adapter.observe()).exists

    async def test_a_wrong_credential_is_refused(self, rig: Rig) -> None:
        """A credential that the server does not know raises Refused with what is missing, in every verb."""
        async with closing(rig.intruder()) as adapter:
            for call in (adapter.observe(), Keeper(adapter).restrict(Mode.FULL_STOP)):
                with pytest.raises(Refused) as caught:
                    await call
                assert caught.value.missing, "the error does not name what is missing"

    async def test_nobody_there_is_unreachable(self, rig: Rig) -> None:
        """A port that nobody listens on raises Unreachable."""
        async with closing(rig.unreachable()) as adapter:
            for call in (adapter.observe(), Keeper(adapter).restrict(Mode.FULL_STOP)):
                with pytest.raises(Unreachable):
                    await call

    async def test_a_frozen_server_is_left_in_time(self, rig: Rig, keeper: Keeper) -> None:
        """Cancelled calls to a silent server end soon, and the next cut works after the thaw."""
        await keeper.adapter.observe()
        await rig.freeze()
        try:
            await bounded(keeper.adapter.observe())
            await bounded(keeper.restrict(Mode.FULL_STOP))
        finally:
            await rig.thaw()
        await keeper.held(Mode.FULL_STOP)
        assert not await allowed(rig, Mode.FULL_STOP)

    async def test_an_abandoned_loosening_never_undoes_a_later_stop(self, rig: Rig, keeper: Keeper) -> None:
        """A relaxation that was cancelled on a frozen server has no effect once the stop after it is verified."""
        await keeper.held(Mode.FULL_STOP)
        token = keeper.token
        await rig.freeze()
        try:
            await bounded(keeper.relax(Mode.NORMAL))
        finally:
            await rig.thaw()
        keeper.token = token
        await keeper.held(Mode.FULL_STOP)
        for _ in range(TRIES):
            assert not await allowed(rig, Mode.FULL_STOP)

    async def test_a_loosening_frozen_half_way_never_undoes_a_later_stop(self, rig: Rig, keeper: Keeper) -> None:
        """What a relaxation had sent when it was cancelled has no effect once the stop after it is verified."""
        await keeper.held(Mode.FULL_STOP)
        token, keeper.before_answer = keeper.token, rig.freeze
        task = asyncio.ensure_future(keeper.relax(Mode.NORMAL))
        await asyncio.wait({task}, timeout=0.3)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=BOUND)
        await rig.thaw()
        assert done, f"a cancelled relaxation was still running after {BOUND} s"
        with suppress(asyncio.CancelledError, AdapterError):
            task.result()
        keeper.token, keeper.before_answer = token, None
        await keeper.held(Mode.FULL_STOP)
        for _ in range(TRIES):
            assert not await allowed(rig, Mode.FULL_STOP)

    async def test_two_surfaces_with_one_target(self, rig: Rig, keeper: Keeper) -> None:
        """Two adapters for the same thing in the world agree on its name, which differs from another's."""
        async with closing(rig.adapter()) as other, closing(rig.mistyped()) as mistyped:
            assert other.target_key() == keeper.adapter.target_key()
            assert mistyped.target_key() != keeper.adapter.target_key()

    async def test_preflight_finds_a_well_made_rig_complete(self, keeper: Keeper) -> None:
        """With the documented permissions nothing is missing."""
        assert await keeper.adapter.preflight() == ()
