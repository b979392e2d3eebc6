"""Do the answers carry the fields of the samples that Slack publishes?"""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.simulator import Simulator

# Typed from docs.slack.dev/reference/methods/<name>, "Typical success response".
SAMPLES: dict[str, dict[str, Any]] = {
    "auth.test": {"ok": True, "url": "", "team": "", "user": "", "team_id": "", "user_id": "", "bot_id": ""},
    "chat.postMessage": {
        "ok": True,
        "channel": "",
        "ts": "",
        "message": {"text": "", "bot_id": "", "type": "", "ts": ""},
    },
    "chat.update": {"ok": True, "channel": "", "ts": "", "text": "", "message": {"text": "", "user": ""}},
    "chat.postEphemeral": {"ok": True, "message_ts": ""},
    "chat.getPermalink": {"ok": True, "channel": "", "permalink": ""},
    "reactions.get": {
        "ok": True,
        "type": "message",
        "channel": "",
        "message": {"type": "", "text": "", "user": "", "ts": "", "team": "", "reactions": [], "permalink": ""},
    },
    "usergroups.users.list": {"ok": True, "users": []},
    "users.info": {
        "ok": True,
        "user": {
            "id": "",
            "team_id": "",
            "name": "",
            "deleted": False,
            "real_name": "",
            "tz": "",
            "profile": {"real_name": "", "display_name": "", "team": ""},
            "is_admin": False,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_bot": False,
            "updated": 0,
        },
    },
    "conversations.info": {
        "ok": True,
        "channel": {
            "id": "",
            "name": "",
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": False,
            "created": 0,
            "is_archived": False,
            "is_ext_shared": False,
            "topic": {},
            "purpose": {},
        },
    },
    "conversations.members": {"ok": True, "members": [], "response_metadata": {"next_cursor": ""}},
    "conversations.open": {"ok": True, "channel": {"id": ""}},
    "files.getUploadURLExternal": {"ok": True, "upload_url": "", "file_id": ""},
}


async def _arguments(client: AsyncWebClient) -> dict[str, dict[str, Any]]:
    ts = (await client.chat_postMessage(channel="C0INCIDENT", text="Here's a message for you"))["ts"]
    await client.reactions_add(channel="C0INCIDENT", timestamp=ts, name="thumbsup")
    return {
        "chat.postMessage": {"channel": "C0INCIDENT", "text": "Here's a message for you"},
        "chat.update": {"channel": "C0INCIDENT", "ts": ts, "text": "Updated text you carefully authored"},
        "chat.postEphemeral": {"channel": "C0INCIDENT", "user": "U0ONCALL", "text": "psst"},
        "chat.getPermalink": {"channel": "C0INCIDENT", "message_ts": ts},
        "reactions.get": {"channel": "C0INCIDENT", "timestamp": ts, "full": True},
        "usergroups.users.list": {"usergroup": "S0ONCALL"},
        "users.info": {"user": "U0ONCALL"},
        "conversations.info": {"channel": "C0INCIDENT"},
        "conversations.members": {"channel": "C0INCIDENT"},
        "conversations.open": {"users": "U0ONCALL"},
        "files.getUploadURLExternal": {"filename": "laughingoutloudcat.jpg", "length": 53072},
    }


def _covers(sample: Any, answer: Any, where: str) -> None:
    assert type(answer) is type(sample), f"{where} is {answer!r}"
    for key in sample if isinstance(sample, dict) else ():
        assert key in answer, f"{where} lacks {key}"
        _covers(sample[key], answer[key], f"{where}.{key}")


@pytest.mark.parametrize("method", SAMPLES)
async def test_sample(sim: Simulator, client: AsyncWebClient, method: str) -> None:
    """Every field of the published sample is in the answer, with the same type."""
    arguments = (await _arguments(client)).get(method, {})
    answer = await client.api_call(method, params=arguments)
    _covers(SAMPLES[method], answer.data, method)
    assert sim.violations == []


async def test_user_group_sample(client: AsyncWebClient) -> None:
    """The user group object has the documented fields; its count is a string, as in the sample."""
    answer = await client.usergroups_list(include_count=True)
    group = answer["usergroups"][0]
    documented = "id team_id is_usergroup name description handle is_external date_create date_update date_delete"
    assert set(documented.split()) <= group.keys()
    assert group["user_count"] == "2"
    assert [g["handle"] for g in answer["usergroups"]] == ["oncall", "restorers", "empty"]


async def test_permalink_form(client: AsyncWebClient) -> None:
    """Permalinks look as documented: p and the digits, with thread_ts and cid for replies."""
    parent = (await client.chat_postMessage(channel="C0INCIDENT", text="parent"))["ts"]
    reply = (await client.chat_postMessage(channel="C0INCIDENT", text="reply", thread_ts=parent))["ts"]
    link = (await client.chat_getPermalink(channel="C0INCIDENT", message_ts=reply))["permalink"]
    digits = reply.replace(".", "")
    assert link == f"https://sandbox.slack.com/archives/C0INCIDENT/p{digits}?thread_ts={parent}&cid=C0INCIDENT"


async def test_scopes_header(client: AsyncWebClient) -> None:
    """auth.test tells the token's scopes in x-oauth-scopes."""
    answer = await client.auth_test()
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")
