"""In PostgreSQL: does each due time belong to one run, whoever asks, from however many processes?"""

import asyncio
import json
import sys
from collections import Counter

import asyncpg
import pytest

from bot.store import claims
from bot.store.claims import SqlClaims
from bot.store.upgrade import upgrade
from tests.contract.servers import Database

DUES = [1_793_000_000.0 + number * 3600.1 for number in range(40)]  # with fractions that no decimal has
CLAIMER = """
import asyncio, json, sys
from bot.store.claims import SqlClaims

async def main():
    url, name, dues = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    claims = SqlClaims(url)
    print("ready", flush=True)
    sys.stdin.readline()
    found = await asyncio.gather(*(claims.claim("weekly", due, f"{name}-{due!r}", due) for due in dues))
    print(json.dumps(found))

asyncio.run(main())
"""


@pytest.fixture
async def url(postgres_database: Database) -> str:
    """A ledger with its tables."""
    found = postgres_database.dsn(postgres_database.owner)
    await upgrade(found)
    return found


async def _claimed(process: asyncio.subprocess.Process) -> list[str]:
    assert process.stdout is not None
    found: list[str] = json.loads(await process.stdout.readline())
    assert await process.wait() == 0
    return found


async def test_two_processes_that_race_agree_on_who_has_each_due_time(url: str) -> None:
    """Every due time has one run, both processes name the same one, and asking again changes nothing."""
    racers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", CLAIMER, url, name, json.dumps(DUES)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for name in ("one", "two")
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert await racer.stdout.readline() == b"ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write(b"go\n")
    one, two = await asyncio.gather(*map(_claimed, racers))
    assert one == two
    assert [run.partition("-")[2] for run in one] == [repr(due) for due in DUES]
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT drill, due, run FROM drill_claims")
    await connection.close()
    assert Counter((row["drill"], row["due"]) for row in rows) == Counter(("weekly", due) for due in DUES)
    again = [await SqlClaims(url).claim("weekly", due, "late", 0.0) for due in DUES[:3]]
    assert again == one[:3]


async def test_a_claim_that_another_has_not_ended_is_no_claim(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose it is cannot be known while somebody's transaction is open: nothing runs on a doubt."""
    monkeypatch.setattr(claims, "PATIENCE", 0.5)
    other = await asyncpg.connect(url)
    transaction = other.transaction()
    await transaction.start()
    await other.execute("INSERT INTO drill_claims (drill, due, run, at) VALUES ('weekly', 1.0, 'other', 0)")
    with pytest.raises(OSError, match="the database did not take the claim: "):
        await SqlClaims(url).claim("weekly", 1.0, "mine", 0.0)
    await transaction.rollback()
    assert await SqlClaims(url).claim("weekly", 1.0, "mine", 0.0) == "mine"
    await other.close()
