"""Does a journal file reach the disk in the right order, keep its lock to itself, and say what was wrong with it?"""

import fcntl
import os
from pathlib import Path

import pytest

from bot.domain import events
from bot.journal.chain_file import ChainFile, RottenError, TakenError, is_written
from bot.journal.reader import Reader


def _note(text: str) -> events.Note:
    return events.Note(at=1.0, text=text)


def _texts(folder: Path) -> list[str]:
    folder.chmod(0o700)
    return [entry.event.text for entry in Reader([folder]).new() if isinstance(entry.event, events.Note)]


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was brought to the disk, in order, a file with what it held then."""
    found: list[str] = []

    def watch(name: str) -> None:
        real = getattr(os, name)

        def spy(fd: int) -> None:
            path = Path(f"/proc/self/fd/{fd}").resolve()
            found.append(f"{path.name} {path.stat().st_size}" if path.is_file() else path.name)
            real(fd)

        monkeypatch.setattr(os, name, spy)

    watch("fsync")
    watch("fdatasync")
    return found


def test_a_new_file_is_as_durable_as_its_first_line(tmp_path: Path, synced: list[str]) -> None:
    """Its name first, then its lines before the write returns; an old file's name is not brought there again."""
    path = tmp_path / "bot.jsonl"
    file = ChainFile(path)
    assert synced == [tmp_path.name]
    file.write([_note("one")], at=1.0)
    assert synced == [tmp_path.name, f"bot.jsonl {path.stat().st_size}"]
    file.close()
    ChainFile(path).close()
    assert len(synced) == 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_one_file_takes_many_writes(tmp_path: Path) -> None:
    """Each goes on where the last one ended, and the head is the last line's."""
    file = ChainFile(tmp_path / "bot.jsonl")
    assert (file.chain, file.head.seq) == ("bot", 0)
    file.write([_note("one"), _note("two")], at=1.0)
    file.write([_note("three")], at=1.0)
    assert file.head.seq == 3
    file.close()
    assert _texts(tmp_path) == ["one", "two", "three"]
    again = ChainFile(tmp_path / "bot.jsonl")
    assert again.head == file.head
    again.close()


def test_a_write_in_pieces_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may take less than it was given."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    file = ChainFile(tmp_path / "bot.jsonl")
    file.write([_note("one"), _note("two")], at=1.0)
    file.close()
    assert _texts(tmp_path) == ["one", "two"]


def test_a_torn_tail_is_told_once_with_its_length_and_time(tmp_path: Path) -> None:
    """By the first write after it."""
    path = tmp_path / "bot.jsonl"
    file = ChainFile(path)
    file.write([_note("one")], at=1.0)
    file.close()
    with path.open("ab") as tail:
        tail.write(b"torn!")
    torn = ChainFile(path)
    assert torn.torn == 5
    torn.write([_note("two")], at=7.0)
    torn.write([_note("three")], at=8.0)
    torn.close()
    tmp_path.chmod(0o700)
    told = [entry.event for entry in Reader([tmp_path]).new()]
    assert told == [
        _note("one"),
        events.Note(at=7.0, text="a torn tail of 5 bytes was dropped"),
        _note("two"),
        _note("three"),
    ]


def test_a_file_that_cannot_be_used_is_let_go(tmp_path: Path) -> None:
    """Neither its lock nor anything else of it is kept, and the reason is in the sentence."""
    path = tmp_path / "bot.jsonl"
    file = ChainFile(path)
    file.write([_note("one"), _note("two")], at=1.0)
    before = _open_files()
    with pytest.raises(TakenError) as taken:
        ChainFile(path)
    assert str(taken.value) == "bot.jsonl is written by another process"
    file.close()
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(second + first)
    for _ in range(2):
        with pytest.raises(RottenError) as rotten:
            ChainFile(path)
        assert str(rotten.value) == "bot.jsonl: entry 2 does not follow entry 0"
    path.write_bytes(b"\xff\n")
    with pytest.raises(RottenError, match=r"^bot\.jsonl: 'utf-8' codec"):
        ChainFile(path)
    assert _open_files() == before - 1
    assert path.read_bytes() == b"\xff\n"


def test_who_asks_whether_a_chain_is_written_disturbs_nobody(tmp_path: Path) -> None:
    """Yes while a process holds it, no before and after, and no file is left open."""
    path = tmp_path / "bot.jsonl"
    before = _open_files()
    assert not is_written(path)
    assert not path.exists()
    file = ChainFile(path)
    assert is_written(path)
    assert is_written(path)
    file.write([_note("one")], at=1.0)
    file.close()
    assert not is_written(path)
    ChainFile(path).close()
    assert _open_files() == before


def test_others_who_ask_are_no_writers(tmp_path: Path) -> None:
    """Two may ask at one time."""
    path = tmp_path / "bot.jsonl"
    path.touch()
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    assert not is_written(path)
    os.close(fd)
