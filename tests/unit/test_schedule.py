"""Does the clock keep ticking, one tick at a time, whatever a tick does?"""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import time_machine

from bot import schedule as module
from bot.schedule import Schedule


@pytest.fixture
async def schedule() -> AsyncIterator[Schedule]:
    """A schedule that is stopped at the end."""
    made = Schedule()
    yield made
    await made.stop()


async def until(reached: Callable[[], bool]) -> None:
    """Polls for an effect, five seconds at the most."""
    async with asyncio.timeout(5):
        while not reached():  # noqa: ASYNC110  # the effect has no event
            await asyncio.sleep(0.005)


async def test_a_tick_comes_again_and_again(schedule: Schedule) -> None:
    """Every interval."""
    seen: list[int] = []

    async def tick() -> None:
        seen.append(1)

    schedule.every(0.02, "count", tick)
    schedule.start()
    await until(lambda: len(seen) >= 3)


async def test_a_tick_that_fails_is_counted_and_ends_nothing(
    schedule: Schedule, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither itself nor its neighbours."""
    seen: list[int] = []

    async def bad() -> None:
        raise RuntimeError("no")

    async def good() -> None:
        seen.append(1)

    schedule.every(0.02, "bad", bad)
    schedule.every(0.02, "good", good)
    schedule.start()
    await until(lambda: schedule.failures["bad"] >= 2 and len(seen) >= 2)
    assert schedule.failures["good"] == 0
    assert "the tick bad failed; the next one comes" in caplog.text


async def test_a_tick_that_still_runs_is_not_started_again(schedule: Schedule) -> None:
    """And delays no other."""
    running, others = 0, 0
    release = asyncio.Event()

    async def slow() -> None:
        nonlocal running
        running += 1
        await release.wait()

    async def other() -> None:
        nonlocal others
        others += 1

    schedule.every(0.02, "slow", slow)
    schedule.every(0.02, "other", other)
    schedule.start()
    await until(lambda: others >= 5)
    assert running == 1
    release.set()
    await until(lambda: running >= 2)


async def test_stop_ends_running_ticks_before_it_returns(schedule: Schedule) -> None:
    """Nothing runs on unseen."""
    ended = started = False

    async def slow() -> None:
        nonlocal ended, started
        started = True
        try:
            await asyncio.Event().wait()
        finally:
            ended = True

    schedule.every(0.01, "slow", slow)
    schedule.start()
    await until(lambda: started)
    await schedule.stop()
    assert ended
    await schedule.stop()


async def test_a_clock_that_is_set_back_does_not_end_the_ticks(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler reckons in wall time; an hour back would be an hour of silence."""
    monkeypatch.setattr(module, "_LOOK", 0.05)
    seen: list[int] = []

    async def tick() -> None:
        seen.append(1)

    schedule.every(0.02, "count", tick)
    schedule.start()
    await until(lambda: len(seen) >= 1)
    with time_machine.travel(1_000_000_000, tick=True):
        before = len(seen)
        await until(lambda: len(seen) >= before + 3)


async def test_two_ticks_of_one_name_are_an_error(schedule: Schedule) -> None:
    """Their failures could not be told apart."""

    async def tick() -> None:
        return None

    schedule.every(1, "watch", tick)
    with pytest.raises(ValueError, match="two ticks are called watch"):
        schedule.every(1, "watch", tick)
