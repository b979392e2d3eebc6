"""One AMQP connection with one channel, for as long as one task takes; frames are `pamqp`'s.

The clients that stand on `pamqp` keep connections alive by tasks of their own and send again by themselves. A release
must know that what it sent went out on one channel, and that it is void when that channel ends.
"""

import asyncio
import json
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from pamqp import base, body, commands, frame, header
from pamqp.exceptions import PAMQPException

from adapters.errors import AdapterError, Refused, Unreachable

Properties = commands.Basic.Properties
FRAME = 131_072  # bytes of one frame
LARGEST = 128 * 1024 * 1024  # bytes of one message; the server's own limit is 512 MiB by default, and 16 since 4.0
HEARTBEAT = 60  # seconds: a server that hears nothing for twice as long ends the channel, and what it holds is free
_END = b"\xce"
_HEADER, _GET_OK = (
    b"\x02",
    b"\x01\x00\x3c\x00\x47",
)  # how a content header and a `basic.get-ok` begin, their channel left out
_UNREAD = Properties()  # stands for properties that are not what the protocol says
_REFUSED, _ABSENT, _LOCKED, _NOT_ALLOWED, _IMPOSSIBLE = 403, 404, 405, 530, 540


@dataclass(frozen=True, slots=True)
class Login:
    """Where, as whom, and in which vhost. `name` is safe to show."""

    places: tuple[tuple[str, int, bool], ...]  # host, port, whether by TLS
    user: str
    password: str = field(repr=False)
    vhost: str = "/"

    @classmethod
    def of(cls, url: str, user: str, password: str, vhost: str) -> Self:
        """Reads `amqp://host:port`, `amqps://…`, or several with commas between. Raises `ValueError`."""
        parts = [urlsplit(part.strip()) for part in url.split(",")]
        if any(one.scheme not in {"amqp", "amqps"} or not one.hostname or one.username for one in parts):
            raise ValueError("an amqp address is amqp://host:port or amqps://host:port, without a user")
        return cls(tuple(_place(one) for one in parts), user, password, vhost)

    @classmethod
    def whole(cls, url: str) -> Self:
        """Reads `amqp://user:password@host:port/vhost`. Raises `ValueError`."""
        parts = urlsplit(url)
        if parts.scheme not in {"amqp", "amqps"} or not parts.hostname or not parts.username:
            raise ValueError("a canary's url is amqp://user:password@host:port/vhost")
        vhost = unquote(parts.path[1:]) or "/"
        return cls((_place(parts),), unquote(parts.username), unquote(parts.password or ""), vhost)

    @property
    def name(self) -> str:
        """The servers."""
        return ",".join(f"{host}:{port}" for host, port, _ in self.places)


def _place(parts: Any) -> tuple[str, int, bool]:
    tls = parts.scheme == "amqps"
    return parts.hostname, parts.port or (5671 if tls else 5672), tls


class Denied(Refused):
    """The server let the credential in, and refuses this; with `code` of the protocol."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, missing=(message,))
        self.code = code


class Locked(AdapterError):
    """Another connection has the queue for itself."""


class Missing(AdapterError):
    """There is no such queue or exchange."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, taken and not yet acknowledged."""

    tag: int
    routing_key: str
    body: bytes
    properties: Properties
    behind: int  # how many waited behind it

    @property
    def headers(self) -> dict[str, Any]:
        """Its headers, without those that a queue adds at each delivery."""
        found = dict(self.properties.headers or {})
        return {name: value for name, value in found.items() if name not in {"x-delivery-count", "x-acquired-count"}}

    @property
    def unread(self) -> bool:
        """Whether its key or its properties are no text: publishers may send any bytes, and the library sends none."""
        return self.properties is _UNREAD or any("\udc80" <= sign <= "\udcff" for sign in self.routing_key)

    def kept(self) -> dict[str, Any]:
        """The properties that go on with it; who published it is not, as a server takes that from nobody else.

        Raises:
            AdapterError: they, or its routing key, cannot be published again as they are.
        """
        if self.unread:
            raise AdapterError("a message has a routing key, or properties, that are no UTF-8: take it off by hand")
        named = {name: getattr(self.properties, name) for name in Properties.attributes()}
        return {**{k: v for k, v in named.items() if v not in (None, "") and k != "user_id"}, "headers": self.headers}


class Channel:
    """An open channel on a connection of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: str) -> None:
        self.returned = 0  # messages that no queue took
        self._reader, self._writer, self._place = reader, writer, place

    @classmethod
    async def open(cls, login: Login) -> Self:
        """Logs in at the first server that is there and opens a channel.

        Raises:
            Refused: a wrong credential.
            Denied: a right one that may not come in.
            Unreachable: nobody answers.
        """
        problem: AdapterError = Unreachable(f"no server is configured for {login.name}")
        for place in login.places:
            try:
                return await cls._open_at(place, login)
            except Unreachable as error:
                problem = error
        raise problem

    @classmethod
    async def _open_at(cls, place: tuple[str, int, bool], login: Login) -> Self:
        host, port, tls = place
        try:
            context = ssl.create_default_context() if tls else None
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
        except OSError as error:
            raise _unreachable(f"{host}:{port}", error) from error
        channel = cls(reader, writer, f"{host}:{port}")
        try:
            await channel._greet(login)
        except BaseException:
            channel.close()
            raise
        return channel

    async def _greet(self, login: Login) -> None:
        self._writer.write(header.ProtocolHeader().marshal())
        await self._expect(commands.Connection.Start)
        about: dict[str, Any] = {"product": "agent-kill", "capabilities": {"authentication_failure_close": True}}
        word = f"\0{login.user}\0{login.password}"
        start = commands.Connection.StartOk(client_properties=about, mechanism="PLAIN", response=word, locale="en_US")
        try:
            tune = await self._call(start, commands.Connection.Tune, number=0)
        except Denied as error:
            raise Refused(f"{self._place} refuses the login as {login.user}", missing=("login",)) from error
        self._send(commands.Connection.TuneOk(1, min(tune.frame_max or FRAME, FRAME), HEARTBEAT), number=0)
        await self._call(commands.Connection.Open(login.vhost), commands.Connection.OpenOk, number=0)
        await self._call(commands.Channel.Open(), commands.Channel.OpenOk)

    async def begin(self) -> None:
        """From here on, what is published and acknowledged counts with `commit`."""
        await self._call(commands.Tx.Select(), commands.Tx.SelectOk)

    async def commit(self) -> None:
        """All of it counts, once this returns; a connection that ends before takes it all back."""
        await self._call(commands.Tx.Commit(), commands.Tx.CommitOk)

    async def rollback(self) -> None:
        """None of it counts."""
        await self._call(commands.Tx.Rollback(), commands.Tx.RollbackOk)

    def publish(self, exchange: str, routing_key: str, what: bytes, properties: dict[str, Any] | None = None) -> None:
        """Sends a message; the default exchange is "". `returned` counts those that no queue takes."""
        made = Properties(**{"delivery_mode": 2, **(properties or {})})
        self._send(commands.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True))
        self._write(header.ContentHeader(0, len(what), made))
        for start in range(0, len(what), FRAME - 8):
            self._write(body.ContentBody(what[start : start + FRAME - 8]))

    async def get(self, queue: str) -> Message | None:
        """Takes the first message; None where there is none."""
        answer = await self._call(commands.Basic.Get(queue=queue), commands.Basic.GetOk, commands.Basic.GetEmpty)
        if isinstance(answer, commands.Basic.GetEmpty):
            return None
        properties, what = await self._content()
        return Message(answer.delivery_tag, answer.routing_key, what, properties, answer.message_count)

    def ack(self, tag: int) -> None:
        """It is done with."""
        self._send(commands.Basic.Ack(delivery_tag=tag))

    def give_back(self) -> None:
        """Whatever was taken and not acknowledged waits again, where it was."""
        self._send(commands.Basic.Nack(delivery_tag=0, multiple=True, requeue=True))

    async def depth(self, queue: str) -> int:
        """How much waits there. Raises `Missing`, which ends the channel."""
        asked = commands.Queue.Declare(queue=queue, passive=True)
        return int((await self._call(asked, commands.Queue.DeclareOk)).message_count)

    async def declare(self, queue: str, *, exclusive: bool = False, arguments: dict[str, Any] | None = None) -> None:
        """Makes a queue, or finds it made so; an `exclusive` one ends with this connection. Raises `Locked`."""
        asked = commands.Queue.Declare(
            queue=queue, durable=not exclusive, exclusive=exclusive, arguments=arguments or {}
        )
        await self._call(asked, commands.Queue.DeclareOk)

    async def delete(self, queue: str) -> None:
        """Removes a queue with what is in it."""
        await self._call(commands.Queue.Delete(queue=queue), commands.Queue.DeleteOk)

    def close(self) -> None:
        """Ends the connection; the server gives back what was taken and not acknowledged."""
        with suppress(OSError, RuntimeError):
            self._send(commands.Connection.Close(200, "", 0, 0), number=0)
        self._writer.close()

    def abort(self) -> None:
        """Ends it at once."""
        self._writer.transport.abort()

    def _send(self, method: base.Frame, *, number: int = 1) -> None:
        self._write(method, number)

    def _write(self, one: Any, number: int = 1) -> None:
        self._writer.write(frame.marshal(one, number))

    async def _call(self, asked: base.Frame, *wanted: type[base.Frame], number: int = 1) -> Any:
        self._send(asked, number=number)
        return await self._expect(*wanted)

    async def _expect(self, *wanted: type[base.Frame]) -> Any:
        """The next frame of one of these types. Raises what the server closes the channel with."""
        while True:
            found = await self._next()
            if isinstance(found, wanted):
                return found
            if isinstance(found, commands.Basic.Return):
                self.returned += 1
                await self._content()
            elif isinstance(found, (commands.Channel.Close, commands.Connection.Close)):
                raise _closed(self._place, found)

    async def _content(self) -> tuple[Properties, bytes]:
        found = await self._next()
        if not isinstance(found, header.ContentHeader) or found.body_size > LARGEST:
            raise AdapterError(f"{self._place} announced a message that is none, or of more than {LARGEST} bytes")
        what = b""
        while len(what) < found.body_size:
            part = await self._next()
            what += part.value if isinstance(part, body.ContentBody) else b""
        return found.properties, what

    async def _next(self) -> object:
        try:
            await self._writer.drain()
            head = await self._reader.readexactly(7)
            size = int.from_bytes(head[3:])
            if size > FRAME:
                raise AdapterError(f"{self._place} does not speak AMQP 0-9-1: a frame of {size} bytes was announced")
            return _unmarshal(head + await self._reader.readexactly(size + len(_END)))
        except (OSError, EOFError) as error:
            raise _unreachable(self._place, error) from error
        except (PAMQPException, ValueError, KeyError, TypeError) as error:
            raise AdapterError(f"{self._place} does not speak AMQP 0-9-1: {error}") from error


def _unmarshal(raw: bytes) -> object:
    """Reads a frame; of a message that somebody sent with bytes that are no text, what can be read of it."""
    try:
        return frame.unmarshal(raw)[2]
    except (PAMQPException, ValueError, KeyError, TypeError):
        content = raw[7:-1]
        if raw[:1] == _HEADER:
            return header.ContentHeader(0, int.from_bytes(content[4:12]), _UNREAD)
        if raw[:1] + content[:4] != _GET_OK:
            raise
    tag, rest = int.from_bytes(content[4:12]), content[13:]
    exchange, rest = rest[1 : rest[0] + 1], rest[rest[0] + 1 :]
    key, behind = rest[1 : rest[0] + 1], int.from_bytes(rest[rest[0] + 1 :])
    found = commands.Basic.GetOk(tag, exchange=exchange.decode(), message_count=behind)
    found.routing_key = key.decode("utf-8", "surrogateescape")
    return found


def plain(message: Message) -> str:
    """A message's body as text; JSON as it is, and what is no text by its size."""
    try:
        return message.body.decode()
    except ValueError:
        return f"({len(message.body)} bytes that are no text)"


def facts(message: Message) -> dict[str, Any]:
    """What a receipt says."""
    try:
        found = json.loads(message.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _closed(place: str, found: Any) -> AdapterError:
    said = f"{place}: {found.reply_text}"
    if found.reply_code == _LOCKED:
        return Locked(said)
    if found.reply_code == _ABSENT:
        return Missing(said)
    if found.reply_code in {_REFUSED, _NOT_ALLOWED}:
        return Denied(said, found.reply_code)
    if found.reply_code == _IMPOSSIBLE:
        return Refused(f"{said}; correct settings.queues", missing=("a queue that work can be taken from",))
    if isinstance(found, commands.Connection.Close):
        return Unreachable(f"{said}; the bot tries again")
    return AdapterError(f"{said}; the bot tries again")


def _unreachable(place: str, error: BaseException) -> Unreachable:
    text = str(error) or type(error).__name__
    return Unreachable(f"{place} did not answer: {text}; check that it runs and that the bot can reach it")
