"""Does a stop get through while peers are slow, silent, many or malformed?"""

import asyncio

import pytest
from aiohttp import web

from bot.web.listener import Listener, NotLoopbackError, require_loopback
from tests.unit.web.conftest import Door, Opened

STOP = {"mode": "full_stop", "agents": ["billing"]}
HEAD = b"POST /v1/stop HTTP/1.1\r\nHost: bot\r\n"


async def connect(door: Door) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A raw connection."""
    return await asyncio.open_connection("127.0.0.1", int(door.url.rpartition(":")[2]))


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Everything until the other side closes, within five seconds."""
    async with asyncio.timeout(5):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("sent", [b"", b"POST /v1", HEAD + b"X-Slow: "])
async def test_a_connection_that_never_finishes_a_head_is_closed(open_door: Opened, sent: bytes) -> None:
    """Slowloris: its patience is the bot's, not the peer's."""
    door = await open_door(patience=0.2)
    reader, writer = await connect(door)
    writer.write(sent)
    assert await ended(reader) == b""
    writer.close()


async def test_a_body_that_never_comes_is_answered_and_closed(
    open_door: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """408, and the connection ends."""
    monkeypatch.setattr("bot.web.listener.BODY_WITHIN", 0.2)
    door = await open_door()
    reader, writer = await connect(door)
    writer.write(HEAD + b"Content-Length: 100\r\n\r\n{")
    assert (await ended(reader)).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_a_stop_gets_through_hundreds_of_hostile_connections(open_door: Opened) -> None:
    """The connection that has owed its request longest makes room; half of them sent a head and withhold the body."""
    door = await open_door(most=50)
    hostile = []
    for index in range(300):
        reader, writer = await connect(door)
        writer.write(HEAD + b"Content-Length: 9\r\n\r\n" if index % 2 else HEAD)
        hostile.append((reader, writer))
    async with asyncio.timeout(1):
        status, _ = await door.post(STOP)
    assert (status, len(door.asked.orders)) == (202, 1)
    for reader, _ in hostile[:250]:  # the oldest lost their places to the newer ones
        assert await ended(reader) == b""
    for _, writer in hostile:
        writer.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"POST /v1/stop HTTP/9.9\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        HEAD + b"X-Agent-Kill-Signature: " + b"a" * 20_000 + b"\r\n\r\n",
        HEAD + b"X-Agent-Kill-Caller: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"Content-Type: application/json; charset=no-such\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"GET /%ff%00/../../etc/passwd HTTP/1.1\r\nHost: bot\r\n\r\n",
    ],
)
async def test_no_malformed_request_is_answered_with_a_server_error(door: Door, raw: bytes) -> None:
    """4xx, or the connection just ends; and the next stop works."""
    reader, writer = await connect(door)
    writer.write(raw)
    writer.write_eof()
    answer = await ended(reader)
    assert not answer.startswith(b"HTTP/1.1 5"), answer
    assert not answer.startswith(b"HTTP/1.1 2"), answer
    assert (await door.post(STOP))[0] == 202
    writer.close()


async def test_strange_paths_and_methods_are_answered_in_json(door: Door) -> None:
    """404 and 405 say what there is instead."""
    async with door.session.get(f"{door.url}/nothing") as answer:
        assert (answer.status, await answer.json()) == (404, {"error": "there is nothing here"})
    async with door.session.get(f"{door.url}/v1/stop") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert await answer.json() == {"error": "/v1/stop answers POST only"}
    async with door.session.get(f"{door.url}/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"ok": True})


async def test_a_kept_connection_serves_again_and_an_idle_one_is_closed(open_door: Opened) -> None:
    """Keep-alive works, but nobody keeps a connection for nothing."""
    door = await open_door(patience=0.5)
    reader, writer = await connect(door)
    for _ in range(2):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n")
        async with asyncio.timeout(5):
            assert await reader.readuntil(b'{"ok": true}')
    assert await ended(reader) == b""
    writer.close()


async def test_a_listener_says_when_its_port_is_taken(door: Door) -> None:
    """The error is the system's own."""
    listener = Listener(web.Application(), "127.0.0.1", int(door.url.rpartition(":")[2]))
    with pytest.raises(OSError, match="address already in use"):
        await listener.start()


@pytest.mark.parametrize(
    ("host", "good"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("192.0.2.1", False), ("bot", False)]
)
def test_the_private_listener_stays_on_loopback(host: str, good: bool) -> None:  # noqa: FBT001  # a table
    """It has no login."""
    if good:
        require_loopback(host)
    else:
        with pytest.raises(NotLoopbackError, match=f"does not listen on {host}"):
            require_loopback(host)
