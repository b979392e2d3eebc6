"""What do 150 surfaces that accept and never answer cost the other 850?"""

import asyncio
import time
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.domain import events
from bot.domain.outcome import Outcome
from bot.journal.reader import Reader
from bot.sandbox.simulator import Simulator
from tests.acceptance.whole_bot import Bot, texts
from tests.contract import receiver
from tests.contract.http_rig import Farm

SURFACES, HUNG = 1000, 150


def _agent(farm: Farm, name: str) -> dict[str, Any]:
    surfaces = {
        f"s{number:04}": {
            "adapter": "http_control",
            "class": "api",
            "deadline": "3s",
            "settings": {"url": f"http://127.0.0.1:{farm.ports[0]}/{name}{number}/control", "secret": "${API_SECRET}"},
        }
        for number in range(SURFACES)
    }
    return {"name": name, "channel": "C0INCIDENT", "surfaces": surfaces}


@pytest.fixture
async def running(bot: Bot, receivers: Farm, sandbox: Simulator) -> Bot:
    """The bot over two agents of a thousand surfaces each; 150 of the second never answer."""
    bot.environ |= {"API_SECRET": receiver.SECRET}
    bot.configure({name: _agent(receivers, name) for name in ("calm", "sick")})
    async with ClientSession() as client:
        for number in range(HUNG):
            url = f"http://127.0.0.1:{receivers.ports[0]}/sick{number * 6}/fault"
            async with client.post(url, data="hang") as reply:
                assert reply.status == 200
    await bot.start()
    await sandbox.connected()
    return bot


async def test_hanging_surfaces_delay_no_healthy_one(running: Bot, sandbox: Simulator) -> None:
    """Every healthy surface is cut and read back, the last within twice the time of a run without any hanging."""
    journal = Reader([running.folder / "state" / "journal"])
    calm = await _stop(journal, sandbox, "calm", SURFACES)
    sick = await _stop(journal, sandbox, "sick", SURFACES - HUNG)

    assert sick < 2 * calm, f"{sick:.2f} s with {HUNG} hanging, {calm:.2f} s without"
    await sandbox.wait_for(lambda: any("150 NOT CUT" in text for text in texts(sandbox)), 20, what="150 NOT CUT")
    assert sum(sandbox.calls.counts()[name] for name in _CALLS) <= 16, sandbox.calls.counts()


_CALLS = ("chat.postMessage", "chat.update", "files.getUploadURLExternal", "files.completeUploadExternal")


async def _stop(journal: Reader, sandbox: Simulator, agent: str, healthy: int) -> float:
    """Types the stop; returns seconds from the hold to the proof of the last healthy surface."""
    result = await sandbox.person("oncall").slash("/agent-kill", f"full_stop {agent} drill")
    assert result.ok
    assert result.ack_ms is not None
    assert result.ack_ms < 1000
    began, cut, last = 0.0, set[str](), 0.0
    end = time.monotonic() + 30
    while len(cut) < healthy and time.monotonic() < end:
        await asyncio.sleep(0.05)
        for entry in journal.new():
            match entry.event:
                case events.HoldAdded(scope=scope, at=at) if scope == agent:
                    began = at
                case events.Outcomes(proofs=proofs, at=at):
                    found = {proof.target for proof in proofs if proof.outcome is Outcome.APPLIED}
                    if found:
                        cut, last = cut | found, at
    assert len(cut) == healthy, f"{len(cut)} of {healthy} healthy surfaces of {agent} were cut"
    return last - began
