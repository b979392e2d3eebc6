"""A surface that misbehaves in every way that its contract allows, and the truth about it.

It is the dumbest kind: it carries no mark, whatever lands last counts, and a reduced mode is reached by a short full
stop and a reopening that asks the gate. What was sent may land long after the call was abandoned; such a call ends
only when its connection is gone. A call of a process that died lands too, and nobody waits for it.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from adapters.base import Attempt, Change, Config, Cut, Gate, Mode, Observation, Relaxed, SurfaceClass
from adapters.errors import Refused, Unreachable

LATENCIES = (0.0, 0.001, 0.02, 0.3, 2.0)
LINGERS = (0.01, 0.5, 3.0, 12.0)
FOREVER = 1e6
MODES = frozenset(mode for mode in Mode if mode is not Mode.NORMAL)
FEW = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})


@dataclass(eq=False)
class Site:
    """One target: what is true of it, and how it misbehaves. `trouble` is the share of calls that go wrong."""

    key: str
    rng: random.Random
    mode: Mode = Mode.NORMAL
    trouble: float = 0.0
    modes: frozenset[Mode] = MODES
    loosened_at: float = -FOREVER  # when somebody other than the living process last loosened it
    called_at: list[float] = field(default_factory=list)
    token: str | None = None  # the mark, where the target can carry one
    lies: Mode | None = None  # what a loosening really comes to

    def loosen(self, mode: Mode, at: float) -> None:
        """Somebody by hand, or what a dead process had sent."""
        if mode < self.mode:
            self.loosened_at = at
        self.mode = mode


class Life:
    """Whether a process still runs; its adapters do nothing any more once it does not."""

    def __init__(self) -> None:
        self.dead = False


class Unruly:
    """The adapter of a `Site`, in one process."""

    kind: ClassVar[str] = "unruly"
    modes: ClassVar[frozenset[Mode]] = MODES
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset(SurfaceClass)
    permissions: ClassVar[tuple[str, ...]] = ()
    reversal: ClassVar[Literal["exact", "work_lost"]] = "exact"
    marks: ClassVar[bool] = False
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"
    config_type: ClassVar[type[Config]] = Config
    canary_type: ClassVar[type[Config] | None] = None

    def __init__(self, site: Site, life: Life, allowed: Callable[[str, Mode], None]) -> None:
        self.site = site
        self.open: dict[object, Mode] = {}  # loosenings that may still land
        self._life = life
        self._allowed = allowed

    def target_key(self) -> str:
        """The site's."""
        return self.site.key

    async def preflight(self) -> tuple[str, ...]:
        """Nothing is missing."""
        return ()

    async def observe(self) -> Observation:
        """Reads what is true when the question lands."""
        seen: list[Mode] = []
        await self._send(lambda: seen.append(self.site.mode), reads=True)
        await self._travel()
        return Observation(exists=True, mode=seen[0], enforceable=self.site.modes, in_flight=0)

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # the contract's
        """Stops fully, and reopens to `mode` where the gate agrees."""
        await self._send(lambda: self._set(Mode.FULL_STOP))
        if mode is Mode.FULL_STOP:
            await self._travel()
            return Cut(held=mode)
        await self._travel()
        if not await gate((Change(key="login", was="on", now="off"),)):
            return Cut(held=Mode.FULL_STOP, why="the gate refused")
        await self._loosen(mode, lambda: self._set(mode))
        return Cut(held=mode)

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:  # noqa: ARG002  # the contract's
        """Loosens where the gate agrees."""
        if await gate(()):
            await self._loosen(to, lambda: self._set(to))
        return Relaxed()

    async def attempt(self, *, mode: Mode) -> Attempt:  # noqa: ARG002  # the contract's
        """There is no canary."""
        return Attempt.UNTRIED

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _loosen(self, mode: Mode, effect: Callable[[], None]) -> None:
        """What the gate allowed; open until nothing of it can land any more."""
        self._allowed(self.site.key, mode)
        call = object()
        self.open[call] = mode
        try:
            await self._send(effect)
            await self._travel()
        finally:
            del self.open[call]

    def _set(self, mode: Mode) -> None:
        self.site.mode = mode

    async def _send(self, effect: Callable[[], None], *, reads: bool = False) -> None:
        """One request: it lands after a while, or never, or after the caller gave up, or its reply is lost."""
        rng, site = self.site.rng, self.site
        if self._life.dead:
            await asyncio.sleep(FOREVER)
        site.called_at.append(asyncio.get_running_loop().time())
        trouble = rng.choice(_TROUBLES) if rng.random() < site.trouble else ""
        if trouble == "unreachable":
            await self._travel()
            raise Unreachable("no route")
        if trouble == "refused":
            await self._travel()
            raise Refused("no")
        try:
            await asyncio.sleep(FOREVER if trouble == "hang" else self._latency())
        except asyncio.CancelledError:
            await self._abandoned(effect, reads=reads)
            raise
        effect()
        if trouble == "lost":
            raise Unreachable("the reply was lost")
        if trouble == "garbage":
            raise ValueError("not an answer")
        if trouble == "silent":
            await asyncio.sleep(FOREVER)

    async def _abandoned(self, effect: Callable[[], None], *, reads: bool) -> None:
        """The call was given up: what was sent may land as long as its connection is there."""
        rng, loop = self.site.rng, asyncio.get_running_loop()
        if rng.random() < 0.4 or reads:  # the connection goes at once
            return
        end = loop.time() + rng.choice(LINGERS)
        while not self._life.dead and loop.time() < end:
            try:
                await asyncio.sleep(end - loop.time())
            except asyncio.CancelledError:
                continue
        if not self._life.dead:
            effect()
            return
        loop.call_at(max(end, loop.time()), self._land_after_death, effect)

    def _land_after_death(self, effect: Callable[[], None]) -> None:
        before = self.site.mode
        effect()
        if self.site.mode < before:
            self.site.loosened_at = asyncio.get_running_loop().time()

    async def _travel(self) -> None:
        await asyncio.sleep(self._latency())

    def _latency(self) -> float:
        rng = self.site.rng
        return rng.choice(LATENCIES) if rng.random() < self.site.trouble else rng.uniform(0.0, 0.01)


class Rounding(Unruly):
    """One that can hold two modes only."""

    modes: ClassVar[frozenset[Mode]] = FEW


_TROUBLES = ("unreachable", "refused", "hang", "lost", "garbage", "silent", "slow", "slow")
