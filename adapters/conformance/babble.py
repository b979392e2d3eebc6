"""A server that answers rubbish, whatever it is asked: the kit's own, in the test's loop."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

# Beginnings that some client library takes for the start of an answer: text lines, HTTP, RESP, PostgreSQL, AMQP.
OPENINGS = (
    b"",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-Endless: ",
    b"*1073741824\r\n$1073741824\r\n",
    b"+",
    b"R\x00\x00\x00\x08\x00\x00\x00\x00D\x7f\xff\xff\xff",
    b"INFO {",
)
_RUBBISH = random.Random(7).randbytes(2048)  # noqa: S311  # the same rubbish in every run
GARBAGE = (
    _RUBBISH,
    *(opening + _RUBBISH for opening in OPENINGS[1:]),
    b"",
    b"HTTP/1.1 200 OK\r\n\r\n{}",
    b"+OK\r\n" * 40,
)
_PART = b"0" * 65536


@dataclass
class Babbler:
    """A running one. `sent` counts the bytes that callers took."""

    port: int
    sent: int = 0


@asynccontextmanager
async def babbling(opening: bytes, *, endless: bool) -> AsyncIterator[Babbler]:
    """Answers every connection with `opening`, and then either closes it or goes on without end."""
    lines: set[asyncio.StreamWriter] = set()

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.add(writer)
        with suppress(OSError):
            for part in _parts(opening, endless=endless):
                writer.write(part)
                await writer.drain()
                babbler.sent += len(part)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    babbler = Babbler(server.sockets[0].getsockname()[1])
    try:
        yield babbler
    finally:
        server.close()
        for writer in lines:
            writer.transport.abort()
        await server.wait_closed()


def _parts(opening: bytes, *, endless: bool) -> Iterator[bytes]:
    yield opening
    while endless:
        yield _PART
