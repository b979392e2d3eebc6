"""Are a hundred stops at once carried out in time while the database, Slack and one surface are dead?"""

import asyncio
import time
from collections.abc import Callable

import pytest

from bot.sandbox.simulator import Simulator
from tests.faults.conftest import Make
from tests.faults.crash_points import holds
from tests.faults.estate import Estate

STOPS = 100
P99 = 0.5  # seconds to the first call of a stop's surface
AGENTS = [f"a{number}" for number in range(STOPS)]
NO_DATABASE = {"AGENT_KILL_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
NO_SLACK = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "SLACK_API_URL": "http://127.0.0.1:1/api/",
}


async def with_a_dead_surface(estate: Estate) -> None:
    """A hundred agents with a surface each, and one agent whose surface accepts and never answers."""
    agents = {name: {"name": name, "surfaces": {"api": estate.surface(name)}} for name in AGENTS}
    estate.configure({**agents, "dead": {"name": "Dead", "surfaces": {"api": estate.surface("dead")}}})
    await estate.tell("dead", "fault", "hang")


async def judged(estate: Estate, sent: dict[str, float], tell: Callable[[str], None]) -> None:
    """Every healthy surface is cut, and the first call of each stop came in time."""
    await estate.all_cut(*AGENTS, within=5)
    waited = sorted([(await estate.witness(name))["cut_at"] - sent[name] for name in AGENTS])
    tell(f"first surface call of {STOPS} stops: median {waited[50] * 1000:.0f} ms, p99 {waited[98] * 1000:.0f} ms")
    assert waited[98] < P99
    assert len(holds(estate)) == STOPS


async def test_a_hundred_signed_calls(make: Make, tell: Callable[[str], None]) -> None:
    """F64 F15 F41 F42, P1 P2: a hundred signed calls at once; each is recorded, every healthy surface is cut."""
    estate = make(environ={**NO_DATABASE, **NO_SLACK}, deadline="2s")
    await with_a_dead_surface(estate)
    port = await estate.port(await estate.serve())
    sent: dict[str, float] = {}

    async def one(name: str) -> bool:
        sent[name] = time.monotonic()
        return bool(await estate.post_stop(port, all=False, agents=[name, "dead"]))

    assert all(await asyncio.gather(*map(one, AGENTS)))
    await judged(estate, sent, tell)


@pytest.mark.timeout(180)
async def test_a_hundred_slash_commands(make: Make, sandbox: Simulator, tell: Callable[[str], None]) -> None:
    """F64 F15 F42, P1 P2: a hundred slash commands at once; each is acknowledged in time and carried out."""
    estate = make(environ={**NO_DATABASE, **sandbox.environment}, deadline="2s")
    await with_a_dead_surface(estate)
    await estate.port(await estate.serve())
    await sandbox.connected()
    sent: dict[str, float] = {}

    async def one(name: str) -> bool:
        sent[name] = time.monotonic()
        result = await sandbox.person("oncall").slash("/agent-kill", f"full_stop {name} dead drill")
        return result.ok

    assert all(await asyncio.gather(*map(one, AGENTS)))
    await judged(estate, sent, tell)
