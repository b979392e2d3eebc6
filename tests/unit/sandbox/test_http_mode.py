"""Does HTTP mode sign, encode and retry as documented?"""

import json
from urllib.parse import parse_qs

from slack_sdk.signature import SignatureVerifier

from bot.sandbox.clock import SystemClock
from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.app import http_app
from tests.unit.sandbox.conftest import MANIFEST


async def test_signature_by_slacks_own_verifier() -> None:
    """Slack's own verifier takes every request."""
    async with Simulator(MANIFEST, clock=SystemClock()) as sim, http_app(sim) as app:
        await sim.person("oncall").slash("/agent-kill", "full_stop")
        headers, body = app.seen[0]
        assert SignatureVerifier(sim.signing_secret).is_valid_request(body, headers)


async def test_wrong_signature_and_old_timestamp() -> None:
    """Both faults make requests that Slack's own verifier refuses, once."""
    async with Simulator(MANIFEST) as sim, http_app(sim) as app:
        sim.faults.bad_signature()
        await sim.person("oncall").slash("/agent-kill")
        sim.faults.old_timestamp()
        await sim.person("oncall").slash("/agent-kill")
        await sim.person("oncall").slash("/agent-kill")
        verifier = SignatureVerifier(sim.signing_secret)
        assert [verifier.is_valid_request(body, headers) for headers, body in app.seen] == [False, False, True]


async def test_command_is_a_form(sim: Simulator) -> None:
    """A command is form-encoded, with the fields of Slack's sample, all strings."""
    async with http_app(sim) as app:
        await sim.person("oncall").slash("/agent-kill", "full_stop billing")
        headers, body = app.seen[0]
        assert headers["Content-Type"] == "application/x-www-form-urlencoded"
        form = parse_qs(body.decode())
        sample = "token team_id team_domain channel_id channel_name user_id user_name command text api_app_id"
        assert {*sample.split(), "is_enterprise_install", "response_url", "trigger_id"} == form.keys()
        assert form["is_enterprise_install"] == ["false"]
        assert form["text"] == ["full_stop billing"]


async def test_interaction_is_a_form_with_a_payload(sim: Simulator) -> None:
    """An interaction is form-encoded JSON in the field payload."""
    async with http_app(sim) as app:
        message = sim.person("oncall").say("help")
        await sim.person("oncall").message_shortcut(message, "kill_here")
        payload = json.loads(parse_qs(app.seen[0][1].decode())["payload"][0])
        assert (payload["type"], payload["callback_id"]) == ("message_action", "kill_here")
        assert payload["message"]["ts"] == message.ts


async def test_event_is_json_and_retried(sim: Simulator) -> None:
    """An event is JSON; after a failure it comes again with the retry headers and the same event_id."""
    async with http_app(sim) as app:
        app.status = 503
        sim.person("oncall").react(sim.person("oncall").say("vote"), "+1")
        await sim.courier.settle()
        assert [h.get("X-Slack-Retry-Num") for h, _ in app.seen] == [None, "1", "2", "3"]
        assert app.seen[1][0]["X-Slack-Retry-Reason"] == "http_error"
        assert len({json.loads(body)["event_id"] for _, body in app.seen}) == 1


async def test_no_retry_header(sim: Simulator) -> None:
    """X-Slack-No-Retry ends the attempts."""
    async with http_app(sim) as app:
        app.status, app.headers = 500, {"X-Slack-No-Retry": "1"}
        sim.person("oncall").react(sim.person("oncall").say("vote"), "+1")
        await sim.courier.settle()
        assert len(app.seen) == 1


async def test_slow_event_is_retried_for_the_timeout(sim: Simulator) -> None:
    """An answer after the time counts as none."""
    sim.courier.retries = (0.0,)
    async with http_app(sim) as app:
        app.slow = 0.9
        sim.person("oncall").react(sim.person("oncall").say("vote"), "+1")
        await sim.courier.settle()
        assert app.seen[1][0]["X-Slack-Retry-Reason"] == "http_timeout"


async def test_handshakes(sim: Simulator) -> None:
    """url_verification wants the challenge back; ssl_check is a signed form."""
    async with http_app(sim) as app:
        assert not await sim.http.verify_url()
        assert json.loads(app.seen[0][1])["type"] == "url_verification"
        assert (await sim.http.ssl_check()).status == 200
        assert parse_qs(app.seen[1][1].decode())["ssl_check"] == ["1"]


async def test_command_answers(sim: Simulator) -> None:
    """JSON and plain text answers become messages; an error or a dead URL is dispatch_failed."""
    async with http_app(sim) as app:
        app.body = '{"response_type": "ephemeral", "text": "Stopping."}'
        assert (await sim.person("oncall").slash("/agent-kill")).text == "Stopping."
        app.body = "Plain."
        assert (await sim.person("oncall").slash("/agent-kill")).text == "Plain."
        app.status = 404
        assert (await sim.person("oncall").slash("/agent-kill")).error == "dispatch_failed"
    assert (await sim.person("oncall").slash("/agent-kill")).error == "dispatch_failed"
