"""Is each declared mode what it says, from wherever it is reached?"""
# ruff: noqa: S101  # a test suite asserts

from contextlib import suppress

from adapters.base import Mode
from adapters.conformance.agent import allowed, closing
from adapters.conformance.check import needs
from adapters.conformance.keeper import Keeper
from adapters.conformance.rig import FullRig, Rig, wrong
from adapters.errors import Refused


class Modes:
    """The checks of modes and of the ways between them."""

    async def test_what_does_not_apply_is_declared(self, rig: Rig) -> None:
        """Every ability that the kind's rig lacks is named with a reason, and nothing else is."""
        assert wrong(rig) == []

    async def test_each_mode_is_enforced(self, rig: Rig, keeper: Keeper) -> None:
        """What a declared mode forbids is refused, and what it leaves still works."""
        for mode in sorted(keeper.adapter.modes):
            assert await allowed(rig, mode), f"before the cut the agent could not do what {mode} forbids"
            await keeper.held(mode)
            for action in sorted(keeper.adapter.modes):
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

    async def test_two_surfaces_with_one_target(self, rig: Rig, keeper: Keeper) -> None:
        """Two adapters for one thing in the world agree on its name; one sees, repeats and undoes the other's cut."""
        before, mode = await rig.authority(), max(keeper.adapter.modes)
        async with closing(rig.adapter()) as other:
            assert other.target_key() == keeper.adapter.target_key()
            await keeper.held(mode)
            second = keeper.taken_over(other)
            await second.settled(mode)
            await second.held(mode)
            assert second.undo == keeper.undo, "the second surface recorded the first one's cut as its baseline"
            await second.relax(Mode.NORMAL)
        assert await rig.authority() == before
        assert (await keeper.adapter.observe()).mode < mode

    @needs("mistyped")
    async def test_two_targets_have_two_names(self, rig: FullRig, keeper: Keeper) -> None:
        """Another thing in the world has another name."""
        async with closing(rig.mistyped()) as mistyped:
            assert mistyped.target_key() != keeper.adapter.target_key()
