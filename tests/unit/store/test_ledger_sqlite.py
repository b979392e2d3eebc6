"""Does the ledger in SQLite hold what the journals say?"""

import sqlite3
from pathlib import Path

from bot.store.ledger import SqlLedger, open_ledger
from tests.unit.store import scenes


async def test_a_stop_is_found_in_every_table(ledger: SqlLedger) -> None:
    """Holds, receipts, lifts, reasons, posts, incidents."""
    await scenes.plays_a_stop(ledger)


async def test_what_is_told_twice_is_stored_once(ledger: SqlLedger) -> None:
    """Entries are known by chain and number."""
    await scenes.knows_repetition(ledger)


async def test_the_order_of_arrival_does_not_matter(ledger: SqlLedger) -> None:
    """Journals are followed as they come."""
    await scenes.knows_no_order(ledger)


async def test_a_contradiction_is_said_and_overwrites_nothing(ledger: SqlLedger) -> None:
    """A replaced journal cannot rewrite the past."""
    await scenes.refuses_another_past(ledger)


async def test_ten_thousand_receipts_go_in_at_once(ledger: SqlLedger) -> None:
    """No commit per receipt."""
    await scenes.takes_ten_thousand_receipts(ledger)


async def test_no_text_holds_up_the_rest(ledger: SqlLedger) -> None:
    """Neither engine is told a character that it refuses."""
    await scenes.takes_any_text(ledger)


async def test_every_commit_is_on_disk_and_readers_do_not_wait(url: str) -> None:
    """WAL with synchronous=FULL."""
    ledger = await open_ledger(url)
    async with ledger._engine.connect() as connection:
        mode = (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar_one()
        full = (await connection.exec_driver_sql("PRAGMA synchronous")).scalar_one()
    await ledger.aclose()
    assert (mode, full) == ("wal", 2)


async def test_a_ledger_is_closed_whole(url: str) -> None:
    """Another process can take the file at once."""
    ledger = await open_ledger(url)
    await ledger.follow(scenes.a_stop())
    await ledger.aclose()
    path = Path(url.removeprefix("sqlite:///"))
    with sqlite3.connect(path, timeout=0) as other:
        other.execute("BEGIN EXCLUSIVE")
    other.close()
