"""Does the conformance kit refuse an adapter that blocks the event loop, and let through one that only waits?"""

import asyncio
import time

import pytest

from adapters.conformance.unblocked import BlockedError, unblocked

PATIENCE = 0.3


async def test_a_call_that_sleeps_is_interrupted_and_named() -> None:
    """`time.sleep` for an hour ends within a second or so, with its line and the remedy."""
    began = time.monotonic()
    with pytest.raises(BlockedError, match=r"blocked for 0\.3 s at .*test_unblocked.*to_thread"):
        async with unblocked(PATIENCE):
            time.sleep(3600)  # noqa: ASYNC251  # the fault itself
    assert time.monotonic() - began < 20


async def test_a_call_that_computes_for_ever_is_interrupted() -> None:
    """An endless loop is no better than a sleep."""
    with pytest.raises(BlockedError):
        async with unblocked(PATIENCE):
            _compute()


def _compute() -> None:
    while True:
        pass


async def test_a_call_that_waits_is_left_alone() -> None:
    """Waiting with `await`, for longer than the patience, is what an adapter should do."""
    async with unblocked(PATIENCE):
        await asyncio.sleep(2 * PATIENCE)
