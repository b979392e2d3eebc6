"""What is said and done when the surface, the bot's credential or the way between them fails?"""
# ruff: noqa: S101  # a test suite asserts

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import pytest

from adapters.base import Mode, Observation
from adapters.conformance.agent import allowed, closing
from adapters.conformance.babble import GARBAGE, OPENINGS, babbling
from adapters.conformance.bounds import HANGS, bounded, cancelled, claims
from adapters.conformance.check import needs
from adapters.conformance.keeper import Keeper
from adapters.conformance.rig import FullRig
from adapters.conformance.wait import TICK, ticks
from adapters.errors import AdapterError, Refused, Unreachable

TRIES = 25
MOST = 64 * 1024 * 1024  # bytes that an adapter may read of an endless answer before it is cancelled


class Failures:
    """The checks of trouble."""

    async def test_preflight_finds_a_well_made_rig_complete(self, keeper: Keeper) -> None:
        """With the documented permissions nothing is missing."""
        assert await keeper.adapter.preflight() == ()

    @needs("unarmed")
    async def test_preflight_names_a_missing_permission(self, rig: FullRig) -> None:
        """A permission that the bot lacks is named, by the surface's own name for it."""
        adapter, word = await rig.unarmed()
        async with closing(adapter):
            missing = await adapter.preflight()
            assert [text for text in missing if word in text], f"{word} is missing, and preflight says {missing}"

    @needs("mistyped")
    async def test_a_mistyped_target_is_absent(self, rig: FullRig) -> None:
        """A target that does not exist is said to be absent, before and after a cut, and never looks held."""
        async with closing(rig.mistyped()) as adapter:
            assert not (await adapter.observe()).exists, "a target that is not there was seen"
            with suppress(AdapterError):
                await Keeper(adapter).restrict(Mode.FULL_STOP)
            assert not (await adapter.observe()).exists, "a target that is not there was seen after a cut"
            assert await adapter.preflight(), "preflight does not say that the target is missing"

    @needs("intruder")
    async def test_a_wrong_credential_is_refused(self, rig: FullRig) -> None:
        """A credential that the server does not know raises Refused with what is missing, in every verb."""
        async with closing(rig.intruder()) as adapter:
            keeper = Keeper(adapter)
            for call in (adapter.observe(), keeper.restrict(Mode.FULL_STOP), keeper.relax(Mode.NORMAL)):
                with pytest.raises(Refused) as caught:
                    await call
                assert caught.value.missing, "the error does not name what is missing"

    @needs("unreachable")
    async def test_nobody_there_is_unreachable(self, rig: FullRig) -> None:
        """A port that nobody listens on raises Unreachable."""
        async with closing(rig.unreachable()) as adapter:
            for call in (adapter.observe(), Keeper(adapter).restrict(Mode.FULL_STOP)):
                with pytest.raises(Unreachable):
                    await call

    @needs("elsewhere")
    async def test_garbage_is_never_taken_for_an_answer(self, rig: FullRig, keeper: Keeper) -> None:
        """A server that answers rubbish raises, or hangs until it is cancelled; nothing is claimed."""
        for opening in GARBAGE:
            async with babbling(opening, endless=False) as server, closing(rig.elsewhere(server.port)) as adapter:
                await _claims_nothing(Keeper(adapter), opening)
        await keeper.settled(Mode.NORMAL)

    @needs("elsewhere")
    async def test_an_endless_answer_is_left(self, rig: FullRig, keeper: Keeper) -> None:
        """An answer without end is not read for ever: the call ends or can be cancelled, with little read."""
        for opening in OPENINGS:
            async with babbling(opening, endless=True) as server, closing(rig.elsewhere(server.port)) as adapter:
                await _claims_nothing(Keeper(adapter), opening)
                assert server.sent < MOST, f"{server.sent} bytes were read of an endless answer that began {opening!r}"
        await keeper.settled(Mode.NORMAL)

    @needs("freeze", "thaw")
    async def test_a_frozen_server_is_left_in_time(self, rig: FullRig, keeper: Keeper) -> None:
        """Cancelled calls to a silent server end soon, and the next cut works after the thaw."""
        mode = max(keeper.adapter.modes)
        await keeper.adapter.observe()
        await rig.freeze()
        try:
            await bounded(keeper.adapter.observe())
            await bounded(keeper.restrict(mode))
        finally:
            await rig.thaw()
        await keeper.held(mode)
        assert not await allowed(rig, mode)

    @needs("freeze", "thaw")
    async def test_an_abandoned_loosening_never_undoes_a_later_stop(self, rig: FullRig, keeper: Keeper) -> None:
        """A relaxation that was cancelled on a frozen server has no effect once the stop after it is verified."""
        mode = max(keeper.adapter.modes)
        await keeper.held(mode)
        token = keeper.token
        await rig.freeze()
        try:
            await bounded(keeper.relax(Mode.NORMAL))
        finally:
            await rig.thaw()
        keeper.token = token
        await keeper.held(mode)
        for _ in range(TRIES):
            assert not await allowed(rig, mode), "an abandoned relaxation undid the stop after it"

    @needs("freeze", "thaw")
    async def test_a_loosening_frozen_half_way_never_undoes_a_later_stop(self, rig: FullRig, keeper: Keeper) -> None:
        """What a relaxation had sent when it was cancelled has no effect once the stop after it is verified."""
        mode = max(keeper.adapter.modes)
        await keeper.held(mode)
        token, keeper.before_answer = keeper.token, rig.freeze
        task = asyncio.ensure_future(keeper.relax(Mode.NORMAL))
        await asyncio.wait({task}, timeout=HANGS)
        try:
            await cancelled(task)
        finally:
            await rig.thaw()
        keeper.token, keeper.before_answer = token, None
        await keeper.held(mode)
        for _ in range(TRIES):
            assert not await allowed(rig, mode), "an abandoned relaxation undid the stop after it"

    @needs("restart")
    async def test_a_restart_is_survived_or_seen(self, rig: FullRig, keeper: Keeper) -> None:
        """After a restart the hold stands, or it is seen that it does not; it is cut again and undone exactly."""
        await _survived_or_seen(rig, keeper, rig.restart)

    @needs("reload")
    async def test_a_reload_is_survived_or_seen(self, rig: FullRig, keeper: Keeper) -> None:
        """So it is where the server reads its configuration again."""
        await _survived_or_seen(rig, keeper, rig.reload)

    @needs("exhaust")
    async def test_an_exhausted_surface_is_cut_over_the_warm_line(self, rig: FullRig, keeper: Keeper) -> None:
        """Where the surface takes no further connection, the one that was opened before still cuts."""
        mode = max(keeper.adapter.modes)
        await keeper.adapter.observe()
        async with rig.exhaust():
            cut = await keeper.restrict(mode)
            assert cut.held is mode, f"without a free connection {mode} is held as {cut.held}: {cut.why}"
        await keeper.settled(mode)
        assert not await allowed(rig, mode)


async def _claims_nothing(keeper: Keeper, opening: bytes) -> None:
    """The answer to a cut may say nothing, because the read-back decides; nothing may read back."""
    for call in (keeper.adapter.observe, partial(keeper.restrict, max(keeper.adapter.modes)), keeper.adapter.observe):
        said = await claims(call())
        assert not isinstance(said, Observation) or not said.exists, f"{opening[:40]!r} was read as {said}"


async def _survived_or_seen(rig: FullRig, keeper: Keeper, again: Callable[[], Awaitable[None]]) -> None:
    before = await rig.authority()
    for mode in sorted({min(keeper.adapter.modes), max(keeper.adapter.modes)}):
        await keeper.held(mode)
        await again()
        seen = await _answered(keeper)
        assert seen.exists, "the surface forgot the agent"
        if seen.mode >= mode:
            assert not await allowed(rig, mode), f"{mode} was undone, and that was not seen"
        await keeper.held(mode)
        await keeper.relax(Mode.NORMAL)
        assert await rig.authority() == before, f"after {mode}, a new start, and back"


async def _answered(keeper: Keeper) -> Observation:
    """The first answer after a restart; until then only Unreachable may be said."""
    for _ in ticks():
        try:
            return await keeper.adapter.observe()
        except Unreachable:
            await asyncio.sleep(TICK)
    raise AssertionError("after its restart the surface stayed unreachable for the adapter")
