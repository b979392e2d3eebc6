"""Fails an adapter that does not give the event loop back: every other surface of the bot waits behind it."""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import NoReturn

PATIENCE = 1.0  # seconds; the longest turn of an adapter that waits with `await` takes milliseconds
_TICK = 0.05


class BlockedError(AssertionError):
    """A call kept the event loop; the text has the line."""


@asynccontextmanager
async def unblocked(patience: float = PATIENCE) -> AsyncIterator[None]:
    """Raises `BlockedError` into whatever blocks the loop for `patience` seconds, where it stands.

    A thread watches the loop's turns. The signal that it sends ends a sleep or a read, which Python would otherwise
    begin again; both need the main thread, which is where pytest runs its tests. Only the seconds count that the
    watching thread got too, so that a starved machine is not taken for a blocked loop.
    """
    watch = _Watch(patience)
    before = signal.signal(signal.SIGUSR2, watch.interrupt)
    beating = asyncio.create_task(watch.beat(), name="unblocked")
    thread = threading.Thread(target=watch.run, name="unblocked", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.over.set()
        thread.join()
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        signal.signal(signal.SIGUSR2, before)


class _Watch:
    def __init__(self, patience: float) -> None:
        self.over = threading.Event()
        self._patience = patience
        self._turn = 0
        self._watched = threading.get_ident()

    async def beat(self) -> None:
        """Counts the loop's turns."""
        while True:
            self._turn += 1
            await asyncio.sleep(_TICK)

    def run(self) -> None:
        """Interrupts the watched thread whenever its loop has not turned for too long."""
        seen, blocked, woken = self._turn, 0.0, time.monotonic()
        while not self.over.wait(_TICK):
            before, woken = woken, time.monotonic()
            blocked = blocked + min(woken - before, 2 * _TICK) if self._turn == seen else 0.0
            seen = self._turn
            if blocked >= self._patience:
                blocked = 0.0
                signal.pthread_kill(self._watched, signal.SIGUSR2)

    def interrupt(self, _number: int, frame: FrameType | None) -> NoReturn:
        """The handler: runs in the watched thread, inside the call that blocks."""
        where = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}" if frame else "unknown"
        raise BlockedError(
            f"the event loop was blocked for {self._patience:g} s at {where}: every other surface waits meanwhile; "
            "await a client that is asynchronous, or move the call to a thread with asyncio.to_thread"
        )
