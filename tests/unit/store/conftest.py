"""A SQLite ledger in a folder of its own, and entries as a journal would give them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.ledger import SqlLedger, open_ledger


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'state' / 'ledger.sqlite3'}"


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """An empty ledger."""
    made = await open_ledger(url)
    yield made
    await made.aclose()


@pytest.fixture(autouse=True)
async def _threads_end_with_their_loop() -> AsyncIterator[None]:
    """A statement that is cut off goes on in its thread: its answer must not meet a loop that is closed."""
    yield
    threads = [one for one in threading.enumerate() if "_connection_worker_thread" in one.name]
    await asyncio.gather(*(asyncio.to_thread(one.join, 5.0) for one in threads))
