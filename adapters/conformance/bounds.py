"""Calls that hang, and how they end."""
# ruff: noqa: S101  # a test suite asserts

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from adapters.errors import AdapterError

BOUND = 3.0  # seconds within which a cancelled call must have ended
HANGS = 0.3  # seconds after which a call is believed to hang


async def cancelled(task: "asyncio.Future[Any]") -> None:
    """Cancels a call and checks that it ends soon, whichever way."""
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=BOUND)
    assert done, f"a cancelled call was still running after {BOUND} s"
    with suppress(asyncio.CancelledError, AdapterError):
        task.result()


async def bounded(call: Awaitable[object]) -> None:
    """Cancels a call that hangs and checks that it ends soon."""
    task = asyncio.ensure_future(call)
    done, _ = await asyncio.wait({task}, timeout=HANGS)
    assert not done, f"the server is frozen and the call ended: {task}"
    await cancelled(task)


async def claims(call: Awaitable[object]) -> object:
    """What a call returned; None where it raised, or hung until it was cancelled."""
    task = asyncio.ensure_future(call)
    done, _ = await asyncio.wait({task}, timeout=HANGS)
    if not done:
        await cancelled(task)
        return None
    return None if task.exception() else task.result()
