"""The agent's durable JetStream consumers: paused while it is held, so that nothing is delivered to whoever reads them.

The server itself pauses a consumer until a time that the consumer keeps in its own configuration, over restarts. Ours
is a time that nobody else chooses, so what a person paused before or meanwhile is told from it and given back. See
https://docs.nats.io/nats-concepts/jetstream/consumers (pause, since nats-server 2.11).
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adapters.base import Change
from adapters.errors import AdapterError, Refused
from adapters.nats_user.line import Endpoint, Line, Request
from adapters.nats_user.nkeys import claims
from adapters.nats_user.scope import Claims, may_publish, scope_of

OURS = "2999-12-31T00:00:00Z"  # until when a hold pauses
PAUSE = "$JS.API.CONSUMER.PAUSE.{}.{}"
INFO = "$JS.API.CONSUMER.INFO.{}.{}"
OLDEST = (2, 11)  # the first server that pauses
WAKING = (0.05, 0.5, 5.0)  # seconds of the last pause of all, which ends by itself
_PAUSE, _TURNS = 0.02, 300  # seconds between two looks for its end, and how many
_TITLE = "consumer "
_GONE = (10014, 10059)  # the server's codes for a consumer, and a stream, that is not there


@dataclass(frozen=True, slots=True)
class Found:
    """One consumer as the server tells of it.

    Attributes:
        until: when its pause ends; None where it delivers.
        hand: messages that were delivered and not acknowledged.
    """

    until: str | None
    hand: int


Seen = Mapping[str, Found | None]  # by "STREAM/CONSUMER"; None for one that is not there


class Consumers:
    """The consumers of one surface.

    Args:
        system: the servers, with the bot's login in the system account, which may end connections.
        endpoint: the same, with its login in the agent's account; None where no consumers are configured.
        names: as "STREAM/CONSUMER".
    """

    def __init__(self, system: Endpoint, endpoint: Endpoint | None, names: Iterable[str]) -> None:
        self._system, self._endpoint, self._names = system, endpoint, tuple(dict.fromkeys(names))

    async def lacking(self, account: Claims) -> tuple[str, ...]:
        """What the bot may not ask, and what is not there.

        No pause is tried: whatever a server is asked there, an empty or broken question too, lets a consumer go on
        (measured). So the right to pause is read from the user's own JWT, or from the role that issued it.
        """
        if self._endpoint is None:
            return ()
        user = claims(self._endpoint.address.creds.jwt)
        rules = scope_of(account, str(user.get("iss"))) or {"template": user.get("nats")}
        wanted = [subject.format(*_parts(name)) for name in self._names for subject in (PAUSE, INFO)]
        if found := [subject for subject in wanted if not may_publish(rules, subject)]:
            return tuple(f"publish {subject} (settings.stream_creds)" for subject in found)
        old = await self.unpausable()
        absent = (_absent(name) for name, one in (await self.look()).items() if one is None)
        return (*([old] if old else []), *absent)

    async def look(self) -> Seen:
        """Asks the account's JetStream for each. Raises `Refused`, `Unreachable` or `AdapterError`."""
        if self._endpoint is None:
            return {}
        async with self._endpoint.line() as line:
            asked = {name: Request(INFO.format(*_parts(name))) for name in self._names}
            await line.ask(*asked.values())
            _raised(asked.values(), line)
            return {name: _found(it, line) for name, it in asked.items()}

    async def pause(self, seen: Seen) -> None:
        """Pauses those that are there, and reads nothing back."""
        await self._put({name: OURS for name, found in seen.items() if found is not None and found.until != OURS})

    async def give(self, target: Mapping[str, str | None]) -> None:
        """Gives back what is told: until when each is paused, None for not at all.

        A consumer that is let go by a word leaves pulls that wait unanswered; one whose pause ends by itself wakes them
        (measured). So the last pause is a short one, by the server's clock, and is then taken away.
        """
        await self._put({name: until for name, until in target.items() if until is not None})
        asleep = [name for name, until in target.items() if until is None]
        if asleep:
            await self._wake(asleep)

    async def unpausable(self) -> str:
        """Why these servers pause nothing, in a sentence; "" where they do."""
        if self._endpoint is None:
            return ""
        async with self._endpoint.line() as line:
            return _too_old(line)

    async def aclose(self) -> None:
        """Gives up this target's share of the warm connection."""
        if self._endpoint is not None:
            await self._endpoint.aclose()

    async def _wake(self, names: Iterable[str]) -> None:
        """Pauses for a moment, which a slow server may take in too late: then for a longer one."""
        names = list(names)
        for waking in WAKING:
            at = await self._clock() + timedelta(seconds=waking)
            taken = await self._put(dict.fromkeys(names, at.isoformat().replace("+00:00", "Z")))
            for _ in range(_TURNS):
                seen = await self.look()
                if not any(found is not None and _until(found) == at for found in seen.values()):
                    break
                await asyncio.sleep(_PAUSE)
            if taken:
                break
        await self._put(dict.fromkeys(names))

    async def _clock(self) -> datetime:
        """The server's."""
        if self._endpoint is None:
            return datetime.now(UTC)
        async with self._endpoint.line() as line:
            asked = Request(INFO.format(*_parts(self._names[0])))
            await line.ask(asked)
            _raised([asked], line)
            told = str((_told(asked, line) or {}).get("ts") or "")
        return datetime.fromisoformat(told) if told else datetime.now(UTC)

    async def _put(self, until: Mapping[str, str | None]) -> bool:
        """One exchange; yields whether each that is there took its pause before it was over.

        Cancelled or lost, its connection is ended at the server, so that nothing of it runs later.
        """
        if self._endpoint is None or not until:
            return True
        try:
            async with self._endpoint.line() as line:
                asked = [
                    Request(PAUSE.format(*_parts(name)), json.dumps({"pause_until": at} if at else {}).encode())
                    for name, at in until.items()
                ]
                await line.ask(*asked)
                _raised(asked, line)
                return all(told is None or bool(told.get("paused")) for told in [_told(it, line) for it in asked])
        finally:
            self._system.abandoned |= self._endpoint.abandoned  # its own user may end no connection
            self._endpoint.abandoned.clear()
            await self._system.bury()


def facts(seen: Seen) -> dict[str, str | None]:
    """Until when each is paused, by Change.key."""
    return {f"{_TITLE}{name}": found.until for name, found in seen.items() if found is not None}


def delivering(seen: Seen) -> bool:
    """Whether any of them delivers."""
    return any(found is not None and found.until is None for found in seen.values())


def own(undo: Iterable[Change]) -> tuple[Change, ...]:
    """The share of a record that is about consumers."""
    return tuple(change for change in undo if change.key.startswith(_TITLE))


def changes(seen: Seen, undo: Iterable[Change]) -> tuple[Change, ...]:
    """What a cut replaces, beyond what `undo` holds; a pause of ours is nobody's baseline."""
    known = set(undo)
    made = (Change(key=name, was=until, now=OURS) for name, until in facts(seen).items() if until != OURS)
    return tuple(change for change in made if change not in known)


def undone(seen: Seen, undo: Iterable[Change]) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """What each of ours goes back to, by consumer; and those that others changed, which stay.

    What a person had chosen between two cuts, the later one replaced: that comes back.
    """
    latest = {change.key: change.was for change in own(undo)}
    now = facts(seen)
    target = {name.removeprefix(_TITLE): _still(was) for name, was in latest.items() if now.get(name) == OURS}
    return target, tuple(name for name in latest if name in now and now[name] != OURS and now[name] != latest[name])


def hand(seen: Seen) -> int:
    """Messages in the agent's hand, of consumers that were not paused for a hold before."""
    return sum(found.hand for found in seen.values() if found is not None and found.until != OURS)


def _until(found: Found) -> datetime | None:
    return None if found.until is None else datetime.fromisoformat(found.until)


def _still(until: str | None) -> str | None:
    """A pause whose time is over meanwhile is none."""
    return None if until is None or datetime.fromisoformat(until) <= datetime.now(UTC) else until


def _found(request: Request, line: Line) -> Found | None:
    reply = _told(request, line)
    if reply is None:
        return None
    config = reply.get("config")
    until = config.get("pause_until") if isinstance(config, dict) else None
    return Found(str(until) if reply.get("paused") and until else None, int(str(reply.get("num_ack_pending", 0))))


def _told(request: Request, line: Line) -> dict[str, object] | None:
    """The answer; None where the stream or the consumer is not there."""
    if request.unheard:
        raise AdapterError(_too_old(line) or f"{line.place} has no JetStream for {request.subject}: enable it")
    reply = next(iter(request.replies()), {})
    error = reply.get("error")
    if isinstance(error, dict):
        if error.get("err_code") in _GONE:
            return None
        raise AdapterError(f"{line.place} answered {error.get('description', error)} to {request.subject}")
    return reply


def _raised(asked: Iterable[Request], line: Line) -> None:
    denied = tuple(f"publish {it.subject}" for it in asked if it.denied)
    if denied:
        raise Refused(
            f"{line.place} does not let the bot {', '.join(denied)} in the agent's account; allow it to the user of "
            "settings.stream_creds",
            missing=denied,
        )


def _too_old(line: Line) -> str:
    if line.version >= OLDEST:
        return ""
    return f"{line.place} cannot pause consumers: that needs nats-server {'.'.join(map(str, OLDEST))} or newer"


def _absent(name: str) -> str:
    return f"a consumer {name}: correct settings.consumers"


def _parts(name: str) -> tuple[str, str]:
    stream, _, consumer = name.partition("/")
    return stream, consumer
