"""Do buttons, modals and shortcuts work as Slack's do?"""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import SteppedClock
from bot.sandbox.messages import Message
from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.app import socket_app
from tests.unit.sandbox.conftest import MANIFEST

BUTTONS: list[dict[str, Any]] = [
    {
        "type": "actions",
        "block_id": "which",
        "elements": [
            {"type": "button", "action_id": "yes", "text": {"type": "plain_text", "text": "Yes"}, "value": "billing"}
        ],
    }
]
MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "stop",
    "title": {"type": "plain_text", "text": "Stop agents"},
    "submit": {"type": "plain_text", "text": "Stop"},
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "mode",
            "label": {"type": "plain_text", "text": "Mode"},
            "element": {
                "type": "static_select",
                "action_id": "mode",
                "options": [{"text": {"type": "plain_text", "text": "Full stop"}, "value": "full_stop"}],
            },
        },
        {
            "type": "input",
            "block_id": "reason",
            "optional": True,
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "reason"},
        },
    ],
}


async def test_click(sim: Simulator, client: AsyncWebClient) -> None:
    """A click tells who, where, which element with its value, and the whole message."""
    await client.chat_postMessage(channel="C0INCIDENT", text="Sure?", blocks=BUTTONS)
    message = sim.channel("incident").messages[0]
    async with socket_app(sim) as app:
        assert (await sim.person("oncall").click(message, "yes")).ok
        payload = app.envelopes[0]["payload"]
    assert payload["type"] == "block_actions"
    assert payload["user"]["id"] == "U0ONCALL"
    assert payload["container"]["message_ts"] == message.ts
    assert payload["message"]["ts"] == message.ts
    action = payload["actions"][0]
    assert (action["action_id"], action["block_id"], action["value"]) == ("yes", "which", "billing")
    assert {"trigger_id", "response_url", "team", "channel", "api_app_id"} <= payload.keys()


async def test_click_in_an_ephemeral(sim: Simulator, client: AsyncWebClient) -> None:
    """An ephemeral message is marked as such and is not handed back."""
    await client.chat_postEphemeral(channel="C0INCIDENT", user="U0ONCALL", text="Sure?", blocks=BUTTONS)
    async with socket_app(sim) as app:
        await sim.person("oncall").click(sim.person("oncall").sees()[0], "yes")
        payload = app.envelopes[0]["payload"]
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload


async def test_click_on_nothing(sim: Simulator, client: AsyncWebClient) -> None:
    """A test that presses a button that is not there learns which there are."""
    await client.chat_postMessage(channel="C0INCIDENT", text="Sure?", blocks=BUTTONS)
    with pytest.raises(LookupError, match="there are \\['yes'\\]"):
        await sim.person("oncall").click(sim.channel("incident").messages[0], "no")


async def test_modal(sim: Simulator, client: AsyncWebClient) -> None:
    """A trigger opens a modal once; its values come back by block and action; then it is closed."""
    oncall = sim.person("oncall")
    async with socket_app(sim) as app:
        trigger = (await oncall.slash("/agent-kill")).trigger_id
        await client.views_open(trigger_id=trigger, view=MODAL)
        with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
            await client.views_open(trigger_id=trigger, view=MODAL)
        assert (await oncall.submit_view({"mode": "full_stop", "reason": "loop"})).ok
        view = app.envelopes[-1]["payload"]["view"]
    assert view["state"]["values"]["mode"]["mode"]["selected_option"]["value"] == "full_stop"
    assert view["state"]["values"]["reason"]["reason"] == {"type": "plain_text_input", "value": "loop"}
    assert oncall.view is None


async def test_expired_trigger(sim: Simulator, clock: SteppedClock, client: AsyncWebClient) -> None:
    """Three seconds later a trigger opens nothing."""
    trigger = (await sim.person("oncall").slash("/agent-kill")).trigger_id
    clock.advance(3.1)
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client.views_open(trigger_id=trigger, view=MODAL)


async def test_refused_submission(sim: Simulator, client: AsyncWebClient) -> None:
    """response_action errors keeps the modal open and shows the sentences."""
    oncall = sim.person("oncall")
    async with socket_app(sim) as app:
        await client.views_open(trigger_id=(await oncall.slash("/agent-kill")).trigger_id, view=MODAL)
        app.answer = {"response_action": "errors", "errors": {"reason": "Say why."}}
        assert (await oncall.submit_view()).errors == {"reason": "Say why."}
        assert oncall.view is not None
        await oncall.close_view()
        assert app.envelopes[-1]["payload"]["type"] == "view_closed"


async def test_bad_view(sim: Simulator, client: AsyncWebClient) -> None:
    """A title of 25 characters is refused with its pointer."""
    trigger = (await sim.person("oncall").slash("/agent-kill")).trigger_id
    long = MODAL | {"title": {"type": "plain_text", "text": "x" * 25}}
    with pytest.raises(SlackApiError) as refused:
        await client.views_open(trigger_id=trigger, view=long)
    assert "json-pointer:/view/title/text" in refused.value.response["response_metadata"]["messages"][0]


async def test_shortcut_in_a_thread(sim: Simulator) -> None:
    """A message shortcut works in a thread and tells the thread."""
    parent = sim.person("oncall").say("billing loops")
    reply = sim.person("owner").say("since when?", thread=parent)
    async with socket_app(sim) as app:
        await sim.person("oncall").message_shortcut(reply, "kill_here")
        assert app.envelopes[0]["payload"]["message"]["thread_ts"] == parent.ts
    with pytest.raises(LookupError, match="no message shortcut stop_all"):
        await sim.person("oncall").message_shortcut(parent, "stop_all")


async def test_home_tab(sim: Simulator, client: AsyncWebClient) -> None:
    """Opening the home tab tells the app, which can publish a view for that person."""
    async with socket_app(sim) as app:
        sim.person("oncall").open_home()
        await sim.wait_for(lambda: app.envelopes)
        assert app.envelopes[0]["payload"]["event"]["type"] == "app_home_opened"
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    assert (await client.views_publish(user_id="U0ONCALL", view=home))["view"]["type"] == "home"


async def test_interactivity_switched_off() -> None:
    """Without interactivity in the manifest a click reaches nobody, and that is a violation."""
    async with Simulator(MANIFEST | {"settings": {}}) as sim, socket_app(sim) as app:
        sim.workspace.post(Message(sim.workspace.next_ts(), "C0INCIDENT", "U0BOT", "Sure?", blocks=BUTTONS))
        assert not (await sim.person("oncall").click(sim.channel("incident").messages[0], "yes")).ok
        assert app.envelopes == []
        assert sim.violations == ["manifest: block_actions needs settings.interactivity.is_enabled"]
