"""The inline gate: judges every call by the mode that holds as it is sent on, streams what passes, parks or refuses.

Between the last look at the mode and the entry among the calls under way there is no await, so that a stop either
changes the decision or ends the call.
"""

import asyncio
import logging
from collections.abc import Callable

from aiohttp import ClientError, ClientResponse, web
from multidict import CIMultiDict

from adapters.base import Mode
from adapters.base.gated import CANARY, DECISION
from bot.gate import answer as answers
from bot.gate import judge, mcp
from bot.gate.answer import Answer
from bot.gate.decision import Decision
from bot.gate.desk import Denied, Full
from bot.gate.door import Door
from bot.gate.flights import Flight, Sort
from bot.gate.judge import Call, Refusal
from bot.gate.spool import parcel
from bot.gate.talk import Talk, plainly
from bot.gate.upstream import Upstreams, answered, kept

_log = logging.getLogger(__name__)
_BODY_WITHIN = 30.0  # seconds for a body that is judged
_GONE = b'{"error": "the upstream does not answer"}\n'
Find = Callable[[str], Door | None]


class Proxy:
    """The handler of the listener that agents reach.

    Args:
        find: the door of `agent/surface`; None where none is configured.
        upstreams: where calls go.
    """

    def __init__(self, find: Find, upstreams: Upstreams) -> None:
        self._find, self._upstreams = find, upstreams
        self._decision = Decision(find)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one call."""
        raw = request.raw_path
        if raw.startswith(DECISION) and raw[len(DECISION) :][:1] in {"", "/", "?"}:
            return _plain(self._decision.answer(request), request)
        door, call = self._addressed(request, raw)
        if door is None:
            return _plain(Answer(404, b'{"error": "no such surface at this gate"}\n', {}), request)
        try:
            judge.proper(call)
        except Refusal as refusal:
            return _plain(answers.refused(door.route.name, door.told, refusal.why, refusal.status), request)
        return await _Passage(door, call, request, self._upstreams).go()

    def _addressed(self, request: web.BaseRequest, raw: str) -> tuple[Door | None, Call]:
        path, _, query = raw.partition("?")
        parts = path.split("/", 3)
        door = self._find("/".join(parts[1:3])) if len(parts) > 2 and not parts[0] else None  # noqa: PLR2004  # "", agent, surface
        rest = "/" + parts[3] if len(parts) > 3 else "/"  # noqa: PLR2004  # as above, and the rest
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request._message.raw_headers]  # noqa: SLF001  # as they came, doubles too
        return door, Call(request.method, rest, query, headers)


class _Passage:
    """One call at one door."""

    def __init__(self, door: Door, call: Call, request: web.BaseRequest, upstreams: Upstreams) -> None:
        self._door, self._call, self._request, self._upstreams = door, call, request, upstreams
        self._body: bytes | None = None  # where it had to be read before the call could be judged
        self._reply: web.StreamResponse | None = None
        self._clear = not judge.disguise(call)

    async def go(self) -> web.StreamResponse:
        """Judges, and judges again after every wait, until the call is sent on, parked or refused."""
        try:
            while True:
                if self._must_read():
                    await self._read()
                    continue
                return await self._judged()
        except Refusal as refusal:
            return self._say(answers.refused(self._name, self._door.told, refusal.why, refusal.status))

    @property
    def _name(self) -> str:
        return self._door.route.name

    @property
    def _mcp(self) -> bool:
        """Whether it is a message."""
        return self._talks and self._call.method == "POST"

    @property
    def _talks(self) -> bool:
        settings = self._door.settings
        return settings.protocol == "mcp" and self._call.path == settings.endpoint

    def _must_read(self) -> bool:
        """Whether the body decides, or has to be kept."""
        if self._body is not None or self._canary:
            return False
        mode = self._door.mode
        if self._mcp:
            return True
        if mode is Mode.FULL_STOP:
            return False
        return mode > Mode.NORMAL and self._call.has_body and not (mode is Mode.READ_ONLY and not self._safe)

    @property
    def _safe(self) -> bool:
        ends = self._talks and self._call.method == "DELETE"  # the agent's own session
        return self._clear and (ends or judge.is_safe(self._call, self._door.settings.safe))

    @property
    def _canary(self) -> bool:
        return self._call.path == CANARY

    async def _read(self) -> None:
        largest = self._door.settings.largest
        await self._continue()
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_WITHIN):
                async for part in self._request.content.iter_any():
                    body += part
                    if len(body) > largest:
                        raise Refusal(f"a body of more than {largest} bytes, which is not judged", 413)
        except TimeoutError:
            raise Refusal("a body that did not come whole in time", 408) from None
        self._body = bytes(body)

    async def _continue(self) -> None:
        if self._call.values("expect"):
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._request.writer.output_size = 0

    async def _judged(self) -> web.StreamResponse:
        mode, told = self._door.mode, self._door.told
        if mode is Mode.FULL_STOP:
            return self._say(answers.stopped(self._name, told, held=mode, why=_lapse(self._door)), self._talk())
        if mode > Mode.NORMAL and (why := judge.disguise(self._call)):
            raise Refusal(why)
        talked = self._talk()
        safe = talked.safe if talked else self._safe and not judge.dressed_body(self._call, self._body or b"")
        if self._canary:
            return self._say(self._tried(safe=safe and not self._call.has_body))
        if mode is Mode.NORMAL or safe:
            return await self._forward(Sort.READS if safe and self._clear else Sort.WRITES, talked)
        if mode is Mode.READ_ONLY or (talked and not talked.parks):
            return self._say(answers.stopped(self._name, told), talked)
        return await self._park(talked, waits=mode is Mode.APPROVAL_GATED)

    def _talk(self) -> Talk | None:
        if not self._mcp or self._body is None:
            return None
        return Talk(mcp.read(self._call, self._body), self._door.settings.tools)

    def _tried(self, *, safe: bool) -> Answer:
        """The agent's own harmless try, judged like any other call."""
        mode, told = self._door.mode, self._door.told
        if mode is Mode.NORMAL or safe:
            return Answer(200, b'{"status": "open"}\n', {"X-Agent-Kill-Mode": str(mode)})
        return answers.stopped(self._name, told)

    async def _park(self, talked: Talk | None, *, waits: bool) -> web.StreamResponse:
        call, body = self._call, talked.body if talked else self._body or b""
        call = Call(call.method, call.path, call.query, kept(call.headers))
        what, arguments = (talked.what, talked.arguments) if talked else ("", None)
        made = parcel(call, body, waits=waits, what=what, arguments=arguments)
        desk, told = self._door.desk, self._door.told
        try:
            one = await desk.park(made)
        except Full:
            raise Refusal("so much is parked already that no more is taken", 503) from None
        except OSError:
            raise Refusal("the gate's disk does not take it", 503) from None
        if not waits:
            return self._say(answers.parked(self._name, told, one.id, f"parked as draft {one.id}"), talked)
        try:
            with self._door.flights(Sort.WAITS) as flight:
                done = await desk.wait(one.id, self._door.settings.patience)
        except Denied:
            denied = answers.stopped(self._name, told, why=f"a person denied {one.id}")
            return self._say(denied, talked)
        except asyncio.CancelledError:
            return self._cut(flight, talked, sent=False)
        why = f"waits for a person's approval as {one.id}"
        return self._say(done or answers.parked(self._name, told, one.id, why), None if done else talked)

    async def _forward(self, sort: Sort, talked: Talk | None) -> web.StreamResponse:
        shorten = talked is not None and talked.lists and self._door.mode is Mode.READ_ONLY
        call = plainly(self._call) if shorten else self._call
        read = talked.body if talked else self._body
        body = self._request.content if read is None and call.has_body else read or None
        try:
            with self._door.flights(sort) as flight:
                if self._body is None:
                    await self._continue()
                async with self._upstreams.call(self._door.route, call, body) as response:
                    if talked and shorten:
                        return self._say(await talked.shortened(response))
                    return await self._relayed(response)
        except (ClientError, OSError, ValueError) as error:
            return self._failed(error)
        except asyncio.CancelledError:
            if talked and flight.cut:
                self._upstreams.mention(self._door.route, call, mcp.cancelled(talked.message))
            return self._cut(flight, talked, sent=True)

    async def _relayed(self, response: ClientResponse) -> web.StreamResponse:
        reply = web.StreamResponse(
            status=response.status, reason=response.reason, headers=CIMultiDict(answered(response))
        )
        if length := response.headers.get("Content-Length"):
            reply.headers["Content-Length"] = length
        await reply.prepare(self._request)
        self._reply = reply
        async for part in response.content.iter_any():
            await reply.write(part)
        await reply.write_eof()
        return reply

    def _failed(self, error: Exception) -> web.StreamResponse:
        """Nothing can be added to an answer that began: it ends unfinished, so that it is not taken for whole."""
        if self._reply is not None:
            self._abort()
            raise ConnectionResetError from error
        _log.info("%s: %s", self._name, error)
        return self._say(Answer(502, _GONE, {"Content-Type": answers.JSON}))

    def _cut(self, flight: Flight, talked: Talk | None, *, sent: bool) -> web.StreamResponse:
        """The end of a call that a stop cancelled; whatever else cancelled it goes on."""
        task = asyncio.current_task()
        if not flight.cut or task is None:
            raise asyncio.CancelledError
        task.uncancel()
        if self._reply is not None:
            self._abort()
            raise ConnectionResetError
        told, mode = self._door.told, self._door.mode
        say = answers.ended(self._name, told, mode) if sent else answers.stopped(self._name, told, held=mode)
        return self._say(say, talked)

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    def _say(self, answer: Answer, talked: Talk | None = None) -> web.StreamResponse:
        return _plain(talked.told(answer) if talked else answer, self._request)


def _lapse(door: Door) -> str:
    return "this gate has not heard from the bot for too long, and closes" if door.lapsed else ""


def _plain(answer: Answer, request: web.BaseRequest) -> web.StreamResponse:
    """Sends an answer whole. What was not read of a body is not taken for the next call."""
    reply = web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    if not request.content.is_eof():
        reply.force_close()
    return reply
