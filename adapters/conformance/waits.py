"""Is the work that piled up while a surface was shut counted, put aside, removed and given back exactly?"""
# ruff: noqa: S101  # a test suite asserts

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.base import Backlog, Mode
from adapters.conformance.agent import closing
from adapters.conformance.bounds import bounded
from adapters.conformance.check import needs
from adapters.conformance.keeper import Keeper
from adapters.conformance.rig import FullRig

FIRST, LATER = 3, 2  # pieces of work


class Waits:
    """The checks of `Backlog`. The agent is stopped, so that what waits is taken up by nobody."""

    @needs("queueing", "pile", "waiting")
    async def test_waiting_work_is_held_once_and_given_back(self, rig: FullRig) -> None:
        """A stop touches no waiting work; `hold` takes what waits, a repetition no more; `replay` gives it back."""
        async with _shut(rig) as backlog:
            assert await rig.waiting() == FIRST, "the stop touched the waiting work"
            assert (await backlog.count()).number == FIRST
            assert (await backlog.hold(label="one")).number == FIRST
            assert await rig.waiting() == 0, "what was put aside can still be taken up"
            assert (await backlog.count()).held >= FIRST, "what lies aside is not counted"
            await rig.pile(LATER)
            assert (await backlog.hold(label="one")).number in (FIRST, None), "a repetition says something else"
            assert await rig.waiting() == LATER, "a repetition took what came later"
            for _ in range(2):
                await backlog.replay(label="one")
                assert await rig.waiting() == FIRST + LATER, "not exactly what was put aside came back"

    @needs("queueing", "pile", "waiting")
    async def test_waiting_work_is_dropped_once(self, rig: FullRig) -> None:
        """`drop` removes what waits, and nothing that comes after it when it is repeated."""
        async with _shut(rig) as backlog:
            assert (await backlog.drop(label="one")).number == FIRST
            assert await rig.waiting() == 0, "what was dropped still waits"
            await rig.pile(LATER)
            assert (await backlog.drop(label="one")).number in (FIRST, None), "a repetition says something else"
            assert await rig.waiting() == LATER, "a repetition took what came later"
            await backlog.replay(label="one")
            assert await rig.waiting() == LATER, "what was dropped came back"

    @needs("queueing", "pile", "waiting", "freeze", "thaw")
    async def test_an_abandoned_hold_loses_nothing(self, rig: FullRig) -> None:
        """A `hold` that was cancelled on a silent server is repeated: all of it lies aside, and comes back once."""
        async with _shut(rig) as backlog:
            await rig.freeze()
            try:
                await bounded(backlog.hold(label="one"))
            finally:
                await rig.thaw()
            await backlog.hold(label="one")
            assert await rig.waiting() == 0, "what was put aside can still be taken up"
            await backlog.replay(label="one")
            assert await rig.waiting() == FIRST, "not exactly what was put aside came back"


@asynccontextmanager
async def _shut(rig: FullRig) -> AsyncIterator[Backlog]:
    """Work waits, then the surface is shut."""
    async with closing(rig.queueing()) as adapter:
        assert isinstance(adapter, Backlog), f"{type(adapter).__name__} does not keep the protocol Backlog"
        keeper = Keeper(adapter)
        await rig.pile(FIRST)
        await keeper.held(max(adapter.modes))
        yield adapter
        await keeper.relax(Mode.NORMAL)
