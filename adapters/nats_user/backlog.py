"""The work of the agent's durable consumers: how much waits, and what becomes of it when they deliver again.

In a stream of retention `workqueue` a message is work for one consumer and stands there until it is done, so it can be
taken out of the stream without anybody else's loss. What waits is everything up to the stream's last message when it is
first asked; that number is a receipt in a stream of ours, which takes one message per subject: whoever repeats it under
the same label, after a crash or a lost answer, takes nothing that came later. See
https://docs.nats.io/nats-concepts/jetstream/streams (retention, discard-new-per-subject) and
https://docs.nats.io/reference/reference-protocols/nats_api_reference (STREAM.PURGE, STREAM.MSG.GET).
"""

import base64
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from adapters.base import Moved, Waiting
from adapters.errors import AdapterError, Refused
from adapters.nats_user.consumers import INFO
from adapters.nats_user.line import Endpoint, Line, Request
from adapters.nats_user.nkeys import claims
from adapters.nats_user.scope import Claims, may_publish, scope_of

OURS = "AGENT_KILL"  # the stream of what lies aside, and of receipts
HELD, MOVED = "agent-kill.held.{}.{}.{}", "agent-kill.moved.{}.{}.{}"  # of a label, a stream and a consumer
STREAM, PURGE, GET = "$JS.API.STREAM.INFO.{}", "$JS.API.STREAM.PURGE.{}", "$JS.API.STREAM.MSG.GET.{}"
DELETE = f"$JS.API.STREAM.MSG.DELETE.{OURS}"
EVERY = "agent-kill.>"
MOVING = (STREAM.format(OURS), GET.format(OURS), DELETE, EVERY)  # what the bot asks and writes there
_KNOWN = 10077  # the server's code where a subject of ours has its message
_NOTHING = (10037,)  # and where there is no message (any more)
_LOST = ("nats-expected-", "nats-msg-id", "nats-rollup")  # headers that are about the first time it was published
_MOST = 100_000  # subjects of one answer


@dataclass(frozen=True, slots=True)
class Work:
    """One consumer's, in its stream."""

    stream: str
    consumer: str

    def subject(self, form: str, label: str | None = None) -> str:
        """Of ours, for a label, or for all of them."""
        return form.format("*" if label is None else _token(label), _token(self.stream), _token(self.consumer))


@dataclass(frozen=True, slots=True)
class Aside:
    """One message that lies aside: where, and what it was."""

    number: int
    was: int
    subject: str
    headers: bytes
    data: bytes


class Queues:
    """What waits for the consumers of one surface.

    Args:
        endpoint: the servers, with the bot's login in the agent's account.
        names: the consumers, as "STREAM/CONSUMER".
    """

    def __init__(self, endpoint: Endpoint, names: Iterable[str]) -> None:
        self._endpoint = endpoint
        self._works = tuple(Work(*name.split("/")) for name in dict.fromkeys(names))

    async def lacking(self, account: Claims, role: str) -> tuple[str, ...]:
        """What the bot may not ask, what is not set up, and how the agent could reach what lies aside."""
        user = claims(self._endpoint.address.creds.jwt)
        rules = scope_of(account, str(user.get("iss"))) or {"template": user.get("nats")}
        wanted = [form.format(work.stream) for work in self._works for form in (STREAM, PURGE, GET)]
        wanted += [STREAM.format(OURS), GET.format(OURS), DELETE, EVERY.replace(">", "held")]
        if found := [subject for subject in dict.fromkeys(wanted) if not may_publish(rules, subject)]:
            return tuple(f"publish {subject} (settings.stream_creds)" for subject in found)
        agent = scope_of(account, role)
        reach = (EVERY.replace(">", "held"), PURGE.format(OURS), DELETE, f"$JS.API.STREAM.DELETE.{OURS}")
        doors = [one for one in reach if agent is not None and may_publish(agent, one)]
        open_ = tuple(f"a deny of publish {one} for the agent's role" for one in doors)
        async with self._endpoint.line() as line:
            return (*open_, *await self._unfit(line))

    async def count(self) -> Waiting:
        """What waits for the consumers, delivered and not done too, and what lies aside of them."""
        async with self._guarded() as line:
            told = [await _asked(line, INFO.format(work.stream, work.consumer)) for work in self._works]
            held = [await self._held(line, work.subject(HELD)) for work in self._works]
            waits = sum(int(one[name]) for one in told for name in ("num_pending", "num_ack_pending"))
        return Waiting(number=waits, held=sum(held))

    async def hold(self, label: str) -> Moved:
        """Copies what waits into the stream of ours, one by one, and then takes it out of theirs."""
        first = False
        async with self._guarded() as line:
            for work in self._works:
                end, filters, fresh = await self._end(line, work, label)
                first = first or fresh
                for subject in filters:
                    await self._copy(line, work, label, subject, end)
                await self._purge(line, work, filters, end)
            places = [work.subject(HELD, label) for work in self._works]
            number = sum([await self._held(line, place) for place in places])
        return Moved(
            number=number if number or first else None,
            where=f"{', '.join(places)} in the stream {OURS}",
            replay=f"publish each again to the subject that it names: nats stream get {OURS}",
        )

    async def drop(self, label: str) -> Moved:
        """Takes what waits out of the streams; how much that was is known to the first call alone."""
        gone, first = 0, True
        async with self._guarded() as line:
            for work in self._works:
                end, filters, fresh = await self._end(line, work, label)
                gone, first = gone + await self._purge(line, work, filters, end), first and fresh
        return Moved(number=gone if first else None)

    async def replay(self, label: str) -> Moved:
        """Publishes what lies aside under the label again, and then removes it there.

        Each carries an id by which the stream knows it for as long as it looks for duplicates (2 minutes by default):
        so long, a repetition after a lost answer puts nothing there twice.
        """
        number = 0
        async with self._guarded() as line:
            for work in self._works:
                while (held := await self._first(line, work.subject(HELD, label))) is not None:
                    headers = _again(held.headers, f"{label}/{work.stream}/{held.was}")
                    await _asked(line, held.subject, held.data, headers=headers)
                    await _asked(line, DELETE, {"seq": held.number}, none=_NOTHING)
                    number += 1
        return Moved(number=number)

    async def _unfit(self, line: Line) -> tuple[str, ...]:
        """What keeps the streams from it."""
        found = []
        ours = await _asked(line, STREAM.format(OURS), none=(10059,))
        wanted = {"max_msgs_per_subject": 1, "discard": "new", "discard_new_per_subject": True, "storage": "file"}
        if any((ours.get("config") or {}).get(name) != value for name, value in wanted.items()):
            found.append(f"a stream {OURS}, as the set-up makes it")
        for work in self._works:
            told = await _asked(line, STREAM.format(work.stream), none=(10059,))
            if told and told["config"].get("retention") != "workqueue":
                found.append(_shared(work))
        return tuple(found)

    async def _end(self, line: Line, work: Work, label: str) -> tuple[int, list[str], bool]:
        """Up to which message of its stream a consumer's work is taken, of which subjects, and whether this is new."""
        consumer = await _asked(line, INFO.format(work.stream, work.consumer))
        stream = await _asked(line, STREAM.format(work.stream))
        if stream["config"].get("retention") != "workqueue":
            raise Refused(_shared(work), missing=(f"retention workqueue of {work.stream}",))
        config = consumer["config"]
        filters = config.get("filter_subjects") or [config.get("filter_subject") or ">"]
        receipt = work.subject(MOVED, label)
        fresh = bool(await _asked(line, receipt, {"end": stream["state"]["last_seq"]}, none=(_KNOWN,)))
        kept = await _asked(line, GET.format(OURS), {"last_by_subj": receipt})
        return int(json.loads(base64.b64decode(kept["message"]["data"]))["end"]), filters, fresh

    async def _copy(self, line: Line, work: Work, label: str, subject: str, end: int) -> None:
        number = 1
        while True:
            asked = {"seq": number, "next_by_subj": subject}
            told = (await _asked(line, GET.format(work.stream), asked, none=_NOTHING)).get("message")
            if told is None or told["seq"] > end:
                return
            place = f"{work.subject(HELD, label)}.{told['seq']}"
            await _asked(line, place, told, none=(_KNOWN,))
            number = told["seq"] + 1

    async def _purge(self, line: Line, work: Work, filters: Iterable[str], end: int) -> int:
        """Takes everything up to `end` out. Returns how much there was."""
        asked = [{"filter": subject, "seq": end + 1} for subject in filters]
        return sum([int((await _asked(line, PURGE.format(work.stream), one))["purged"]) for one in asked])

    async def _held(self, line: Line, place: str) -> int:
        """How much lies under a subject of ours. Raises `AdapterError` where the stream is not there."""
        number = 0
        while True:
            asked = {"subjects_filter": f"{place}.*", "offset": number}
            found = (await _asked(line, STREAM.format(OURS), asked))["state"].get("subjects") or {}
            number += len(found)
            if len(found) < _MOST:
                return number

    async def _first(self, line: Line, place: str) -> Aside | None:
        """The first that lies under a subject of ours, oldest first."""
        asked = {"seq": 1, "next_by_subj": f"{place}.*"}
        told = (await _asked(line, GET.format(OURS), asked, none=_NOTHING)).get("message")
        if told is None:
            return None
        was = json.loads(base64.b64decode(told["data"]))
        headers, data = (base64.b64decode(was.get(name) or "") for name in ("hdrs", "data"))
        return Aside(int(told["seq"]), int(was["seq"]), str(was["subject"]), headers, data)

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[Line]:
        """A connection; what a server answers that is not what it says in its reference is an error of the surface."""
        try:
            async with self._endpoint.line() as line:
                yield line
        except (KeyError, TypeError, ValueError) as error:
            raise AdapterError(f"{self._endpoint.address.name} answered what is no JetStream's: {error!r}") from error


async def _asked(
    line: Line, subject: str, body: object = None, *, headers: bytes = b"", none: tuple[int, ...] = ()
) -> dict[str, Any]:
    """One answer; empty where the error is one of `none`. Raises `Refused` or `AdapterError`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    request = Request(subject, raw, headers=headers)
    await line.ask(request)
    if request.denied:
        missing = (f"publish {subject}",)
        raise Refused(
            f"{line.place} does not let the bot publish {subject}: allow it to settings.stream_creds", missing=missing
        )
    if request.unheard:
        raise AdapterError(f"nobody takes {subject} at {line.place}: no stream is bound to it")
    told: Mapping[str, Any] = next(iter(request.replies()), {})
    error = told.get("error")
    if isinstance(error, dict):
        if error.get("err_code") in none:
            return {}
        raise AdapterError(f"{line.place} answered {error.get('description', error)} to {subject}")
    return dict(told)


def _shared(work: Work) -> str:
    return (
        f"the stream {work.stream} is no work queue, and what waits for {work.consumer} may be others' too: "
        "give it retention workqueue, or leave settings.backlog out"
    )


def _again(headers: bytes, number: str) -> bytes:
    """The headers with an id of ours, and without those that were about the first time."""
    lines = [line for line in headers.split(b"\r\n")[1:] if line]
    kept = [line for line in lines if not line.lower().startswith(tuple(one.encode() for one in _LOST))]
    return b"\r\n".join([b"NATS/1.0", *kept, f"Nats-Msg-Id: agent-kill/{quote(number)}".encode(), b"", b""])


def _token(text: str) -> str:
    """One word of a subject."""
    return quote(text, safe="").replace(".", "%2E")
