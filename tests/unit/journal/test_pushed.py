"""Is a journal that another host hands over kept exactly, once, and never obeyed where it would loosen anything?"""

from pathlib import Path

import pytest

from bot.domain import events
from bot.journal.chain import BrokenLineError, Json, Link
from bot.journal.pushed import FOLDER, ForkError, GapError, Pushed, is_of
from bot.journal.reader import Reader
from tests.unit.journal.chains import AT, Chains, event, make, rehashed


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


def _take(pushed: Pushed, chains: Chains, lines: list[str]) -> int:
    return pushed.take("bastion", chains.heads()["bastion"], lines, at=AT).seq


def _forge(seq: int, body: Json) -> None:
    if seq == 3:
        body["at"] += 99


def test_what_is_pushed_is_kept_byte_for_byte(chains: Chains, folder: Path) -> None:
    """In parts, repeated, and by a process that was started anew."""
    lines = _lines(chains)
    pushed = Pushed(folder)
    assert _take(pushed, chains, []) == 0
    assert _take(pushed, chains, lines[:2]) == 2
    assert _take(pushed, chains, lines[:3]) == 3
    assert _take(Pushed(folder), chains, lines) == 5

    assert (folder / "bastion.jsonl").read_bytes() == chains.path("bastion").read_bytes()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [entry.seq for entry in Reader([folder]).new()] == [1, 2, 3, 4, 5]


def test_a_gap_names_the_entry_that_is_wanted(chains: Chains, folder: Path) -> None:
    """Nothing is kept of a push that begins too late."""
    pushed = Pushed(folder)
    _take(pushed, chains, _lines(chains)[:1])

    with pytest.raises(GapError, match="entry 2 of the journal bastion comes next") as caught:
        _take(pushed, chains, _lines(chains)[2:])
    assert caught.value.next == 2
    assert pushed.heard()["bastion"].have == 1


@pytest.mark.parametrize("begin", [0, 3, 4])
def test_another_history_is_put_aside_and_told(chains: Chains, folder: Path, begin: int) -> None:
    """Whether it repeats what is here or goes on from what is not; what was here stays as it was."""
    pushed = Pushed(folder)
    _take(pushed, chains, _lines(chains)[:4])
    before = (folder / "bastion.jsonl").read_bytes()
    forged = rehashed(
        chains.lines("bastion"), "bastion", lambda seq, body: body.update(at=AT + 99) if seq == 3 else None
    )
    lines = forged.decode().splitlines()

    with pytest.raises(ForkError, match="is not the one that was pushed before"):
        _take(pushed, chains, lines[begin:])
    assert (folder / "bastion.jsonl").read_bytes() == before
    assert pushed.forks() == ["bastion"]
    assert _take(pushed, chains, _lines(chains)) == 5


def test_a_head_that_is_not_the_one_here_is_a_fork(chains: Chains, folder: Path) -> None:
    """The host says something else about an entry that it pushed before."""
    pushed = Pushed(folder)
    _take(pushed, chains, _lines(chains))

    with pytest.raises(ForkError):
        pushed.take("bastion", Link(seq=4, digest="00" * 32), [], at=AT)


def test_a_host_says_how_far_it_is(chains: Chains, folder: Path) -> None:
    """A head alone tells the bot what it does not have, across a restart."""
    Pushed(folder).take("bastion", chains.heads()["bastion"], _lines(chains)[:2], at=AT)
    heard = Pushed(folder).heard()["bastion"]

    assert (heard.head.seq, heard.have, heard.at) == (5, 2, AT)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace('"seq"', '"sEq"'),
        lambda line: line.replace('"at":1', '"at":2'),
        lambda line: line.replace('{"seq"', '{\n"seq"'),
        lambda line: line.replace('"seq":1,', '"seq":true,'),
        lambda line: line + " ",
        lambda _: "",
    ],
)
def test_a_line_that_no_writer_wrote_is_refused(chains: Chains, folder: Path, spoil: object) -> None:
    """Altered, or written in another form, which a line break in it would be too."""
    assert callable(spoil)

    with pytest.raises(BrokenLineError):
        _take(Pushed(folder), chains, [spoil(_lines(chains)[0])])
    assert not (folder / "bastion.jsonl").exists()


def test_a_copy_that_a_crash_tore_goes_on(chains: Chains, folder: Path) -> None:
    """The unfinished line was never answered, so that the host pushes it again."""
    _take(Pushed(folder), chains, _lines(chains)[:2])
    with (folder / "bastion.jsonl").open("a") as file:
        file.write(_lines(chains)[2][:30])

    assert _take(Pushed(folder), chains, _lines(chains)[2:]) == 5


def test_a_damaged_copy_is_not_appended_to(chains: Chains, folder: Path) -> None:
    """The message says what to do."""
    _take(Pushed(folder), chains, _lines(chains)[:2])
    path = folder / "bastion.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"at":1', b'"at":2', 1))

    with pytest.raises(BrokenLineError, match=r"move bastion\.jsonl away and push again"):
        _take(Pushed(folder), chains, _lines(chains))


def test_a_lift_is_kept_and_not_obeyed(chains: Chains, folder: Path) -> None:
    """Only the bot's own journal ends holds; what comes after it is obeyed again."""
    chains.write([events.PairsLifted(at=AT, ballot="b", pairs=(("hold-4", "t"),)), event(4)], "bastion")
    assert _take(Pushed(folder), chains, _lines(chains)) == 7
    reader = Reader([folder])

    assert [entry.seq for entry in reader.new()] == [1, 2, 3, 4, 5, 7]
    assert reader.problems() == [
        "entry 6 of the journal bastion was pushed and says pairs_lifted: it is kept and not obeyed"
    ]
    chains.folder.chmod(0o700)
    assert 6 in [entry.seq for entry in Reader([chains.folder]).new() if entry.chain == "bastion"]


def test_chains_belong_to_their_writer() -> None:
    """By name, or by name and number."""
    assert is_of("bastion", "bastion")
    assert is_of("bastion", "bastion-2")
    assert not is_of("bastion", "bastion-x")
    assert not is_of("bastion", "bastion2")
