"""Does a reader follow its journals line by line, and say what it passed over?"""

import logging
import resource
from pathlib import Path

import pytest

from bot.domain import events
from bot.journal.chain import genesis
from bot.journal.reader import Entry, Reader
from tests.unit.journal.chains import AT, Chains, event, make


@pytest.fixture
def chains(tmp_path: Path) -> Chains:
    """`bot` with eight entries and `bastion` with five."""
    return make(tmp_path / "journal", 8)


def _seqs(entries: list[Entry]) -> list[tuple[str, int]]:
    return [(entry.chain, entry.seq) for entry in entries]


def test_each_entry_comes_once_with_its_place_and_its_text(chains: Chains) -> None:
    """Chain by chain; what is appended comes at the next call, alone."""
    reader = Reader([chains.folder])
    assert reader.heads() == {}
    first = reader.new()
    assert _seqs(first) == [("bastion", seq) for seq in range(1, 6)] + [("bot", seq) for seq in range(1, 9)]
    assert [entry.line.encode() + b"\n" for entry in first] == [*chains.lines("bastion"), *chains.lines()]
    assert reader.heads() == chains.heads()
    assert (first[-1].digest, first[4].event) == (chains.heads()["bot"].digest, event(4))
    assert reader.new() == []
    chains.write([event(1), event(2)])
    more = reader.new()
    assert [(entry.seq, entry.event) for entry in more] == [(9, event(1)), (10, event(2))]
    assert reader.problems() == []


def test_a_line_that_is_being_written_is_read_when_it_is_whole(chains: Chains) -> None:
    """Not a byte of it before."""
    whole = chains.path().read_bytes()
    half = whole.rindex(b"\n", 0, len(whole) - 1) + 20
    chains.path().write_bytes(whole[:half])
    reader = Reader([chains.folder])
    assert _seqs(reader.new(but="bastion"))[-1] == ("bot", 7)
    assert reader.new(but="bastion") == []
    chains.path().write_bytes(whole)
    assert _seqs(reader.new(but="bastion")) == [("bot", 8)]
    assert _seqs(reader.new(but="bot")) == [("bastion", seq) for seq in range(1, 6)]
    assert reader.problems() == []


def test_a_journal_that_cannot_be_read_is_named_until_it_can(chains: Chains) -> None:
    """The others are read; what stands there comes as soon as it can be read."""
    away, path = chains.folder / "away", chains.path()
    path.rename(away)
    path.mkdir()
    reader = Reader([chains.folder])
    assert {entry.chain for entry in reader.new()} == {"bastion"}
    assert reader.unread == tuple(reader.problems())
    assert reader.unread == (
        "the journal bot.jsonl cannot be read: Is a directory; nothing is given back until that is mended",
    )
    path.rmdir()
    away.rename(path)
    assert _seqs(reader.new()) == [("bot", seq) for seq in range(1, 9)]
    assert not reader.problems()


def test_a_folder_that_cannot_be_listed_is_named(chains: Chains) -> None:
    """With no descriptor left nothing is read, and nobody may take that for no stop."""
    reader = Reader([chains.folder, chains.folder / "missing"])
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        entries = reader.new()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert entries == []
    (unread,) = reader.unread
    assert unread.startswith(f"the journals in {chains.folder} cannot be read: Too many open files; nothing is given")
    assert len(reader.new()) == 13
    assert not reader.problems()


def test_a_folder_that_vanishes_while_it_is_read_holds_nothing(chains: Chains, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that never was."""
    monkeypatch.setattr("bot.journal.reader.is_ours", lambda _: True)
    reader = Reader([chains.folder / "missing"])
    assert (reader.new(), reader.unread) == ([], ())


def test_an_empty_journal_has_no_head(chains: Chains) -> None:
    """Nor has one whose last line is damaged; the line after a damaged one is taken as it stands."""
    (chains.folder / "empty.jsonl").touch()
    reader = Reader([chains.folder])
    reader.new()
    assert set(reader.heads()) == {"bot", "bastion"}
    with chains.path().open("ab") as file:
        file.write(b"rot\n")
    assert reader.new() == []
    assert set(reader.heads()) == {"bastion"}
    assert reader.problems() == ["journal bot.jsonl: not a journal line: JSONDecodeError; the rest is kept"]


def test_the_first_line_of_a_chain_follows_its_name(chains: Chains, caplog: pytest.LogCaptureFixture) -> None:
    """A chain that was renamed is damaged at its first entry, and read all the same; the log says it too."""
    caplog.set_level(logging.ERROR)
    chains.path("bastion").rename(chains.path("forged"))
    reader = Reader([chains.folder])
    found = reader.new(but="bot")
    assert _seqs(found) == [("forged", seq) for seq in range(2, 6)]
    said = "journal forged.jsonl: entry 1 does not follow entry 0; the rest is kept"
    assert reader.problems() == [said]
    assert [(record.name, record.getMessage()) for record in caplog.records] == [("bot.journal.reader", said)]
    assert reader.heads()["forged"] == chains.heads()["forged"] != genesis("forged")


def test_bytes_that_are_no_text_are_passed_over(chains: Chains) -> None:
    """And what follows them is read."""
    lines = chains.lines("bastion")
    chains.path("bastion").write_bytes(lines[0] + b"\xff\n" + lines[1])
    reader = Reader([chains.folder])
    assert [entry.seq for entry in reader.new(but="bot")] == [1, 2]
    assert len(reader.problems()) == 1


def test_a_journal_that_cannot_be_read_hides_no_other(chains: Chains, caplog: pytest.LogCaptureFixture) -> None:
    """A folder in a file's place, say."""
    (chains.folder / "a-folder.jsonl").mkdir()
    for number in range(600):
        (chains.folder / "a-folder.jsonl" / str(number)).touch()
    assert len(Reader([chains.folder]).new()) == 13
    assert "the journal a-folder.jsonl cannot be read" in caplog.text


def test_folders_are_read_in_their_order(chains: Chains, tmp_path: Path) -> None:
    """One that is missing, or open to others, is empty."""
    other = make(tmp_path / "other", 2)
    open_one = make(tmp_path / "open", 2)
    open_one.folder.chmod(0o755)
    reader = Reader([other.folder, tmp_path / "missing", open_one.folder, chains.folder])
    assert [chain for chain, _ in _seqs(reader.new())] == ["bastion"] * 5 + ["bot"] * 2 + ["bastion"] * 5 + ["bot"] * 8


def test_what_was_pushed_and_would_loosen_is_said(chains: Chains, tmp_path: Path) -> None:
    """By its kind and place; the entries after it are given."""
    pushed = Chains(tmp_path / "journal-pushed", chains.signer)
    pushed.folder.mkdir(mode=0o700)
    lift = events.PairsLifted(at=AT, ballot="b", pairs=())
    pushed.write([event(3), lift, event(3)], "bastion")
    reader = Reader([pushed.folder])
    assert [entry.seq for entry in reader.new()] == [1, 3]
    assert reader.problems() == [
        "entry 2 of the journal bastion was pushed and says pairs_lifted: it is kept and not obeyed"
    ]
