"""Is a call that does not give the event loop back noticed, named, journaled and ended, and nothing else?"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from types import FrameType

import pytest

from bot.domain import events
from bot.domain.board import Board
from bot.service.watchdog import Limits, Watchdog

NOTICED, ENDED = 0.4, 1.2  # seconds
Make = Callable[..., Watchdog]


class Stubborn:
    """An adapter that waits without giving way."""

    def target_key(self) -> str:
        """The target."""
        return "pay"

    async def restrict(self, seconds: float) -> None:
        """As many a client library does."""
        time.sleep(seconds)  # noqa: ASYNC251  # the fault itself


class Journal:
    """What was recorded from the watchdog's thread."""

    def __init__(self) -> None:
        self.events: list[events.LoopBlocked] = []
        self.threads: set[str] = set()
        self.ended = threading.Event()

    def record(self, event: events.LoopBlocked, timeout: float) -> bool:
        """As the writer's."""
        assert timeout > 0
        self.events.append(event)
        self.threads.add(threading.current_thread().name)
        return True

    def end(self, code: int) -> None:
        """Instead of ending this process."""
        assert code == os.EX_TEMPFAIL
        self.ended.set()


@pytest.fixture
def journal() -> Journal:
    """An empty one."""
    return Journal()


@pytest.fixture
async def adapter(journal: Journal) -> AsyncIterator[Stubborn]:
    """An adapter in a loop that is watched."""
    stubborn, board = Stubborn(), Board()

    def blame(frames: Sequence[FrameType]) -> str | None:
        return next(("pay" for frame in frames if frame.f_locals.get("self") is stubborn), None)

    limits = Limits(noticed=NOTICED, ended=ENDED, without_the_lock=0)
    watchdog = Watchdog(blame=blame, record=journal.record, fold=board.apply, limits=limits, end=journal.end)
    watchdog.start()
    stubborn.watchdog, stubborn.board = watchdog, board  # type: ignore[attr-defined]
    yield stubborn
    watchdog.stop()


async def test_it_names_whose_call_it_was_and_the_line(
    adapter: Stubborn, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the stack, the journal the target and the line, the board and the status follow."""
    watchdog: Watchdog = adapter.watchdog  # type: ignore[attr-defined]
    with caplog.at_level(logging.WARNING):
        await adapter.restrict(NOTICED + 0.5)
        await asyncio.sleep(0.6)

    (event,) = journal.events
    assert (event.target, event.ended, journal.threads) == ("pay", False, {"watchdog"})
    assert event.where.startswith(f"{__name__}:")
    assert event.where.endswith(" in restrict")
    assert "time.sleep(seconds)" in caplog.text
    assert "the event loop goes on after" in caplog.text
    assert adapter.board.blocked == {"pay": {event.at}}  # type: ignore[attr-defined]
    assert "by a call for pay" in (watchdog.problem() or "")
    assert "mend the adapter" in (watchdog.not_ready() or "")
    assert watchdog.times == 1
    assert not journal.ended.is_set()


async def test_what_lasts_ends_the_process(
    adapter: Stubborn, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """Noticed, then ended, each on record first."""
    with caplog.at_level(logging.ERROR):
        await adapter.restrict(ENDED + 0.6)

    assert journal.ended.is_set()
    assert [event.ended for event in journal.events] == [False, True]
    assert "this process ends" in caplog.text


async def test_a_loop_that_turns_is_left_alone(adapter: Stubborn, journal: Journal) -> None:
    """Many short waits are no block, however long they are together."""
    for _ in range(10):
        await adapter.restrict(NOTICED / 4)
        await asyncio.sleep(0)
    await asyncio.sleep(0.3)

    assert journal.events == []
    assert adapter.watchdog.not_ready() is None  # type: ignore[attr-defined]
