"""Does everybody whom the demo waits for end at once when it is interrupted, at whatever moment?"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from bot.sandbox.demo import queues
from bot.sandbox.demo.background import background
from bot.sandbox.servers import ValkeyServer

_TURNS = 60  # of the event loop, more than ten questions take
_SOON = 5.0  # seconds


@pytest.fixture
async def queue(valkey_server: ValkeyServer) -> AsyncIterator[Redis]:
    """A client as the witness has one."""
    async with queues.client(valkey_server.url()) as client:
        yield client


async def test_no_interrupt_of_a_question_to_valkey_is_lost(queue: Redis) -> None:
    """One after every turn of the loop; each ends the task that asks, which would otherwise ask for ever."""

    async def ask() -> None:
        while True:
            await queue.xlen("jobs")

    for turns in range(_TURNS):
        task = asyncio.create_task(ask())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        ended, _ = await asyncio.wait({task}, timeout=_SOON)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0.001)
        assert ended, f"interrupted after {turns} turns, it went on"


async def test_an_interrupt_while_a_task_beside_ends_is_not_lost() -> None:
    """Whoever leaves the block waits for the task; an interrupt then is theirs, not the task's."""
    ending, may_end = asyncio.Event(), asyncio.Event()

    async def beside() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await may_end.wait()

    async def leave() -> None:
        async with background(beside, "beside"):
            await asyncio.sleep(0)

    leaving = asyncio.create_task(leave())
    await ending.wait()
    leaving.cancel()
    may_end.set()
    await asyncio.wait({leaving})
    assert leaving.cancelled()
