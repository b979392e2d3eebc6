"""Does a vote by reactions meet here what it meets in Slack?"""

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Message
from bot.sandbox.reactions import ALIASES, DISTINCT_EMOJI, EMOJI_PER_PERSON
from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.app import SocketApp, http_app, socket_app
from tests.unit.sandbox.conftest import MANIFEST

C = "C0INCIDENT"
VOTERS = ("approver1", "approver2", "approver3", "owner", "oncall", "second", "intruder")


async def _ballot(sim: Simulator, client: AsyncWebClient) -> Message:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "Give *billing* read_only back?"}}]
    await client.chat_postMessage(channel=C, text="Ballot 7", blocks=blocks)
    return sim.person("owner").find("*billing* read_only")


async def _reactions(client: AsyncWebClient, ballot: Message, **options: Any) -> list[dict[str, Any]]:
    answer = await client.reactions_get(channel=C, timestamp=ballot.ts, **options)
    found: list[dict[str, Any]] = answer["message"].get("reactions", [])
    return found


async def _events(sim: Simulator, app: SocketApp) -> list[dict[str, Any]]:
    await sim.courier.settle()
    return [envelope["payload"]["event"] for envelope in app.envelopes]


async def test_tally(sim: Simulator, client: AsyncWebClient) -> None:
    """reactions.get lists who reacted and how many; skin tones are apart, aliases are their first name."""
    ballot = await _ballot(sim, client)
    await client.reactions_add(channel=C, timestamp=ballot.ts, name="thumbsup")
    sim.person("approver1").react(ballot, "thumbsup")
    sim.person("approver1").react(ballot, "+1::skin-tone-3")
    sim.person("approver2").react(ballot.ts, "thumbsdown::skin-tone-6")
    assert await _reactions(client, ballot, full=True) == [
        {"name": "+1", "users": ["U0BOT", "U0APPROVER1"], "count": 2},
        {"name": "+1::skin-tone-3", "users": ["U0APPROVER1"], "count": 1},
        {"name": "-1::skin-tone-6", "users": ["U0APPROVER2"], "count": 1},
    ]


async def test_without_full(sim: Simulator, client: AsyncWebClient) -> None:
    """Not asked for in full, the list of people is cut while the count is right."""
    ballot = await _ballot(sim, client)
    for person in VOTERS:
        sim.person(person).react(ballot, "+1")
    ((cut,), (whole,)) = await _reactions(client, ballot), await _reactions(client, ballot, full=True)
    assert (len(cut["users"]), cut["count"]) == (5, len(VOTERS))
    assert len(whole["users"]) == whole["count"] == len(VOTERS)


async def test_taken_back(sim: Simulator, client: AsyncWebClient) -> None:
    """A reaction that everybody took back is gone from the list."""
    ballot = await _ballot(sim, client)
    sim.person("approver1").react(ballot, "+1")
    sim.person("approver1").unreact(ballot, "thumbsup")
    assert await _reactions(client, ballot, full=True) == []


@pytest.mark.parametrize("alias", ALIASES)
async def test_alias(sim: Simulator, client: AsyncWebClient, alias: str) -> None:
    """Whoever reacted under one name has reacted under the other."""
    ballot = await _ballot(sim, client)
    sim.person("owner").react(ballot, ALIASES[alias])
    with pytest.raises(SlackError, match="already_reacted"):
        sim.person("owner").react(ballot, alias)


async def test_too_many(sim: Simulator, client: AsyncWebClient) -> None:
    """One person gives 23 reactions to a message, and a message takes fifty kinds."""
    ballot = await _ballot(sim, client)
    for number in range(EMOJI_PER_PERSON):
        sim.person("owner").react(ballot, f"e{number}")
    with pytest.raises(SlackError, match="too_many_reactions"):
        sim.person("owner").react(ballot, "+1")
    for number in range(EMOJI_PER_PERSON, DISTINCT_EMOJI):
        sim.person(VOTERS[number % 3]).react(ballot, f"e{number}")
    with pytest.raises(SlackApiError, match="too_many_emoji"):
        await client.reactions_add(channel=C, timestamp=ballot.ts, name="+1")


async def test_none_to_take_back(sim: Simulator, client: AsyncWebClient) -> None:
    """Nobody takes back what they did not give, or gave in another skin tone."""
    ballot = await _ballot(sim, client)
    sim.person("owner").react(ballot, "+1::skin-tone-2")
    with pytest.raises(SlackError, match="no_reaction"):
        sim.person("owner").unreact(ballot, "+1")
    with pytest.raises(SlackApiError, match="no_reaction"):
        await client.reactions_remove(channel=C, timestamp=ballot.ts, name="+1::skin-tone-2")


async def test_edited_ballot(sim: Simulator, client: AsyncWebClient) -> None:
    """The bot's edit of its ballot leaves the votes alone; nobody else can edit it."""
    ballot = await _ballot(sim, client)
    sim.person("approver1").react(ballot, "+1")
    await client.chat_update(channel=C, ts=ballot.ts, text="Ballot 7: 1 of 2")
    assert [one["count"] for one in await _reactions(client, ballot, full=True)] == [1]
    with pytest.raises(SlackError, match="cant_update_message"):
        sim.person("admin").edit(ballot, "Ballot 7: passed")


async def test_deleted_ballot(sim: Simulator, client: AsyncWebClient) -> None:
    """An administrator can delete a ballot; then nothing is known of it and nobody reacts to it any more."""
    ballot = await _ballot(sim, client)
    with pytest.raises(SlackError, match="cant_delete_message"):
        sim.person("intruder").delete(ballot)
    sim.person("admin").delete(ballot)
    for call in (client.reactions_get(channel=C, timestamp=ballot.ts), client.chat_delete(channel=C, ts=ballot.ts)):
        with pytest.raises(SlackApiError, match="message_not_found"):
            await call
    with pytest.raises(SlackError, match="message_not_found"):
        sim.person("approver1").react(ballot, "+1")
    with pytest.raises(LookupError, match="nothing in incident says 'Ballot 7'"):
        sim.person("owner").find("Ballot 7")


async def test_edits_and_deletions_are_told() -> None:
    """An app that reads the channel hears of edits and deletions, with what stood there before."""
    scopes = [*MANIFEST["oauth_config"]["scopes"]["bot"], "channels:history"]
    settings = MANIFEST["settings"] | {"event_subscriptions": {"bot_events": ["message.channels"]}}
    reading = MANIFEST | {"oauth_config": {"scopes": {"bot": scopes}}, "settings": settings}
    async with Simulator(reading) as sim, socket_app(sim) as app:
        message = sim.person("owner").say("first")
        sim.person("owner").edit(message, "second")
        sim.person("owner").delete(message)
        changed, deleted = await _events(sim, app)
    assert (changed["subtype"], changed["message"]["text"], changed["previous_message"]["text"]) == (
        "message_changed",
        "second",
        "first",
    )
    assert (deleted["subtype"], deleted["deleted_ts"], deleted["channel"]) == ("message_deleted", message.ts, C)


@pytest.mark.parametrize("way", [socket_app, http_app])
async def test_both_ways(sim: Simulator, way: Any) -> None:
    """Reactions are told over a websocket and over HTTP."""
    opened: AbstractAsyncContextManager[Any] = way(sim)
    async with opened as app:
        sim.person("oncall").react(sim.person("owner").say("vote"), "thumbsup::skin-tone-2")
        await sim.courier.settle()
        assert len(app.seen) - (way is socket_app) == 1  # beside the socket's hello
    (told,) = [delivery for delivery in sim.deliveries if delivery.name == "reaction_added"]
    assert told.acknowledged
    assert told.payload["event"]["reaction"] == "+1::skin-tone-2"


async def test_lost_vote(sim: Simulator, client: AsyncWebClient) -> None:
    """A fault may take reactions alone: they never come, while the message has them."""
    sim.faults.lose("reaction_added")
    async with socket_app(sim) as app:
        ballot = await _ballot(sim, client)
        sim.person("approver1").react(ballot, "+1")
        sim.admin.add_to_group("restorers", "second")
        assert {event["type"] for event in await _events(sim, app)} == {"subteam_members_changed", "subteam_updated"}
    assert (await _reactions(client, ballot, full=True))[0]["users"] == ["U0APPROVER1"]


async def test_votes_twice_and_in_another_order(sim: Simulator) -> None:
    """Reactions may come twice and last first, while what is no reaction passes them."""
    sim.faults.duplicate("reaction_added")
    sim.faults.reorder("reaction_added", count=2)
    async with socket_app(sim) as app:
        message = sim.person("owner").say("vote")
        sim.person("approver1").react(message, "+1")
        sim.person("approver1").unreact(message, "+1")
        sim.person("approver2").react(message, "-1")
        seen = [(event["type"], event["user"]) for event in await _events(sim, app)]
    assert seen[0] == ("reaction_removed", "U0APPROVER1")
    assert sorted(seen[1:]) == [("reaction_added", "U0APPROVER1"), *[("reaction_added", "U0APPROVER2")] * 2]
    assert seen[-1] == ("reaction_added", "U0APPROVER1")


async def test_electorate_changes(sim: Simulator, client: AsyncWebClient) -> None:
    """Who may vote can change while people vote; nobody is in a group twice."""
    ballot = await _ballot(sim, client)
    sim.person("approver1").react(ballot, "+1")
    sim.admin.remove_from_group("restorers", "approver1")
    sim.admin.add_to_group("restorers", "owner")
    members = (await client.usergroups_users_list(usergroup="S0RESTORE"))["users"]
    assert members == ["U0APPROVER2", "U0APPROVER3", "U0OWNER"]
