"""Which connections does a gate keep, so that no caller takes away what the bot needs?"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.gate import listener
from bot.gate.listener import Listener

HOST = "127.0.0.1"
WITHIN = 0.2
MOST = 3
ENDED = (ConnectionResetError, asyncio.IncompleteReadError)


async def slow(_request: web.BaseRequest) -> web.Response:
    """Answers later than a silent connection is kept."""
    await asyncio.sleep(3 * WITHIN)
    return web.Response(text="done")


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Of a listener with little patience and little room."""
    monkeypatch.setattr(listener, "_HEAD_WITHIN", WITHIN)
    made = Listener(web.Server(slow, access_log=None), MOST)
    yield await made.start(HOST, 0)
    await made.stop()


async def test_a_connection_that_says_nothing_is_closed(port: int) -> None:
    """So is one that never ends its head."""
    for beginning in (b"", b"GET / HTTP/1.1\r\nHost: a\r\n"):
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(beginning)
        async with asyncio.timeout(10 * WITHIN):
            with pytest.raises(ENDED):
                await reader.readexactly(1)
        writer.close()


async def test_a_head_in_pieces_is_a_head(port: int) -> None:
    """However it is cut: its call may take as long as it takes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    for piece in (b"GET / HTTP/1.1\r\nHost: a\r", b"\n\r", b"\n"):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(WITHIN / 20)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_there_is_room_for_so_many(port: int) -> None:
    """The one that comes when there is none is closed, and the others stay."""
    lines = [await asyncio.open_connection(HOST, port) for _ in range(MOST + 1)]
    with pytest.raises(ENDED):
        await lines[-1][0].readexactly(1)
    lines[0][1].write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await lines[0][0].readline()).startswith(b"HTTP/1.1 200")
    for _, writer in lines:
        writer.close()
