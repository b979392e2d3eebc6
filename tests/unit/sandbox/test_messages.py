"""Do messages, threads, edits and files keep what Slack keeps?"""

import re

from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.background import BackgroundSimulator
from bot.sandbox.simulator import Simulator
from tests.unit.sandbox.conftest import MANIFEST


async def test_timestamps_rise(sim: Simulator, client: AsyncWebClient) -> None:
    """With the clock standing still, every ts is still new and later, in seconds with six digits."""
    stamps = [(await client.chat_postMessage(channel="C0INCIDENT", text="x"))["ts"] for _ in range(5)]
    assert stamps == sorted(set(stamps))
    assert all(re.fullmatch(r"\d{10}\.\d{6}", ts) for ts in stamps)
    assert sim.violations == []


async def test_thread(sim: Simulator, client: AsyncWebClient) -> None:
    """A parent counts its replies; a reply names its parent."""
    parent = (await client.chat_postMessage(channel="C0INCIDENT", text="parent"))["ts"]
    answer = await client.chat_postMessage(channel="C0INCIDENT", text="reply", thread_ts=parent)
    assert answer["message"]["thread_ts"] == parent
    sim.person("oncall").say("thanks", thread=parent)
    shown = sim.workspace.as_json(sim.channel("incident").thread(parent)[0])
    assert (shown["reply_count"], shown["reply_users"]) == (2, ["U0BOT", "U0ONCALL"])
    assert shown["latest_reply"] == sim.channel("incident").messages[-1].ts
    assert [m.text for m in sim.channel("incident").parents()] == ["parent"]


async def test_update(sim: Simulator, client: AsyncWebClient) -> None:
    """An edit keeps the ts, marks the message, and leaves blocks alone unless it brings others."""
    blocks = [{"type": "divider"}]
    ts = (await client.chat_postMessage(channel="C0INCIDENT", text="1 of 3", blocks=blocks))["ts"]
    answer = await client.chat_update(channel="C0INCIDENT", ts=ts, text="2 of 3")
    assert answer["message"]["edited"]["user"] == "B0SANDBOX"
    assert answer["message"]["blocks"][0]["type"] == "divider"
    await client.chat_update(channel="C0INCIDENT", ts=ts, text="3 of 3", blocks=[])
    message = sim.channel("incident").messages[0]
    assert (message.text, message.blocks) == ("3 of 3", [])
    assert [text for text, _ in message.history] == ["1 of 3", "2 of 3"]


async def test_truncation(sim: Simulator, client: AsyncWebClient) -> None:
    """Beyond 40,000 characters a message is cut, with a warning."""
    answer = await client.chat_postMessage(channel="C0INCIDENT", text="x" * 40_001)
    assert answer["warning"] == "message_truncated"
    assert len(sim.channel("incident").messages[0].text) == 40_000


async def test_upload(sim: Simulator, client: AsyncWebClient) -> None:
    """Slack's own three-step upload puts the bytes into a thread."""
    parent = (await client.chat_postMessage(channel="C0INCIDENT", text="parent"))["ts"]
    await client.files_upload_v2(
        channel="C0INCIDENT", thread_ts=parent, content="a,b\n", filename="all.csv", initial_comment="Everything"
    )
    (file,) = sim.workspace.files.values()
    assert file.content == b"a,b\n"
    reply = sim.channel("incident").thread(parent)[1]
    assert (reply.text, reply.files[0]["name"]) == ("Everything", "all.csv")
    assert sim.violations == []


async def test_upload_of_another_length(sim: Simulator, client: AsyncWebClient) -> None:
    """Bytes that are not as many as announced are refused."""
    opened = await client.files_getUploadURLExternal(filename="a", length=3)
    session_answer = await client._upload_file(  # the SDK's own upload step
        url=opened["upload_url"], data=b"12", logger=client._logger, timeout=5, proxy=None, ssl=None
    )
    assert session_answer.status == 400
    assert "2 bytes were sent, 3 were announced" in sim.violations[0]


async def test_in_a_thread_of_its_own() -> None:
    """The workspace can run beside the caller's event loop."""
    with BackgroundSimulator(MANIFEST) as background:
        sim = background.simulator
        client = AsyncWebClient(token=sim.bot_token, base_url=sim.api_url)
        await client.chat_postMessage(channel="C0INCIDENT", text="vote")
        background.call(lambda: sim.person("oncall").react(sim.channel("incident").messages[0], "+1"))
        result = await background.arun(sim.person("oncall").slash("/agent-kill"))
        assert result.error == "dispatch_failed"
        assert sim.channel("incident").messages[0].reactions == {"+1": ["U0ONCALL"]}
