"""Is the disk asked to keep a stop before anything else is done for it, and never waited for?"""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.journal import writer as writing
from bot.journal.writer import Writer

HOLD = events.HoldAdded(
    at=1.0, hold="hold-1", incident="inc-1", mode=Mode.FULL_STOP, by=events.Person(kind="cli", id="root")
)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A writer whose journal is open."""
    made = Writer([tmp_path / "journal"], "bot")
    made.open()
    yield made
    made.close()


async def test_a_stop_is_with_the_disk_when_its_write_was_started(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is done next for the stop is done while the disk works, also where the write itself takes a while."""
    monkeypatch.setattr(writing, "HEAD_START", 10.0)  # a busy machine may take its time
    late, whole, taken = threading.Event(), os.write, list[int]()

    def write(fd: int, data: bytes) -> int:
        late.wait(20)
        taken.append(whole(fd, data))
        return taken[-1]

    monkeypatch.setattr("bot.journal.chain_file.os.write", write)
    threading.Timer(0.1, late.set).start()
    began = time.monotonic()
    written = writer.append(HOLD)
    assert taken
    assert time.monotonic() - began < 5.0  # it goes on when the disk was asked, not when its time is up
    assert await written


async def test_a_disk_that_takes_nothing_is_not_waited_for(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop goes on after 3 ms, and no further one waits behind it."""
    release, whole = threading.Event(), os.write

    def hang(fd: int, data: bytes) -> int:
        release.wait(20)
        return whole(fd, data)

    monkeypatch.setattr("bot.journal.chain_file.os.write", hang)
    began = time.monotonic()
    written = [writer.append(HOLD.model_copy(update={"hold": f"hold-{number}"})) for number in range(100)]
    assert time.monotonic() - began < 0.9  # far from a second, on the busiest machine
    assert not any(asyncio.ensure_future(one).done() for one in written)
    release.set()
    assert all(await asyncio.gather(*written))


async def test_only_a_stop_that_finds_the_disk_idle_waits_for_it(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no stop is never waited for, and no stop waits behind another, or before a journal is open."""
    release, whole = threading.Event(), os.write
    monkeypatch.setattr(writing, "HEAD_START", 10.0)

    def hang(fd: int, data: bytes) -> int:
        release.wait(20)
        return whole(fd, data)

    monkeypatch.setattr("bot.journal.chain_file.os.write", hang)
    began = time.monotonic()
    written = [writer.append(events.Note(at=1.0, text="no stop"))]
    while writer._lane is None or writer._lane.idle:
        assert time.monotonic() - began < 5.0
        await asyncio.sleep(0.001)
    written += [writer.append(HOLD), writer.append(HOLD.model_copy(update={"hold": "hold-2"}))]
    assert time.monotonic() - began < 5.0
    release.set()
    assert all(await asyncio.gather(*written))
