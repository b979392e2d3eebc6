"""What a node tells of one user: its rights, its connections, the bot's mark, and the set-up that parks."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote

from adapters.base import Mode
from adapters.base.record import Facts
from adapters.errors import AdapterError, Refused, Unreachable
from adapters.rabbitmq_user.facts import (
    BOUND,
    LIMIT,
    MARK,
    OURS,
    Way,
    binding,
    bound,
    judged,
    matches,
    permissions,
    triple,
    vhost_of,
)
from adapters.rabbitmq_user.line import Asker, Reply, Request

END_SECONDS = 2.0  # after which a connection that stays is counted as left
_TICK = 0.01
_QUEUES = ("drafts", "waiting", "done")
_SETUP = "`agent-kill adapters show rabbitmq_user --setup` prints what is missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one exchange with a node shows."""

    user: Mapping[str, Any] | None = None
    facts: Facts = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)  # by vhost
    alive: int = 0  # connections of the user
    away: tuple[str, ...] = ()  # nodes of the cluster that are not seen from the one that answers
    problem: str = ""  # what the set-up that parks lacks
    handles: Mapping[str, str] = field(default_factory=dict)  # the API's names for bindings, by fact
    way: Way  # with those of its streams that are streams

    @property
    def mark(self) -> str | None:
        """The bot's mark; two different ones are nobody's."""
        found = set(self.marks.values())
        return found.pop() if len(found) == 1 else "several" if found else None

    @property
    def tags(self) -> frozenset[str]:
        """What else the user is, beside its rights."""
        tags = (self.user or {}).get("tags") or []
        return frozenset(tags.split(",") if isinstance(tags, str) else tags)

    @property
    def vhosts(self) -> tuple[str, ...]:
        """Where it has rights."""
        return tuple(vhost for key, value in self.facts.items() if value and (vhost := vhost_of(key)) is not None)

    @property
    def absence(self) -> str:
        """Which nodes are not seen, in a sentence."""
        names = ", ".join(self.away)
        said = f"The nodes {names} are not seen: if one runs cut off, what it lets the agent do is not known."
        return said if self.away else ""

    @property
    def mode(self) -> Mode:
        """The loosest mode that this amounts to."""
        found = judged(self.facts, self.way)
        return Mode.NORMAL if found < Mode.READ_ONLY and self.problem else found


def path(*parts: str) -> str:
    """A path of the API."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def get(*parts: str) -> Request:
    """A reading."""
    return Request("GET", path(*parts))


async def read(asker: Asker, user: str, way: Way) -> Look:
    """Reads everything that a cut replaces or believes, at once.

    Raises:
        AdapterError: what answers is no RabbitMQ.
    """
    asked = [
        get("users", user), get("users", user, "permissions"), get("users", user, "topic-permissions"),
        get("connections", "username", user), Request("GET", "/nodes?columns=name,running,partitions"),
    ]  # fmt: skip
    asked += [_queue(way, name) for name in way.streams]
    asked += _about(way, asker.user) if way.exchange else []
    told, rights, topics, alive, nodes, *rest = await asker.ask(*asked)
    if told.absent:
        return Look(way=way)
    record = _record(told)
    if record.get("name") != user:
        raise AdapterError(f"{asker.line.place} answers for another user than {user}: check settings.url")
    facts: dict[str, str | None] = {LIMIT: _limit(record)}
    for right in _rows(rights):
        facts[permissions(right["vhost"])] = triple(right["configure"], right["write"], right["read"])
    streams = tuple(
        name for name, told in zip(way.streams, rest, strict=False) if _record(told).get("type") == "stream"
    )
    parking = rest[len(way.streams) :]
    ways, handles = _ways(parking[0]) if parking else ({}, {})
    marks = {row["vhost"]: _token(row) for row in _rows(topics) if row["exchange"] == MARK}
    return Look(
        user=record,
        facts={**facts, **ways},
        marks=marks,
        alive=len(_rows(alive)),
        away=tuple(str(node.get("name")) for node in _rows(nodes) if not _whole(node)),
        problem=_problem(way, parking),
        handles=handles,
        way=replace(way, streams=streams),
    )


async def mark(asker: Asker, user: str, seen: Look, *, token: str | None, vhost: str) -> None:
    """Leaves one mark, or none: as a topic permission on an exchange that does not exist."""
    places = sorted(seen.marks) or sorted(seen.vhosts)[:1] or [vhost]
    if token is None:
        gone = (Request("DELETE", path("topic-permissions", place, user, MARK)) for place in seen.marks)
        await asker.ask(*gone)
        return
    said = {"exchange": MARK, "write": f"(?#{quote(token, safe='')})", "read": "^$"}
    await asker.ask(*(Request("PUT", path("topic-permissions", place, user), said) for place in places))


async def limit(asker: Asker, user: str, value: str | None) -> None:
    """Sets how many connections the user may have; None takes the limit away."""
    where = path("user-limits", user, "max-connections")
    await asker.ask(Request("DELETE", where) if value is None else Request("PUT", where, {"value": int(value)}))


async def write(asker: Asker, user: str, seen: Look, target: Facts) -> None:
    """Makes rights and ways out as `target` has them: what leads somewhere else first, then what is taken away."""
    way = seen.way
    different = {key: value for key, value in target.items() if seen.facts.get(key) != value and key != LIMIT}
    rights = [_right(user, vhost, value) for key, value in different.items() if (vhost := vhost_of(key)) is not None]
    ways = {key: value for key, value in different.items() if bound(key)}
    await asker.ask(*(_bind(way, key) for key, value in ways.items() if value is not None))
    await asker.ask(*(_unbind(way, key, seen.handles[key]) for key, value in ways.items() if value is None), *rights)


async def end(asker: Asker, user: str, drain: float = 0.0) -> tuple[int, int]:
    """Lets connections end for `drain` seconds, then ends them; returns how many were ended, and how many are left.

    A client that does not answer to the end of its connection is closed by the next, which the node does at once.
    """
    where, loop = path("connections", "username", user), asyncio.get_running_loop()
    began = alive = len(_rows(await asker.one("GET", where)))
    until = loop.time() + drain
    while alive and loop.time() < until:
        await asyncio.sleep(_TICK)
        alive = len(_rows(await asker.one("GET", where)))
    until = loop.time() + END_SECONDS
    while alive and loop.time() < until:
        await _close(asker, where)
        alive = len(_rows(await asker.one("GET", where)))
        await asyncio.sleep(_TICK if alive else 0)
        began = max(began, alive)
    return began - alive, alive


async def _close(asker: Asker, where: str) -> None:
    """Asks for the end of connections. One that ends by itself meanwhile makes the node answer 500: the list tells."""
    try:
        await asker.one("DELETE", where)
    except (Refused, Unreachable):
        raise
    except AdapterError:
        return


def _about(way: Way, bot: str) -> list[Request]:
    queues = [_queue(way, way.queue(one)) for one in _QUEUES]
    ends = [get("exchanges", way.vhost, name) for name in (way.exchange, way.to)]
    own = get("permissions", way.vhost, bot)
    return [get("exchanges", way.vhost, way.exchange, "bindings", "source"), own, *ends, *queues]


def _queue(way: Way, name: str) -> Request:
    return Request("GET", f"{path('queues', way.vhost, name)}?columns=name,type,durable")


def _problem(way: Way, rest: Sequence[Reply]) -> str:
    """What the set-up that parks lacks, in a sentence."""
    if not way.exchange:
        return f"settings.exchange and settings.to name no exchange that parks: {_SETUP}."
    right, own, to, *queues = rest[1:7]
    lacks = lacking(_record(right), way)
    if lacks:
        return f"The bot lacks permissions in {way.vhost} ({', '.join(lacks)}): {_SETUP}."
    found = _record(own)
    if own.absent or found.get("type") != "fanout" or not found.get("durable"):
        return f"{way.exchange} is no durable fanout exchange in {way.vhost}: {_SETUP}."
    if to.absent:
        return f"There is no exchange {way.to} in {way.vhost}: {_SETUP}."
    for name, queue in zip(_QUEUES, queues, strict=True):
        if queue.absent or _record(queue).get("type") != "quorum":
            return f"{way.queue(name)} is no quorum queue in {way.vhost}: {_SETUP}."
    return ""


def lacking(right: Mapping[str, Any], way: Way, queues: Sequence[str] = ()) -> tuple[str, ...]:
    """What the bot's own rights in the vhost lack, as `read NAME`."""
    ours = f"{OURS}x"
    needed = {"configure": (ours,), "write": (ours, "amq.default"), "read": (ours, *queues)}
    if way.exchange:
        needed["write"] += (way.to,)
        needed["read"] += (way.exchange,)
    found = ((verb, name) for verb, names in needed.items() for name in names)
    return tuple(f"{verb} {name}" for verb, name in found if not matches(str(right.get(verb, "")), name))


def _ways(reply: Reply) -> tuple[dict[str, str | None], dict[str, str]]:
    rows = {binding(r["destination_type"], r["destination"], r["routing_key"], r["arguments"]): r for r in _rows(reply)}
    return dict.fromkeys(rows, BOUND), {key: str(row["properties_key"]) for key, row in rows.items()}


def _bind(way: Way, key: str) -> Request:
    kind, name, routing_key, arguments = bound(key) or ("", "", "", {})
    return Request("POST", _place(way, kind, name), {"routing_key": routing_key, "arguments": arguments})


def _unbind(way: Way, key: str, handle: str) -> Request:
    kind, name, _, _ = bound(key) or ("", "", "", {})
    return Request("DELETE", f"{_place(way, kind, name)}{path(handle)}")


def _place(way: Way, kind: str, name: str) -> str:
    return path("bindings", way.vhost, "e", way.exchange, kind[:1], name)


def _right(user: str, vhost: str, value: str | None) -> Request:
    where = path("permissions", vhost, user)
    if value is None:
        return Request("DELETE", where)
    configure, write_, read = json.loads(value)
    return Request("PUT", where, {"configure": configure, "write": write_, "read": read})


def _limit(record: Mapping[str, Any]) -> str | None:
    found = (record.get("limits") or {}).get("max-connections")
    return None if found is None else str(found)


def _token(row: Mapping[str, Any]) -> str:
    return unquote(str(row["write"]).removeprefix("(?#").removesuffix(")"))


def _whole(node: Mapping[str, Any]) -> bool:
    return bool(node.get("running")) and not node.get("partitions")


def _record(reply: Reply) -> Mapping[str, Any]:
    return reply.data if isinstance(reply.data, dict) else {}


def _rows(reply: Reply) -> list[dict[str, Any]]:
    if not isinstance(reply.data, list):
        raise AdapterError("what answers is no management API of RabbitMQ: check settings.url")
    return [row for row in reply.data if isinstance(row, dict)]
