"""Does the database catch up with the journals, whatever happens to it, while nothing waits?"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bot.core import SystemClock
from bot.journal.reader import Entry
from bot.journal.writer import Writer
from bot.store.follower import Follower, Tail
from bot.store.ledger import SqlLedger, open_ledger
from tests.unit.store import scenes


class Quick(SystemClock):
    """Waits a twentieth, so that backing off takes no time in tests."""

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds / 20)


class Running:
    """A follower at work on one chain in memory."""

    def __init__(self, url: str) -> None:
        self.url, self.chain = url, scenes.Chain("bot")
        self.follower = Follower(self.read, lambda: open_ledger(url), Quick())
        self.task = asyncio.create_task(self.follower.run())

    def read(self, heads: dict[str, int]) -> list[Entry]:
        """What follows the heads."""
        return [entry for entry in self.chain.entries if entry.seq > heads.get("bot", 0)]

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return Path(self.url.removeprefix("sqlite:///"))

    async def whole(self) -> None:
        """Waits until the database has everything and nothing is wrong."""
        want = len(self.chain.entries)

        def reached() -> bool:
            if self.follower.lag_entries != 0 or self.follower.problems() or not self.path.exists():
                return False
            with closing(sqlite3.connect(self.path)) as other, suppress(sqlite3.Error):
                return int(other.execute("SELECT count(*) FROM entries").fetchone()[0]) == want
            return False

        await until(reached)


@pytest.fixture
async def running(url: str) -> AsyncIterator[Running]:
    """A follower whose database has everything that there is."""
    made = Running(url)
    made.chain.add(scenes.hold(1, "t1"))
    await made.whole()
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)


class Hanging:
    """A ledger that never answers."""

    closed = False

    async def heads(self) -> dict[str, int]:
        """None."""
        return {}

    async def follow(self, entries: Sequence[Entry]) -> None:
        """Never returns."""
        assert entries
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """Is seen."""
        self.closed = True


async def until(reached: Callable[[], bool]) -> None:
    """Polls for an effect, twenty seconds at the most."""
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110  # the effect has no event
            await asyncio.sleep(0.01)


async def test_what_is_journaled_is_stored_soon_after(running: Running) -> None:
    """And the lag is told as none."""
    running.chain.add(scenes.proof("t1", at=11.0))
    await running.whole()
    assert (running.follower.lag_seconds(), running.follower.failures) == (0.0, 0)


async def test_a_locked_database_is_followed_once_it_is_free(running: Running) -> None:
    """Another process holds SQLite's write lock beyond every patience."""
    with closing(sqlite3.connect(running.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        running.chain.add(scenes.proof("t1", at=11.0))
        await until(lambda: bool(running.follower.problems()))
        assert "database is locked; stops do not wait for it" in running.follower.problems()[0]
        assert running.follower.lag_entries == 1
        assert running.follower.lag_seconds() > 0
    await running.whole()


async def test_a_corrupt_database_is_said_and_a_repaired_one_is_followed(running: Running) -> None:
    """Bytes are overwritten under it; once the file is taken away, a new one gets everything."""
    running.task.cancel()
    await asyncio.gather(running.task, return_exceptions=True)
    running.path.write_bytes(b"not a database at all, " * 1_000)
    running.task = asyncio.create_task(running.follower.run())
    await until(lambda: bool(running.follower.problems()))
    assert "file is not a database" in running.follower.problems()[0]
    running.path.unlink()
    await running.whole()


async def test_a_database_that_is_a_folder_is_a_problem_and_no_more(tmp_path: Path) -> None:
    """The follower tries on; nothing is raised."""
    made = Running(f"sqlite:///{tmp_path}")
    await until(lambda: made.follower.failures >= 3)
    assert "unable to open database file" in made.follower.problems()[0]
    assert not made.task.done()
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)


async def test_an_old_backup_put_back_is_filled_up_again(running: Running) -> None:
    """The journal is the truth; the database follows it anew."""
    backup = running.path.with_suffix(".bak")
    with closing(sqlite3.connect(running.path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.execute("VACUUM INTO ?", (str(backup),))
    running.chain.add(scenes.proof("t1", at=11.0))
    await running.whole()
    running.task.cancel()
    await asyncio.gather(running.task, return_exceptions=True)
    backup.replace(running.path)
    running.task = asyncio.create_task(running.follower.run())
    await running.whole()


async def test_a_replaced_journal_is_said_at_the_next_start(running: Running) -> None:
    """Even where it is as long as the one that the database knows."""
    running.task.cancel()
    await asyncio.gather(running.task, return_exceptions=True)
    running.chain = scenes.Chain("bot")
    running.chain.add(scenes.hold(2, "t1"))
    running.task = asyncio.create_task(running.follower.run())
    await until(lambda: bool(running.follower.problems()))
    assert "entry 1 of the journal bot" in running.follower.problems()[0]


async def test_a_database_that_hangs_is_given_up_after_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that never answers is closed beside and opened anew."""
    monkeypatch.setattr("bot.store.follower.PATIENCE", 0.1)
    opened: list[Hanging] = []

    async def make() -> Hanging:
        opened.append(Hanging())
        return opened[-1]

    chain = scenes.Chain("bot")
    chain.add(scenes.hold(1, "t1"))
    follower = Follower(lambda _heads: chain.entries, make, Quick())
    task = asyncio.create_task(follower.run())
    await until(lambda: len(opened) >= 3)
    assert "no answer" in follower.problems()[0]
    assert opened[0].closed
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_no_password_stands_in_a_problem() -> None:
    """The address of the database is nobody's business."""

    async def make() -> SqlLedger:
        raise OSError("cannot reach postgresql://bot:hunter2@db:5432/ledger")

    follower = Follower(lambda _heads: [], make, Quick())
    task = asyncio.create_task(follower.run())
    await until(lambda: bool(follower.problems()))
    assert "hunter2" not in follower.problems()[0]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_tail_gives_what_the_database_lacks_from_real_journals(tmp_path: Path) -> None:
    """Also after the database became an older one."""
    folder = tmp_path / "journal"
    writer, tail = Writer([folder], "bot"), Tail([folder])
    for number in (1, 2):
        assert await writer.append(scenes.hold(number, "t1"))
    assert [entry.seq for entry in tail({})] == [1, 2]
    assert [entry.seq for entry in tail({"bot": 2})] == []
    assert await writer.append(scenes.hold(3, "t1"))
    assert [entry.seq for entry in tail({"bot": 2})] == [3]
    assert [entry.seq for entry in tail({"bot": 1})] == [2, 3]
    writer.close()


async def test_an_outage_that_a_drill_rehearses_ends_with_the_drill(running: Running) -> None:
    """Nothing is told meanwhile, that is a problem like any other, and everything follows afterwards."""
    refused = ["rehearsed"]
    running.follower.refused = lambda: refused[0]
    running.chain.add(scenes.hold(2, "t2"))
    await until(lambda: any("rehearsed" in problem for problem in running.follower.problems()))
    refused[0] = ""
    await running.whole()
