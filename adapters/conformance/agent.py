"""The agent as the suite uses it: one try, or a tight loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from adapters.base import Adapter, Mode
from adapters.conformance.rig import Rig, Session, Stopped
from adapters.conformance.wait import TICK, ticks


class Busy:
    """An agent that acts in a tight loop and logs in again whenever it is thrown out."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.refused = 0
        self.acted = 0

    async def run(self) -> None:
        """Acts until it is cancelled."""
        session: Session | None = None
        try:
            while True:
                await asyncio.sleep(0)
                try:
                    session = session or await self._rig.session()
                    await session.act(Mode.READ_ONLY)
                    self.acted += 1
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


async def _closed(session: Session | None) -> None:
    if session is not None:
        await session.close()


@asynccontextmanager
async def busy(rig: Rig) -> AsyncIterator[Busy]:
    """A busy agent that is at work."""
    agent = Busy(rig)
    task = asyncio.create_task(agent.run())
    try:
        await agent.until(lambda it: it.acted > 0)
        yield agent
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


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
