"""A SQLite ledger in a folder of its own, and entries as a journal would give them."""

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
