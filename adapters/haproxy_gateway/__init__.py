"""Stops or reduces what an agent reaches through HAProxy: HTTP APIs, language models, tools, WebSockets.

The backend's entry in a map says the mode, and the rules in haproxy.cfg enforce it for every new request. The requests
under way, which no rule looks at again, are then ended over the runtime API. What each step is for, and what it cannot
do, is in `docs/adapters/haproxy_gateway.md`.
"""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr

from adapters.base import Attempt, Change, Config, Cut, Gate, Manual, Mode, Observation, Relaxed, Shared, SurfaceClass
from adapters.errors import Refused
from adapters.haproxy_gateway import canary as canaries
from adapters.haproxy_gateway.canary import HEADER, PATH, Door
from adapters.haproxy_gateway.durable import MapFile
from adapters.haproxy_gateway.line import Endpoint, Place
from adapters.haproxy_gateway.manual import MANUAL
from adapters.haproxy_gateway.node import Done, Missing, Node, Seen, Target
from adapters.haproxy_gateway.values import Value, given, replaced


def _place(text: str) -> str:
    Place.of(text)
    return text


def _http(url: str) -> str:
    if not re.match(r"https?://[^/\s]+", url):
        raise ValueError("a canary's url starts with http:// or https:// and names a host")
    return url


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"the map file {path} must be an absolute path")
    return path


class HaproxyNode(Config):
    """One HAProxy."""

    socket: Annotated[str, AfterValidator(_place)] = Field(
        description="its runtime API or its master's command line, level admin: /path/of/a.sock or host:port"
    )
    file: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None, description="its map file, as the bot reaches it, so that the mode outlives a reload"
    )


class HaproxyGatewayConfig(Config):
    """The backend that an agent goes through, and every HAProxy that has it."""

    nodes: tuple[HaproxyNode, ...] = Field(min_length=1, description="every HAProxy that serves the backend")
    backend: str = Field(
        pattern=r"^[A-Za-z0-9_.:-]+$",
        max_length=255,
        description="the agent's backend, whose name is its key in the map",
    )
    map: str = Field(pattern=r"^[^\s;\\#]+$", description="the map's file, by its name in haproxy.cfg")
    reads: tuple[Literal["GET", "HEAD", "OPTIONS", "TRACE"], ...] = Field(
        default=("GET", "HEAD", "OPTIONS"), description="methods that the rules leave in read_only"
    )


class HaproxyGatewayCanary(Config):
    """The agent's own way in."""

    urls: tuple[Annotated[str, AfterValidator(_http)], ...] = Field(
        min_length=1, description=f"the agent's door at each node, to which {PATH} is added"
    )
    headers: Mapping[str, SecretStr] = Field(default_factory=dict, description="what tells the agent apart there")


class HaproxyGateway:
    """One backend on one or more HAProxy nodes, all of which must show a mode before it counts."""

    kind: ClassVar[str] = "haproxy_gateway"
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset({SurfaceClass.API, SurfaceClass.TOOL, SurfaceClass.WEBHOOK})
    permissions: ClassVar[tuple[str, ...]] = (
        "level admin on the runtime API, or on the master's command line, of every node",
        "writing in the folder of the map file",
    )
    reversal: ClassVar[Literal["exact", "work_lost"]] = "work_lost"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "self"  # the runtime API shows no rule: only a try proves one
    config_type: ClassVar[type[Config]] = HaproxyGatewayConfig
    canary_type: ClassVar[type[Config] | None] = HaproxyGatewayCanary
    manual: ClassVar[Manual] = MANUAL

    def __init__(self, *, config: HaproxyGatewayConfig, canary: HaproxyGatewayCanary | None, shared: Shared) -> None:
        self._target = Target(config.backend, config.map, frozenset(config.reads))
        self._nodes = tuple(self._node(one, shared) for one in config.nodes)
        self._doors = _doors(canary)
        self._closed = False

    def target_key(self) -> str:
        """`haproxy_gateway:NODE,NODE/backend`, the nodes sorted."""
        return f"{self.kind}:{','.join(sorted(node.name for node in self._nodes))}/{self._target.backend}"

    async def preflight(self) -> tuple[str, ...]:
        """Looks at every node, at the map files, and by the canary at the rules; changes nothing."""
        looks = await asyncio.gather(*(node.look() for node in self._nodes), return_exceptions=True)
        found: list[str] = []
        for node, seen in zip(self._nodes, looks, strict=True):
            if isinstance(seen, Missing):
                found.append(f"{seen}: paste `agent-kill adapters show {self.kind} --setup` and reload")
            elif isinstance(seen, Refused):
                found += seen.missing
            elif isinstance(seen, BaseException):
                raise seen
            else:
                found += _lacking(node, seen, self._target)
        doors = await asyncio.gather(*(door.knock("GET", {}) for door in self._doors))
        for door, reply in zip(self._doors, doors, strict=True):
            if reply is None or not reply.mode:
                said = f"{reply.status} without {HEADER}" if reply else "nothing"
                found.append(
                    f"the rules of `defaults agents` in backend {self._target.backend}: {door.url} says {said}"
                )
        return tuple(found)

    async def observe(self) -> Observation:
        """Reads every node: the entry of each process, the map file, and the requests under way."""
        try:
            looks = await asyncio.gather(*(node.look() for node in self._nodes))
        except Missing as error:
            return Observation(exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=f"{error}.")
        values = [value for seen in looks for value in (*seen.entries, *([seen.file] if seen.file else ()))]
        return Observation(
            exists=True,
            mode=min(value.mode for value in values),
            enforceable=self.modes,
            why=" ".join(seen.trouble for seen in looks if seen.trouble),
            token=_mark([entry for seen in looks for entry in seen.entries]),
            state={key: value.text for key, value in self._values(looks).items()},
            in_flight=sum(seen.in_flight for seen in looks),
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # an entry is never loosened here, so nothing is asked
        """Sets the entry at every node side by side, and ends the requests that were with the backend.

        A node that cannot be reached delays no other; the cut then says so, and nothing reads back.
        """
        did = await asyncio.gather(
            *(node.cut(mode=mode, token=token, drain=drain) for node in self._nodes), return_exceptions=True
        )
        done = [one for one in did if isinstance(one, Done)]
        failed = [one for one in did if isinstance(one, BaseException)]
        missing = [one for one in failed if isinstance(one, Missing)]
        if failed and not done and not missing:
            raise next((one for one in failed if isinstance(one, Refused)), failed[0])
        before = {key: value for one in done for key, value in one.before.items()}
        return Cut(
            held=min((one.held for one in done), default=mode),
            changed=replaced(before, mode, undo),
            ended=sum(one.ended for one in done),
            left=None if failed else sum(one.left for one in done),
            why=" ".join([*(f"{one}." for one in failed), *(text for one in done for text in one.why)]),
        )

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:
        """Puts back what our cuts replaced, node by node and the files last; every process must carry our mark.

        Raises:
            Refused: a node carries another mark: restrict again first.
        """
        looks = await asyncio.gather(*(node.look() for node in self._nodes))
        for node, seen in zip(self._nodes, looks, strict=True):
            if strange := [entry for entry in seen.entries if entry.mark != expect]:
                raise self._strange(node, strange[0])
        found = self._values(looks)
        plan = {key: given(key, value, to, token, undo) for key, value in found.items()}
        values = {key: value for key, (value, _) in plan.items()}
        kept = tuple(key for key, (_, others) in plan.items() if others)
        if not await gate(() if to is Mode.NORMAL else _steps(found, values, undo)):
            return Relaxed(kept=kept)
        told = await asyncio.gather(*(node.give(values) for node in self._nodes))
        changed = tuple(
            Change(key=key, was=value.text, now=Value.of(values[key]).text)
            for key, value in found.items()
            if value.text != Value.of(values[key]).text
        )
        return Relaxed(changed=changed, kept=(*kept, *(text for texts in told for text in texts)))

    async def attempt(self, *, mode: Mode) -> Attempt:
        """Asks at every door of the agent for a path that HAProxy answers itself, and so without effect.

        For read_only a write, a write in a read's clothes, and a tunnel.
        """
        return await canaries.attempt(self._doors, mode)

    async def aclose(self) -> None:
        """Gives up this target's share of the warm connections."""
        if not self._closed:
            self._closed = True
            for node in self._nodes:
                node.endpoint.leave()
                if node.file is not None:
                    node.file.close()

    def _node(self, config: HaproxyNode, shared: Shared) -> Node:
        place = Place.of(config.socket)
        endpoint = shared.get((self.kind, place.name), lambda: Endpoint(place))
        endpoint.users += 1
        return Node(endpoint, MapFile(config.file) if config.file else None, self._target)

    def _values(self, looks: "list[Seen]") -> dict[str, Value]:
        """What stands where, by Change.key; of several processes what the present one has."""
        values: dict[str, Value] = {}
        for node, seen in zip(self._nodes, looks, strict=True):
            values[node.entry_key] = seen.entries[0]
            if seen.file is not None:
                values[node.file_key] = seen.file
        return values

    def _strange(self, node: Node, entry: Value) -> Refused:
        return Refused(
            f"{self._target.backend} at {node.name} was changed by somebody else (its mark is {entry.mark or 'gone'}): "
            "restrict again before relaxing"
        )


def _doors(canary: HaproxyGatewayCanary | None) -> tuple[Door, ...]:
    if canary is None:
        return ()
    headers = {name: value.get_secret_value() for name, value in canary.headers.items()}
    return tuple(Door(url, headers) for url in canary.urls)


def _lacking(node: Node, seen: Seen, target: Target) -> list[str]:
    found = []
    if seen.level != "admin":
        found.append(f"level admin at {node.name} (it is {seen.level}, which cannot end a request under way)")
    if seen.entries[0].text is None:
        found.append(f"a line `{target.backend} normal` in the map {target.map} of {node.name}")
    if node.file is not None and (lacking := node.file.lacking()):
        found.append(f"writing {node.file.path}, the map file of {node.name}: {lacking}")
    elif node.file is not None and seen.file is not None and seen.file.text != seen.entries[0].text:
        found.append(
            f"{node.file.path} with what {node.name} uses: {seen.file.text or 'no line'} in the file, "
            f"{seen.entries[0].text or 'no entry'} in the map"
        )
    return found


def _mark(entries: list[Value]) -> str | None:
    marks = {entry.mark for entry in entries}
    return marks.pop() if len(marks) == 1 else "|".join(sorted(mark or "none" for mark in marks))


def _steps(found: dict[str, Value], values: dict[str, str | None], undo: tuple[Change, ...]) -> tuple[Change, ...]:
    """The changes that a step to a reduced mode leaves to be undone later, each with the episode's first `was`."""
    made = []
    for key, value in found.items():
        first = next((change.was for change in undo if change.key == key), None)
        known = any(change.key == key for change in undo)
        now = Value.of(values[key]).text
        if known and now not in (first, value.text):
            made.append(Change(key=key, was=first, now=now))
    return tuple(change for change in made if change not in undo)
