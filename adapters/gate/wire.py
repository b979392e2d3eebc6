"""One gate's control listener, as the bot calls it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from adapters.base import Mode
from adapters.base.gated import CONTROL
from adapters.base.signed import ANSWER, REQUEST, Unsigned, check, sign
from adapters.errors import AdapterError, Refused, Unreachable

LIMIT = 1_000_000  # bytes of an answer that are read
_KEEP = 90.0  # seconds: longer than the drift watch's interval, so that the line stays warm
_GONE, _NO_LOGIN, _OTHER_MARK, _OVERTAKEN, _DISK = 404, 401, 409, 412, 507
_NOT_NOW = frozenset({429, 502, 503, 504})


class Overtaken(AdapterError):
    """The gate was told something else since it was read."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one gate said of the surface."""

    mode: Mode
    mark: str | None
    generation: int
    in_flight: int | None  # None where another gateway may have let some through
    instance: str
    modes: frozenset[Mode]
    was: Mode
    ended: int = 0
    left: int | None = 0
    fresh: bool = False
    kept: bool = True


class Line:
    """The client that a process's adapters share. It opens with the first call and closes with the last adapter."""

    def __init__(self) -> None:
        self.users = 0
        self._session: ClientSession | None = None

    def session(self) -> ClientSession:
        """The client."""
        if self._session is None or self._session.closed:
            self._session = ClientSession(
                connector=TCPConnector(limit=0, keepalive_timeout=_KEEP),
                timeout=ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    async def leave(self) -> None:
        """One adapter less; the last one closes the client."""
        self.users -= 1
        session, self._session = (self._session, None) if self.users <= 0 else (None, self._session)
        if session is not None:
            await session.close()


class Node:
    """One gate, asked about one surface."""

    def __init__(self, line: Line, control: str, name: str, secret: str) -> None:
        self._line, self.control, self._name, self._secret = line, control, name, secret
        self.instance = ""  # its own name, once it answered

    async def say(self, **asked: object) -> Mapping[str, Any] | None:
        """One signed call, and its signed answer; None where the gate does not serve the surface.

        Raises:
            Unreachable: no answer.
            Refused: our signature is not accepted.
            Overtaken: it was told something else since it was read.
            AdapterError: any other answer, or one that is not the gate's own.
        """
        path, body = f"{CONTROL}/{self._name}", json.dumps(asked).encode()
        signed = sign(self._secret, path, body, time.time())
        headers = {REQUEST: str(signed), "Content-Type": "application/json"}
        try:
            async with self._line.session().post(
                f"{self.control}{path}", data=body, headers=headers, allow_redirects=False
            ) as reply:
                told = await self._whole(reply.content.iter_any())
                return self._read(reply.status, told, signed.nonce, reply.headers.get(ANSWER, ""))
        except (ClientError, OSError, ValueError) as error:
            raise Unreachable(
                f"the gate at {self.control} did not answer ({_short(str(error) or type(error).__name__)}): "
                "check that it runs and that the bot can reach it"
            ) from error

    async def _whole(self, parts: Any) -> bytes:
        body = bytearray()
        async for part in parts:
            body += part
            if len(body) > LIMIT:
                raise AdapterError(f"the gate at {self.control} answers without end: look what listens there")
        return bytes(body)

    def _read(self, status: int, body: bytes, nonce: str, proof: str) -> Mapping[str, Any] | None:
        self._judge(status)
        if status == _GONE:
            return None
        try:
            check(self._secret, nonce, status, body, proof)
            found = json.loads(body)
        except (Unsigned, ValueError, RecursionError):
            raise AdapterError(f"what answers at {self.control} is not the gate: look what listens there") from None
        if status == _OVERTAKEN:
            raise Overtaken(f"the gate at {self.control} was told something else since it was read: look again")
        if status == _OTHER_MARK:
            raise Refused(f"the mark of {self._name} at {self.control} is not ours: restrict again before relaxing")
        if not isinstance(found, dict) or status != 200:  # noqa: PLR2004  # a success
            why = found.get("error", "") if isinstance(found, dict) else ""
            raise AdapterError(f"the gate at {self.control} answered {status} {_short(str(why))}: look at its log")
        self.instance = str(found.get("instance", ""))
        return found

    def _judge(self, status: int) -> None:
        if status == _NO_LOGIN:
            raise Refused(
                f"the gate at {self.control} does not accept our signature: give both the same settings.secret, and "
                "compare the two clocks (a signature is good for 5 minutes)",
                missing=("settings.secret, as the gate has it",),
            )
        if status in _NOT_NOW:
            raise Unreachable(f"what answers at {self.control} says {status}: it takes no calls now")

    async def look(self) -> Said | None:
        """What holds there."""
        return _said(await self.say(do="look"))

    async def restrict(self, mode: Mode, mark: str, drain: float) -> Said | None:
        """Holds a mode and ends what it forbids."""
        return _said(await self.say(do="restrict", mode=str(mode), mark=mark, drain=drain))

    async def relax(self, mode: Mode, *, expect: str, mark: str | None, generation: int) -> Said | None:
        """Holds a looser mode, if nobody told it anything since."""
        return _said(await self.say(do="relax", mode=str(mode), expect=expect, mark=mark, generation=generation))


def _said(found: Mapping[str, Any] | None) -> Said | None:
    """Reads an answer. Raises `AdapterError` where it is none."""
    if found is None:
        return None
    try:
        return Said(
            mode=Mode(found["mode"]),
            mark=found["mark"],
            generation=int(found["generation"]),
            in_flight=_count(found["in_flight"]),
            instance=str(found["instance"]),
            modes=frozenset(Mode(word) for word in found["modes"]),
            was=Mode(found.get("was", found["mode"])),
            ended=int(found.get("ended", 0)),
            left=_count(found.get("left", 0)),
            fresh=found["fresh"] is True,
            kept=found["kept"] is True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AdapterError(f"a gate of another version answers ({error}): run the same one everywhere") from None


def _count(value: object) -> int | None:
    """Raises ValueError for what is no number."""
    return None if value is None else int(str(value))


def _short(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:120]).strip()
