"""What is kept of other histories, torn copies and hosts that speak up, and how does a copy reach the disk?"""

import json
import os
from pathlib import Path

import pytest

from bot.domain import events
from bot.journal import folders
from bot.journal.chain import BrokenLineError, Link
from bot.journal.pushed import FOLDER, OBEYED, ForkError, GapError, Pushed, is_of
from tests.unit.journal.chains import AT, Chains, make, rehashed

OTHER = (
    "one of the two was altered, or two hosts write under one name. Nothing was overwritten; find out which is right"
)


@pytest.fixture
def chains(tmp_path: Path) -> Chains:
    """The other host: `bastion` has five entries."""
    return make(tmp_path / "theirs", 8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the bot keeps its copies."""
    return tmp_path / FOLDER


def _lines(chains: Chains) -> list[str]:
    return [line.decode().rstrip("\n") for line in chains.lines("bastion")]


def _forged(chains: Chains, at: float) -> list[str]:
    """The same chain with another third entry."""
    made = rehashed(chains.lines("bastion"), "bastion", lambda seq, body: body.update(at=at) if seq == 3 else None)
    return made.decode().splitlines()


def _take(pushed: Pushed, chains: Chains, lines: list[str]) -> Link:
    return pushed.take("bastion", chains.heads()["bastion"], lines, at=AT)


def test_the_kinds_that_are_obeyed_are_those_that_hold_and_tell() -> None:
    """Whoever pushes ends no hold and closes nothing, in this version and the next."""
    told = "hold_added reason_given undo_recorded undos_recorded outcomes heads_seen refusal note"
    assert set(told.split()) == OBEYED
    assert {"pairs_lifted", "incident_closed", "posted"} & OBEYED == set()
    assert FOLDER == "journal-pushed"
    assert events.Note(at=1.0, text="").type in OBEYED


def test_the_answer_is_the_last_entry_that_is_here(chains: Chains, folder: Path) -> None:
    """Its number and its hash, whatever the host's own head is."""
    pushed, raw = Pushed(folder), [json.loads(line) for line in _lines(chains)]
    assert _take(pushed, chains, _lines(chains)[:2]) == Link(seq=2, digest=raw[1]["h"])
    assert _take(pushed, chains, []) == Link(seq=2, digest=raw[1]["h"])
    assert _take(pushed, chains, _lines(chains)[2:]) == Link(seq=5, digest=raw[4]["h"])


def test_a_copy_is_on_disk_before_it_is_answered(chains: Chains, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines first; the folder too where the file is new. The file is read once, for nobody else writes it."""
    done: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: done.append(str(Path(f"/proc/self/fd/{fd}").readlink())))
    monkeypatch.setattr(folders, "sync", lambda path: done.append(str(path)))
    pushed, copy = Pushed(folder), folder / "bastion.jsonl"
    _take(pushed, chains, _lines(chains)[:2])
    assert done == [str(copy), str(folder)]
    assert copy.stat().st_mode & 0o777 == 0o600
    before, head, lines = sum(1 for _ in Path("/proc/self/fd").iterdir()), chains.heads()["bastion"], _lines(chains)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read again"))
    pushed.take("bastion", head, lines, at=AT)
    assert done == [str(copy), str(folder), str(copy)]
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_a_copy_in_pieces_is_whole(chains: Chains, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may take less than it was given."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:50]))
    _take(Pushed(folder), chains, _lines(chains))
    assert (folder / "bastion.jsonl").read_bytes() == chains.path("bastion").read_bytes()


@pytest.mark.parametrize(("begin", "names"), [(0, 3), (2, 3), (3, 4), (4, 4)])
def test_another_history_is_named_by_its_first_entry_and_put_aside(
    chains: Chains, folder: Path, begin: int, names: int
) -> None:
    """Word for word what was offered, beside what is here; every chain by its own name."""
    pushed = Pushed(folder)
    _take(pushed, chains, _lines(chains)[:4])
    offered = _forged(chains, AT + 99)[begin:]
    with pytest.raises(ForkError) as raised:
        _take(pushed, chains, offered)
    assert raised.value.seq == names
    assert str(raised.value) == (f"entry {names} of the journal bastion is not the one that was pushed before: {OTHER}")
    (aside,) = folder.glob("*.fork-*")
    assert aside.name == f"bastion.fork-{json.loads(offered[-1])['h'][:16]}"
    assert aside.read_text() == "".join(f"{line}\n" for line in offered)
    assert pushed.forks() == ["bastion"]
    assert _take(pushed, chains, _lines(chains)).seq == 5


def test_eight_other_histories_are_kept_of_each_chain(chains: Chains, folder: Path) -> None:
    """So that nobody fills the disk with them; a chain whose name begins alike has its own."""
    pushed = Pushed(folder)
    _take(pushed, chains, _lines(chains))
    (folder / "bastion-2.fork-other").write_text("")
    for number in range(10):
        with pytest.raises(ForkError):
            _take(pushed, chains, _forged(chains, AT + 100 + number))
    assert len(list(folder.glob("bastion.fork-*"))) == 8
    (folder / "odd.fork-a.fork-b").write_text("")
    assert pushed.forks() == ["bastion", "bastion-2", "odd"]


def test_a_head_that_is_not_the_one_here_is_named_and_not_heard(chains: Chains, folder: Path) -> None:
    """The host speaks of another entry four; what it said before stays."""
    pushed = Pushed(folder)
    _take(pushed, chains, _lines(chains))
    with pytest.raises(ForkError) as raised:
        pushed.take("bastion", Link(seq=4, digest="00" * 32), [], at=AT + 9)
    assert (raised.value.seq, str(raised.value).split()[1:6]) == (4, ["4", "of", "the", "journal", "bastion"])
    assert pushed.heard()["bastion"].at == AT
    ahead = Link(seq=6, digest="00" * 32)
    assert pushed.take("bastion", ahead, [], at=AT + 10).seq == 5
    assert (pushed.heard()["bastion"].head, pushed.heard()["bastion"].have) == (ahead, 5)


def test_a_gap_is_named_and_nothing_of_the_push_is_kept(chains: Chains, folder: Path) -> None:
    """Not even what came before it."""
    pushed, lines = Pushed(folder), _lines(chains)
    with pytest.raises(GapError) as raised:
        _take(pushed, chains, [lines[0], lines[2]])
    assert (raised.value.next, str(raised.value)) == (2, "entry 2 of the journal bastion comes next: push from there")
    assert not (folder / "bastion.jsonl").exists()
    assert _take(pushed, chains, lines).seq == 5


def test_what_hosts_said_is_heard_by_chain(chains: Chains, folder: Path) -> None:
    """With how much of it is here, whether this process took it or an earlier one; what is unreadable is not heard."""
    pushed = Pushed(folder)
    assert (pushed.heard(), pushed.forks()) == ({}, [])
    head = chains.heads()["bastion"]
    _take(pushed, chains, _lines(chains)[:3])
    (folder / "a.head").write_text("not json")
    (folder / "b.head").write_text("[1]")
    (folder / "c.head").write_text('[3, "ab", 5.0]')
    (folder / "d.head").write_text("7")
    for reader in (pushed, Pushed(folder)):
        heard = reader.heard()
        assert list(heard) == ["bastion"]
        assert (heard["bastion"].head, heard["bastion"].at, heard["bastion"].have) == (head, AT, 3)
    assert sorted(path.name for path in folder.iterdir()) == [
        "a.head", "b.head", "bastion.head", "bastion.jsonl", "c.head", "d.head",
    ]  # fmt: skip
    folder.chmod(0o777)
    assert (pushed.heard(), pushed.forks()) == ({}, [])


def test_a_torn_copy_is_cut_to_its_last_whole_line(chains: Chains, folder: Path) -> None:
    """At the next push; the unfinished line was never answered."""
    _take(Pushed(folder), chains, _lines(chains)[:2])
    copy = folder / "bastion.jsonl"
    whole = copy.read_bytes()
    copy.write_bytes(whole + b'{"seq":3,')
    assert _take(Pushed(folder), chains, []).seq == 2
    assert copy.read_bytes() == whole
    assert _take(Pushed(folder), chains, _lines(chains)).seq == 5
    assert copy.read_bytes() == chains.path("bastion").read_bytes()


def test_a_copy_whose_lines_do_not_follow_is_damaged(chains: Chains, folder: Path) -> None:
    """Whatever its hashes say; the sentence says what to do."""
    _take(Pushed(folder), chains, _lines(chains)[:3])
    copy = folder / "bastion.jsonl"
    first, second, third = copy.read_bytes().splitlines(keepends=True)
    for spoilt, found in (
        (first + third, "entry 3 does not follow entry 1"),
        (second, "entry 2 does not follow entry 0"),
        (b"\xff\n", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ):
        copy.write_bytes(spoilt)
        with pytest.raises(BrokenLineError) as raised:
            _take(Pushed(folder), chains, _lines(chains))
        assert str(raised.value) == (
            f"the copy of the journal bastion here is damaged ({found}): move bastion.jsonl away and push again"
        )
        assert copy.read_bytes() == spoilt


def test_a_line_in_another_form_is_named(chains: Chains, folder: Path) -> None:
    """Its hash would hold, and the verifier would not take it."""
    with pytest.raises(BrokenLineError, match=r"^entry 1 is not in the form that journals are written in$"):
        _take(Pushed(folder), chains, [_lines(chains)[0] + " "])


@pytest.mark.parametrize(
    ("writer", "chain", "its"),
    [
        ("bot", "bot", True),
        ("bot", "bot-2", True),
        ("bot", "bot-101", True),
        ("bot", "bot-", False),
        ("bot", "robot-2", False),
        ("bot", "bot-x", False),
        ("bot", "bot-\u00b2", False),
        ("bot", "bot-\u0663", False),
        ("my-bot", "my-bot-2", True),
        ("my", "my-bot-2", False),
        ("bot-2", "bot-2", True),
    ],
)
def test_a_chain_is_its_writers_by_name_and_number(writer: str, chain: str, *, its: bool) -> None:
    """Nothing else that begins alike is."""
    assert is_of(writer, chain) is its
