"""Answers go to Slack's own hosts, or to the host of a simulator that was configured, and nowhere else."""

import aiohttp
import pytest

from bot.slack.respond import Responder


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/x",
        "https://hooks.slack.com.evil.example/x",
        "https://hooks.slack.com@evil.example/x",
        "https://user@hooks.slack.com/x",
        "https://hooks.slack.com:8443/x",
        "https://evil.example/hooks.slack.com",
        "http://127.0.0.1:1/x",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "//hooks.slack.com/x",
        "http://[::1",
        "",
    ],
)
async def test_other_places_are_never_called(url: str) -> None:
    """A forged response_url reaches nobody."""
    async with aiohttp.ClientSession() as session:
        responder = Responder(session, "http://127.0.0.1:4567/api/")
        assert not responder._allowed(url)
        assert await responder.send(url, {"text": "x"}) is False


async def test_slacks_hosts_and_the_configured_one_are_allowed() -> None:
    """Only https at Slack; the simulator as configured."""
    async with aiohttp.ClientSession() as session:
        responder = Responder(session, "http://127.0.0.1:4567/api/")
        assert responder._allowed("https://hooks.slack.com/commands/T/1/x")
        assert responder._allowed("http://127.0.0.1:4567/commands/x")
