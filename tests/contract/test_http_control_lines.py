"""Are answers read strictly, whole and once, whatever a receiver sends and in whatever pieces?"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from adapters.errors import AdapterError, Unreachable
from adapters.http_control.answer import LIMIT, Answer
from adapters.http_control.parse import Odd, Reading, TooLong
from adapters.http_control.request import Request
from adapters.http_control.wire import Wire

BODY = b'{"mode": "full_stop"}'
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 21\r\nX-Agent-Kill-Mode: read_only\r\n\r\n" + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7;x=y\r\n" + BODY[:7] + b"\r\nE\r\n" + BODY[7:]
CHUNKED += b"\r\n0\r\n\r\n"
ODD = {
    "an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n",
    "another version": b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "a length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length with a sign": b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
    "another encoding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a folded line": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a space before a colon": b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    "a bare line feed": b"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n",
    "a long head": b"HTTP/1.1 200 OK\r\nA: " + b"b" * 20_000,
    "a chunk of no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    "an endless chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 2000,
    "a chunk without its end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
    "a trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
}


def _read(pieces: list[bytes]) -> tuple[Answer | None, bool]:
    reading = Reading()
    found = None
    for piece in pieces:
        assert found is None
        found = reading.feed(piece)
    return found, reading.keep


@given(st.sampled_from([PLAIN, CHUNKED]), st.lists(st.integers(1, 150), max_size=12))
def test_an_answer_is_the_same_in_any_pieces(whole: bytes, cuts: list[int]) -> None:
    """And is not there before its last byte."""
    places = [0, *sorted({cut for cut in cuts if cut < len(whole)}), len(whole)]
    pieces = [whole[begin:end] for begin, end in pairwise(places)]
    found, keep = _read(pieces)
    assert found is not None
    assert (found.status, found.body, keep) == (200, BODY, True)
    assert found.mode == ("read_only" if whole is PLAIN else "")
    assert _read([whole[:-1]]) == (None, False)


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_is_left_to_the_general_client(kind: str) -> None:
    """Never guessed at."""
    with pytest.raises(Odd):
        _read([ODD[kind]])


def test_a_body_is_read_up_to_its_limit() -> None:
    """By its announced length and by its real one; a connection with more on it is not used again."""
    with pytest.raises(TooLong):
        _read([b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LIMIT + 1)])
    with pytest.raises(TooLong):
        _read([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFF\r\n", b"x" * (LIMIT + 3)])
    assert _read([PLAIN + b"more"])[1] is False
    assert _read([PLAIN.replace(b"X-A", b"Connection: close\r\nX-A")])[1] is False
    assert _read([b"HTTP/1.1 204 No Content\r\n\r\n"]) == (Answer(204), True)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


class Peer:
    """A receiver that answers the requests of its connections with what it was given, one list per connection."""

    def __init__(self, *connections: list[bytes | None]) -> None:
        self._connections = list(connections)
        self.heads: list[bytes] = []
        self.opened = self.closed = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """None hangs; an empty answer hangs up."""
        self.opened += 1
        answers = self._connections.pop(0)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                if b"Content-Length: " in head:
                    await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
                answer = answers.pop(0) if answers else b""
                if answer == b"":
                    break
                if answer is not None:
                    writer.write(answer)
                    if b"Connection: close" in answer:
                        break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed += 1
            writer.close()


@asynccontextmanager
async def _wire(peer: Peer) -> AsyncIterator[Callable[[str], Coroutine[None, None, Answer]]]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    wire = Wire()
    wire.users += 1
    url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/c?a=b")

    async def call(method: str) -> Answer:
        return await wire.call(url, Request(b"secret", method, BODY if method == "POST" else b""), name="it")

    try:
        yield call
    finally:
        await wire.leave()
        server.close()
        await server.wait_closed()
        while peer.closed < peer.opened:  # noqa: ASYNC110  # the connections' own ends
            await asyncio.sleep(0.01)


async def test_calls_share_one_kept_connection() -> None:
    """And say what the receiver needs: path and query, host, length, our own headers."""
    peer = Peer([PLAIN, CHUNKED, PLAIN])
    async with _wire(peer) as call:
        assert [(await call(method)).body for method in ("GET", "POST", "GET")] == [BODY] * 3
    assert peer.opened == 1
    assert [head.split(b" HTTP/1.1\r\n")[0] for head in peer.heads] == [b"GET /c?a=b", b"POST /c?a=b", b"GET /c?a=b"]
    assert all(
        head.count(b"\r\nHost: 127.0.0.1:") == 1 and b"\r\nX-Agent-Kill-Signature: t=" in head for head in peer.heads
    )
    assert [b"Content-Length: 21" in head for head in peer.heads] == [False, True, False]


async def test_a_connection_that_died_while_it_idled_costs_one_more_connection() -> None:
    """And not the cut; one that died in the middle of an answer is an error that is tried again by others."""
    peer = Peer([PLAIN, b""], [PLAIN, PLAIN[:30], b""], [PLAIN])
    async with _wire(peer) as call:
        assert (await call("GET")).status == 200
        assert (await call("POST")).status == 200
        assert peer.opened == 2


async def test_an_answer_that_breaks_off_is_unreachable() -> None:
    """Nothing is made of its first half."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(PLAIN[:-3])
        writer.close()

    peer = Peer()
    peer.serve = half  # type: ignore[method-assign]  # a receiver of another kind
    async with _wire(peer) as call:
        with pytest.raises(Unreachable, match="it did not answer"):
            await call("GET")


async def test_a_cancelled_call_has_closed_its_connection_when_it_ends() -> None:
    """So that a receiver never carries it out later, and the next call opens another one."""
    peer = Peer([PLAIN, None], [PLAIN])
    async with _wire(peer) as call:
        await call("GET")
        hanging = asyncio.create_task(call("POST"))
        while len(peer.heads) < 2:  # noqa: ASYNC110  # the receiver's own count
            await asyncio.sleep(0.01)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        async with asyncio.timeout(5):
            while peer.closed < 1:  # noqa: ASYNC110  # the receiver's own count
                await asyncio.sleep(0.01)
        assert (await call("GET")).status == 200
        assert peer.opened == 2


async def test_what_is_odd_is_asked_again_by_the_general_client_and_remembered() -> None:
    """An endpoint without a length works as well, only dearer: the lines do not try it twice."""
    odd = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY
    peer = Peer([odd], [odd], [odd])
    async with _wire(peer) as call:
        assert (await call("GET")).body == BODY
        assert (await call("GET")).body == BODY
    assert peer.opened == 3


async def test_a_body_that_is_too_long_is_refused_with_its_limit() -> None:
    """In words for whoever mends the receiver."""
    peer = Peer([b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"])
    async with _wire(peer) as call:
        with pytest.raises(AdapterError, match="64 KiB"):
            await call("GET")
