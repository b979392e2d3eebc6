"""The HTTP door on the wire: what is not Slack's is a bare 401, whatever it is, and Slack's handshakes work."""

import asyncio
import contextlib
import json
import logging
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.unit.slack.door_rig import Rig, rig

FORM = "application/x-www-form-urlencoded"


async def status(running: Rig, body: bytes, headers: dict[str, str]) -> int:
    """The status of one POST."""
    return (await running.simulator.http.request(body, headers)).status


def command(trigger: str) -> bytes:
    """The body of a stop."""
    form = {"command": "/agent-kill", "text": "full_stop", "user_id": "U0ONCALL", "channel_id": "C0INCIDENT"}
    return urlencode({**form, "trigger_id": trigger}).encode()


async def test_slacks_handshakes_are_answered(tmp_path: Path) -> None:
    """url_verification returns the challenge, ssl_check gets its 200."""
    async with rig(tmp_path) as running:
        assert await running.simulator.http.verify_url()
        assert (await running.simulator.http.ssl_check()).status == 200


async def test_forged_old_and_replayed_requests_are_401(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is held, and neither body nor secret reaches the log."""
    caplog.set_level(logging.DEBUG)
    async with rig(tmp_path) as running:
        await running.roster_read()
        slack = running.simulator
        for fault in (slack.faults.bad_signature, slack.faults.old_timestamp):
            fault("slash_commands")
            done = await slack.person("oncall").slash("/agent-kill", "full_stop secretword")
            assert done.delivery is not None
            assert done.delivery.replies[0].status == 401
        assert not running.holds
        body = command("1.2.3")
        signed = slack.http.signed(body) | {"Content-Type": FORM}
        assert await status(running, body, signed) == 200
        assert await status(running, body, signed) == 401
        assert len(running.holds) == 1
        assert "secretword" not in caplog.text
        assert slack.signing_secret not in caplog.text


async def test_two_thousand_hostile_requests_are_all_401(tmp_path: Path) -> None:
    """Random headers and bytes, some signed with a wrong secret: none accepted, none a 5xx, and a stop still runs."""
    dice = random.Random(7)  # noqa: S311  # the same bytes in every run
    async with rig(tmp_path) as running:
        await running.roster_read()

        async def one(number: int) -> int:
            body = dice.randbytes(dice.choice([0, 1, 50, 2000])) if number % 3 else command(str(number))
            signed = running.simulator.http.signed(body, secret="wrong")
            values = ["", "x", "1" * 3000, "\u00e9" * 9, "v0=" + "a" * 64, "-1", "1800000000", "1e400"]
            for name in list(signed):
                if dice.random() < 0.6:
                    signed[name] = dice.choice(values)
                elif dice.random() < 0.2:
                    del signed[name]
            kind = dice.choice([FORM, "application/json", "text/xml", ""])
            return await status(running, body, signed | {"Content-Type": kind})

        seen: set[int] = set()
        for start in range(0, 2000, 50):
            seen.update(await asyncio.gather(*map(one, range(start, start + 50))))
        assert seen == {401}
        assert not running.holds
        done = await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert done.ok


async def test_a_body_that_is_too_big_or_never_ends_is_refused(tmp_path: Path) -> None:
    """By its announced length, by its real one, and by the clock; stops run beside it."""
    async with rig(tmp_path) as running:
        await running.roster_read()
        assert await status(running, b"x" * 300_000, {"Content-Type": FORM}) == 401

        async def chunks() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 10_000
                await asyncio.sleep(0)

        async with aiohttp.ClientSession() as session:
            with contextlib.suppress(aiohttp.ClientError):  # the server may well hang up in the middle of the flood
                async with session.post(running.url, data=chunks(), headers={"Content-Type": FORM}) as answer:
                    assert answer.status == 401
        reader, writer = await asyncio.open_connection("127.0.0.1", int(running.url.split(":")[2].split("/")[0]))
        writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow")
        await writer.drain()
        done = await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert done.ok
        line = await asyncio.wait_for(reader.readline(), 10)
        assert b" 401 " in line
        writer.close()


async def test_a_retried_event_is_handled_once_and_a_first_one_always(tmp_path: Path) -> None:
    """Known by its event id; a header that says *retry* proves nothing."""
    async with rig(tmp_path) as running:
        await running.roster_read()
        slack, at = running.simulator, int(time.time())

        async def event(event_id: str, second: int, *, guest: bool) -> int:
            user = {"id": "U0ONCALL", "is_restricted": guest}
            made = {"type": "event_callback", "event_id": event_id, "event": {"type": "user_change", "user": user}}
            body = json.dumps({**made, "team_id": "T0SANDBOX", "api_app_id": "A1"}).encode()
            signed = slack.http.signed(body, timestamp=at - second) | {"X-Slack-Retry-Num": "1"}
            return await status(running, body, signed | {"Content-Type": "application/json"})

        assert await event("Ev1", 2, guest=True) == 200
        assert running.door.roster.snapshot().people["U0ONCALL"] == "guest"
        assert await event("Ev1", 1, guest=False) == 200
        assert running.door.roster.snapshot().people["U0ONCALL"] == "guest"
        assert await event("Ev2", 0, guest=False) == 200
        assert running.door.roster.snapshot().people["U0ONCALL"] == "member"


async def test_what_the_app_does_not_have_is_acknowledged_or_explained(tmp_path: Path) -> None:
    """A command of another version gets a sentence."""
    async with rig(tmp_path) as running:
        body = urlencode({"command": "/agent-later", "text": "x", "user_id": "U1", "trigger_id": "9.9"}).encode()
        reply = await running.simulator.http.request(body, running.simulator.http.signed(body) | {"Content-Type": FORM})
        assert reply.status == 200
        assert "This version has no `/agent-later`" in reply.body["text"]
