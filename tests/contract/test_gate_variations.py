"""Does any write pass a gate in read_only? Thousands of requests, and every byte that comes out behind it."""

import asyncio
import contextlib
from collections import Counter

import pytest

from adapters.base import Mode
from adapters.conformance import Keeper
from bot.sandbox.servers import HOST
from tests.contract.gate_server import GateServer
from tests.contract.gate_variations import SEARCH, variations, wrong
from tests.contract.haproxy import Upstream
from tests.contract.rigs.gate import GateRig

SAFE = [{"methods": ["GET", "HEAD", "OPTIONS"]}, {"methods": ["POST"], "paths": [SEARCH]}]
AT_ONCE = 40
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Wire:
    """An upstream that keeps every byte of every connection, and answers whatever looks like the end of a head."""

    def __init__(self) -> None:
        self.streams: list[bytearray] = []
        self.server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """On a free port."""
        self.server = await asyncio.start_server(self._take, HOST, 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = bytearray()
        self.streams.append(stream)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while part := await reader.read(65536):
                stream += part
                writer.write(_ANSWER * part.count(b"\r\n\r\n"))
        writer.close()


async def _try(port: int, data: bytes, room: asyncio.Semaphore) -> str:
    """Sends the bytes; the first status that came back, or what became of the connection."""
    async with room:
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            writer.write(data)
            async with asyncio.timeout(2):
                answer = await reader.read()
            return answer[9:12].decode("latin-1") or "closed"
        except TimeoutError:
            return "waits for more"
        except ConnectionError:
            return "reset"
        finally:
            writer.close()


@pytest.mark.parametrize("number", [10_000, pytest.param(30_000, marks=pytest.mark.long)])
async def test_no_variation_of_a_request_is_a_write_behind_the_gate(number: int) -> None:
    """Every byte that the upstream got belongs to a read, or to the one call that the configuration names safe."""
    upstream = Wire()
    await upstream.start()
    assert upstream.server is not None
    with GateServer(upstream.port, {"safe": SAFE}, names=["one"]) as gate:
        adapter = GateRig(gate, Upstream(), "one").made()
        await Keeper(adapter).held(Mode.READ_ONLY)
        room = asyncio.Semaphore(AT_ONCE)
        tries = (_try(gate.port, data, room) for data in variations("/billing/one", number, seed=number))
        came = Counter(await asyncio.gather(*tries))
        assert (await adapter.observe()).in_flight == 0
        await adapter.aclose()
    upstream.server.close()
    faults = [fault for stream in upstream.streams if (fault := wrong(bytes(stream)))]
    assert faults == []
    passed = sum(stream.count(b" HTTP/1.1\r\n") for stream in upstream.streams)
    assert passed > number // 20, f"hardly anything passed, so that nothing was tried: {came}"
    assert {"400", "403"} <= came.keys(), came


@pytest.mark.parametrize(
    "stream",
    [
        b"POST /v1/users HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nDELETE /x HTTP/1.1\r\n\r\n",
        b"GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX-HTTP-Method-Override: PUT\r\n\r\n",
        b"GET /a?%5fmethod=PUT HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n_method=PUT",
        b"POST /v1/search HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\n",
    ],
)
def test_the_strict_reader_sees_a_write(stream: bytes) -> None:
    """It is what the gate is judged by, so it is judged first."""
    assert wrong(stream)
    assert wrong(b"GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n") == ""
