"""Does the switch notice what is wrong with itself: its disks, its clock, its audit?"""

import threading
from pathlib import Path

import pytest

from bot.service import own_parts
from bot.service.own_parts import Audit, DatabaseClock, Disks, clock_looked, one_disk, trouble_of


def test_a_good_disk_keeps_nothing_of_the_look(tmp_path: Path) -> None:
    """The folder is made as the journal makes it, and is empty afterwards."""
    folder = tmp_path / "state" / "journal"
    assert trouble_of(folder) == ""
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_last_room_is_the_journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is scarce the look itself takes none of it."""
    monkeypatch.setattr(own_parts, "LEAST_FREE", 2**62)
    monkeypatch.setattr(own_parts, "_written", pytest.fail)
    assert "MiB left" in trouble_of(tmp_path / "journal")


def test_a_disk_that_takes_no_file_or_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its own sentence; a folder that is open to others counts as none."""
    (tmp_path / "file").write_text("")
    assert "takes no file" in trouble_of(tmp_path / "file" / "journal")
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    assert "takes no file" in trouble_of(tmp_path / "open")
    monkeypatch.setattr(own_parts, "LEAST_FREE", 2**62)
    assert "MiB left" in trouble_of(tmp_path / "journal")
    monkeypatch.setattr(own_parts, "LEAST_FREE", 0)
    monkeypatch.setattr(own_parts, "_LEAST_FILES", 2**62)
    assert "further files" in trouble_of(tmp_path / "journal")


async def test_every_disk_is_told_by_its_place(tmp_path: Path) -> None:
    """And the journal, where no disk takes it."""
    (tmp_path / "file").write_text("")
    chain: list[str | None] = ["bot"]
    disks = Disks((tmp_path / "file" / "journal", tmp_path / "second"), lambda: chain[0])
    looked = {it.subject: it.why for it in await disks()}
    assert "takes no file" in looked["disk state"]
    assert (looked["disk second"], looked["disk journal"]) == ("", "")
    chain[0] = None
    assert "NOT RECORDED" in {it.subject: it.why for it in await disks()}["disk journal"]


async def test_a_disk_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For its patience, then never again while it still hangs; afterwards it is asked anew."""
    hangs, asked = threading.Event(), []

    def ask(folder: Path) -> str:
        asked.append(folder)
        hangs.wait()
        return ""

    monkeypatch.setattr(own_parts, "trouble_of", ask)
    monkeypatch.setattr(own_parts, "_PATIENCE", 0.1)
    disks = Disks((tmp_path,), lambda: "bot")
    assert "does not answer within 0.1 s" in (await disks())[0].why
    assert "does not answer" in (await disks())[0].why
    assert len(asked) == 1
    hangs.set()
    disks._asking[tmp_path].join(30)
    monkeypatch.setattr(own_parts, "_PATIENCE", 30.0)
    assert (await disks())[0].why == ""


@pytest.mark.parametrize(
    ("skew", "words"),
    [(0.0, ""), (19.0, ""), (-19.0, ""), (21.0, "is 21 s behind Slack's"), (-400.0, "is 7 min ahead of Slack's")],
)
def test_a_clock_is_compared(skew: float, words: str) -> None:
    """Within twenty seconds nothing breaks; beyond them it says what will."""
    looked = clock_looked("clock slack", "Slack's", skew)
    assert bool(looked.why) is bool(words)
    assert words in looked.why
    assert not words or "signed requests" in looked.why


async def test_a_database_without_a_clock_is_no_part() -> None:
    """One that has one and is away is not known for now, and stays a part."""
    skew: list[float | None] = [None]
    clock = DatabaseClock(lambda: skew[0])
    assert await clock() == []
    skew[0] = 100.0
    assert "the ledger's database" in (await clock())[0].why
    skew[0] = None
    assert [(it.subject, it.sure) for it in await clock()] == [("clock database", False)]


async def test_an_audit_in_trouble_is_told() -> None:
    """In the words of the checkpoints."""
    assert (await Audit(list)())[0].why == ""
    assert (await Audit(lambda: ["audit: the disk is full"])())[0].why == "audit: the disk is full"


def test_two_folders_of_one_disk(tmp_path: Path) -> None:
    """Also where neither is there yet."""
    assert one_disk((tmp_path / "a" / "b", tmp_path / "c"))
    assert not one_disk((tmp_path,))
    assert not one_disk((tmp_path, Path("/proc/self")))
