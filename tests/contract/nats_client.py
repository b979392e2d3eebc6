"""A NATS client that never reconnects by itself: the agent, the witness and the administrator of the tests."""

import asyncio
import json
from contextlib import suppress
from typing import Self

from adapters.nats_user.nkeys import Credentials

HOST = "127.0.0.1"


class Gone(Exception):
    """The server refused, or closed the connection."""


class Client:
    """One connection, read by a task of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._heard: dict[str, asyncio.Queue[bytes | None]] = {}
        self._pongs: asyncio.Queue[str | None] = (
            asyncio.Queue()
        )  # the error before each PONG, "" for none, None: closed
        self._numbers = 0
        self._error = ""
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, port: int, creds: str) -> Self:
        """Logs in. Raises `Gone`."""
        known = Credentials.of(creds)
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
        except OSError as error:
            raise Gone(str(error)) from error
        client = cls(reader, writer)
        try:
            info = json.loads((await reader.readline()).removeprefix(b"INFO ") or b"{}")
            said = {"jwt": known.jwt, "sig": known.pair.sign(str(info.get("nonce", "")).encode()), "headers": True}
            client._send(f"CONNECT {json.dumps({**said, 'verbose': False, 'no_responders': True})}")
            client._task = asyncio.create_task(client._read())
            await client.flush()
        except (ValueError, OSError) as error:
            await client.close()
            raise Gone(str(error)) from error
        except BaseException:
            await client.close()
            raise
        return client

    async def publish(self, subject: str, body: bytes = b"", *, reply: str = "", headers: bytes = b"") -> None:
        """Publishes, and returns when the server has dealt with it. Raises `Gone`."""
        head = str(len(headers)) if headers else ""
        verb = "HPUB" if headers else "PUB"
        self._send(" ".join(filter(None, (verb, subject, reply, head, str(len(headers + body))))))
        self._writer.write(headers + body + b"\r\n")
        await self.flush()

    async def subscribe(self, subject: str, *, group: str = "") -> "asyncio.Queue[bytes | None]":
        """What comes; None at the end of the connection. Raises `Gone`."""
        self._numbers += 1
        heard = self._heard[str(self._numbers)] = asyncio.Queue()
        self._send(" ".join(filter(None, ("SUB", subject, group, str(self._numbers)))))
        await self.flush()
        return heard

    async def request(self, subject: str, body: bytes = b"", *, headers: bytes = b"") -> bytes:
        """The first answer. Raises `Gone`."""
        inbox = f"_INBOX.t{self._numbers}{id(self)}"
        heard = await self.subscribe(inbox)
        await self.publish(subject, body, reply=inbox, headers=headers)
        return await heard_next(heard)

    async def flush(self) -> None:
        """Returns when the server has dealt with all that was sent. Raises `Gone`."""
        self._send("PING")
        if self._task is not None and self._task.done():
            raise Gone(self._error or "closed")
        error = await self._pongs.get()
        if error is None:
            self._pongs.put_nowait(None)
            raise Gone(self._error or "closed")
        if error:
            raise Gone(error)

    async def close(self) -> None:
        """Closes at once."""
        self._writer.transport.abort()  # first: whoever closes may be cancelled meanwhile
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _send(self, line: str) -> None:
        self._writer.write(f"{line}\r\n".encode())

    async def _read(self) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while said := await self._reader.readline():
                await self._take(said.decode().strip())
        for heard in self._heard.values():
            heard.put_nowait(None)
        self._pongs.put_nowait(None)

    async def _take(self, said: str) -> None:
        words = said.split(" ")
        if words[0] in ("MSG", "HMSG"):
            body = (await self._reader.readexactly(int(words[-1]) + 2))[:-2]
            self._heard[words[2]].put_nowait(body)
        elif words[0] == "PING":
            self._send("PONG")
        elif words[0] == "PONG":
            self._pongs.put_nowait(self._error)
            self._error = ""
        elif words[0] == "-ERR":
            self._error = said


async def heard_next(heard: "asyncio.Queue[bytes | None]") -> bytes:
    """The next message. Raises `Gone` at the end of the connection."""
    body = await heard.get()
    if body is None:
        heard.put_nowait(None)
        raise Gone("closed")
    return body
