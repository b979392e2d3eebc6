"""Is an app that calls too often refused as Slack refuses it?"""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import SteppedClock
from bot.sandbox.simulator import Simulator


async def _until_refused(client: AsyncWebClient, method: str, arguments: dict[str, str], most: int) -> int:
    for number in range(most):
        assert (await client.api_call(method, params=arguments))["ok"], number
    with pytest.raises(SlackApiError) as refused:
        await client.api_call(method, params=arguments)
    assert refused.value.response.status_code == 429
    assert refused.value.response["error"] == "ratelimited"
    return int(refused.value.response.headers["Retry-After"])


@pytest.mark.parametrize(
    ("method", "arguments", "allowed", "retry_after"),
    [
        ("usergroups.users.list", {"usergroup": "S0ONCALL"}, 20, 3),
        ("conversations.info", {"channel": "C0INCIDENT"}, 50, 2),
        ("users.info", {"user": "U0ONCALL"}, 100, 1),
        ("chat.postMessage", {"channel": "C0INCIDENT", "text": "x"}, 5, 1),
    ],
)
async def test_tier(
    client: AsyncWebClient, method: str, arguments: dict[str, str], allowed: int, retry_after: int
) -> None:
    """As many calls as the tier's minute has are taken, then 429 with Retry-After."""
    assert await _until_refused(client, method, arguments, allowed) == retry_after


async def test_posts_are_counted_per_channel(clock: SteppedClock, client: AsyncWebClient) -> None:
    """One busy channel does not slow another, and a second later it takes one more."""
    await _until_refused(client, "chat.postMessage", {"channel": "C0INCIDENT", "text": "x"}, 5)
    assert (await client.chat_postMessage(channel="C0AUDIT", text="x"))["ok"]
    clock.advance(1)
    assert (await client.chat_postMessage(channel="C0INCIDENT", text="x"))["ok"]


async def test_limits_are_no_violations(sim: Simulator, client: AsyncWebClient) -> None:
    """Being refused for calling too often is a circumstance and no mistake."""
    await _until_refused(client, "chat.postMessage", {"channel": "C0INCIDENT", "text": "x"}, 5)
    assert sim.violations == []
