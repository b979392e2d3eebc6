"""An agent's call through a real gate that waits for its approval in Slack, and gets the upstream's answer then."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from bot.sandbox.simulator import Simulator
from tests.acceptance.drafts_world import HEAD, button, card
from tests.acceptance.whole_bot import Bot, rendered, texts
from tests.contract.gate_server import SECRET, GateServer
from tests.contract.haproxy import Upstream


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """What the agent calls."""
    made = Upstream()
    await made.start()
    yield made
    await made.stop()


async def test_a_call_goes_on_when_somebody_approves_it(bot: Bot, sandbox: Simulator, upstream: Upstream) -> None:
    """Held at approval_gated: the card shows the request, one approval is one call; a denial is none."""
    with GateServer(upstream.port, {"patience": "20s"}, names=["api"]) as gate:
        bot.environ["GATE_SECRET"] = SECRET
        surface = {"adapter": "gate", "class": "api", "settings": gate.settings("api")}
        surface["canary"] = {"urls": [gate.door("api")]}
        bot.configure({"billing": {"name": "Billing agent", "surfaces": {"api": surface}}}, head=HEAD)
        await bot.start()
        await sandbox.connected()
        assert (await sandbox.person("oncall").slash("/agent-kill", "approval_gated all it overpays")).ok
        proven = "Everything in scope is cut and proven"
        await sandbox.wait_for(lambda: any(proven in text for text in texts(sandbox)), 15, what="the report")
        async with ClientSession() as agent:
            approved = asyncio.create_task(_post(agent, gate, "refund 7"))
            shown = await card(sandbox, "refund 7")
            assert "Waits for a decision" in rendered(shown)
            assert upstream.wrote == []
            await sandbox.person("approver1").click(shown, button("release"))
            assert await approved == (200, "done")
            assert upstream.wrote == ["refund 7"]
            await card(sandbox, "Released by <@U0APPROVER1>")

            denied = asyncio.create_task(_post(agent, gate, "refund 8"))
            await sandbox.person("approver2").click(await card(sandbox, "refund 8"), button("drop"))
            await card(sandbox, "Denied by <@U0APPROVER2>")
            status, _ = await denied
            assert status != 200
        assert upstream.wrote == ["refund 7"]


async def _post(agent: ClientSession, gate: GateServer, body: str) -> tuple[int, str]:
    async with agent.post(f"{gate.door('api')}/refunds", data=body.encode()) as reply:
        return reply.status, await reply.text()
