"""Is a stop finished by the next start when the bot is told to end in the middle of it?"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.sandbox.simulator import Simulator
from tests.acceptance.whole_bot import Bot, texts


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """A port that takes connections and never answers."""
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in writers:
        writer.close()


async def test_the_next_start_finishes_what_sigterm_interrupted(bot: Bot, sandbox: Simulator, silent: int) -> None:
    """The end waits for no surface that hangs; what was proven is kept, and the thread gets its report."""
    bot.environ["API_SECRET"] = "secret"
    settings = {"url": f"http://127.0.0.1:{silent}/control", "secret": "${API_SECRET}"}
    hangs = {"adapter": "http_control", "class": "api", "deadline": "4s", "settings": settings}
    bot.configure({"billing": {"surfaces": {"tool": {"adapter": "memory", "class": "tool"}, "api": hangs}}})
    await bot.start()
    await sandbox.connected()
    result = await sandbox.person("oncall").slash("/agent-kill", "full_stop leaking")
    assert "RECORDED" in result.text
    await sandbox.wait_for(lambda: any(text.startswith("billing/tool is VERIFIED") for text in texts(sandbox)))

    began = asyncio.get_running_loop().time()
    assert await asyncio.to_thread(bot.stop) == 0
    assert asyncio.get_running_loop().time() - began < 8

    await bot.start()
    await sandbox.wait_for(lambda: any("*NOT CUT* (1)" in text for text in texts(sandbox)), 20, what="the report")
    told = texts(sandbox)
    assert len([text for text in told if text.startswith("billing/tool is")]) == 1
    assert len([text for text in told if text.startswith("billing/api is")]) == 1
