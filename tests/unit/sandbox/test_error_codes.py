"""Is what Slack refuses refused, with Slack's code?"""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.messages import Message
from bot.sandbox.simulator import Simulator

C = "C0INCIDENT"
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("chat.postMessage", {"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "C0SECRET", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "C0RANDOM", "text": "x"}, "not_in_channel"),
    ("chat.postMessage", {"channel": C}, "no_text"),
    ("chat.postMessage", {"channel": C, "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
    ("chat.postMessage", {"channel": C, "text": "x", "thread_ts": "yesterday"}, "invalid_thread_ts"),
    ("chat.postMessage", {"channel": C, "blocks": "nonsense"}, "invalid_blocks_format"),
    ("chat.postMessage", {"channel": C, "blocks": '[{"type": "poem"}]'}, "invalid_blocks"),
    ("chat.postMessage", {"channel": C, "text": "x", "metadata": '{"event_type": "a"}'}, "invalid_metadata_format"),
    ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
    ("chat.update", {"channel": C, "ts": "1.000001", "text": "x"}, "message_not_found"),
    ("chat.update", {"channel": C, "ts": "{human}", "text": "x"}, "cant_update_message"),
    ("chat.update", {"channel": C, "ts": "{bot}", "text": "x" * 4001}, "msg_too_long"),
    ("chat.delete", {"channel": C, "ts": "{human}"}, "cant_delete_message"),
    ("chat.postEphemeral", {"channel": C, "user": "U0STRANGER", "text": "x"}, "user_not_in_channel"),
    ("chat.getPermalink", {"channel": C, "message_ts": "1.000001"}, "message_not_found"),
    ("reactions.add", {"channel": C, "timestamp": "{bot}", "name": ":thumbsup:"}, "invalid_name"),
    ("reactions.add", {"channel": C, "timestamp": "{reacted}", "name": "thumbsup"}, "already_reacted"),
    ("reactions.add", {"channel": C, "timestamp": "1.000001", "name": "thumbsup"}, "message_not_found"),
    ("reactions.add", {"channel": C, "timestamp": "soon", "name": "thumbsup"}, "bad_timestamp"),
    ("reactions.remove", {"channel": C, "timestamp": "{bot}", "name": "thumbsup"}, "no_reaction"),
    ("reactions.get", {"channel": C}, "no_item_specified"),
    ("usergroups.users.list", {"usergroup": "S0NOBODY"}, "no_such_subteam"),
    ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
    ("conversations.info", {"channel": "incident"}, "channel_not_found"),
    ("conversations.members", {"channel": C, "cursor": "x"}, "invalid_cursor"),
    ("conversations.open", {"users": "U0GONE"}, "user_disabled"),
    ("conversations.open", {"users": ""}, "users_list_not_supplied"),
    ("pins.add", {"channel": C}, "no_item_specified"),
    ("files.completeUploadExternal", {"files": '[{"id": "F0"}]'}, "file_not_found"),
    ("views.update", {"view_id": "V0", "view": '{"type": "modal"}'}, "not_found"),
    ("team.info", {}, "missing_scope"),
    ("apps.connections.open", {}, "not_allowed_token_type"),
    ("chat.postEverything", {}, "unknown_method"),
    ("api.test", {"error": "my_error"}, "my_error"),
]


async def _prepared(sim: Simulator) -> dict[str, str]:
    human = sim.person("oncall").say("hello")
    bot, reacted = (
        sim.workspace.post(Message(sim.workspace.next_ts(), C, "U0BOT", "x", bot_id="B0SANDBOX")) for _ in range(2)
    )
    reacted.reactions["+1"] = ["U0BOT"]
    return {"{human}": human.ts, "{bot}": bot.ts, "{reacted}": reacted.ts}


@pytest.mark.parametrize(("method", "arguments", "code"), CASES)
async def test_refusal(
    sim: Simulator, client: AsyncWebClient, method: str, arguments: dict[str, Any], code: str
) -> None:
    """A wrong call is answered 200 with ok: false and the documented code."""
    places = await _prepared(sim)
    filled = {name: places.get(value, value) for name, value in arguments.items()}
    with pytest.raises(SlackApiError) as refused:
        await client.api_call(method, data=filled)
    assert refused.value.response["error"] == code
    assert refused.value.response.status_code == 200


async def test_missing_scope_says_which(client: AsyncWebClient) -> None:
    """missing_scope names what was needed and what the token has."""
    with pytest.raises(SlackApiError) as refused:
        await client.team_info()
    assert refused.value.response["needed"] == "team:read"
    assert "chat:write" in refused.value.response["provided"]


async def test_archived_channel(sim: Simulator, client: AsyncWebClient) -> None:
    """An archived channel takes neither posts nor edits nor reactions."""
    ts = (await client.chat_postMessage(channel=C, text="x"))["ts"]
    sim.admin.archive("incident")
    with pytest.raises(SlackApiError, match="is_archived"):
        await client.chat_postMessage(channel=C, text="x")
    with pytest.raises(SlackApiError, match="is_inactive"):
        await client.chat_update(channel=C, ts=ts, text="y")
    with pytest.raises(SlackApiError, match="is_archived"):
        await client.reactions_add(channel=C, timestamp=ts, name="eyes")


async def test_restricted_channel(sim: Simulator, client: AsyncWebClient) -> None:
    """A channel's posting restriction is the error of every post."""
    sim.admin.restrict("incident", "restricted_action_read_only_channel")
    with pytest.raises(SlackApiError, match="restricted_action_read_only_channel"):
        await client.chat_postMessage(channel=C, text="x")


async def test_free_plan_has_no_user_groups(sim: Simulator, client: AsyncWebClient) -> None:
    """User groups are a paid feature."""
    sim.workspace.paid = False
    with pytest.raises(SlackApiError, match="plan_upgrade_required"):
        await client.usergroups_list()


async def test_uninstalled_app(sim: Simulator, client: AsyncWebClient) -> None:
    """After the app was removed, its tokens are those of a dead account."""
    sim.uninstall()
    with pytest.raises(SlackApiError, match="account_inactive"):
        await client.auth_test()
