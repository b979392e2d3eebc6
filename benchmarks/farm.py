"""The farm for machines without a C compiler: the same commands on standard input, some six times slower.

    python farm.py [PORT]

A run over it says so: from some thousand surfaces on, it is the farm that is measured.
"""

import asyncio
import json
import socket
import sys
import time
from collections import deque
from pathlib import Path

_MASK = 2**64 - 1
_NS = 1_000_000_000


def hangs(number: int, seed: int, per_mille: int) -> bool:
    """Whether a surface hangs, by the same rule as the compiled farm."""
    mixed = ((seed << 32) | number) * 0x9E3779B97F4A7C15 & _MASK
    mixed ^= mixed >> 29
    mixed = mixed * 0xBF58476D1CE4E5B9 & _MASK
    mixed ^= mixed >> 32
    return mixed % 1000 < per_mille


class Field:
    """All surfaces: per id first cut, last cut, first read-back (monotonic ns), cuts and mode."""

    def __init__(self) -> None:
        self.reset(0.0, 0, 0, 0)
        self._later: deque[tuple[float, Peer, int, str | None]] = deque()

    def reset(self, latency: float, per_mille: int, seed: int, asked: int) -> None:
        """Forgets everything."""
        self.latency, self.asked = latency, asked
        self.hung = {number for number in range(asked) if hangs(number, seed, per_mille)}
        self.rows: dict[int, list[int]] = {}
        self.modes: dict[int, str] = {}
        self.gets = self.posts = self.cut = self.read_back = 0

    def take(self, peer: "Peer", number: int, mode: str | None) -> None:
        """A request: answered after the latency, in order; never where the surface hangs."""
        if number in self.hung:
            return
        loop = asyncio.get_running_loop()
        self._later.append((loop.time() + self.latency, peer, number, mode))
        if len(self._later) == 1:
            loop.call_later(self.latency, self._due)

    def _due(self) -> None:
        loop = asyncio.get_running_loop()
        while self._later and self._later[0][0] <= loop.time():
            _, peer, number, mode = self._later.popleft()
            peer.answer(self._done(number, mode))
        if self._later:
            loop.call_at(self._later[0][0], self._due)

    def _done(self, number: int, mode: str | None) -> str:
        now, real = time.monotonic_ns(), number < self.asked
        row = self.rows.setdefault(number, [0, 0, 0, 0])
        if mode is not None:
            self.posts += 1
            self.modes[number] = mode
            self.cut += real and not row[0]
            row[0], row[1], row[3] = row[0] or now, now, row[3] + 1
        else:
            self.gets += 1
            if number in self.modes and not row[2]:
                row[2] = now
                self.read_back += real
        return self.modes.get(number, "normal")

    def obey(self, line: str) -> str:
        """Carries out a command."""
        word, *rest = line.split()
        if word == "reset":
            us, per_mille, seed, asked = map(int, rest)
            self.reset(us / 1e6, per_mille, seed, asked)
        elif word == "count":
            return f"{self.gets} {self.cut} {self.read_back} {self.posts}"
        elif word == "table":
            rows = ((number, self.rows.get(number, (0, 0, 0, 0))) for number in range(self.asked))
            text = "".join(f"{n} {int(n in self.hung)} {' '.join(map(str, row))}\n" for n, row in rows)
            Path(rest[0]).write_text(text, encoding="ascii")
        return "ok"


class Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of `asyncio.Protocol`."""
        self._transport = transport  # type: ignore[assignment]  # a stream's is a Transport

    def data_received(self, data: bytes) -> None:
        """Part of `asyncio.Protocol`."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            _, found, length = head.partition(b"\r\ncontent-length:")
            size = end + 4 + (int(length.split(b"\r\n")[0]) if found else 0)
            if len(self._buffer) < size:
                return
            body, self._buffer = self._buffer[end + 4 : size], self._buffer[size:]
            number = int(head.split(b" ")[1].removeprefix(b"/s"))
            self._field.take(self, number, str(json.loads(body)["mode"]) if head.startswith(b"post") else None)

    def answer(self, mode: str) -> None:
        """Answers; nobody where the caller hung up."""
        if self._transport is not None and not self._transport.is_closing():
            body = f'{{"mode": "{mode}"}}'
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self._transport.write((head + body).encode())


async def main(port: int) -> None:
    """Serves until standard input ends."""
    field, loop = Field(), asyncio.get_running_loop()
    sock = socket.create_server(("0.0.0.0", port), backlog=4096)  # noqa: S104  # bound to the loopback device below
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
    await loop.create_server(lambda: Peer(field), sock=sock)
    print(sock.getsockname()[1], flush=True)  # noqa: T201  # its only voice
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(field.obey(line), flush=True)  # noqa: T201  # its only voice


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
