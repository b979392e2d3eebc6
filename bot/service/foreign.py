"""Awaits what an adapter does: whatever it lets out is an error of its surface, and never the end of who waits."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class LeakedError(RuntimeError):
    """An adapter let out what only this process may raise."""


async def foreign(work: Awaitable[T]) -> T:
    """The result of an adapter's call.

    A client library that loses track of a cancellation of its own raises it where nobody cancelled anything: to a
    lane that would be its end, without a word.

    Raises:
        LeakedError: a cancellation that nobody asked for, or the wish to end the process.
    """
    try:
        return await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise LeakedError("its adapter cancelled the call by itself") from None
    except SystemExit:
        raise LeakedError("its adapter asked the whole process to end") from None
