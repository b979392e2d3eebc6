"""Does whoever stopped learn the outcome where no channel takes the report?"""

from pathlib import Path

from bot.sandbox.simulator import Simulator
from tests.acceptance.whole_bot import Bot

SURFACES = {name: {"adapter": "memory", "class": "api"} for name in ("api", "tools")}
AGENTS = {"billing": {"name": "Billing", "owner": "U0OWNER", "surfaces": SURFACES}}


async def test_the_outcome_goes_to_whoever_stopped(tmp_path: Path, sandbox: Simulator) -> None:
    """The bot was put out of the channel: the stop runs, and its outcome comes by the command's own way back."""
    bot = Bot(tmp_path, dict(sandbox.environment))
    bot.configure(AGENTS)
    sandbox.admin.kick_bot("incident")
    await bot.start()
    try:
        await sandbox.connected()
        done = await sandbox.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert done.ok
        assert "RECORDED" in done.text

        def told() -> bool:
            return any("for your eyes only" in one.text for one in sandbox.person("oncall").sees())

        await sandbox.wait_for(told, 30, what="the outcome")
    finally:
        bot.kill()
    (said,) = [one for one in sandbox.person("oncall").sees() if "for your eyes only" in one.text]
    assert "no channel takes the report" in said.text
    assert "not_in_channel" in said.text
    assert "billing/api" in str(said.blocks)
