"""Is a role that somebody enables by hand during a hold cut again, and said once; and is a contested one called out?"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from bot.sandbox.simulator import Simulator
from tests.acceptance.whole_bot import texts
from tests.contract.servers import Database
from tests.faults.conftest import Make
from tests.faults.estate import Estate

PROVEN = "Everything in scope is cut and proven"
PERIOD = 5.0  # seconds between two looks in the first ten minutes
LATE = 2.0  # seconds for a tick of the watch, the cut and a machine that is shared


@pytest.fixture
async def estate(make: Make, sandbox: Simulator, postgres_database: Database) -> AsyncIterator[Estate]:
    """A bot over one real role, which is stopped and proven so in the thread."""
    dsns = {
        "LEDGER_ADMIN_DSN": postgres_database.dsn(postgres_database.bot),
        "LEDGER_AGENT_DSN": postgres_database.dsn(postgres_database.agent),
    }
    made = make(environ={**sandbox.environment, **dsns})
    ledger = {
        "adapter": "postgres_role",
        "class": "database",
        "settings": {"dsn": "${LEDGER_ADMIN_DSN}", "role": postgres_database.agent},
        "canary": {"dsn": "${LEDGER_AGENT_DSN}"},
    }
    made.configure({"billing": {"name": "Billing", "owner": "U0OWNER", "surfaces": {"ledger": ledger}}})
    await made.port(await made.serve())
    await sandbox.connected()
    assert (await sandbox.person("oncall").slash("/agent-kill", "full_stop leaking")).ok
    await sandbox.wait_for(lambda: any(PROVEN in text for text in texts(sandbox)), 15, what="the proof")
    yield made
    await made.end()


async def enabled_by_hand(database: Database) -> float:
    """Gives the role its login back; returns the seconds until it is taken again."""
    began = time.monotonic()
    await database.run(f"ALTER ROLE {database.agent} LOGIN", database="postgres")
    while await database.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", database.agent):
        assert time.monotonic() - began < PERIOD + LATE, "not cut again within the period"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


def said(sandbox: Simulator, words: str) -> list[str]:
    """The messages of the thread, the parent apart, that hold these words."""
    return [text for text in texts(sandbox)[1:] if words in text]


async def test_it_is_cut_again_within_the_period_and_said_once(
    estate: Estate, sandbox: Simulator, postgres_database: Database, tell: Callable[[str], None]
) -> None:
    """F50, P1 P3: one re-enabling costs at most one period, and one message."""
    took = await enabled_by_hand(postgres_database)

    await sandbox.wait_for(lambda: bool(said(sandbox, "was cut again")), 15, what="the drift in the thread")
    await asyncio.sleep(0)
    assert len(said(sandbox, "was cut again")) == 1, texts(sandbox)
    tell(f"a real role re-enabled by hand: cut again after {took:.1f} s of a period of {PERIOD:.0f} s, said once")
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await asyncpg.connect(postgres_database.dsn(postgres_database.agent))
    assert (await estate.status(estate.started[-1]))["surfaces"][0]["effective"] == "full_stop"


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_contested_role_is_called_out_and_stays_held(
    estate: Estate, sandbox: Simulator, postgres_database: Database, tell: Callable[[str], None]
) -> None:
    """F50, P1 P5: enabled ten times in a row it is contested: owner and group are called, the hold stays, it is cut."""
    took = [await enabled_by_hand(postgres_database) for _ in range(10)]

    await sandbox.wait_for(
        lambda: any("CONTESTED" in text and "<@U0OWNER>" in text for text in texts(sandbox)[1:]), 75, what="the call"
    )
    (called,) = [text for text in texts(sandbox)[1:] if "CONTESTED" in text]
    assert "<@U0OWNER>" in called
    assert "<!subteam^S0ONCALL>" in called
    row = (await estate.status(estate.started[-1]))["surfaces"][0]
    assert (row["effective"], row["outcome"]) == ("full_stop", "contested")
    tell(f"ten times in a row: cut again after {max(took):.1f} s at most, contested, people called once, still held")
    assert not await postgres_database.value(
        "SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", postgres_database.agent
    )
