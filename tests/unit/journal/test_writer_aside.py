"""Is an event on disk that a thread gives beside an event loop that is blocked?"""

import syslog
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.domain import events
from bot.journal import writer as writing
from bot.journal.chain_file import ChainFile, is_written
from bot.journal.reader import Reader
from bot.journal.writer import Writer

BOUND = 10.0  # seconds that anything here may take


def _note(text: str) -> events.Note:
    return events.Note(at=1.0, text=text)


def _texts(*folders: Path) -> list[str]:
    return [entry.event.text for entry in Reader(folders).new() if isinstance(entry.event, events.Note)]


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + BOUND
    while not done() and time.monotonic() < end:
        time.sleep(0.001)
    assert done()


def _is_running() -> bool:
    return any(thread.name == "journal-bot" for thread in threading.enumerate())


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A writer with two folders, opened, whose loop is not there."""
    made = Writer([tmp_path / "first", tmp_path / "second"], "bot")
    made.open()
    yield made
    made.close()


@pytest.fixture
def before_write(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[ChainFile], object]], None]:
    """Takes a function that runs before each write of a file; it may raise, or hang."""
    whole = ChainFile.write

    def use(first: Callable[[ChainFile], object]) -> None:
        def write(self: ChainFile, batch: list[events.AnyEvent], *, at: float) -> None:
            first(self)
            whole(self, batch, at=at)

        monkeypatch.setattr(ChainFile, "write", write)

    return use


def test_it_is_on_disk_when_it_is_said_so(writer: Writer, tmp_path: Path) -> None:
    """One after the other, without any loop."""
    assert writer.append_aside(_note("one"), BOUND) is True
    assert writer.append_aside(_note("two"), BOUND) is True
    assert _texts(tmp_path / "first") == ["one", "two"]


def test_without_an_open_file_nothing_is_said_to_be_kept(tmp_path: Path) -> None:
    """To open one is the loop's business."""
    assert Writer([tmp_path / "first"], "bot").append_aside(_note("one"), BOUND) is False
    assert not (tmp_path / "first").exists()


def test_it_waits_for_a_disk_no_longer_than_it_was_told(
    writer: Writer, tmp_path: Path, before_write: Callable[[Callable[[ChainFile], object]], None]
) -> None:
    """What comes too late is not said to be kept, and is kept."""
    release = threading.Event()
    before_write(lambda _: release.wait(BOUND))
    began = time.monotonic()
    assert writer.append_aside(_note("one"), 0.01) is False
    assert time.monotonic() - began < BOUND / 2
    release.set()
    _until(lambda: _texts(tmp_path / "first") == ["one"])


def test_what_a_failed_file_did_not_take_goes_to_the_next(
    writer: Writer, tmp_path: Path, before_write: Callable[[Callable[[ChainFile], object]], None]
) -> None:
    """At the loop's next look at the journal; until then it is not said to be kept. The file is left for good."""

    def fail(file: ChainFile) -> None:
        if file.chain == "bot":
            raise OSError(28, "injected")

    before_write(fail)
    assert writer.append_aside(_note("one"), 0.01) is False
    _until(lambda: writer._lane is not None and writer._lane.failed)
    writer.check()
    assert writer.append_aside(_note("two"), BOUND) is True
    assert (writer.chain, writer.failures) == ("bot-101", 1)
    assert _texts(tmp_path / "second") == ["one", "two"]
    assert is_written(tmp_path / "first" / "bot.jsonl")  # by nobody else, while this process lives


def test_whoever_waits_is_told_at_once_that_no_disk_takes_it(
    writer: Writer, before_write: Callable[[Callable[[ChainFile], object]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And does not wait until its time is up."""
    said: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lambda _, text: said.append(text))
    monkeypatch.setattr(writing, "_FILES_TRIED", 0)

    def fail(_: ChainFile) -> None:
        raise OSError(28, "injected")

    before_write(fail)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(writer.append_aside(_note("one"), BOUND)))
    began = time.monotonic()
    thread.start()
    _until(lambda: writer._lane is not None and writer._lane.failed)
    writer.check()
    thread.join(BOUND)
    assert time.monotonic() - began < BOUND / 2
    assert answers == [False]
    assert len(said) == writer.unkept == 1


def test_a_file_that_was_left_while_it_hung_is_taken_by_nobody(
    writer: Writer, tmp_path: Path, before_write: Callable[[Callable[[ChainFile], object]], None]
) -> None:
    """Though its write came to an end: its thread ends, and no other process goes on with it."""
    release = threading.Event()
    before_write(lambda _: release.wait(BOUND))
    assert writer.append_aside(_note("one"), 0.0) is False
    lane = writer._lane
    assert lane is not None
    _until(lambda: bool(lane._in_hand))
    assert [given.event for given in lane.take_over()] == [_note("one")]
    release.set()
    _until(lambda: not _is_running())
    assert is_written(tmp_path / "first" / "bot.jsonl")


def test_a_thread_that_was_left_while_it_rested_ends(writer: Writer) -> None:
    """Its write had come to an end just before."""
    assert writer.append_aside(_note("one"), BOUND) is True
    lane = writer._lane
    assert lane is not None
    assert lane.take_over() == []
    assert not lane.idle
    _until(lambda: not _is_running())
