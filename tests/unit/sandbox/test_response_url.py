"""How long and how often may an app answer through a response_url?"""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.sandbox.clock import SteppedClock
from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.app import socket_app


@pytest.fixture
async def url(sim: Simulator) -> AsyncIterator[str]:
    """The address of a command that was answered with a first message."""
    async with socket_app(sim) as app:
        app.answer = {"text": "working"}
        yield (await sim.person("oncall").slash("/agent-kill", channel="random")).response_url


async def _post(url: str, body: object) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        return answer.status, await answer.text()


async def test_five_uses(sim: Simulator, url: str) -> None:
    """Five messages are taken, in a channel that the bot is not in; the sixth is not."""
    for number in range(5):
        assert await _post(url, {"text": str(number)}) == (200, "ok")
    status, body = await _post(url, {"text": "6"})
    assert (status, "used_url" in body) == (404, True)
    assert [e.text for e in sim.person("oncall").sees("random")] == ["working", "0", "1", "2", "3", "4"]


async def test_thirty_minutes(clock: SteppedClock, url: str) -> None:
    """After thirty minutes nothing is taken."""
    clock.advance(30 * 60 + 1)
    status, body = await _post(url, {"text": "late"})
    assert (status, "expired_url" in body) == (404, True)


async def test_replace_and_delete(sim: Simulator, url: str) -> None:
    """The first answer can be replaced and deleted."""
    await _post(url, {"text": "done", "replace_original": True})
    assert [e.text for e in sim.person("oncall").sees("random")] == ["done"]
    await _post(url, {"delete_original": True})
    assert sim.person("oncall").sees("random") == []


async def test_in_channel(sim: Simulator, url: str) -> None:
    """With response_type in_channel everybody sees it."""
    await _post(url, {"text": "stopped", "response_type": "in_channel"})
    assert [m.text for m in sim.workspace.messages("random")] == ["stopped"]


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "no_text"), ({"blocks": [{"type": "poem"}]}, "invalid_blocks"), ([], "invalid_payload")],
)
async def test_nonsense(sim: Simulator, url: str, body: object, code: str) -> None:
    """What is no message is refused and is a violation."""
    status, text = await _post(url, body)
    assert (status, code in text) == (400, True)
    assert code in sim.violations[0]
