"""Is everything that Slack's documentation does not allow written down?"""

import contextlib
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.conftest import MANIFEST


@pytest.mark.parametrize(
    ("method", "arguments", "violation"),
    [
        ("chat.scheduleMessage", {}, "chat.scheduleMessage was answered unknown_method"),
        ("auth.test", {"colour": "red"}, "auth.test has no argument colour"),
        ("team.info", {}, "team.info was answered missing_scope"),
        ("chat.postMessage", {"channel": "C0INCIDENT"}, "chat.postMessage was answered no_text"),
    ],
)
async def test_violation(
    sim: Simulator, client: AsyncWebClient, method: str, arguments: dict[str, Any], violation: str
) -> None:
    """A call that only a mistake can bring about is a violation."""
    with contextlib.suppress(SlackApiError):
        await client.api_call(method, params=arguments)
    assert [sentence for sentence in sim.violations if sentence.startswith(violation)]


async def test_circumstances_are_no_violations(sim: Simulator, client: AsyncWebClient) -> None:
    """A correct app, too, meets a channel that it is not in or a message that is gone."""
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel="C0RANDOM", text="x")
    with pytest.raises(SlackApiError):
        await client.chat_update(channel="C0INCIDENT", ts="1.000001", text="x")
    assert sim.violations == []


async def test_lenient(client: AsyncWebClient) -> None:
    """Without strictness nothing is written down."""
    async with Simulator(MANIFEST, strict=False) as sim:
        client.base_url = sim.api_url
        with pytest.raises(SlackApiError):
            await client.api_call("chat.postMessage", params={"channel": "C0INCIDENT"})
        assert sim.violations == []


def test_manifest_that_slack_would_not_take() -> None:
    """An event without its scope, an unknown event and commands without theirs are violations from the start."""
    sim = Simulator(
        {
            "features": {"slash_commands": [{"command": "/x"}]},
            "settings": {"event_subscriptions": {"bot_events": ["reaction_added", "sunrise"]}},
        }
    )
    assert sim.violations == [
        "manifest: the event sunrise is not known",
        "manifest: the event reaction_added needs the scope reactions:read",
        "manifest: slash commands need the scope commands",
    ]


async def test_reply_to_a_reply(sim: Simulator, client: AsyncWebClient) -> None:
    """A reply's ts in thread_ts lands in the right thread and is a violation."""
    parent = (await client.chat_postMessage(channel="C0INCIDENT", text="parent"))["ts"]
    reply = (await client.chat_postMessage(channel="C0INCIDENT", text="reply", thread_ts=parent))["ts"]
    await client.chat_postMessage(channel="C0INCIDENT", text="another", thread_ts=reply)
    assert [m.text for m in sim.channel("incident").thread(parent)] == ["parent", "reply", "another"]
    assert "is a reply's ts" in sim.violations[0]
