"""What becomes of events when files fail one after the other, hang, or nobody waits any more?"""

import asyncio
import syslog
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.domain import events
from bot.journal import writer as writing
from bot.journal.chain import decode, genesis
from bot.journal.chain_file import ChainFile, is_written
from bot.journal.reader import Reader
from bot.journal.writer import Writer

Write = Callable[[ChainFile, list[events.AnyEvent]], None]
BOUND = 10.0  # seconds that anything here may take


def _note(text: str) -> events.Note:
    return events.Note(at=1.0, text=text)


def _texts(*folders: Path) -> list[str]:
    return [entry.event.text for entry in Reader(folders).new() if isinstance(entry.event, events.Note)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal folder that is not there yet."""
    return tmp_path / "journal"


@pytest.fixture
def writer(folder: Path) -> Iterator[Writer]:
    """A writer with one folder."""
    made = Writer([folder], "bot")
    yield made
    made.close()


@pytest.fixture
def before_write(monkeypatch: pytest.MonkeyPatch) -> Callable[[Write], None]:
    """Takes a function that runs before each write of a file; it may raise, or hang."""
    whole = ChainFile.write

    def use(first: Write) -> None:
        def write(self: ChainFile, batch: list[events.AnyEvent], *, at: float) -> None:
            first(self, batch)
            whole(self, batch, at=at)

        monkeypatch.setattr(ChainFile, "write", write)

    return use


def _fail(*names: str) -> Write:
    """Fails in the files of these names."""

    def first(file: ChainFile, _batch: object) -> None:
        if file.path.name in names:
            raise OSError(28, "injected")

    return first


def _wait_for(release: threading.Event) -> Write:
    """Hangs until then."""

    def first(_file: ChainFile, _batch: object) -> None:
        release.wait(BOUND)

    return first


async def _until(done: Callable[[], bool]) -> None:
    """Waits for what another thread does."""
    async with asyncio.timeout(BOUND):
        while not done():  # noqa: ASYNC110  # anything may be waited for
            await asyncio.sleep(0.001)


async def test_a_writer_says_where_it_writes(writer: Writer, folder: Path) -> None:
    """Nothing before the first event, then the chain and its last link; nothing again once it is closed."""
    assert (writer.chain, writer.head, writer.failures, writer.unkept) == (None, None, 0, 0)
    assert await writer.append(_note("one")) is True
    (entry,) = Reader([folder]).new()
    assert writer.chain == "bot"
    assert writer.head is not None
    assert (writer.head.seq, writer.head.digest) == (1, entry.digest)
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "journal-bot"] == [True]
    assert is_written(folder / "bot.jsonl")
    writer.close()
    assert writer.chain is None
    assert writer.head is None
    assert not is_written(folder / "bot.jsonl")
    assert [thread for thread in threading.enumerate() if thread.name == "journal-bot"] == []


async def test_a_closed_writer_opens_again(writer: Writer, folder: Path) -> None:
    """Its chain goes on; to close twice is nothing."""
    writer.open()
    assert writer.chain == "bot"
    await writer.append(_note("one"))
    writer.close()
    writer.close()
    assert await writer.append(_note("two")) is True
    assert _texts(folder) == ["one", "two"]


async def test_a_close_writes_what_was_given(writer: Writer, folder: Path) -> None:
    """Before it ends the thread."""
    waiting = [writer.append(_note(str(number))) for number in range(20)]
    writer.close()
    assert _texts(folder) == [str(number) for number in range(20)]
    assert [thread for thread in threading.enumerate() if thread.name == "journal-bot"] == []
    assert not is_written(folder / "bot.jsonl")
    assert await asyncio.gather(*waiting) == [True] * 20


async def test_a_close_waits_no_longer_than_it_was_told(writer: Writer, before_write: Callable[[Write], None]) -> None:
    """A disk that hangs does not keep a process from ending."""
    release = threading.Event()
    before_write(_wait_for(release))
    waiting = writer.append(_note("one"))
    began = time.monotonic()
    writer.close(0.05)
    assert time.monotonic() - began < BOUND / 2
    release.set()
    assert await waiting is True


async def test_waiting_events_share_one_write(writer: Writer, before_write: Callable[[Write], None]) -> None:
    """What came while the disk was busy goes there at once, in its order, and stands under the time of the write."""
    release, batches = threading.Event(), list[list[str]]()

    def first(_file: ChainFile, batch: list[events.AnyEvent]) -> None:
        release.wait(BOUND)
        batches.append([event.text for event in batch if isinstance(event, events.Note)])

    before_write(first)
    one = writer.append(_note("0"))
    await _until(lambda: writer._lane is not None and bool(writer._lane._in_hand))
    rest = [writer.append(_note(str(number))) for number in range(1, 6)]
    release.set()
    assert await asyncio.gather(one, *rest) == [True] * 6
    assert batches == [["0"], ["1", "2", "3", "4", "5"]]


async def test_a_tail_that_was_torn_is_told_under_the_time_of_the_write(writer: Writer, folder: Path) -> None:
    """Not under that of the event."""
    await writer.append(_note("one"))
    writer.close()
    with (folder / "bot.jsonl").open("a") as tail:
        tail.write("torn")
    await writer.append(_note("two"))
    told = [entry.event for entry in Reader([folder]).new()][1]
    assert isinstance(told, events.Note)
    assert abs(told.at - time.time()) < 60.0


async def test_a_file_that_failed_is_followed_by_the_next_number(
    writer: Writer, folder: Path, before_write: Callable[[Write], None]
) -> None:
    """In the same folder where there is no other; one that failed is never taken again."""
    before_write(_fail("bot.jsonl", "bot-2.jsonl"))
    assert await writer.append(_note("one")) is True
    assert (writer.chain, writer.failures) == ("bot-3", 2)
    assert _texts(folder) == ["one"]
    writer.close()
    assert await writer.append(_note("two")) is True
    assert writer.chain == "bot-3"


async def test_no_two_folders_have_a_chain_of_one_name(tmp_path: Path) -> None:
    """The second folder's are numbered from 101 on, the third's from 201."""
    for name in ("first", "second"):
        (tmp_path / name).write_text("not a folder")
    writer = Writer([tmp_path / "first", tmp_path / "second", tmp_path / "third"], "bot")
    assert await writer.append(_note("one")) is True
    assert writer.chain == "bot-201"
    writer.close()


async def test_the_folder_that_failed_least_is_tried_first(
    tmp_path: Path, before_write: Callable[[Write], None]
) -> None:
    """After one failure the other disk, after one there too the first again."""
    before_write(_fail("bot.jsonl", "bot-101.jsonl"))
    writer = Writer([tmp_path / "first", tmp_path / "second"], "bot")
    assert await writer.append(_note("one")) is True
    assert (writer.chain, writer.failures) == ("bot-2", 2)
    writer.close()


def _rot(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "bot.jsonl").write_text("rot\n")


async def test_a_damaged_file_is_left_and_the_next_is_written(writer: Writer, folder: Path) -> None:
    """It is kept as it is, beside the new chain."""
    _rot(folder)
    assert await writer.append(_note("one")) is True
    assert writer.chain == "bot-2"
    assert (folder / "bot.jsonl").read_text() == "rot\n"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What went to syslog."""
    found: list[tuple[int, str]] = []
    monkeypatch.setattr(syslog, "syslog", lambda level, text: found.append((level, text)))
    return found


async def test_what_no_disk_takes_goes_to_syslog_whole(
    writer: Writer, said: list[tuple[int, str]], before_write: Callable[[Write], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the line that it would have been, loudly; whoever waits is told at once that it is not recorded."""
    monkeypatch.setattr(writing, "_FILES_TRIED", 2)
    before_write(_fail("bot.jsonl", "bot-2.jsonl"))
    assert await writer.append(_note("first")) is False
    assert await writer.append(_note("second")) is False
    assert (writer.unkept, writer.failures, writer.chain) == (2, 2, None)
    assert [level for level, _ in said] == [syslog.LOG_CRIT] * 2
    lines = [text.partition("agent-kill NOT RECORDED: ") for _, text in said]
    assert [before for before, _, _ in lines] == ["", ""]
    assert [decode(line, genesis("syslog"))[0] for _, _, line in lines] == [_note("first"), _note("second")]


async def test_a_syslog_that_fails_does_not_leave_anybody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P1: the answer is that nothing is recorded."""

    def fail(_level: int, _text: str) -> None:
        raise OSError("no syslog here")

    monkeypatch.setattr(syslog, "syslog", fail)
    (tmp_path / "file").write_text("not a folder")
    writer = Writer([tmp_path / "file"], "bot")
    waiting = writing._Waiting(_note("one"), asyncio.get_running_loop())
    with pytest.raises(OSError, match="no syslog here"):
        writer._give(waiting)
    assert await waiting.done is False


async def test_a_further_event_frees_what_hangs(
    tmp_path: Path, before_write: Callable[[Write], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without anybody's check: both are recorded on the other disk, in their order, and the thread ends alone."""
    monkeypatch.setattr(writing, "STUCK_AFTER", 0.0)
    release = threading.Event()

    def first(file: ChainFile, _batch: object) -> None:
        if file.chain == "bot":
            release.wait(BOUND)

    before_write(first)
    writer = Writer([tmp_path / "first", tmp_path / "second"], "bot")
    one = writer.append(_note("one"))
    await _until(lambda: writer._lane is not None and writer._lane.stuck())
    two = writer.append(_note("two"))
    assert (await one, await two) == (True, True)
    assert (writer.chain, writer.failures) == ("bot-101", 1)
    assert _texts(tmp_path / "second") == ["one", "two"]
    release.set()
    await _until(lambda: not any(thread.name == "journal-bot" for thread in threading.enumerate()))
    writer.close()


async def test_everything_that_waits_behind_a_hang_moves_on(
    tmp_path: Path, before_write: Callable[[Write], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the thread's hand, and what is queued behind it, in their order."""
    release = threading.Event()

    def first(file: ChainFile, _batch: object) -> None:
        if file.chain == "bot":
            release.wait(BOUND)

    before_write(first)
    writer = Writer([tmp_path / "first", tmp_path / "second"], "bot")
    waiting = [writer.append(_note("0"))]
    await _until(lambda: writer._lane is not None and bool(writer._lane._in_hand))
    waiting += [writer.append(_note(str(number))) for number in range(1, 4)]
    monkeypatch.setattr(writing, "STUCK_AFTER", 0.0)
    writer.check()
    monkeypatch.setattr(writing, "STUCK_AFTER", BOUND)
    assert await asyncio.gather(*waiting) == [True] * 4
    assert _texts(tmp_path / "second") == ["0", "1", "2", "3"]
    release.set()
    await _until(lambda: not any(thread.name == "journal-bot" for thread in threading.enumerate()))
    writer.close()


async def test_a_writer_that_rests_is_not_stuck(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long ago the last write was."""
    assert await writer.append(_note("one")) is True
    monkeypatch.setattr(writing, "STUCK_AFTER", -1.0)
    writer.check()
    assert (writer.failures, writer.chain) == (0, "bot")


def test_an_event_whose_loop_is_gone_is_written_all_the_same(
    tmp_path: Path, before_write: Callable[[Write], None]
) -> None:
    """Whoever waits in another loop hears of theirs, and a failure in between loses nothing."""
    release = threading.Event()

    def first(file: ChainFile, batch: list[events.AnyEvent]) -> None:
        release.wait(BOUND)
        if file.chain == "bot" and batch[0] == _note("gone"):
            raise OSError(5, "injected")

    before_write(first)
    writer = Writer([tmp_path / "first", tmp_path / "second"], "bot")

    async def give_and_leave() -> None:
        writer.append(_note("gone"))

    asyncio.run(give_and_leave())
    lane = writer._lane
    assert lane is not None
    release.set()
    end = time.monotonic() + BOUND
    while not lane.failed and time.monotonic() < end:
        time.sleep(0.001)
    assert lane.failed

    async def wait() -> bool:
        return await writer.append(_note("here"))

    assert asyncio.run(wait()) is True
    writer.close()
    assert _texts(tmp_path / "second") == ["gone", "here"]


def test_two_loops_share_a_writer(folder: Path, before_write: Callable[[Write], None]) -> None:
    """One batch answers both."""
    release = threading.Event()
    before_write(_wait_for(release))
    writer = Writer([folder], "bot")
    answers: list[bool] = []

    async def give(text: str) -> None:
        waiting = writer.append(_note(text))
        if text == "last":
            release.set()
        answers.append(await waiting)

    threads = []
    for text in ("first", "second", "last"):
        threads.append(threading.Thread(target=lambda said=text: asyncio.run(give(said))))
        threads[-1].start()
        end = time.monotonic() + BOUND
        while time.monotonic() < end and (writer._lane is None or not _waits(writer, text)):
            time.sleep(0.001)
    for thread in threads:
        thread.join(BOUND)
    writer.close()
    assert answers == [True] * 3
    assert _texts(folder) == ["first", "second", "last"]


def _waits(writer: Writer, text: str) -> bool:
    """Whether the event is on its way: the first in hand, the second behind it."""
    lane = writer._lane
    assert lane is not None
    return bool(lane._in_hand) if text == "first" else lane._queue.qsize() >= 1 or text == "last"
