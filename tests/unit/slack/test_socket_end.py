"""Does a line end when it is told to, whatever else comes at that moment?"""

import asyncio

import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.socket import Line
from bot.web.listener import Listener


async def _silent(request: web.Request) -> web.WebSocketResponse:
    """A socket without a greeting."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.receive()
    return socket


@pytest.mark.parametrize("turns", range(4))
async def test_an_end_in_the_moment_of_the_greeting_is_an_end(turns: int) -> None:
    """In no turn of the loop between the greeting and its being noticed is a cancellation swallowed."""
    app = web.Application()
    app.router.add_get("/", _silent)
    listener = Listener(app, "127.0.0.1", 0)
    port = await listener.start()
    line = Line(app_token="xapp-1", web_client=AsyncWebClient(token="xoxb-1"))
    opening = asyncio.create_task(line.open(f"http://127.0.0.1:{port}/"))
    while line.message_receiver is None:  # noqa: ASYNC110  # to the very turn of the loop
        await asyncio.sleep(0)
    await asyncio.sleep(0)  # it waits for the greeting now
    line.hello.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    told = opening.cancel()
    await asyncio.wait({opening})
    await line.end()
    await listener.stop()
    assert opening.cancelled() is told
