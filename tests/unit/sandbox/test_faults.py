"""Does every fault do what it says, and no more?"""

import asyncio
import time

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.app import http_app, socket_app


async def test_delay(sim: Simulator, client: AsyncWebClient) -> None:
    """A delayed call is answered, later; other methods are not touched."""
    sim.faults.delay("auth.test", 0.1, times=1)
    began = time.perf_counter()
    assert (await client.auth_test())["ok"]
    assert time.perf_counter() - began >= 0.1
    assert sim.calls.of("auth.test")[0].elapsed_ms >= 100
    assert (await client.api_test())["ok"]


async def test_rate_limit(sim: Simulator, client: AsyncWebClient) -> None:
    """A 429 has Retry-After and the code, and the call was not carried out."""
    sim.faults.rate_limit("chat.postMessage", retry_after=7)
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C0INCIDENT", text="x")
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "7"
    assert refused.value.response["error"] == "ratelimited"
    assert sim.channel("incident").messages == []
    assert (await client.chat_postMessage(channel="C0INCIDENT", text="x"))["ok"]


async def test_server_error_after_the_deed(sim: Simulator, client: AsyncWebClient) -> None:
    """A 503 may come although the message was posted; the record keeps both."""
    sim.faults.status("chat.postMessage", 503, after=True)
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C0INCIDENT", text="x")
    assert refused.value.response.status_code == 503
    assert len(sim.channel("incident").messages) == 1
    assert sim.calls[-1].status == 503


async def test_dropped_and_hanging_calls(sim: Simulator) -> None:
    """A dropped call breaks the connection; a hanging one is never answered."""
    sim.faults.drop("auth.test")
    sim.faults.hang("api.test")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(f"{sim.api_url}auth.test")
        with pytest.raises(TimeoutError):
            await session.post(f"{sim.api_url}api.test", timeout=aiohttp.ClientTimeout(total=0.1))


async def test_chosen_error(sim: Simulator, client: AsyncWebClient) -> None:
    """Any code can be answered, and a wished error is no violation."""
    sim.faults.error("chat.update", "internal_error")
    with pytest.raises(SlackApiError, match="internal_error"):
        await client.chat_update(channel="C0INCIDENT", ts="1.1", text="x")
    assert sim.violations == []


async def test_slack_down_and_up(sim: Simulator, client: AsyncWebClient) -> None:
    """While Slack is down connections are refused; it comes back at the same address with all it knew."""
    await client.chat_postMessage(channel="C0INCIDENT", text="before")
    async with socket_app(sim) as app:
        await sim.go_down()
        await asyncio.wait_for(app.socket.receive() if not app.socket.closed else asyncio.sleep(0), 2)
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.auth_test()
        assert (await sim.person("oncall").slash("/agent-kill")).error == "operation_timeout"
    await sim.start()
    assert (await client.auth_test())["ok"]
    assert [m.text for m in sim.workspace.messages("incident")] == ["before"]


async def test_lost_events(sim: Simulator) -> None:
    """Slack may accept everything and deliver nothing."""
    sim.faults.lose("events_api")
    async with socket_app(sim) as app:
        sim.person("oncall").react(sim.person("owner").say("vote"), "+1")
        await sim.courier.settle()
        assert app.envelopes == []
        assert (await sim.person("oncall").slash("/agent-kill")).ok


async def test_duplicates(sim: Simulator) -> None:
    """A duplicate has the same trigger_id and another envelope."""
    sim.faults.duplicate("slash_commands")
    async with socket_app(sim) as app:
        await sim.person("oncall").slash("/agent-kill")
        await sim.courier.settle()
        first, second = app.envelopes
    assert first["payload"]["trigger_id"] == second["payload"]["trigger_id"]
    assert first["envelope_id"] != second["envelope_id"]


async def test_reordering(sim: Simulator) -> None:
    """The next events arrive last first."""
    sim.faults.reorder("events_api", count=3)
    async with socket_app(sim) as app:
        message = sim.person("owner").say("vote")
        for person in ("oncall", "second", "owner"):
            sim.person(person).react(message, "+1")
        await sim.courier.settle()
        assert [e["payload"]["event"]["user"] for e in app.envelopes] == ["U0OWNER", "U0SECOND", "U0ONCALL"]


async def test_late_delivery(sim: Simulator) -> None:
    """A delivery may come late."""
    sim.faults.delay_delivery("slash_commands", 0.1, times=1)
    async with http_app(sim) as app:
        typing = asyncio.create_task(sim.person("oncall").slash("/agent-kill"))
        await asyncio.sleep(0)
        assert app.seen == []
        assert (await typing).ok


async def test_clear(sim: Simulator, client: AsyncWebClient) -> None:
    """Cleared faults strike no more."""
    sim.faults.rate_limit("auth.test", times=None)
    sim.faults.clear()
    assert (await client.auth_test())["ok"]
