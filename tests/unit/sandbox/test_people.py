"""Do the kinds of people look to the app as they do in Slack?"""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.identity import Identity
from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.conftest import MANIFEST


@pytest.mark.parametrize(
    ("person", "fields"),
    [
        ("oncall", {"is_restricted": False, "is_bot": False, "deleted": False}),
        ("intruder", {"is_restricted": False, "is_bot": False, "deleted": False}),
        ("guest", {"is_restricted": True, "is_ultra_restricted": False}),
        ("single_guest", {"is_restricted": True, "is_ultra_restricted": True}),
        ("stranger", {"is_stranger": True, "team_id": "T0PARTNER"}),
        ("deactivated", {"deleted": True}),
        ("other_bot", {"is_bot": True}),
        ("workflow", {"is_bot": True, "is_workflow_bot": True}),
        ("agent", {"is_bot": False}),
    ],
)
async def test_kind(sim: Simulator, client: AsyncWebClient, person: str, fields: dict[str, object]) -> None:
    """users.info tells guests, strangers, bots and deactivated accounts apart."""
    user = (await client.users_info(user=sim.person(person).id))["user"]
    assert {name: user.get(name) for name in fields} == fields


async def test_nobody(sim: Simulator) -> None:
    """Asking for somebody who is not there names those who are."""
    with pytest.raises(LookupError, match="there is nobody called boss"):
        sim.person("boss")


async def test_two_workspaces() -> None:
    """Two workspaces beside each other keep their people and messages apart."""
    other_app = Identity(team_id="T0SECOND", bot_token="xoxb-second")
    async with Simulator(MANIFEST) as first, Simulator(MANIFEST, app=other_app) as second:
        client = AsyncWebClient(token="xoxb-second", base_url=second.api_url)
        await client.chat_postMessage(channel="C0INCIDENT", text="here")
        assert (await client.users_info(user="U0ONCALL"))["user"]["team_id"] == "T0SECOND"
        assert first.workspace.messages("incident") == []
        assert first.workspace.people["oncall"].team_id == "T0SANDBOX"
