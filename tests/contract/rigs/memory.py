"""A world of the memory adapter, for the suite."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar, TypeVar

import pytest

from adapters.base import Change, Mode, Shared
from adapters.conformance import Stopped
from adapters.memory import OFF, Canary, Denied, Memory, Settings, World, WorldSession
from tests.contract.rigs.running import Running

T = TypeVar("T")


WRITE, WAITS = "a write", "a write that waits for a decision"


class MemorySession:
    """The agent in a world; a frozen world's agent goes on by itself."""

    def __init__(self, world: World, decides: Memory | None = None) -> None:
        self._world, self._decides = world, decides
        self._session: WorldSession = _told(world.login)

    async def act(self, mode: Mode) -> None:
        """One effect, or `Stopped`. A parked write is an effect of `READ_ONLY` alone."""
        if mode is Mode.READ_ONLY:
            _told(lambda: self._world.write(self._session, WRITE))
        elif mode is Mode.DRAFT_ONLY and not _told(lambda: self._world.write(self._session, WAITS)):
            await self._approved()
        elif mode is not Mode.DRAFT_ONLY:
            _told(lambda: self._world.act(self._session, mode))

    async def _approved(self) -> None:
        """What was parked last is released, where it waits."""
        name, write = list(self._world.drafts.items())[-1]
        if self._decides is None or not write.waits:
            raise Stopped(f"{name} is kept, and waits for nobody's decision")
        await self._decides.release(draft=name, by="U0APPROVER", gate=_yes)

    async def begin(self) -> None:
        """Work in flight."""
        self._world.begin(self._session)

    async def finish(self) -> None:
        """The end of the work."""
        _told(lambda: self._world.finish(self._session))

    async def close(self) -> None:
        """Ends the session."""
        self._world.close(self._session)


async def _yes(_changes: tuple[Change, ...]) -> bool:
    return True


def _told(call: Callable[[], T]) -> T:
    try:
        return call()
    except Denied as error:
        raise Stopped(str(error)) from error


class MemoryRig:
    """A world of its own, and worlds where something is wrong."""

    lacks: ClassVar[Mapping[str, str]] = {
        "elsewhere": "nothing is read off a wire",
        "unarmed": "the bot needs no permission in its own process",
        "reload": "a world reads no configuration",
        "exhaust": "there are no connections to run out of",
        "prepare": "no work of a world outlives its session",
        "redeliver": "a world hands out no work",
        "stubborn": "a world has sessions and no processes",
    }

    def __init__(self) -> None:
        self.shared = Shared()
        self.world = self._world("memory")

    def _world(self, target: str) -> World:
        return self.shared.get(("memory", target), World)

    def adapter(self, *, shared: Shared | None = None, target: str = "memory") -> Memory:
        """An adapter with a canary; the world is there whatever the bot's process shares."""
        shared = shared or self.shared
        shared.get(("memory", target), lambda: self._world(target))
        return Memory(config=Settings(target=target), canary=Canary(), shared=shared)

    def mistyped(self, name: str = "memroy") -> Memory:
        """A world that is not there."""
        self._world(name).faults.absent = True
        return self.adapter(target=name)

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
        return MemorySession(self.world, self.adapter())

    async def effects(self) -> int:
        """The witness."""
        return self.world.effects + self.world.asked.count(WRITE)

    async def authority(self) -> object:
        """The rights, and that no mark is left in normal."""
        return dict(self.world.rights)

    async def loosen(self) -> None:
        """By hand."""
        self.world.loosen()

    async def narrow(self) -> None:
        """The agent may do nothing unattended to begin with."""
        self.world.rights["unattended"] = OFF

    def queueing(self) -> Memory:
        """A world with a queue."""
        return Memory(config=Settings(queue=True), canary=Canary(), shared=self.shared)

    async def pile(self, count: int) -> None:
        """More jobs."""
        self.world.queue += ["job"] * count

    async def waiting(self) -> int:
        """The queue's length."""
        return len(self.world.queue)

    def parking(self) -> Memory:
        """Every world parks."""
        return self.adapter()

    async def propose(self, what: str) -> None:
        """In a session of its own."""
        session = _told(self.world.login)
        _told(lambda: self.world.write(session, what))
        self.world.close(session)

    def shown(self, what: str) -> tuple[str, ...]:
        """A write is its text."""
        return (what,)

    async def done(self) -> Mapping[str, int]:
        """The witness: writes by their text, and acts."""
        acts = self.world.effects - self.world.done.total()
        return {**self.world.done, "an act": acts}

    async def steal(self, draft: str) -> None:
        """By its own session, before and after the world's stop closes it."""
        session = _told(self.world.login)
        try:
            _told(lambda: self.world.reach(session, draft))
        finally:
            self.world.close(session)

    async def restart(self) -> None:
        """Every session ends."""
        self.world.restart()

    async def floor(self) -> None:
        """The login off, every session closed."""
        self.world.rights["login"] = OFF
        for session in list(self.world.sessions):
            self.world.close(session)

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


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[MemoryRig]:  # noqa: ARG001  # needs no server
    """A fresh world."""
    yield MemoryRig()
