"""A task that runs beside, and is gone when its block is left."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

_PAUSE = 0.5  # seconds before a task that failed begins again
_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def background(work: Callable[[], Awaitable[None]], name: str) -> AsyncIterator[None]:
    """Runs `work`, again after a failure: a source that is frozen or killed in the demo comes back."""
    task = asyncio.create_task(_again(work), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)  # whoever leaves may be cancelled meanwhile, and learns it


async def _again(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001  # whatever it was, the page must go on showing the rest
            _log.debug("%s failed", work, exc_info=True)
        await asyncio.sleep(_PAUSE)
