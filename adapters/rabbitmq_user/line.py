"""One HTTP connection to a node's management API, and the few that adapters of one process keep to it.

HTTP is spoken here and not by a general client, for one reason: the node goes on with a request whose caller has gone.
So a call that is cancelled leaves its connection open, and what it owes is read before anything is believed that comes
after it: the answer to a request is the proof that it cannot run any more.
"""

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from adapters.errors import AdapterError, Refused, Unreachable

LONGEST = 64 * 1024  # bytes of one line of an answer's head
HEADERS = 100  # lines of it
LARGEST = 16 * 1024 * 1024  # bytes of one answer
SETTLE_SECONDS = 1.0  # a call that was cancelled ends after this at the latest, whatever the node does
HURRY = 0.2  # seconds that a cut waits for what earlier calls owe before it goes on
_FOUND, _ABSENT = range(200, 300), 404
_UNKNOWN, _BUSY = 401, (429, 502, 503, 504)
ADMINISTRATOR = "tag administrator"


@dataclass(frozen=True, slots=True)
class Address:
    """Where, and as whom. `name` is safe to show."""

    places: tuple[tuple[str, int, bool], ...]  # host, port, whether by TLS
    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, url: str, user: str, password: str) -> Self:
        """Reads `http://host:port`, `https://host:port`, or several with commas between. Raises `ValueError`."""
        return cls(tuple(_place(part.strip()) for part in url.split(",")), user, password)

    @property
    def name(self) -> str:
        """The nodes, in an order that does not depend on who wrote them down."""
        return ",".join(sorted(f"{host}:{port}" for host, port, _ in self.places))


def _place(url: str) -> tuple[str, int, bool]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.path.strip("/"):
        raise ValueError("a rabbitmq_user url is http://host:port or https://host:port, without a user or a path")
    return parts.hostname, parts.port or (15671 if parts.scheme == "https" else 15672), parts.scheme == "https"


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the path after `/api`, every part of it quoted, and what is sent as JSON."""

    method: str
    path: str
    body: object = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    data: Any

    @property
    def absent(self) -> bool:
        """Whether there is no such thing."""
        return self.status == _ABSENT


class Line:
    """One open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: str, login: str) -> None:
        self.place = place
        self.owing = 0  # answers outstanding: what was sent may still run
        self.changes = False  # whether any of them is to a request that changes something
        self._reader, self._writer, self._login = reader, writer, login
        self._used = False

    @classmethod
    async def open(cls, address: Address) -> Self:
        """Connects to the first node that is there. Raises `Unreachable`."""
        problem = Unreachable(f"no node is configured for {address.name}")
        login = b64encode(f"{address.user}:{address.password}".encode()).decode()
        for host, port, tls in address.places:
            context = ssl.create_default_context() if tls else None
            try:
                reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=LONGEST)
            except OSError as error:
                problem = _unreachable(f"{host}:{port}", error)
                continue
            return cls(reader, writer, f"{host}:{port}", login)
        raise problem

    async def ask(self, *requests: Request) -> list[Reply]:
        """Sends requests at once, which the node may run in any order, and returns their answers in order.

        Raises:
            Unreachable: the connection was lost.
            Refused: the node does not let the bot do one of these.
            AdapterError: it answered one with another error, or with what is no answer.
        """
        if not requests:
            return []
        self._writer.write(b"".join(self._written(request) for request in requests))
        self.owing += len(requests)
        self.changes = any(request.method != "GET" for request in requests)
        try:
            await self._writer.drain()
            replies = [await self._next() for _ in requests]
        except (OSError, EOFError) as error:
            self.close()
            raise _unreachable(self.place, error) from error
        except ValueError as error:
            self.close()
            raise AdapterError(f"{self.place} does not answer as RabbitMQ's management API does: {error}") from error
        self._used = True
        for request, reply in zip(requests, replies, strict=True):
            _judge(self.place, request, reply)
        return replies

    async def settle(self) -> None:
        """Reads what the node still owes; when this returns nothing that was sent here can run any more."""
        with suppress(OSError, EOFError, ValueError):
            while self.owing:
                await self._next()
        self.owing = 0

    async def usable(self) -> bool:
        """Whether the connection is open as far as this end knows, and nothing is owed."""
        for _ in range(2):  # the loop hears of a connection that was closed meanwhile in its next round
            await asyncio.sleep(0)
        return not (self.owing or self._writer.is_closing() or self._reader.at_eof() or self._reader.exception())

    @property
    def stale(self) -> bool:
        """Whether it served before: then a node that closed it while it idled has not seen the request."""
        return self._used

    def close(self) -> None:
        """Closes at once."""
        self.owing = 0
        self._writer.transport.abort()

    def _written(self, request: Request) -> bytes:
        body = b"" if request.body is None else json.dumps(request.body).encode()
        length = f"Content-Length: {len(body)}\r\n" if request.method != "GET" else ""
        return (
            f"{request.method} /api{request.path} HTTP/1.1\r\nHost: {self.place}\r\n"
            f"Authorization: Basic {self._login}\r\nAccept: */*\r\n"
            f"Content-Type: application/json\r\nUser-Agent: agent-kill\r\n{length}\r\n"
        ).encode() + body

    async def _next(self) -> Reply:
        words = (await self._head()).split(" ", 2)
        if not words[0].startswith("HTTP/1.") or len(words) < 2 or not words[1].isdigit():  # noqa: PLR2004  # version, status
            raise ValueError(f"its answer begins with {' '.join(words)[:40]!r}")
        headers = await self._headers()
        body = await self._body(headers, empty=int(words[1]) in {204, 304})
        self.owing -= 1
        data = json.loads(body) if body.strip() and _is_json(headers, body) else None
        return Reply(int(words[1]), data)

    async def _headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while line := await self._head():
            name, _, value = line.partition(":")
            found[name.strip().lower()] = value.strip()
            if len(found) > HEADERS:
                raise ValueError(f"its answer has more than {HEADERS} headers")
        return found

    async def _head(self) -> str:
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the node closed the connection")
        return line.decode("latin-1").rstrip("\r\n")

    async def _body(self, headers: dict[str, str], *, empty: bool) -> bytes:
        if empty:
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks()
        if (length := headers.get("content-length")) is None:
            raise ValueError("its answer does not say how long it is")
        return await self._exactly(int(length))

    async def _chunks(self) -> bytes:
        body = b""
        while size := int((await self._head()).partition(";")[0], 16):
            body += await self._exactly(size, LARGEST - len(body))
            await self._head()
        while await self._head():
            pass
        return body

    async def _exactly(self, size: int, most: int = LARGEST) -> bytes:
        if not 0 <= size <= most:
            raise ValueError(f"an answer of {size} bytes was announced")
        return await self._reader.readexactly(size)


class Endpoint:
    """What the adapters of one address and credential share: a warm connection, and what cancelled calls left."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.users = 0
        self._left: dict[Line, asyncio.Task[None]] = {}  # each is read to its end by a task
        self._warm: Line | None = None
        self._busy = asyncio.Lock()

    @asynccontextmanager
    async def line(self) -> AsyncIterator["Asker"]:
        """Lends the warm connection, or where that is busy another of its own."""
        if self._busy.locked():
            asker = Asker(await Line.open(self.address), self.address)
            try:
                yield asker
            finally:
                await self._back(asker.line, keep=False)
            return
        async with self._busy:
            asker = Asker(await self._warmed(), self.address)
            try:
                yield asker
            finally:
                self._warm = None
                if await self._back(asker.line, keep=True):
                    self._warm = asker.line

    async def settled(self, seconds: float = HURRY) -> bool:
        """Waits until nothing that a cancelled call had sent can run any more; False where that is not known yet."""
        if self._left:
            await asyncio.wait(self._left.values(), timeout=seconds)
        self._left = {line: task for line, task in self._left.items() if not task.done()}
        return not self._left

    async def aclose(self) -> None:
        """Closes the connections when the last adapter that shares them is done."""
        self.users -= 1
        if self.users <= 0:
            for line, task in self._left.items():
                line.close()
                await asyncio.wait({task})
            self._left.clear()
            if self._warm is not None:
                self._warm.close()
            self._warm = None

    async def _warmed(self) -> Line:
        warm = self._warm
        if warm is not None and await warm.usable():
            return warm
        if warm is not None:
            warm.close()
        return await Line.open(self.address)

    async def _back(self, line: Line, *, keep: bool) -> bool:
        """Takes a connection back; False where it is not to be used again."""
        if line.owing and line.changes:
            self._left[line] = asyncio.create_task(_settle(line))
            await self.settled(SETTLE_SECONDS)
            return False
        if not keep or not await line.usable():
            line.close()
            return False
        return True


class Asker:
    """A connection for as long as one call takes. One that the node had closed while it idled is replaced, once."""

    def __init__(self, line: Line, address: Address) -> None:
        self.line, self._address = line, address

    async def ask(self, *requests: Request) -> list[Reply]:
        """As `Line.ask`. Every request of ours may be repeated: it names a state and not a step."""
        try:
            return await self.line.ask(*requests)
        except Unreachable:
            if not self.line.stale:
                raise
            self.line = await Line.open(self._address)
            return await self.line.ask(*requests)

    @property
    def user(self) -> str:
        """Who asks."""
        return self._address.user

    async def one(self, method: str, path: str, body: object = None) -> Reply:
        """A single request."""
        return (await self.ask(Request(method, path, body)))[0]


async def _settle(line: Line) -> None:
    await line.settle()
    line.close()


def _is_json(headers: dict[str, str], body: bytes) -> bool:
    return "json" in headers.get("content-type", "") or body.lstrip()[:1] in b"[{"


def _judge(place: str, request: Request, reply: Reply) -> None:
    """Raises what an answer means."""
    if reply.status in _FOUND or reply.absent:
        return
    reason = reply.data.get("reason", "") if isinstance(reply.data, dict) else ""
    said = f"{place} answered {reply.status} to {request.method} {request.path}: {str(reason)[:200] or 'no reason'}"
    if reply.status == _UNKNOWN and "ogin" in str(reason):
        raise Refused(f"{place} refuses the bot's login: give its current password", missing=("login",))
    if reply.status == _UNKNOWN and "ccess refused" in str(reason):
        raise Refused(
            f"{said}; give the bot's user the permissions of the set-up", missing=("permissions in the vhost",)
        )
    if reply.status == _UNKNOWN:
        raise Refused(f"{said}; give the bot's user the tag administrator", missing=(ADMINISTRATOR,))
    if reply.status in _BUSY:
        raise Unreachable(f"{said}; the bot tries again")
    raise AdapterError(f"{said}; the bot tries again")


def _unreachable(place: str, error: BaseException) -> Unreachable:
    text = str(error) or type(error).__name__
    return Unreachable(f"{place} did not answer: {text}; check that it runs and that the bot can reach it")
