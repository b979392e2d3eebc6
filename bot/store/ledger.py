"""The ledger: follows the journals in one transaction per batch, and can be told anything twice."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import events
from bot.domain.drill_events import DrillReleased
from bot.service.ports import Entry
from bot.store import tables as t
from bot.store.engine import make_engine
from bot.store.projection import PROVEN, Projection, Row, clean, project
from bot.store.upgrade import ready

_log = logging.getLogger(__name__)
_AT_ONCE = 500  # values of one IN list: both engines take some 32,000


class SqlLedger:
    """The `Ledger` port over SQLite or PostgreSQL. `open_ledger` makes one that is ready.

    Args:
        url: as `AGENT_KILL_DATABASE_URL`; `BadUrlError` for anything else.
    """

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)
        self._conflicts: dict[str, str] = {}

    async def heads(self) -> dict[str, int]:
        """The last sequence number that is stored of each chain."""
        query = sa.select(t.entries.c.chain, sa.func.max(t.entries.c.seq)).group_by(t.entries.c.chain)
        async with self._engine.connect() as connection:
            return {chain: int(seq) for chain, seq in await connection.execute(query)}

    async def follow(self, entries: Sequence[Entry]) -> None:
        """Stores entries with what they amount to, all or none.

        One that is already there is skipped. One whose place is taken by another is left out, logged and listed in
        `conflicts`: a journal was replaced by an older one, or the database belongs to another bot.
        """
        async with self._engine.begin() as connection:
            for group in _until_lifts(await self._new(connection, entries)):
                await _store(connection, project(group))

    def conflicts(self) -> list[str]:
        """Entries that contradict what is stored, a sentence per chain."""
        return list(self._conflicts.values())

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._engine.dispose()

    async def _new(self, connection: AsyncConnection, entries: Sequence[Entry]) -> list[Entry]:
        stored: dict[tuple[str, int], str] = {}
        for chain in {entry.chain for entry in entries}:
            places = [entry.seq for entry in entries if entry.chain == chain]
            c = t.entries.c
            query = sa.select(c.seq, c.digest).where(c.chain == chain, c.seq.between(min(places), max(places)))
            stored.update({(chain, seq): digest for seq, digest in await connection.execute(query)})
        new: list[Entry] = []
        for entry in entries:
            found = stored.get((entry.chain, entry.seq))
            if found is None:
                stored[entry.chain, entry.seq] = entry.digest
                new.append(entry)
            elif found != entry.digest:
                self._contradict(entry, found)
        return new

    def _contradict(self, entry: Entry, stored: str) -> None:
        text = (
            f"entry {entry.seq} of the journal {entry.chain} ({entry.digest[:12]}) is not the one in the database "
            f"({stored[:12]}): the journal was replaced, or this database belongs to another bot; nothing was "
            "overwritten. Find out which is right before anything is restored"
        )
        if self._conflicts.setdefault(entry.chain, text) is text:
            _log.error("%s", text)


async def open_ledger(url: str) -> SqlLedger:
    """Makes a ledger whose schema is right: SQLite is upgraded, PostgreSQL must have been (`SchemaError`)."""
    await ready(url)
    return SqlLedger(url)


def _until_lifts(entries: Iterable[Entry]) -> Iterable[list[Entry]]:
    """Cuts before each lift: a receipt takes over what was proven until then, and is final after it."""
    group: list[Entry] = []
    for entry in entries:
        if group and isinstance(entry.event, events.PairsLifted | DrillReleased):
            yield group
            group = []
        group.append(entry)
    if group:
        yield group


async def _store(connection: AsyncConnection, rows: Projection) -> None:
    """One statement per table, whatever the number of rows."""
    c = t.incidents.c
    await _put(connection, t.entries, rows.entries)
    await _put(connection, t.holds, rows.holds.values())
    await _put(connection, t.reasons, rows.reasons.values())
    await _put(connection, t.lifts, rows.lifts.values())
    await _put(connection, t.drill_runs, rows.drill_runs.values())
    await _put(connection, t.receipts, rows.receipts.values())
    await _put_newer(connection, t.proofs, rows.proofs.values())
    await _put_newer(connection, t.posts, rows.posts.values())
    new = _insert(connection, t.incidents)
    earlier = sa.or_(c.opened_at.is_(None), new.excluded.opened_at < c.opened_at)
    opened = {
        "opened_at": sa.case((earlier, new.excluded.opened_at), else_=c.opened_at),
        "channel": sa.func.coalesce(c.channel, new.excluded.channel),
    }
    await _run(connection, new.on_conflict_do_update(index_elements=["id"], set_=opened), rows.opened.values())
    closed = {"closed_at": new.excluded.closed_at, "closed_by": new.excluded.closed_by}
    await _run(connection, new.on_conflict_do_update(index_elements=["id"], set_=closed), rows.closed.values())
    await _settle(connection, [clean(target) for target in rows.targets()])


async def _settle(connection: AsyncConnection, targets: Sequence[str]) -> None:
    """Receipts take over the latest proof of their target, where it proves at least what their hold asked."""
    lifted = sa.exists().where(t.lifts.c.hold == t.receipts.c.hold, t.lifts.c.target == t.receipts.c.target)
    settle = (
        sa.update(t.receipts)
        .values({name: t.proofs.c[name] for name in PROVEN})
        .where(
            t.receipts.c.target == t.proofs.c.target,
            t.proofs.c.strictness >= t.receipts.c.strictness,
            t.proofs.c.at >= t.receipts.c.at,
            ~lifted,
        )
    )
    for begin in range(0, len(targets), _AT_ONCE):
        await connection.execute(settle.where(t.receipts.c.target.in_(targets[begin : begin + _AT_ONCE])))


async def _put(connection: AsyncConnection, table: sa.Table, rows: Iterable[Row]) -> None:
    """Inserts; a row whose key is there stays as it is."""
    await _run(connection, _insert(connection, table).on_conflict_do_nothing(), rows)


async def _put_newer(connection: AsyncConnection, table: sa.Table, rows: Iterable[Row]) -> None:
    """Inserts, or overwrites what is not newer."""
    new = _insert(connection, table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: new.excluded[column.name] for column in table.c if column.name not in keys}
    newer = new.excluded.at >= table.c.at
    await _run(connection, new.on_conflict_do_update(index_elements=keys, set_=values, where=newer), rows)


async def _run(connection: AsyncConnection, statement: sa.Executable, rows: Iterable[Row]) -> None:
    given = list(rows)
    if given:
        await connection.execute(statement, given)


def _insert(connection: AsyncConnection, table: sa.Table) -> Any:
    """Both dialects have `ON CONFLICT` in the same words; SQLAlchemy has no common type for them."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
