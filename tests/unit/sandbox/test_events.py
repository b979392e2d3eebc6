"""Which events does the app get, and what do they say?"""

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.app import SocketApp, socket_app
from tests.unit.sandbox.conftest import MANIFEST


async def _events(sim: Simulator, app: SocketApp) -> list[dict[str, Any]]:
    await sim.courier.settle()
    return [envelope["payload"]["event"] for envelope in app.envelopes]


async def test_reaction(sim: Simulator) -> None:
    """A reaction is told with item, author and wrapper as in the documented example; skin tones as a suffix."""
    async with socket_app(sim) as app:
        message = sim.person("owner").say("vote")
        sim.person("oncall").react(message, "+1::skin-tone-3")
        sim.person("oncall").unreact(message, "+1::skin-tone-3")
        added, removed = await _events(sim, app)
        wrapper = app.envelopes[0]["payload"]
    event_ts = added.pop("event_ts")
    assert added == {
        "type": "reaction_added",
        "user": "U0ONCALL",
        "reaction": "+1::skin-tone-3",
        "item_user": "U0OWNER",
        "item": {"type": "message", "channel": "C0INCIDENT", "ts": message.ts},
    }
    assert float(event_ts) > float(message.ts)
    assert removed["type"] == "reaction_removed"
    assert wrapper["type"] == "event_callback"
    assert wrapper["event_id"].startswith("Ev")
    assert wrapper["authorizations"][0]["is_bot"] is True


async def test_the_bots_own_reaction(sim: Simulator, client: AsyncWebClient) -> None:
    """The app hears of its own reactions too."""
    async with socket_app(sim) as app:
        ts = (await client.chat_postMessage(channel="C0INCIDENT", text="vote"))["ts"]
        await client.reactions_add(channel="C0INCIDENT", timestamp=ts, name="+1")
        assert (await _events(sim, app))[0]["user"] == "U0BOT"


async def test_elsewhere(sim: Simulator) -> None:
    """Nothing is told of channels that the bot is not in."""
    async with socket_app(sim) as app:
        sim.person("oncall").react(sim.person("owner").say("x", channel="random"), "+1", channel="random")
        assert await _events(sim, app) == []


async def test_not_subscribed() -> None:
    """Without a subscription, or without its scope, nothing is told."""
    settings: dict[str, Any] = {"event_subscriptions": {"bot_events": []}}
    async with Simulator(MANIFEST | {"settings": settings}) as sim, socket_app(sim) as app:
        sim.person("oncall").react(sim.person("owner").say("vote"), "+1")
        assert await _events(sim, app) == []


async def test_user_group_edit(sim: Simulator) -> None:
    """An edit is told as a difference with the time of the update before, and as the whole group."""
    async with socket_app(sim) as app:
        before = sim.admin.set_members("oncall", ["oncall", "owner"]).updated
        first = await _events(sim, app)
        sim.admin.remove_from_group("oncall", "owner")
        second = (await _events(sim, app))[2:]
    delta = next(e for e in first if e["type"] == "subteam_members_changed")
    assert (delta["added_users"], delta["removed_users"]) == (["U0OWNER"], ["U0SECOND"])
    whole = next(e for e in first if e["type"] == "subteam_updated")["subteam"]
    assert (whole["id"], whole["users"], whole["user_count"]) == ("S0ONCALL", ["U0ONCALL", "U0OWNER"], 2)
    delta = next(e for e in second if e["type"] == "subteam_members_changed")
    assert delta["date_previous_update"] == before


async def test_disabled_group(sim: Simulator, client: AsyncWebClient) -> None:
    """A disabled group is told as updated, leaves the list, and lists nobody unless asked for."""
    async with socket_app(sim) as app:
        sim.admin.disable_group("oncall")
        assert (await _events(sim, app))[0]["subteam"]["date_delete"] > 0
    assert "S0ONCALL" not in [g["id"] for g in (await client.usergroups_list())["usergroups"]]
    assert (await client.usergroups_users_list(usergroup="S0ONCALL"))["users"] == []
    assert (await client.usergroups_users_list(usergroup="S0ONCALL", include_disabled=True))["users"]


async def test_people_and_channels(sim: Simulator) -> None:
    """Deactivation, leaving, archiving and the bot's own removal are told."""
    async with socket_app(sim) as app:
        sim.admin.deactivate("second")
        sim.person("owner").leave("incident")
        sim.admin.archive("audit")
        sim.admin.kick_bot("incident")
        found = {event["type"]: event for event in await _events(sim, app)}
        assert found["user_change"]["user"]["deleted"] is True
        assert found["channel_archive"]["channel"] == "C0AUDIT"
        assert [e["user"] for e in await _events(sim, app) if e["type"] == "member_left_channel"] == [
            "U0OWNER",
            "U0BOT",
        ]
