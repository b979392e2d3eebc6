"""Is the simulator fast enough to measure an app by?"""

import statistics

from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.app import socket_app
from tests.unit.sandbox.conftest import MANIFEST

CALLS = 200


async def test_own_time_of_a_call() -> None:
    """Half of all calls take the simulator itself less than two milliseconds."""
    async with Simulator(MANIFEST, rate_limits=False) as sim:
        client = AsyncWebClient(token=sim.bot_token, base_url=sim.api_url)
        for number in range(CALLS):
            await client.chat_postMessage(channel="C0INCIDENT", text=str(number))
        assert statistics.median(call.elapsed_ms for call in sim.calls) < 2.0


async def test_own_time_of_a_command(sim: Simulator) -> None:
    """Half of all commands that are acknowledged at once take less than five milliseconds there and back."""
    async with socket_app(sim):
        taken = [(await sim.person("oncall").slash("/agent-kill")).ack_ms for _ in range(CALLS)]
    assert statistics.median(ms for ms in taken if ms is not None) < 5.0
