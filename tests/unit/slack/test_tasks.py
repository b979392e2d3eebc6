"""What does the end of the bot wait for?"""

import asyncio

from bot.slack.tasks import Tasks


async def test_work_is_waited_for_and_what_only_waits_is_not() -> None:
    """Work gets its grace; whoever waits for what may never come is ended at once, and costs the end nothing."""
    tasks, told = Tasks(), asyncio.Event()
    working = tasks.spawn(told.wait(), name="work")
    waiting = tasks.spawn(asyncio.Event().wait(), name="wait", waits=True)
    await asyncio.sleep(0)
    closing = asyncio.create_task(tasks.aclose(grace=60))
    async with asyncio.timeout(5):
        await asyncio.wait({waiting})
        assert not closing.done()
        told.set()
        await closing
    assert waiting.cancelled()
    assert working.result()


async def test_what_waits_for_ever_alone_takes_no_grace() -> None:
    """Nothing else runs: the end comes at once."""
    tasks = Tasks()
    tasks.spawn(asyncio.Event().wait(), name="wait", waits=True)
    async with asyncio.timeout(5):
        await tasks.aclose(grace=60)
