"""Is exactly that given back which was taken? The undo record goes through JSON on its way."""
# ruff: noqa: S101  # a test suite asserts

from contextlib import suppress

import pytest

from adapters.base import Mode
from adapters.conformance.agent import allowed
from adapters.conformance.check import needs
from adapters.conformance.keeper import Keeper
from adapters.conformance.rig import FullRig, Rig
from adapters.errors import AdapterError, Refused


class Undo:
    """The checks of relaxing."""

    async def test_relax_gives_back_exactly_what_was_taken(self, rig: Rig, keeper: Keeper) -> None:
        """Stop and relax, twice with one record: the agent has what it had, and can do what it could."""
        before = await rig.authority()
        for mode in sorted(keeper.adapter.modes):
            for _ in range(2):
                await keeper.held(mode)
                await keeper.relax(Mode.NORMAL)
                assert await rig.authority() == before, f"after {mode} and back"
                assert await allowed(rig, mode), f"after {mode} and back the agent cannot do what {mode} forbids"

    @needs("narrow")
    async def test_relax_gives_back_nothing_more(self, rig: FullRig, keeper: Keeper) -> None:
        """What the agent had not before the stop it has not after the relaxation either."""
        await rig.narrow()
        before = await rig.authority()
        for mode in sorted(keeper.adapter.modes):
            await keeper.restrict(mode)
            await keeper.relax(Mode.NORMAL)
            assert await rig.authority() == before, f"after {mode} and back"

    async def test_relax_may_be_repeated(self, rig: Rig, keeper: Keeper) -> None:
        """The same relaxation again, as after a crash, gives nothing more: it is refused or changes nothing."""
        before = await rig.authority()
        for mode in sorted(keeper.adapter.modes):
            await keeper.held(mode)
            expect = keeper.token
            await keeper.relax(Mode.NORMAL)
            keeper.token = expect
            with suppress(AdapterError):
                again = await keeper.relax(Mode.NORMAL)
                assert again.changed == (), "the repeated relaxation changed something"
            assert await rig.authority() == before

    async def test_undo_is_never_taken_from_a_restricted_state(self, rig: Rig, keeper: Keeper) -> None:
        """What an administrator loosened by hand during a hold is cut again and not given back as ours."""
        for mode in sorted(keeper.adapter.modes):
            await keeper.held(mode)
            record = keeper.undo
            await rig.loosen()
            assert (await keeper.adapter.observe()).mode < mode, "the loosening by hand was not seen"
            await keeper.held(mode)
            assert keeper.undo == record, "the undo record was taken from a restricted state"
            await keeper.relax(Mode.NORMAL)

    @needs("meddle", "meddled")
    async def test_relax_keeps_what_others_changed(self, rig: FullRig, keeper: Keeper) -> None:
        """A third party's change during the hold stands after the relaxation."""
        for mode in sorted(keeper.adapter.modes):
            await keeper.held(mode)
            await rig.meddle()
            await keeper.relax(Mode.NORMAL)
            assert await rig.meddled(), "the relaxation undid a change that was not ours"

    @needs("rotate", "rotated")
    async def test_relax_never_gives_back_a_credential(self, rig: FullRig, keeper: Keeper) -> None:
        """A credential that was replaced during the hold stays replaced, and is in no undo record."""
        await keeper.held(max(keeper.adapter.modes))
        await rig.rotate()
        await keeper.relax(Mode.NORMAL)
        assert await rig.rotated(), "the credential that was replaced works again"

    async def test_relax_wants_its_own_mark(self, rig: Rig, keeper: Keeper) -> None:
        """With a strange mark on the target nothing is loosened."""
        if not keeper.adapter.marks:
            return
        mode = max(keeper.adapter.modes)
        await keeper.held(mode)
        token, keeper.token = keeper.token, "strange"
        with pytest.raises(Refused, match="restrict again"):
            await keeper.relax(Mode.NORMAL)
        assert not await allowed(rig, mode)
        keeper.token = token
        await keeper.relax(Mode.NORMAL)
        assert await allowed(rig, mode)
