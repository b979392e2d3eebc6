"""Is a due time claimed once, and does every run have its row?"""

import asyncio
import json

import pytest

from adapters.base import Mode
from bot.domain import drill_events as drills
from bot.domain import events
from bot.store import tables as t
from bot.store.claims import SqlClaims
from bot.store.ledger import open_ledger
from bot.store.upgrade import ready
from tests.unit.store.scenes import Chain, hold, proof, receipts, rows

CARD = drills.Scorecard(
    kind="live", mode=Mode.FULL_STOP, surfaces=(drills.SurfaceScore(surface="a/t1", asked=Mode.FULL_STOP, cut_ms=12.5),)
)


async def test_a_due_time_belongs_to_the_first_that_claims_it(url: str) -> None:
    """However many ask at once; the same run may ask again, and another due time is another matter."""
    await ready(url)
    claims = SqlClaims(url)
    found = await asyncio.gather(*(claims.claim("weekly", 100.0, f"run-{n}", 1.0) for n in range(5)))
    assert len(set(found)) == 1
    (owner,) = set(found)
    assert owner is not None
    assert await claims.claim("weekly", 100.0, owner, 2.0) == owner
    assert await claims.claim("weekly", 200.0, "run-9", 2.0) == "run-9"
    assert await claims.claim("daily", 100.0, "run-8", 2.0) == "run-8"


async def test_a_database_that_does_not_answer_gives_no_claim(url: str) -> None:
    """Without its tables too: a doubt is a no, with the reason."""
    with pytest.raises(OSError, match="the database did not take the claim: "):
        await SqlClaims(url).claim("weekly", 100.0, "run-1", 1.0)


async def test_a_run_leaves_a_row_and_its_release_is_a_lift(url: str) -> None:
    """The card as JSON; the receipt of its hold is final after the release, as after a vote's. Told twice it is one."""
    ledger = await open_ledger(url)
    bot = Chain("bot")
    bot.add(hold(1, "t1", origin="drill"))
    bot.add(proof("t1", at=11.0))
    bot.add(drills.DrillReleased(at=12.0, run="r1", pairs=(("h1", "t1"),)))
    bot.add(proof("t1", asked=Mode.NORMAL, at=13.0))
    bot.add(drills.DrillEnded(at=14.0, run="r1", drill="weekly", how="passed", card=CARD))
    await ledger.follow(bot.entries)
    await ledger.follow(bot.entries)
    assert await receipts(ledger) == {("h1", "t1"): "verified"}
    assert [(row["hold"], row["ballot"]) for row in await rows(ledger, t.lifts)] == [("h1", "r1")]
    (row,) = await rows(ledger, t.drill_runs)
    assert (row["run"], row["drill"], row["how"], row["kind"], row["at"]) == ("r1", "weekly", "passed", "live", 14.0)
    assert json.loads(row["card"])["surfaces"][0]["cut_ms"] == 12.5
    assert events.EVENT.validate_json(bot.entries[-1].event.model_dump_json()) == bot.entries[-1].event
    await ledger.aclose()
