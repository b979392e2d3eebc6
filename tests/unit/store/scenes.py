"""Entries as a journal would give them, and what every ledger must make of them, whatever its engine."""

from typing import Any

import sqlalchemy as sa

from adapters.base import Mode
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.journal.chain import Link, encode, genesis
from bot.service.ports import Entry
from bot.store import tables as t
from bot.store.ledger import SqlLedger

BY = events.Person(kind="slack", id="U0ONCALL")
WHO = "slack:U0ONCALL"


class Chain:
    """A journal that exists in memory only."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.head: Link = genesis(name)
        self.entries: list[Entry] = []

    def add(self, event: events.AnyEvent) -> Entry:
        """Appends an event."""
        line, self.head = encode(event, self.head)
        entry = Entry(
            chain=self.name,
            seq=self.head.seq,
            digest=self.head.digest,
            line=line.decode().removesuffix("\n"),
            event=event,
        )
        self.entries.append(entry)
        return entry


def hold(number: int, *targets: str, mode: Mode = Mode.FULL_STOP, at: float = 10.0, **more: Any) -> events.HoldAdded:
    """A stop of incident i1."""
    held = tuple(events.HeldTarget(key=key, surfaces=(f"a/{key}",), round_to=mode) for key in targets)
    return events.HoldAdded(at=at, hold=f"h{number}", incident="i1", mode=mode, by=BY, targets=held, **more)


def proof(
    *targets: str, outcome: Outcome = Outcome.VERIFIED, asked: Mode = Mode.FULL_STOP, at: float
) -> events.Outcomes:
    """A batch of proofs."""
    found = (events.Proof(target=key, outcome=outcome, asked=asked, held=asked, ended=2) for key in targets)
    return events.Outcomes(at=at, proofs=tuple(found))


async def rows(ledger: SqlLedger, table: sa.Table) -> list[dict[str, Any]]:
    """Everything in a table, by its key."""
    async with ledger._engine.connect() as connection:
        found = await connection.execute(sa.select(table).order_by(*table.primary_key))
        return [dict(row._mapping) for row in found]


async def receipts(ledger: SqlLedger) -> dict[tuple[str, str], str]:
    """The outcome by hold and target."""
    return {(row["hold"], row["target"]): row["outcome"] for row in await rows(ledger, t.receipts)}


def a_stop() -> list[Entry]:
    """Two stops, proofs, a reason, a post, a lift, a close."""
    bot = Chain("bot")
    bot.add(hold(1, "t1", "t2", channel="C1"))
    bot.add(proof("t1", "t2", at=11.0))
    bot.add(hold(2, "t1", mode=Mode.READ_ONLY, at=12.0))
    bot.add(events.ReasonGiven(at=13.0, hold="h1", by=BY, reason="spend"))
    bot.add(events.Posted(at=13.0, incident="i1", slot="parent", channel="C1", ts="1.2", digest="d1"))
    bot.add(proof("t1", outcome=Outcome.FAILED, at=14.0))
    bot.add(events.PairsLifted(at=15.0, ballot="b1", pairs=(("h1", "t1"),)))
    bot.add(proof("t1", outcome=Outcome.VERIFIED, at=16.0))
    bot.add(events.Posted(at=17.0, incident="i1", slot="parent", channel="C1", ts="1.2", digest="d2"))
    bot.add(events.IncidentClosed(at=18.0, incident="i1", by=BY))
    bot.add(events.Note(at=19.0, text="opened"))
    return bot.entries


async def plays_a_stop(ledger: SqlLedger) -> None:
    """Every table holds what the journal says."""
    await ledger.follow(a_stop())
    assert await ledger.heads() == {"bot": 11}
    assert await receipts(ledger) == {("h1", "t1"): "failed", ("h1", "t2"): "verified", ("h2", "t1"): "verified"}
    (incident,) = await rows(ledger, t.incidents)
    assert incident == {
        "id": "i1",
        "channel": "C1",
        "opened_at": 10.0,
        "closed_at": 18.0,
        "closed_by": "slack:U0ONCALL",
    }
    assert [row["digest"] for row in await rows(ledger, t.posts)] == ["d2"]
    assert [row["reason"] for row in await rows(ledger, t.reasons)] == ["spend"]
    assert [(row["hold"], row["ballot"]) for row in await rows(ledger, t.lifts)] == [("h1", "b1")]
    assert [row["id"] for row in await rows(ledger, t.holds)] == ["h1", "h2"]


async def whole(ledger: SqlLedger) -> dict[str, Any]:
    """Every row of every table."""
    return {table.name: await rows(ledger, table) for table in t.metadata.sorted_tables}


async def knows_repetition(ledger: SqlLedger) -> None:
    """Told again as a whole, and entry by entry, nothing changes."""
    entries = a_stop()
    await ledger.follow(entries)
    before = await whole(ledger)
    await ledger.follow(entries)
    for entry in entries:
        await ledger.follow([entry, entry])
    assert await whole(ledger) == before
    assert ledger.conflicts() == []


async def knows_no_order(ledger: SqlLedger) -> None:
    """A proof, a reason, a close that arrive before their hold, from another journal, still count."""
    bastion, bot = Chain("bastion"), Chain("bot")
    bastion.add(proof("t1", at=20.0))
    bastion.add(events.IncidentClosed(at=30.0, incident="i1", by=BY))
    bot.add(hold(1, "t1", channel="C1"))
    await ledger.follow(bastion.entries)
    await ledger.follow(bot.entries)
    assert await receipts(ledger) == {("h1", "t1"): "verified"}
    (incident,) = await rows(ledger, t.incidents)
    assert (incident["opened_at"], incident["closed_at"], incident["channel"]) == (10.0, 30.0, "C1")


async def refuses_another_past(ledger: SqlLedger) -> None:
    """The same place with another digest is said, and never overwritten; the rest of the batch is stored."""
    first, second, other = Chain("bot"), Chain("bot"), Chain("bastion")
    first.add(hold(1, "t1"))
    second.add(hold(2, "t1"))
    other.add(hold(3, "t1"))
    await ledger.follow(first.entries)
    await ledger.follow([*second.entries, *other.entries])
    assert [row["id"] for row in await rows(ledger, t.holds)] == ["h1", "h3"]
    (said,) = ledger.conflicts()
    assert "entry 1 of the journal bot" in said
    assert "nothing was overwritten" in said


async def takes_ten_thousand_receipts(ledger: SqlLedger) -> None:
    """One stop of ten thousand targets and their proofs go in within a few statements."""
    bot = Chain("bot")
    names = [f"t{number}" for number in range(10_000)]
    bot.add(hold(1, *names))
    bot.add(proof(*names, at=11.0))
    await ledger.follow(bot.entries)
    found = await receipts(ledger)
    assert (len(found), set(found.values())) == (10_000, {"verified"})


async def takes_any_text(ledger: SqlLedger) -> None:
    """A NUL and half a surrogate pair in a reason hold up nothing that follows."""
    bot = Chain("bot")
    bot.add(hold(1, "t1", reason="a\x00b"))
    bot.add(hold(2, "t\x00", reason="\u202e ok", at=11.0))
    bot.add(proof("t\x00", at=12.0))
    await ledger.follow(bot.entries)
    assert [row["reason"] for row in await rows(ledger, t.holds)] == ["a\ufffdb", "\u202e ok"]
    assert (await receipts(ledger))["h2", "t\ufffd"] == "verified"
