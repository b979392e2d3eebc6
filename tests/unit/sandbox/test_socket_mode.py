"""Does Socket Mode behave on the wire as documented?"""

import asyncio

import aiohttp
import pytest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.app import SocketApp, open_url, socket_app


async def test_hello(sim: Simulator) -> None:
    """The first frame is hello with the number of connections and the app."""
    async with socket_app(sim) as app, socket_app(sim) as second:
        assert app.seen[0]["type"] == "hello"
        assert app.seen[0]["connection_info"] == {"app_id": sim.workspace.app.app_id}
        assert second.seen[0]["num_connections"] == 2


async def test_a_ticket_is_good_once(sim: Simulator) -> None:
    """A second connection with the same address is refused."""
    async with aiohttp.ClientSession() as session:
        url = await open_url(sim, session)
        async with session.ws_connect(url):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(url)


async def test_ping_is_answered(sim: Simulator) -> None:
    """A ping comes back as a pong with the same bytes."""
    async with socket_app(sim) as app:
        await app.socket.ping(b"are you there")
        await sim.wait_for(lambda: app.pongs == [b"are you there"])


async def test_silent_connection(sim: Simulator) -> None:
    """A silent connection answers no ping and carries nothing, and the person sees a timeout."""
    async with socket_app(sim) as app:
        sim.socket.silence()
        await app.socket.ping(b"are you there")
        result = await sim.person("oncall").slash("/agent-kill", "full_stop")
        assert (result.error, app.pongs, app.envelopes) == ("operation_timeout", [], [])


async def test_each_payload_goes_to_one_connection(sim: Simulator) -> None:
    """Of several connections exactly one gets a payload, not always the same."""
    async with socket_app(sim) as app, socket_app(sim) as second:
        for _ in range(20):
            assert (await sim.person("oncall").slash("/agent-kill")).ok
        assert len(app.envelopes) + len(second.envelopes) == 20
        assert app.envelopes
        assert second.envelopes


async def test_eleventh_connection(sim: Simulator) -> None:
    """An app has ten connections; the eleventh is told too_many_websockets."""
    async with aiohttp.ClientSession() as session:
        ten = [await session.ws_connect(await open_url(sim, session)) for _ in range(10)]
        await sim.connected(len(ten))
        extra = await session.ws_connect(await open_url(sim, session))
        assert (await extra.receive_json())["reason"] == "too_many_websockets"


async def test_refresh(sim: Simulator) -> None:
    """After refresh_requested new payloads go to other connections, and the old one closes."""
    sim.socket.grace = 0.05
    async with socket_app(sim) as app, socket_app(sim) as second:
        await sim.socket.disconnect("refresh_requested", count=1)
        await sim.wait_for(lambda: len(app.seen) == 2)
        assert app.seen[1]["type"] == "disconnect"
        assert app.seen[1]["reason"] == "refresh_requested"
        for _ in range(5):
            assert (await sim.person("oncall").slash("/agent-kill")).ok
        assert len(second.envelopes) == 5
        await sim.wait_for(lambda: len(sim.socket.connections) == 1)


async def test_link_disabled(sim: Simulator) -> None:
    """When Socket Mode is switched off, connections are told and so is every later one."""
    sim.socket.grace = 0.0
    async with socket_app(sim) as app:
        await sim.socket.disconnect("link_disabled")
        await sim.wait_for(lambda: app.seen[-1].get("reason") == "link_disabled")
    async with socket_app(sim) as again:
        assert again.seen[0]["reason"] == "link_disabled"


async def test_broken_connection(sim: Simulator) -> None:
    """A connection may break without a word; a command is then a dispatch_failed."""
    async with socket_app(sim):
        sim.socket.cut()
        await sim.wait_for(lambda: not sim.socket.connections)
        assert (await sim.person("oncall").slash("/agent-kill")).error == "dispatch_failed"


async def test_unacknowledged_event_is_retried(sim: Simulator) -> None:
    """An event comes up to four times, numbered, with the same event_id; a command never comes again."""
    async with socket_app(sim) as app:
        app.acknowledge = False
        message = sim.person("oncall").say("vote")
        sim.person("oncall").react(message, "+1")
        await sim.courier.settle()
        assert [e["retry_attempt"] for e in app.envelopes] == [0, 1, 2, 3]
        assert {e["retry_reason"] for e in app.envelopes[1:]} == {"timeout"}
        assert len({e["payload"]["event_id"] for e in app.envelopes}) == 1
        app.seen.clear()
        assert (await sim.person("oncall").slash("/agent-kill")).error == "operation_timeout"
        assert len(app.envelopes) == 1
        assert "retry_attempt" not in app.envelopes[0]


async def test_redelivery_of_the_same_payload(sim: Simulator) -> None:
    """A test can deliver the very same payload again."""
    async with socket_app(sim) as app:
        result = await sim.person("oncall").slash("/agent-kill", "full_stop")
        assert result.delivery
        await sim.courier.redeliver(result.delivery)
        first, second = app.envelopes
        assert first["payload"] == second["payload"]
        assert first["envelope_id"] != second["envelope_id"]


async def test_acknowledgement_over_another_socket(sim: Simulator) -> None:
    """By default only the socket that got the payload can acknowledge it; a setting takes any."""
    async with socket_app(sim) as app, socket_app(sim) as second:
        app.acknowledge = second.acknowledge = False

        async def cross() -> None:
            await sim.wait_for(lambda: app.envelopes or second.envelopes)
            got, other = (app, second) if app.envelopes else (second, app)
            await other.socket.send_json({"envelope_id": got.envelopes[-1]["envelope_id"]})

        for any_socket, error in ((False, "operation_timeout"), (True, "")):
            sim.socket.ack_on_any_socket = any_socket
            _forget(app, second)
            result, _ = await asyncio.gather(sim.person("oncall").slash("/agent-kill"), cross())
            assert result.error == error


def _forget(*apps: SocketApp) -> None:
    for app in apps:
        app.seen.clear()


async def test_with_slacks_own_client(sim: Simulator, client: AsyncWebClient) -> None:
    """Slack's Python client connects, answers a command, survives a refresh and answers again."""
    theirs = SocketModeClient(app_token=sim.app_token, web_client=client)

    async def answer(socket: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        await socket.send_socket_mode_response(SocketModeResponse(request.envelope_id, {"text": "Stopping."}))

    theirs.socket_mode_request_listeners.append(answer)
    await theirs.connect()  # type: ignore[no-untyped-call]  # the SDK leaves it unannotated
    try:
        await sim.connected()
        assert (await sim.person("oncall").slash("/agent-kill", "full_stop")).text == "Stopping."
        await sim.socket.disconnect("refresh_requested")
        await sim.wait_for(lambda: sim.socket.hellos == 2, what="a new connection")
        assert (await sim.person("oncall").slash("/agent-kill", "full_stop")).text == "Stopping."
    finally:
        await theirs.close()  # type: ignore[no-untyped-call]  # see above
        await theirs.aiohttp_client_session.close()
