"""What does a journal survive: crashes, rot, forgery, a second process, an erasure?"""

import json
from pathlib import Path

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.journal.chain import ERASED, BrokenLineError, Link, decode, encode, genesis
from bot.journal.chain_file import ChainFile, RottenError, TakenError
from bot.journal.reader import Reader

AT = 1_000_000_000.0


def _hold(number: int = 1, reason: str = "leaking <secrets>") -> events.HoldAdded:
    return events.HoldAdded(
        at=AT,
        hold=f"hold-{number}",
        incident="inc-1",
        mode=Mode.FULL_STOP,
        by=events.Person(kind="slack", id="U0ONCALL"),
        reason=reason,
        targets=(events.HeldTarget(key="t", surfaces=("a/b",), round_to=Mode.FULL_STOP),),
    )


def _line() -> tuple[str, Link]:
    line, link = encode(_hold(), genesis("bot"))
    return line.decode().removesuffix("\n"), link


def _write(path: Path, *numbers: int) -> None:
    file = ChainFile(path)
    file.write([_hold(number) for number in numbers], at=AT)
    file.close()


def test_an_event_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Reading a chain gives the events that were written, in order, text and names included."""
    _write(tmp_path / "bot.jsonl", 1, 2)
    tmp_path.chmod(0o700)

    assert [entry.event for entry in Reader([tmp_path]).new()] == [_hold(1), _hold(2)]


def test_a_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    """The second process continues the chain of the first, and the whole verifies."""
    _write(tmp_path / "bot.jsonl", 1)
    _write(tmp_path / "bot.jsonl", 2)
    tmp_path.chmod(0o700)
    reader = Reader([tmp_path])

    assert [entry.seq for entry in reader.new()] == [1, 2]
    assert reader.problems() == []


@pytest.mark.parametrize("kept", range(1, 400, 37))
def test_a_torn_tail_is_dropped_and_said(tmp_path: Path, kept: int) -> None:
    """A crash in mid-write costs the unfinished line alone, and the chain says that it was dropped."""
    path = tmp_path / "bot.jsonl"
    _write(path, 1, 2)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    path.write_bytes(whole[: first + kept])
    tmp_path.chmod(0o700)

    _write(path, 3)
    found = [entry.event for entry in Reader([tmp_path]).new()]

    assert [event.type for event in found] == ["hold_added", "note", "hold_added"]
    assert (found[0], found[2]) == (_hold(1), _hold(3))


def test_two_processes_never_write_one_chain(tmp_path: Path) -> None:
    """A chain that a live process holds is refused at once, never waited for."""
    held = ChainFile(tmp_path / "bot.jsonl")

    with pytest.raises(TakenError, match=r"bot\.jsonl is written by another process"):
        ChainFile(tmp_path / "bot.jsonl")
    held.close()


def test_rot_is_never_appended_to(tmp_path: Path) -> None:
    """A damaged line in the middle makes the file unfit for writing, and says which entry."""
    path = tmp_path / "bot.jsonl"
    _write(path, 1, 2, 3)
    path.write_bytes(path.read_bytes().replace(b"hold-2", b"hold-9"))

    with pytest.raises(RottenError, match="entry 2: its hash does not match"):
        ChainFile(path)


def test_the_rest_of_a_rotten_chain_is_kept(tmp_path: Path) -> None:
    """The reader reports the damaged entry and gives every other one."""
    path = tmp_path / "bot.jsonl"
    _write(path, 1, 2, 3)
    path.write_bytes(path.read_bytes().replace(b"hold-2", b"hold-9"))
    tmp_path.chmod(0o700)
    reader = Reader([tmp_path])

    assert [entry.event for entry in reader.new()] == [_hold(1), _hold(3)]
    assert reader.problems() == ["journal bot.jsonl: entry 2: its hash does not match its body; the rest is kept"]


def test_every_changed_byte_of_a_line_is_found() -> None:
    """No byte of what is hashed can change unseen; what is not hashed gives the erased text at the most."""
    line, link = _line()
    for index in range(len(line)):
        forged = line[:index] + chr((ord(line[index]) + 1) % 128) + line[index + 1 :]
        try:
            event, found = decode(forged, genesis("bot"))
        except BrokenLineError:
            continue
        assert found == link
        assert isinstance(event, events.HoldAdded)
        assert event.model_copy(update={"reason": "", "by": None}) == _hold().model_copy(
            update={"reason": "", "by": None}
        )
        assert event.reason in {_hold().reason, ERASED}


def test_an_erasure_does_not_break_the_chain() -> None:
    """Text and names can be taken out of a line for good, and its hash still holds."""
    line, link = _line()
    raw = json.loads(line)
    raw["aside"] = {}

    event, found = decode(json.dumps(raw), genesis("bot"))

    assert found == link
    assert isinstance(event, events.HoldAdded)
    assert (event.reason, event.by.id) == (ERASED, ERASED)


def test_text_is_not_guessable_from_the_chain() -> None:
    """The commitment is salted: the same words twice give two commitments, and no line shows them outside `aside`."""
    first, second = (json.loads(encode(_hold(), genesis("bot"))[0]) for _ in range(2))

    assert first["body"]["reason"] != second["body"]["reason"]
    assert "U0ONCALL" not in json.dumps(first["body"])


def test_a_chain_cannot_pass_for_another() -> None:
    """The name of the chain is in its first link, so that one chain cannot be renamed into another's place."""
    line, _ = _line()

    with pytest.raises(BrokenLineError, match="does not follow"):
        decode(line, genesis("bastion"))


def test_a_folder_that_others_can_write_to_is_not_read(tmp_path: Path) -> None:
    """A journal that somebody else could have written proves nothing."""
    _write(tmp_path / "bot.jsonl", 1)
    tmp_path.chmod(0o777)

    assert Reader([tmp_path]).new() == []
