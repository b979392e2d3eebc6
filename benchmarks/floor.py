"""The floor for machines without a C compiler: as `floor.c`, over a bare `asyncio.Protocol`.

python floor.py PORT N
"""

import asyncio
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.places import host

_POST = "POST /s{} HTTP/1.1\r\nHost: f\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n"
_BODY = '{"mode": "full_stop"}'
_AT_ONCE = 256


class Cut(asyncio.Protocol):
    """One surface: cut, then read back."""

    def __init__(self, number: int) -> None:
        self._number, self._asked = number, False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of `asyncio.Protocol`."""
        self._transport = transport  # type: ignore[assignment]  # a stream's is a Transport

    def cut(self) -> None:
        """Sends the cut."""
        if self._transport:
            self._transport.write((_POST.format(self._number) + _BODY).encode())

    def data_received(self, data: bytes) -> None:
        """Part of `asyncio.Protocol`."""
        if self._transport and data and not self._asked:
            self._asked = True
            self._transport.write(f"GET /s{self._number} HTTP/1.1\r\nHost: f\r\n\r\n".encode())


async def main(port: int, count: int) -> None:
    """Connects, waits for the word, cuts, ends with its input."""
    loop, slots = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)

    async def connect(number: int) -> Cut:
        async with slots:
            _, made = await loop.create_connection(lambda: Cut(number), host(number), port)
            return made

    cuts = await asyncio.gather(*map(connect, range(count)))
    print("ready", flush=True)  # noqa: T201  # its only voice
    while await asyncio.to_thread(sys.stdin.readline):
        for cut in cuts:
            cut.cut()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
