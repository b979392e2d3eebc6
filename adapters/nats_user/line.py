"""One connection to a NATS server, and the few that adapters of one process keep to it.

The protocol is spoken here and not by a client library: those reconnect and send again by themselves, and a cut must
know which connection its bytes went out on and that they are gone when it is cancelled. The protocol is
https://docs.nats.io/reference/reference-protocols/nats-protocol.
"""

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from adapters.errors import AdapterError, Refused, Unreachable
from adapters.nats_user.nkeys import Credentials

LONGEST = 1024 * 1024  # bytes of one line of the protocol
LARGEST = 32 * 1024 * 1024  # bytes of one message; a page of CONNZ takes a few
GRACE = 1.0  # seconds that further servers have to answer, once the first did
BURY_SECONDS = 1.0  # a call that was cancelled ends after this at the latest, whatever the server does
BURY_PAUSE = 0.05
CROWDED = 30.0  # seconds for which a server too many is remembered
LATE = 64  # questions whose late answers are still listened for
KICK = "$SYS.REQ.SERVER.{}.KICK"


class Full(Unreachable):
    """The server takes no more connections; the warm one still works."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where, and as whom. `name` is safe to show."""

    places: tuple[tuple[str, int, bool], ...]  # host, port, whether by TLS
    creds: Credentials = field(repr=False)

    @classmethod
    def of(cls, url: str, creds: str) -> Self:
        """Reads `nats://host:port`, `tls://host:port`, or several with commas between. Raises `ValueError`."""
        return cls(tuple(_place(part.strip()) for part in url.split(",")), Credentials.of(creds))

    @property
    def name(self) -> str:
        """The servers."""
        return ",".join(f"{host}:{port}" for host, port, _ in self.places)


def _place(url: str) -> tuple[str, int, bool]:
    parts = urlsplit(url)
    if parts.scheme not in {"nats", "tls"} or not parts.hostname or parts.username:
        raise ValueError("a nats_user url is nats://host:port or tls://host:port, without a user")
    return parts.hostname, parts.port or 4222, parts.scheme == "tls"


@dataclass(slots=True)
class Request:
    """One question to the system account, and what came back.

    Args:
        subject: where it is asked.
        body: what is asked.
        wanted: how many servers should answer.
        all_of_them: whether there should be no more than these.
        headers: of the question, as the protocol writes them; empty for none.
    """

    subject: str
    body: bytes = b""
    wanted: int = 1
    all_of_them: bool = False
    answers: list[bytes] = field(default_factory=list)
    denied: bool = False  # the server does not let the bot ask this
    unheard: bool = False  # nobody serves this subject
    headers: bytes = b""

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return self.denied or self.unheard or len(self.answers) >= self.wanted

    @property
    def begun(self) -> bool:
        """Whether anybody answered."""
        return self.done or bool(self.answers)

    def replies(self) -> list[dict[str, Any]]:
        """The answers as JSON, without those that say nothing. Raises `AdapterError` where one is no JSON.

        A server cannot write some of its own dates (a revocation beyond the year 9999) and then answers nothing.
        """
        try:
            found = [json.loads(answer) for answer in self.answers if answer]
        except ValueError as error:
            raise AdapterError(f"a server answered {self.subject} with what is no JSON") from error
        return [one for one in found if isinstance(one, dict)]


class Line:
    """One open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: str) -> None:
        self.place = place
        self.number: tuple[str, int] = ("", 0)  # the server's id, and ours there
        self.version: tuple[int, ...] = ()
        self.owing = False  # whether answers are outstanding: what was sent may still run
        self._reader, self._writer = reader, writer
        self._inbox = f"_INBOX.agent-kill.{secrets.token_hex(8)}"
        self._crowd = -CROWDED  # when more servers answered than were asked for
        self._asked = 0
        self._denied: set[str] = set()  # what the server refused once: of a repetition it says nothing
        self._before: dict[str, Request] = {}  # the last questions, whose late answers may still come

    @property
    def crowded(self) -> bool:
        """Whether more servers answered lately, be it late, than were asked for: then some are not looked at."""
        return time.monotonic() - self._crowd < CROWDED

    @classmethod
    async def open(cls, address: Address) -> Self:
        """Connects to the first server that is there, and logs in. Raises `Refused`, `Full` or `Unreachable`."""
        problem = Unreachable(f"no server is configured for {address.name}")
        for place in address.places:
            try:
                return await cls._open_at(place, address.creds)
            except Unreachable as error:
                problem = error
        raise problem

    @classmethod
    async def _open_at(cls, place: tuple[str, int, bool], creds: Credentials) -> Self:
        host, port, _ = place
        try:
            reader, writer = await asyncio.open_connection(host, port, limit=LONGEST)
        except OSError as error:
            raise _unreachable(f"{host}:{port}", error) from error
        line = cls(reader, writer, f"{host}:{port}")
        try:
            await line._greet(place, creds)
        except (OSError, EOFError, ValueError) as error:
            line.close()
            raise _unreachable(line.place, error) from error
        except BaseException:
            line.close()
            raise
        return line

    async def _greet(self, place: tuple[str, int, bool], creds: Credentials) -> None:
        info = _info(await self._reader.readline(), self.place)
        if place[2] or info.get("tls_required"):
            await self._writer.start_tls(ssl.create_default_context(), server_hostname=place[0])
        said: dict[str, object] = {
            "jwt": creds.jwt,
            "sig": creds.pair.sign(str(info.get("nonce", "")).encode()),
            "name": "agent-kill",
        }
        said |= {"lang": "python", "version": "1", "protocol": 1, "headers": True, "no_responders": True}
        options = json.dumps({**said, "verbose": False, "pedantic": False, "tls_required": place[2]})
        self._writer.write(f"CONNECT {options}\r\nSUB {self._inbox}.* 1\r\nPING\r\n".encode())
        while (said_line := await self._said()) != b"PONG":
            if said_line.startswith(b"-ERR"):
                raise _login_refused(said_line, self.place)
        self.number = (str(info.get("server_id", "")), int(info.get("client_id", 0)))
        self.version = tuple(int(part) for part in str(info.get("version", "")).split(".")[:2] if part.isdigit())

    async def ask(self, *requests: Request, grace: float = GRACE) -> None:
        """Sends questions at once and waits for the answers: for the first of each without an end, then `grace`.

        Raises:
            Unreachable: the connection was lost. When this is cancelled the connection is closed as well.
        """
        self.owing = True
        try:
            await self._ask(requests, grace)
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise _unreachable(self.place, error) from error
        except BaseException:
            self.close()
            raise
        self.owing = False

    async def _ask(self, requests: Sequence[Request], grace: float) -> None:
        waiting: dict[str, Request] = dict(self._before)
        self._before = dict([*self._before.items()][-LATE:])
        for request in requests:
            request.denied = request.subject in self._denied
            if request.denied:
                continue
            self._asked += 1
            reply = f"{self._inbox}.{self._asked}"
            waiting[reply] = self._before[reply] = request
            head, whole = len(request.headers), request.headers + request.body
            verb, sizes = ("HPUB", f"{head} {len(whole)}") if head else ("PUB", len(whole))
            self._writer.write(f"{verb} {request.subject} {reply} {sizes}\r\n".encode() + whole + b"\r\n")
        await self._writer.drain()
        while not all(request.begun for request in requests):
            await self._take(waiting)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while not all(request.done for request in requests):
                    await self._take(waiting)

    async def _take(self, waiting: dict[str, Request]) -> None:
        """Takes one thing that the server says."""
        said = await self._said()
        if said.startswith((b"MSG ", b"HMSG ")):
            await self._message(said.decode().split(" "), waiting)
        elif said.startswith(b"-ERR"):
            denied = [it for it in waiting.values() if f'"{it.subject}"' in said.decode(errors="replace")]
            if not denied or b"Permissions" not in said:
                raise ConnectionError(said.decode(errors="replace"))
            denied[0].denied = True
            self._denied.add(denied[0].subject)

    async def _message(self, words: list[str], waiting: dict[str, Request]) -> None:
        size = int(words[-1])
        if not 0 <= size <= LARGEST:
            raise ValueError(f"a message of {size} bytes was announced")
        body = (await self._reader.readexactly(size + 2))[:-2]
        request = waiting.get(words[1])
        if request is None:
            return
        if words[0] == "HMSG":
            header, body = body[: int(words[-2])], body[int(words[-2]) :]
            request.unheard = request.unheard or header.startswith(b"NATS/1.0 503")
            if request.unheard:
                return
        request.answers.append(body)
        if request.all_of_them and len(request.answers) > request.wanted:
            self._crowd = time.monotonic()

    async def publish(self, subject: str) -> bool:
        """Publishes nothing to a subject. Returns whether the server let it through. Raises `Unreachable`."""
        self._writer.write(f"PUB {subject} 0\r\n\r\nPING\r\n".encode())
        denied = False
        try:
            while (said := await self._said()) != b"PONG":
                denied = denied or said.startswith(b"-ERR 'Permissions Violation for Publish")
        except (OSError, EOFError, ValueError) as error:
            raise _unreachable(self.place, error) from error
        return not denied

    async def usable(self) -> bool:
        """Whether the connection is open as far as this end knows."""
        for _ in range(2):  # the loop hears of a connection that was closed meanwhile in its next round
            await asyncio.sleep(0)
        return not (self._writer.is_closing() or self._reader.at_eof() or self._reader.exception())

    def close(self) -> None:
        """Closes at once."""
        self._writer.transport.abort()

    async def _said(self) -> bytes:
        """The next line that is no small talk. Raises `EOFError` at the end."""
        while True:
            said = await self._reader.readline()
            if not said.endswith(b"\n"):
                raise EOFError("the server closed the connection")
            said = said.rstrip(b"\r\n")
            if said == b"PING":
                self._writer.write(b"PONG\r\n")
            elif said.startswith((b"MSG ", b"HMSG ", b"-ERR")) or said == b"PONG":
                return said
            elif not said.startswith((b"INFO ", b"+OK")):
                raise ValueError(f"the server does not speak NATS: {said[:40]!r}")


class Endpoint:
    """What the adapters of one server and one credential share: a warm connection, and a turn per account."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.users = 0
        self.abandoned: set[tuple[str, int]] = set()  # our own connections that died owing an answer
        self._turns: dict[str, asyncio.Lock] = {}
        self._warm: Line | None = None
        self._busy = asyncio.Lock()

    def turn(self, account: str) -> asyncio.Lock:
        """Whose turn it is to read an account's JWT and write it again: all roles of an account share one text."""
        return self._turns.setdefault(account, asyncio.Lock())

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """Lends the warm connection, or where that is busy or another of its own; the warm one where none is free."""
        if not self._busy.locked():
            async with self._lent_warm() as line:
                yield line
            return
        try:
            own = await Line.open(self.address)
        except Full:
            async with self._lent_warm() as line:
                yield line
            return
        try:
            yield own
        finally:
            own.close()
            self._note(own)

    async def bury(self) -> None:
        """Ends our abandoned connections at their server, so that nothing that they sent can run any more.

        Gives up after `BURY_SECONDS`; what is left stays in `abandoned`, and the next look ends it before all else.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(BURY_SECONDS):
                while self.abandoned:
                    await self._try_to_bury()
                    await asyncio.sleep(BURY_PAUSE if self.abandoned else 0)

    async def end_abandoned(self, line: Line) -> None:
        """Ends them over this connection. A server that is gone (restarted) runs nothing any more."""
        numbers = sorted(self.abandoned)
        kicks = [Request(KICK.format(server), json.dumps({"cid": cid}).encode()) for server, cid in numbers]
        if kicks:
            await line.ask(*kicks)
        self.abandoned.difference_update(
            number for number, kick in zip(numbers, kicks, strict=True) if kick.answers or kick.unheard
        )

    async def aclose(self) -> None:
        """Closes the warm connection when the last adapter that shares it is done."""
        self.users -= 1
        if self.users <= 0:
            self._drop()

    def _drop(self) -> None:
        warm, self._warm = self._warm, None
        if warm is not None:
            warm.close()

    async def _try_to_bury(self) -> None:
        try:
            line = await Line.open(self.address)
        except Unreachable as error:
            if "refused" in str(error).lower():
                self.abandoned.clear()
            return
        try:
            with suppress(Unreachable):
                await self.end_abandoned(line)
        finally:
            line.close()

    @asynccontextmanager
    async def _lent_warm(self) -> AsyncIterator[Line]:
        async with self._busy:
            if self._warm is not None and not await self._warm.usable():
                self._drop()
            if self._warm is None:
                self._warm = await Line.open(self.address)
            line = self._warm
            try:
                yield line
            finally:
                self._note(line)

    def _note(self, line: Line) -> None:
        if line.owing:
            line.owing = False
            self.abandoned.add(line.number)


def _info(said: bytes, place: str) -> dict[str, Any]:
    if not said.startswith(b"INFO ") or not said.endswith(b"\n"):
        if b"maximum connections" in said:
            raise Full(f"{place} takes no more connections; raise max_connections or end some")
        raise ValueError(f"the server does not speak NATS: {said[:40]!r}")
    found = json.loads(said[5:])
    if not isinstance(found, dict):
        raise ValueError("the server does not speak NATS")  # noqa: TRY004  # the text is wrong, whatever its type
    return found


def _login_refused(said: bytes, place: str) -> AdapterError:
    text = said.decode(errors="replace").removeprefix("-ERR ").strip("'")
    if "maximum connections" in text.lower():
        return Full(f"{place} takes no more connections; raise max_connections or end some")
    if "authorization" not in text.lower() and "authentication" not in text.lower():
        return Unreachable(f"{place} did not let the bot in: {text}; the bot tries again")
    return Refused(
        f"{place} refuses the login: {text}; give current credentials", missing=("login of the credentials",)
    )


def _unreachable(place: str, error: BaseException) -> Unreachable:
    text = str(error) or type(error).__name__
    if "maximum connections" in text:
        return Full(f"{place} takes no more connections; raise max_connections or end some")
    return Unreachable(f"{place} did not answer: {text}; check that it runs and that the bot can reach it")
