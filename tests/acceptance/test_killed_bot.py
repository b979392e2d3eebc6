"""Is a stop that was acknowledged carried out and told to its end, whenever the bot is killed?"""

import asyncio
import random
import time

import pytest

from bot.sandbox.simulator import Simulator
from tests.acceptance.whole_bot import Bot, rendered, texts
from tests.acceptance.world import World

PROVEN = "Everything in scope is cut and proven"
CHANCE = random.Random(20)  # noqa: S311  # moments, not secrets


@pytest.mark.alone
@pytest.mark.parametrize("moment", [0.0, *(round(CHANCE.uniform(0.0, 3.0), 3) for _ in range(5))])
async def test_a_kill_after_the_receipt_loses_nothing(
    running: Bot, world: World, sandbox: Simulator, moment: float
) -> None:
    """F02 to F09, P2: kill -9 after the receipt; the next start cuts everything within 5 s and completes the thread."""
    async with world.at_work():
        result = await sandbox.person("oncall").slash("/agent-kill", "full_stop leaking")
        assert result.ok
        assert "RECORDED" in result.text
        await asyncio.sleep(moment)
        running.kill()

        began = time.monotonic()
        await running.start()
        await sandbox.wait_for(lambda: _quiet_and_proven(running), 5, what="all cut within 5 s of the restart")
        assert time.monotonic() - began < 5
        await sandbox.wait_for(lambda: any(PROVEN in text for text in texts(sandbox)), 15, what="the report")
        assert await world.nothing_more()

    parents = [message for message in sandbox.channel("incident").parents() if message.bot_id]
    told = [rendered(message) for parent in parents for message in sandbox.channel("incident").thread(parent.ts)]
    for surface in ("billing/ledger", "billing/queue", "billing/api"):
        assert any(text.startswith(f"{surface} is VERIFIED") for text in told), surface
    starts = [text.splitlines()[0] for text in told]
    duplicates = len(starts) - len(set(starts))
    assert duplicates + len(parents) - 1 <= 1, starts


def _quiet_and_proven(bot: Bot) -> bool:
    """Whether the bot's own journal says that everything is proven, since its last start."""
    out = bot.status()
    return bool(out) and all(row["outcome"] == "verified" for row in out["surfaces"])


async def test_a_stop_from_the_command_line_is_adopted(running: Bot, world: World, sandbox: Simulator) -> None:
    """With Slack down the command line does the same job; the bot adopts its hold, and tells it when Slack is back."""
    await sandbox.go_down()

    async with world.at_work():
        code, out, errors = await running.command("stop", "full_stop", "--all", "--reason", "slack is down", "--json")
        assert code == 0, errors
        assert await world.nothing_more()
    assert '"recorded": "journal"' in out

    await sandbox.start()
    await sandbox.wait_for(lambda: any(PROVEN in text for text in texts(sandbox)), 60, what="the report")
    assert any("command line" in text and "slack is down" in text for text in texts(sandbox))


async def test_the_command_line_works_with_the_bot_and_the_database_down(
    bot: Bot, world: World, sandbox: Simulator
) -> None:
    """P1: with nothing but the configuration and the surfaces left, one command cuts and proves everything."""
    bot.environ |= world.environ() | {"AGENT_KILL_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    bot.configure(world.agents())
    await sandbox.go_down()

    async with world.at_work():
        code, out, errors = await bot.command("stop", "read_only", "--agent", "billing", "--reason", "alone", "--json")

    assert code == 0, out + errors
    assert '"not_cut": []' in out
    await bot.start()
    code, out, errors = await bot.command("status", "--json")
    assert code == 0
    assert out.count('"effective": "read_only"') == 3
