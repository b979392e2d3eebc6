"""Does the ledger in PostgreSQL hold what the journals say, and does nothing wait for it when it hangs?"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.core import SystemClock
from bot.store.follower import Follower
from bot.store.ledger import SqlLedger, open_ledger
from bot.store.lock import AdvisoryLock, AlreadyServedError, make_lock
from bot.store.upgrade import SchemaError, current, pending, ready, upgrade
from tests.contract.servers import Database, PostgresServer
from tests.unit.store import scenes

CLOCK = SystemClock()


@pytest.fixture
def url(postgres_database: Database) -> str:
    """The database's owner is the bot here; the schema is not there yet."""
    return postgres_database.dsn(postgres_database.owner)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """An empty ledger."""
    await upgrade(url)
    made = await open_ledger(url)
    yield made
    await made.aclose()


async def until(reached: Callable[[], bool], seconds: float = 20.0) -> None:
    """Polls for an effect, within a bound."""
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110  # the effect has no event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "scene",
    [
        scenes.plays_a_stop,
        scenes.knows_repetition,
        scenes.knows_no_order,
        scenes.refuses_another_past,
        scenes.takes_ten_thousand_receipts,
        scenes.takes_any_text,
    ],
)
async def test_the_ledger_holds_what_the_journals_say(
    ledger: SqlLedger, scene: Callable[[SqlLedger], Awaitable[None]]
) -> None:
    """The same scenes as in SQLite."""
    await scene(ledger)


async def test_serve_never_changes_the_schema_itself(url: str) -> None:
    """The error names the command; after it the database is ready, and a second run does nothing."""
    with pytest.raises(SchemaError, match=r"the database lacks 0001, 0002: run `agent-kill db upgrade`"):
        await ready(url)
    assert (await current(url), await pending(url)) == (None, ["0001", "0002"])
    assert await upgrade(url) == ["0001", "0002"]
    assert await upgrade(url) == []
    assert (await current(url), await pending(url)) == ("0002", [])
    await ready(url)


async def test_two_upgrades_at_once_are_one(url: str) -> None:
    """One waits for the other."""
    applied = await asyncio.gather(upgrade(url), upgrade(url))
    assert sorted(applied) == [[], ["0001", "0002"]]


async def test_a_second_serve_is_told_who_has_the_database(url: str) -> None:
    """Host, pid and since; after a release the lock is free."""
    first, second = make_lock(url, CLOCK), make_lock(url, CLOCK)
    await first.acquire()
    with pytest.raises(AlreadyServedError, match=r"already serves this database: pid \d+ on \S+ since \d+"):
        await second.acquire()
    await first.release()
    await second.acquire()
    assert second.problems() == []
    await second.release()


@pytest.mark.parametrize("ahead", [0.0, 90.0])
async def test_the_databases_clock_is_compared_with_this_machines(url: str, ahead: float) -> None:
    """With the lock's own session, while there is one."""

    class Ahead(SystemClock):
        def now(self) -> float:
            return super().now() + ahead

    lock = make_lock(url, Ahead())
    assert lock.skew() is None
    await lock.acquire()
    assert lock.skew() == pytest.approx(-ahead, abs=2.0)
    await lock.release()
    assert lock.skew() is None


async def test_a_lost_lock_is_taken_back(url: str, postgres_database: Database) -> None:
    """The session is ended at the server: the bot says so and takes the lock again."""

    class Quick(SystemClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(min(seconds, 0.05))

    lock = AdvisoryLock(url, Quick())
    await lock.acquire()
    said: list[str] = []
    keeper = asyncio.create_task(lock.keep())
    await postgres_database.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'agent-kill %'"
    )

    def lost_and_found() -> bool:
        said.extend(lock.problems())
        return bool(said) and not lock.problems()

    await until(lost_and_found)
    assert "the lock of this database was lost" in said[0]
    other = AdvisoryLock(url, CLOCK)
    with pytest.raises(AlreadyServedError):
        await other.acquire()
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    await lock.release()


async def test_a_database_that_is_down_does_not_keep_the_bot_from_starting(url: str) -> None:
    """The lock is a problem that is said, no error."""
    lock = AdvisoryLock(url.replace("@127.0.0.1:", "@127.0.0.1:1"), CLOCK)
    await lock.acquire()
    assert "could not be taken" in lock.problems()[0]
    await lock.release()


async def test_a_frozen_database_delays_nothing_and_has_everything_once_it_thaws() -> None:
    """SIGSTOP on the whole server: the event loop stays free, the lag is told; SIGCONT: nothing is missing."""
    with PostgresServer() as server:
        url = server.dsn(database="postgres")
        await upgrade(url)
        chain = scenes.Chain("bot")
        chain.add(scenes.hold(1, "t1"))
        follower = Follower(
            lambda heads: [entry for entry in chain.entries if entry.seq > heads.get("bot", 0)],
            lambda: open_ledger(url),
            CLOCK,
        )
        running = asyncio.create_task(follower.run())
        await until(lambda: follower.lag_entries == 0)
        server.freeze()
        try:
            chain.add(scenes.proof("t1", at=11.0))
            longest = await longest_pause(lambda: bool(follower.problems()), seconds=30)
            assert longest < 0.5
            assert "stops do not wait for it" in follower.problems()[0]
            assert follower.lag_seconds() > 1
        finally:
            server.thaw()
        await until(lambda: follower.lag_entries == 0 and not follower.problems(), 45)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        ledger = await open_ledger(url)
        assert await scenes.receipts(ledger) == {("h1", "t1"): "verified"}
        await ledger.aclose()


async def longest_pause(reached: Callable[[], bool], seconds: float) -> float:
    """The longest that the event loop did not come round until something happened, in seconds."""
    longest, before = 0.0, time.monotonic()
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.01)
            longest, before = max(longest, time.monotonic() - before), time.monotonic()
    return longest
