"""A simulated workspace and Slack's own clients as its judges."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import SteppedClock
from bot.sandbox.simulator import Simulator

MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Tester"},
    "features": {
        "app_home": {"home_tab_enabled": True},
        "bot_user": {"display_name": "tester"},
        "slash_commands": [
            {"command": "/agent-kill", "description": "stops"},
            {"command": "/agent-escaped", "description": "escapes", "should_escape": True},
        ],
        "shortcuts": [{"name": "Kill agents", "type": "message", "callback_id": "kill_here", "description": "stops"}],
    },
    "oauth_config": {
        "scopes": {
            "bot": [
                "channels:read",
                "chat:write",
                "commands",
                "files:write",
                "groups:read",
                "im:write",
                "pins:write",
                "reactions:read",
                "reactions:write",
                "usergroups:read",
                "users:read",
            ]
        }
    },
    "settings": {
        "event_subscriptions": {
            "bot_events": [
                "app_home_opened",
                "channel_archive",
                "member_left_channel",
                "reaction_added",
                "reaction_removed",
                "subteam_members_changed",
                "subteam_updated",
                "user_change",
            ]
        },
        "interactivity": {"is_enabled": True},
        "socket_mode_enabled": True,
    },
}


@pytest.fixture
def clock() -> SteppedClock:
    """The workspace's time, which stands still."""
    return SteppedClock()


@pytest.fixture
async def sim(clock: SteppedClock) -> AsyncIterator[Simulator]:
    """A running workspace; acknowledgements have six tenths of a second."""
    async with Simulator(MANIFEST, clock=clock, ack_timeout=0.6) as simulator:
        simulator.courier.retries = (0.0, 0.0, 0.0)
        yield simulator


@pytest.fixture
async def client(sim: Simulator) -> AsyncWebClient:
    """Slack's own client with the bot token."""
    return AsyncWebClient(token=sim.bot_token, base_url=sim.api_url, retry_handlers=[])
