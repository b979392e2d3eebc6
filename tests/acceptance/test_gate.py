"""Does a stop at the real bot reach a real gate, pushed or asked for, and what holds when one of them is away?"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.sandbox.servers import HOST
from bot.web.signed import CALLER, SIGNATURE, sign
from tests.acceptance.whole_bot import Bot, free_port
from tests.contract.gate_agent import Recorder, Reply, raw, request
from tests.contract.gate_server import SECRET, GateServer

NAMES = ("pushed", "asked", "leased")
BETWEEN = 0.005  # seconds between two calls of the agent: 200 a second


@dataclass
class There:
    """A bot, a gate and an upstream; the bot cannot push to the surface `asked`."""

    bot: Bot
    gate: GateServer
    upstream: Recorder

    async def call(self, name: str, method: str = "POST") -> Reply:
        """One call of the agent."""
        return (await raw(self.gate.port, request(method, f"/billing/{name}/a", "Connection: close")))[0]

    async def answers(self, name: str, status: int, within: float) -> float:
        """Seconds until a write is answered so."""
        began = time.monotonic()
        while time.monotonic() - began < within:
            if (await self.call(name)).status == status:
                return time.monotonic() - began
            await asyncio.sleep(BETWEEN)
        raise AssertionError(f"{name} did not answer {status} within {within} s; bot: {self.bot.log}")

    async def stop(self, mode: str, *names: str) -> dict[str, Any]:
        """A stop by a monitor."""
        order = {"mode": mode, "surfaces": [f"billing/{name}" for name in names], "reason": "refund loop"}
        body = json.dumps(order).encode()
        headers = {CALLER: "monitor", SIGNATURE: sign("monitor-secret", body, time.time())}
        async with ClientSession() as client:
            url = f"http://{HOST}:{self.bot.port}/v1/stop"
            async with client.post(url, data=body, headers=headers) as reply:
                assert reply.status == 202
                told: dict[str, Any] = await reply.json()
                return told

    async def outcome(self, name: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What the bot says of a surface, once that is so."""
        for _ in range(200):
            rows = {row["surface"]: row for row in self.bot.status().get("surfaces", [])}
            if (row := rows.get(f"billing/{name}")) and done(row):
                return dict(row)
            await asyncio.sleep(0.05)
        raise AssertionError(f"{rows.get(f'billing/{name}')}; {self.bot.log}")


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[There]:
    """A gate that was never told anything, and a bot that runs."""
    environ = {"GATE_SECRET": SECRET, "AGENT_KILL_STOP_SECRETS": "monitor:monitor-secret"}
    bot, upstream = Bot(tmp_path, environ), Recorder()
    await upstream.start()
    truth = {"truth": f"http://{HOST}:{bot.port}", "lease": "2s"}
    with GateServer(upstream.port, truth, names=NAMES, fresh=True) as gate:
        there = There(bot, gate, upstream)
        bot.configure({"billing": {"name": "Billing", "surfaces": {name: _surface(gate, name) for name in NAMES}}})
        await bot.start()
        yield there
        if bot.process is not None and bot.process.poll() is None:
            bot.kill()
    await upstream.stop()


def _surface(gate: GateServer, name: str) -> dict[str, Any]:
    settings = gate.settings(name)
    if name == "asked":
        settings["gates"] = [{"control": f"http://{HOST}:{free_port()}"}]
    return {"adapter": "gate", "class": "api", "settings": settings, "canary": {"urls": [gate.door(name)]}}


async def _meanwhile(there: There, name: str, work: Callable[[], Awaitable[object]]) -> tuple[float, list[float]]:
    """An agent that posts 200 times a second while `work` is done; when that was done, and when its posts passed."""
    passed: list[float] = []

    async def post() -> None:
        while True:
            if (await there.call(name)).status == 200:
                passed.append(time.monotonic())
            await asyncio.sleep(BETWEEN)

    agents = [asyncio.create_task(post()) for _ in range(2)]
    await asyncio.sleep(0.3)
    await work()
    done = time.monotonic()
    await asyncio.sleep(1.5)
    for agent in agents:
        agent.cancel()
    await asyncio.gather(*agents, return_exceptions=True)
    return done, passed


@pytest.mark.alone
async def test_a_stop_reaches_the_gate_and_the_gate_asks_for_what_it_missed(there: There) -> None:
    """Pushed within 250 ms, asked for within a second and a bit; then the bot goes, the gate restarts, and it stays."""
    for name in NAMES:
        await there.answers(name, 200, 5.0)
    done, passed = await _meanwhile(there, "pushed", lambda: there.stop("read_only", "pushed"))
    assert passed, "the agent did not work before the stop"
    assert max(passed) - done < 0.25
    refused = await there.call("pushed")
    assert refused.headers["x-agent-kill-by"] == "http:monitor"
    assert (refused.said["reason"], refused.said["mode"]) == ("refund loop", "read_only")
    assert refused.headers["x-agent-kill-incident"]
    assert (await there.call("pushed", "GET")).status == 200
    assert (await there.outcome("pushed", lambda row: row["outcome"] == "verified"))["effective"] == "read_only"
    await there.stop("full_stop", "asked")
    assert await there.answers("asked", 403, 5.0) < 1.6, "the gate asks once a second"
    before = len(there.upstream.writes)
    there.bot.kill()
    await asyncio.to_thread(there.gate.crash)
    await asyncio.to_thread(there.gate.restart)
    for name in ("pushed", "asked"):
        assert (await there.call(name)).status == 403
    assert len(there.upstream.writes) == before


async def test_a_lease_closes_where_the_configuration_says_so(tmp_path: Path) -> None:
    """The bot goes: what says `close` closes until it is back, `keep` stays. The gate goes: only `close` is proven."""
    environ = {"GATE_SECRET": SECRET, "AGENT_KILL_STOP_SECRETS": "monitor:monitor-secret"}
    bot, upstream = Bot(tmp_path, environ), Recorder()
    await upstream.start()
    truth = {"truth": f"http://{HOST}:{bot.port}", "lease": "2s", "on_lease_expiry": "close"}
    with GateServer(upstream.port, truth, names=["leased"], fresh=True) as gate:
        kept = GateServer(upstream.port, truth | {"on_lease_expiry": "keep"}, names=["kept"], fresh=True)
        with kept:
            there, other = There(bot, gate, upstream), There(bot, kept, upstream)
            surfaces = {"leased": _surface(gate, "leased"), "kept": _surface(kept, "kept")}
            bot.configure({"billing": {"name": "Billing", "surfaces": surfaces}})
            await bot.start()
            try:
                await _open_and_closed(there, other)
            finally:
                if bot.process is not None and bot.process.poll() is None:
                    bot.kill()
    await upstream.stop()


async def _open_and_closed(there: There, other: There) -> None:
    await there.answers("leased", 200, 5.0)
    await other.answers("kept", 200, 5.0)
    there.bot.kill()
    assert await there.answers("leased", 403, 10.0) < 8.0
    assert "has not heard from the bot" in str((await there.call("leased")).said["why"])
    assert (await other.call("kept")).status == 200
    await there.bot.start()
    await there.answers("leased", 200, 5.0)
    await asyncio.to_thread(there.gate.crash)
    await asyncio.to_thread(other.gate.crash)
    await asyncio.sleep(3.2)  # the lease, and the margin of the two clocks
    await there.stop("full_stop", "leased", "kept")
    closed = await there.outcome("leased", lambda row: row["outcome"] == "verified")
    assert "lease has passed" in closed["detail"]
    assert (await there.outcome("kept", lambda row: row["outcome"] is not None))["outcome"] != "verified"
