"""The agent as the suite uses it: one try, or one that never gives up."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from adapters.base import Adapter, Mode
from adapters.conformance.rig import Rig, Session, Stopped
from adapters.conformance.wait import TICK, ticks


class Busy:
    """An agent that acts in a loop and logs in again whenever it is thrown out.

    Args:
        rig: where.
        mode: it does what this mode forbids.
        pause: seconds between two actions.
    """

    def __init__(self, rig: Rig, mode: Mode = Mode.READ_ONLY, pause: float = 0.0) -> None:
        self._rig, self._pause = rig, pause
        self._action = action_against(mode)
        self.refused = 0
        self.acted = 0
        self.last = 0.0  # when the last action was done, by `time.monotonic`

    async def run(self) -> None:
        """Acts until it is cancelled."""
        session: Session | None = None
        try:
            while True:
                await asyncio.sleep(self._pause)
                try:
                    session = session or await self._rig.session()
                    await session.act(self._action)
                    self.acted, self.last = self.acted + 1, time.monotonic()
                except Stopped:
                    self.refused += 1
                    await _closed(session)
                    session = None
        finally:
            await _closed(session)

    async def until(self, reached: Callable[["Busy"], bool]) -> None:
        """Waits until the agent got that far."""
        for _ in ticks():
            if reached(self):
                return
            await asyncio.sleep(TICK)
        raise AssertionError(f"the busy agent acted {self.acted} times and was refused {self.refused} times only")


def action_against(mode: Mode) -> Mode:
    """The action to try against a mode: one that has an effect, which for full_stop a read need not have."""
    return min(mode, Mode.READ_ONLY)


async def _closed(session: Session | None) -> None:
    if session is not None:
        await session.close()


@asynccontextmanager
async def busy(rig: Rig, mode: Mode = Mode.READ_ONLY, *, pause: float = 0.0) -> AsyncIterator[Busy]:
    """A busy agent that is at work."""
    agent = Busy(rig, mode, pause)
    task = asyncio.create_task(agent.run())
    try:
        await agent.until(lambda it: it.acted > 0)
        yield agent
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)  # keeps a cancellation of whoever waits
        if isinstance(ended, Exception):
            raise ended


@asynccontextmanager
async def opened(rig: Rig) -> AsyncIterator[Session]:
    """A session of the agent, closed at the end whatever comes between."""
    session = await rig.session()
    try:
        yield session
    finally:
        await session.close()


@asynccontextmanager
async def closing(adapter: Adapter) -> AsyncIterator[Adapter]:
    """Closes an adapter at the end."""
    try:
        yield adapter
    finally:
        await adapter.aclose()


async def allowed(rig: Rig, mode: Mode) -> bool:
    """Whether a fresh session of the agent can do what `mode` forbids."""
    session: Session | None = None
    try:
        session = await rig.session()
        await session.act(mode)
    except Stopped:
        return False
    else:
        return True
    finally:
        await _closed(session)
