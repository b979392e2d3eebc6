"""In which forms may a call arrive?"""

import json
from typing import Any

import aiohttp
import pytest

from bot.sandbox.simulator import Simulator

POST = {"channel": "C0INCIDENT", "text": "hello"}


async def _call(sim: Simulator, method: str, **request: Any) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.post(sim.api_url + method, **request) as answer:
        return dict(await answer.json())


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_form_json_and_query(sim: Simulator) -> None:
    """Arguments may come as a form, as JSON or in the query."""
    for form in ({"data": POST}, {"json": POST}, {"params": POST}):
        assert (await _call(sim, "chat.postMessage", headers=_bearer(sim.bot_token), **form))["ok"], form
    assert [m.text for m in sim.channel("incident").messages] == ["hello"] * 3


async def test_get_request(sim: Simulator) -> None:
    """A method may be called with GET."""
    async with (
        aiohttp.ClientSession(headers=_bearer(sim.bot_token)) as session,
        session.get(f"{sim.api_url}users.info", params={"user": "U0ONCALL"}) as answer,
    ):
        assert (await answer.json())["user"]["name"] == "oncall"


async def test_token_in_form_or_query(sim: Simulator) -> None:
    """The token may be a parameter, except in JSON."""
    for form in ({"data": {"token": sim.bot_token}}, {"params": {"token": sim.bot_token}}):
        assert (await _call(sim, "auth.test", **form))["ok"], form
    assert (await _call(sim, "auth.test", json={"token": sim.bot_token}))["error"] == "not_authed"


async def test_no_token_and_wrong_token(sim: Simulator) -> None:
    """No token and a wrong one are told apart."""
    assert (await _call(sim, "auth.test"))["error"] == "not_authed"
    assert (await _call(sim, "auth.test", headers=_bearer("xoxb-wrong")))["error"] == "invalid_auth"
    assert (await _call(sim, "chat.postMessage", headers=_bearer(sim.app_token)))["error"] == "not_allowed_token_type"


async def test_connections_open_wants_the_header(sim: Simulator) -> None:
    """apps.connections.open takes its token from the header only."""
    assert (await _call(sim, "apps.connections.open", data={"token": sim.app_token}))["error"] == "not_authed"
    opened = await _call(sim, "apps.connections.open", headers=_bearer(sim.app_token))
    assert opened["url"].startswith("ws://127.0.0.1:")


async def test_json_body_of_a_method_without_json(sim: Simulator) -> None:
    """A method that reads no JSON misses its arguments, and that is a violation."""
    answer = await _call(sim, "users.info", json={"user": "U0ONCALL"}, headers=_bearer(sim.bot_token))
    assert answer["error"] == "invalid_arguments"
    assert "users.info reads no JSON body; its arguments were ignored" in sim.violations


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ("{", "application/json", "invalid_json"),
        ("[]", "application/json", "json_not_object"),
        ("<a/>", "application/xml", "invalid_post_type"),
    ],
)
async def test_unreadable_bodies(sim: Simulator, body: str, kind: str, code: str) -> None:
    """A body that cannot be read is refused with Slack's code."""
    headers = _bearer(sim.bot_token) | {"Content-Type": kind}
    assert (await _call(sim, "chat.postMessage", data=body, headers=headers))["error"] == code


async def test_structures_as_strings_in_json(sim: Simulator) -> None:
    """Blocks inside JSON may be a list or a string of JSON."""
    blocks = [{"type": "divider"}]
    for form in (blocks, json.dumps(blocks)):
        answer = await _call(sim, "chat.postMessage", json=POST | {"blocks": form}, headers=_bearer(sim.bot_token))
        assert answer["message"]["blocks"][0]["type"] == "divider"
