"""Where do events go when a disk is slow, full, taken or broken?"""

import asyncio
import errno
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain import events
from bot.journal import writer as writing
from bot.journal.chain_file import ChainFile
from bot.journal.reader import Reader
from bot.journal.writer import Writer


def _note(text: str) -> events.Note:
    return events.Note(at=1.0, text=text)


def _texts(*folders: Path) -> list[str]:
    return [entry.event.text for entry in Reader(folders).new() if isinstance(entry.event, events.Note)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal folder that is not there yet."""
    return tmp_path / "journal"


@pytest.fixture
def writer(folder: Path, tmp_path: Path) -> Iterator[Writer]:
    """A writer with a second folder."""
    made = Writer([folder, tmp_path / "second"], "bot")
    yield made
    made.close()


async def test_an_event_is_on_disk_when_it_is_said_so(writer: Writer, folder: Path) -> None:
    """A durable answer comes after the event can be read back from the file."""
    assert await writer.append(_note("one"))

    assert _texts(folder) == ["one"]


async def test_many_events_share_an_fsync(writer: Writer, folder: Path) -> None:
    """A hundred events at once are all recorded, in their order."""
    answers = await asyncio.gather(*(writer.append(_note(str(number))) for number in range(100)))

    assert all(answers)
    assert _texts(folder) == [str(number) for number in range(100)]


async def test_a_second_process_gets_a_chain_of_its_own(writer: Writer, folder: Path) -> None:
    """The command line records beside a running bot, without waiting for it."""
    await writer.append(_note("bot"))
    other = Writer([folder], "bot")

    assert await other.append(_note("command line"))
    other.close()

    assert (writer.chain, sorted(_texts(folder))) == ("bot", ["bot", "command line"])
    assert {entry.chain for entry in Reader([folder]).new()} == {"bot", "bot-2"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
async def test_a_file_that_failed_is_left_behind(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """After ENOSPC or EIO the event is recorded on the next disk, and the failed one is never written again."""
    await writer.append(_note("before"))
    failed: list[Path] = []
    whole = ChainFile.write

    def fail_once(self: ChainFile, batch: list[events.AnyEvent], *, at: float) -> None:
        if not failed:
            failed.append(self.path)
        if self.path in failed:
            raise OSError(code, "injected")
        whole(self, batch, at=at)

    monkeypatch.setattr(ChainFile, "write", fail_once)

    assert await asyncio.wait_for(asyncio.ensure_future(writer.append(_note("during"))), 2.0)
    assert await writer.append(_note("after"))
    assert writer.failures == 1
    assert _texts(tmp_path / "journal", tmp_path / "second") == ["before", "during", "after"]


async def test_a_hanging_fsync_is_left_behind(writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that hangs is given up on, and what waits there is recorded in the next file."""
    release, whole = threading.Event(), ChainFile.write
    hung: list[Path] = []

    def hang_once(self: ChainFile, batch: list[events.AnyEvent], *, at: float) -> None:
        if not hung:
            hung.append(self.path)
            release.wait(10)
        whole(self, batch, at=at)

    monkeypatch.setattr(ChainFile, "write", hang_once)
    monkeypatch.setattr(writing, "STUCK_AFTER", 0.05)
    waiting = asyncio.ensure_future(writer.append(_note("stuck")))
    async with asyncio.timeout(5):
        while not waiting.done():
            writer.check()
            await asyncio.sleep(0.01)
    release.set()

    assert waiting.result()
    assert writer.failures == 1
    assert "stuck" in _texts(tmp_path / "second")


async def test_without_any_disk_the_answer_is_not_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder can be written: the event goes to syslog, and the caller is told that it is not recorded."""
    said: list[str] = []
    monkeypatch.setattr("syslog.syslog", lambda _level, text: said.append(text))
    (tmp_path / "file").write_text("not a folder")
    writer = Writer([tmp_path / "file"], "bot")

    assert not await writer.append(_note("lost?"))
    assert writer.unkept == 1
    assert said
    assert "NOT RECORDED" in said[0]


async def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    """A folder that others can write to is passed over: a journal there could be forged."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    writer = Writer([shared, tmp_path / "own"], "bot")

    assert await writer.append(_note("here"))
    writer.close()

    assert _texts(shared) == []
    assert _texts(tmp_path / "own") == ["here"]
