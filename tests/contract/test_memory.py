import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from adapters.base import Attempt, Mode, Shared
from adapters.conformance import ConformanceSuite, Keeper, Rig, Stopped, ticks
from adapters.errors import Refused, Unreachable
from adapters.memory import Canary, Denied, Memory, Settings, World, WorldSession

T = TypeVar("T")


class MemorySession:
    """The agent in a world; a frozen world's agent goes on by itself."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._session: WorldSession = _told(world.login)

    async def act(self, mode: Mode) -> None:
        """One effect, or `Stopped`."""
        _told(lambda: self._world.act(self._session, mode))

    async def begin(self) -> None:
        """Work in flight."""
        self._world.begin(self._session)

    async def finish(self) -> None:
        """The end of the work."""
        _told(lambda: self._world.finish(self._session))

    async def close(self) -> None:
        """Ends the session."""
        self._world.close(self._session)


def _told(call: Callable[[], T]) -> T:
    try:
        return call()
    except Denied as error:
        raise Stopped(str(error)) from error


class MemoryRig:
    """A world of its own, and worlds where something is wrong."""

    def __init__(self) -> None:
        self.shared = Shared()
        self.world = self._world("memory")

    def _world(self, target: str) -> World:
        return self.shared.get(("memory", target), World)

    def adapter(self, *, shared: Shared | None = None, target: str = "memory") -> Memory:
        """An adapter with a canary."""
        return Memory(config=Settings(target=target), canary=Canary(), shared=shared or self.shared)

    def mistyped(self) -> Memory:
        """A world that is not there."""
        self._world("memroy").faults.absent = True
        return self.adapter(target="memroy")

    def intruder(self) -> Memory:
        """A world that refuses the bot."""
        self._world("closed").faults.refuse = True
        return self.adapter(target="closed")

    def unreachable(self) -> Memory:
        """A world that cannot be reached."""
        self._world("far").faults.unreachable = True
        return self.adapter(target="far")

    async def session(self) -> MemorySession:
        """A session of the agent."""
        return MemorySession(self.world)

    async def effects(self) -> int:
        """The witness."""
        return self.world.effects

    async def authority(self) -> object:
        """The rights, and that no mark is left in normal."""
        return dict(self.world.rights)

    async def loosen(self) -> None:
        """By hand."""
        self.world.loosen()

    async def meddle(self) -> None:
        """Somebody gives a right that no cut knows of."""
        self.world.rights["unattended"] = "on, with a note"

    async def meddled(self) -> bool:
        """The note stands; taken away again for the next round."""
        stood = self.world.rights["unattended"] == "on, with a note"
        self.world.loosen()
        return stood

    async def rotate(self) -> None:
        """A new credential."""
        self.world.credential = "second"

    async def rotated(self) -> bool:
        """The old one is worthless."""
        with pytest.raises(Denied):
            self.world.login("first")
        return self.world.credential == "second"

    async def freeze(self) -> None:
        """Calls hang."""
        self.world.faults.hang = True

    async def thaw(self) -> None:
        """Calls go on."""
        self.world.faults.hang = False


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
