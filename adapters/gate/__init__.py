"""Stops or reduces what an agent calls through `agent-kill gate`: HTTP APIs, language models, MCP tools.

Every gate that serves the surface is told, and each is read back; the canary goes through each. The gates enforce, park
and release. What each mode means there is in `docs/adapters/gate.md`.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from adapters.base import Attempt, Change, Config, Cut, Gate, Manual, Mode, Observation, Relaxed, Shared, SurfaceClass
from adapters.base.gated import MIDDLE, Gated, Url, enforceable
from adapters.base.parked import ARGUMENTS, Draft, Drafts, Released, legible
from adapters.errors import AdapterError, Refused, Unreachable
from adapters.gate import canary as canaries
from adapters.gate.manual import MANUAL
from adapters.gate.wire import Line, Node, Overtaken, Said

FACT = "mode"
_MARGIN = 1.0  # seconds that two clocks may run apart within a lease
_PAGE = 20
Looks = Sequence[Said | BaseException | None]  # one for each gate, in their order


class GateCanary(Config):
    """The agent's own way in."""

    urls: tuple[Url, ...] = Field(
        min_length=1, description="the agent's door at each gate, in the order of settings.gates"
    )
    headers: Mapping[str, SecretStr] = Field(default_factory=dict, description="with the agent's own credential")


class GateSurface:
    """One surface on one or more gates, all of which must show a mode before it counts."""

    kind: ClassVar[str] = "gate"
    modes: ClassVar[frozenset[Mode]] = frozenset(Mode) - {Mode.NORMAL}
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset({SurfaceClass.API, SurfaceClass.TOOL, SurfaceClass.WEBHOOK})
    permissions: ClassVar[tuple[str, ...]] = ("the secret that the gates check signatures with",)
    reversal: ClassVar[Literal["exact", "work_lost"]] = "work_lost"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "self"  # a gate that the agent passes by says the same
    config_type: ClassVar[type[Config]] = Gated
    canary_type: ClassVar[type[Config] | None] = GateCanary
    manual: ClassVar[Manual] = MANUAL

    def __init__(self, *, config: Gated, canary: GateCanary | None, shared: Shared) -> None:
        self._config, self._canary = config, canary
        self._line = shared.get((self.kind,), Line)
        self._line.users += 1
        secret = config.secret.get_secret_value()
        self._nodes = tuple(Node(self._line, place.control, config.name, secret) for place in config.gates)
        self._granted: dict[str, float] = {}  # when each gate was last let go on, by its own name
        self._born = time.monotonic()
        self._shut: frozenset[str] = frozenset()  # the controls of gates that have closed by themselves
        self._closed = False

    def target_key(self) -> str:
        """`gate:CONTROL,CONTROL/agent/surface`, the gates sorted."""
        return f"{self.kind}:{','.join(sorted(node.control for node in self._nodes))}/{self._config.name}"

    def granted(self, *, gate: str) -> None:
        """As `Leasing.granted`: that gate may stay open for its lease, from now on at the latest."""
        self._granted[gate] = time.monotonic()

    async def preflight(self) -> tuple[str, ...]:
        """Reads every gate once, which also opens the connections; names what is missing."""
        found: list[str] = []
        for node, seen in zip(self._nodes, await self._all("look"), strict=True):
            if isinstance(seen, BaseException):
                raise seen
            if seen is None:
                found.append(f"the surface {self._config.name} at the gate {node.control}: configure it there")
            elif seen.modes != enforceable(self._config):
                found.append(f"the same settings at the gate {node.control}: it holds other modes there")
            elif seen.fresh:
                found.append(
                    f"a word of the bot to the gate {node.control}, which is closed until then: settings.truth"
                )
        if self._canary is not None and len(self._canary.urls) != len(self._nodes):
            found.append(f"one canary url for each of {len(self._nodes)} gates; there are {len(self._canary.urls)}")
        return tuple(found)

    async def observe(self) -> Observation:
        """Asks every gate. One that does not answer is closed, or makes what is in flight unknown."""
        seen, away = self._sorted(await self._all("look"))
        if any(one is None for one in seen):
            return Observation(exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=self._absent())
        said = [one for one in seen if one is not None]
        open_ = [node for node in away if node.control not in self._shut]
        modes = [*(one.mode for one in said), *([Mode.FULL_STOP] if away else [])]
        return Observation(
            exists=True,
            mode=min(modes),
            enforceable=frozenset.intersection(enforceable(self._config), *(one.modes for one in said)),
            why=self._why(said, open_),
            token=_mark(said),
            state={FACT: str(min(modes))},
            in_flight=_total(one.in_flight for one in said) if not open_ else None,
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # a gate is never loosened here
        """Tells every gate side by side; one that does not answer delays no other, and the cut then says so."""
        able = enforceable(self._config)
        asked = min(one for one in able if one >= mode)
        seen, away = self._sorted(await self._all("restrict", asked, token, drain))
        if any(one is None for one in seen):
            return Cut(held=mode, why=self._absent())
        said = [one for one in seen if one is not None]
        open_ = [node for node in away if node.control not in self._shut]
        was = min((one.was for one in said), default=Mode.NORMAL)
        first = was is Mode.NORMAL and not undo
        return Cut(
            held=min((one.mode for one in said), default=Mode.FULL_STOP),
            changed=(Change(key=FACT, was=str(was), now=str(asked)),) if first else (),
            ended=sum(one.ended for one in said),
            left=_total(one.left for one in said) if not open_ else None,
            why=self._why(said, open_),
        )

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:  # noqa: ARG002  # a gate has no mode but ours
        """Sets a looser mode at every gate, on the condition that nobody told it anything since it was read.

        Raises:
            Refused: a gate carries another mark: restrict again first.
            Unreachable: a gate does not answer, so that nothing is loosened anywhere.
        """
        seen = await self._all("look")
        for node, one in zip(self._nodes, seen, strict=True):
            if isinstance(one, BaseException):
                raise one
            if one is None:
                raise Refused(self._absent(), missing=("the surface at every gate",))
            if one.mark != expect:
                raise Refused(f"the mark at {node.control} is {one.mark or 'gone'}: restrict again before relaxing")
        said = [one for one in seen if isinstance(one, Said)]
        was = max(one.mode for one in said)
        if was <= to:
            return Relaxed()
        if not await gate(()):
            return Relaxed()
        mark = None if to is Mode.NORMAL else token
        calls = (
            node.relax(to, expect=expect, mark=mark, generation=one.generation)
            for node, one in zip(self._nodes, said, strict=True)
            if one.mode > to
        )
        for told in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(told, BaseException):
                raise told
        return Relaxed(changed=(Change(key=FACT, was=str(was), now=str(to)),))

    async def attempt(self, *, mode: Mode) -> Attempt:
        """Makes the agent's own call at each door: below its path, one that the gate answers itself."""
        if self._canary is None:
            return Attempt.UNTRIED
        pairs = zip(self._canary.urls, self._nodes, strict=False)
        closed = frozenset(url for url, node in pairs if node.control in self._shut)
        headers = {name: value.get_secret_value() for name, value in self._canary.headers.items()}
        return await canaries.attempt(self._canary.urls, closed, headers, mode)

    @classmethod
    def parks(cls, config: Config) -> frozenset[Mode]:
        """Both middle modes of a gate in line; another gateway's question is answered yes or no."""
        return MIDDLE & enforceable(config) if isinstance(config, Gated) else frozenset()

    async def list(self, *, limit: int = 100) -> Drafts:
        """As `Parked.list`, of all gates together."""
        pages = [await self._listed(node, limit) for node in self._nodes]
        items = sorted((item for page, _ in pages for item in page), key=lambda it: (it.at or 0.0, it.id))
        return Drafts(items=tuple(items[:limit]), number=sum(number for _, number in pages))

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """As `Parked.release`; whatever the gate was told since `gate` was asked makes it a no."""
        looks = await asyncio.gather(*(self._served(node) for node in self._nodes))
        if not await gate(()):
            return Released(done=False, why="a stricter hold came")
        why = "it is not there (any more)"
        for node, seen in zip(self._nodes, looks, strict=True):
            try:
                told = await node.say(do="release", id=draft, by=by, generation=seen.generation) or {}
            except Overtaken:
                return Released(done=False, why=f"{self._config.name} was told something else meanwhile: approve again")
            if told.get("done") is True:
                return Released(done=True)
            said = str(told.get("why", ""))
            why = said if "not there" not in said else why
        return Released(done=False, why=why)

    async def drop(self, *, draft: str, by: str) -> bool:
        """As `Parked.drop`."""
        told = [await node.say(do="drop", id=draft, by=by) or {} for node in self._nodes]
        return any(one.get("done") is True for one in told)

    async def aclose(self) -> None:
        """Gives up this target's share of the client."""
        if not self._closed:
            self._closed = True
            await self._line.leave()

    async def _served(self, node: Node) -> Said:
        seen = await node.look()
        if seen is None:
            raise AdapterError(self._absent())
        return seen

    async def _listed(self, node: Node, limit: int) -> tuple[Sequence[Draft], int]:
        items: dict[str, Draft] = {}
        while True:
            told = await node.say(do="list", skip=len(items), limit=min(limit - len(items), _PAGE))
            if told is None:
                raise AdapterError(self._absent())
            fresh = {str(one["id"]): _draft(one) for one in told["drafts"]}
            items |= fresh
            if not fresh or len(items) >= limit:
                return list(items.values()), int(told["parked"])

    async def _all(self, verb: str, *given: object) -> Looks:
        calls = (getattr(node, verb)(*given) for node in self._nodes)
        seen: Looks = await asyncio.gather(*calls, return_exceptions=True)
        return seen

    def _sorted(self, seen: Looks) -> tuple[Sequence[Said | None], Sequence[Node]]:
        """What was said, and the gates that are away. Raises where none is there, or one answered wrongly."""
        away = [node for node, one in zip(self._nodes, seen, strict=True) if isinstance(one, Unreachable)]
        self._shut = frozenset(node.control for node in away if self._lapsed(node))
        for one in seen:
            if isinstance(one, BaseException) and not (isinstance(one, Unreachable) and len(away) < len(seen)):
                if isinstance(one, Unreachable) and len(self._shut) == len(self._nodes):
                    continue
                raise one
        return [one for one in seen if not isinstance(one, BaseException)], away

    def _lapsed(self, node: Node) -> bool:
        """Whether a gate that does not answer must have closed: nobody let it go on for longer than its lease.

        Only the bot that runs answers gates, and a process that never did is not it. Where it is not known which of
        those that asked this gate was, none of them may have been let go on since.
        """
        if self._config.on_lease_expiry != "close" or not self._granted:
            return False
        at = self._granted.get(node.instance, max(self._born, *self._granted.values()))
        return time.monotonic() > at + self._config.lease + _MARGIN

    def _why(self, said: Sequence[Said], open_: Sequence[Node]) -> str:
        parts = [f"the gate at {node.control} does not answer, and what passes it is not known." for node in open_]
        parts += [
            f"the gate at {control} does not answer; its lease has passed, so that it is closed."
            for control in sorted(self._shut)
        ]
        if any(one.in_flight is None for one in said) and any(one.mode > Mode.NORMAL for one in said):
            parts.append("what the other gateway let through before may still run there: it is not seen from here.")
        if any(not one.kept for one in said):
            parts.append("a gate's disk does not take the mode: a restart there would lose it.")
        return " ".join(parts)

    def _absent(self) -> str:
        return f"no surface {self._config.name} at one of its gates: configure it there, or correct settings.name"


def _total(counts: Iterable[int | None]) -> int | None:
    """The sum; None where one is not known."""
    found = list(counts)
    return None if None in found else sum(one or 0 for one in found)


def _mark(said: Sequence[Said]) -> str | None:
    marks = {one.mark for one in said}
    return marks.pop() if len(marks) == 1 else "|".join(sorted(mark or "none" for mark in marks)) or None


def _draft(one: Mapping[str, object]) -> Draft:
    at = one.get("at")
    return Draft(
        id=str(one["id"]),
        what=legible(str(one.get("what", ""))),
        arguments=str(one.get("arguments", "")).encode(errors="replace").decode()[:ARGUMENTS],
        at=float(at) if isinstance(at, int | float) else None,
        waits=one.get("waits") is True,
    )
