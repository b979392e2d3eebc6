"""A start for adapters whose surface is either on or off: an account, a key, a unit, a flag.

The contract's careful parts are here: what is recorded and when, the mark, the gate, counting until nothing is left.
The author reads the surface, turns it, and ends what is alive. What has milder modes implements `Adapter` itself.
"""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from adapters.base import Attempt, Change, Config, Cut, Gate, Mode, Observation, Relaxed
from adapters.errors import Refused

END_SECONDS = 2.0  # after which what ignores its end is counted as left
FACT = "on"
_TICK = 0.01
_YES, _NO = "yes", "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The surface as the system itself tells it."""

    on: bool
    mark: str | None = None  # the bot's token, where the surface carries one
    alive: int | None = 0  # sessions and work of the agent that run; None where they cannot be seen


class OnOff(ABC):
    """full_stop for a surface that is on or off; milder modes are rounded to it.

    A class of this kind declares `kind`, `classes`, `config_type` and, where it differs, the facts below.
    """

    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.FULL_STOP})
    permissions: ClassVar[tuple[str, ...]] = ()
    reversal: ClassVar[Literal["exact", "work_lost"]] = "work_lost"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"
    canary_type: ClassVar[type[Config] | None] = None

    @abstractmethod
    def target_key(self) -> str:
        """As `Adapter.target_key`."""

    @abstractmethod
    async def found(self) -> Found | None:
        """Reads the surface; None where there is none of that name. Raises `Unreachable`, `Refused`."""

    @abstractmethod
    async def turn(self, *, on: bool, mark: str | None) -> None:
        """Turns it on or off and leaves the mark, in one step. Turning off twice is no error."""

    @abstractmethod
    async def end(self) -> None:
        """Ends whatever of the agent is alive; called again until nothing is."""

    async def preflight(self) -> tuple[str, ...]:
        """The target, where it is missing. Add the permissions that the bot lacks."""
        return () if await self.found() else (self._absent(),)

    async def observe(self) -> Observation:
        """As `Adapter.observe`."""
        seen = await self.found()
        if seen is None:
            return Observation(exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=self._absent())
        return Observation(
            exists=True,
            mode=Mode.NORMAL if seen.on else Mode.FULL_STOP,
            enforceable=self.modes,
            token=seen.mark,
            state={FACT: _YES if seen.on else _NO},
            in_flight=0 if seen.on else seen.alive,
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # nothing is ever reopened here
        """Turns it off, lets work end for `drain` seconds, ends the rest. What has our mark is nobody's baseline."""
        seen = await self.found()
        if seen is None:
            return Cut(held=mode, why=self._absent())
        await self.turn(on=False, mark=token)
        before = await self._alive(drain, end=False)
        left = await self._alive(END_SECONDS, end=True)
        ours = seen.on and seen.mark is None and not undo
        return Cut(
            held=Mode.FULL_STOP,
            changed=(Change(key=FACT, was=_YES, now=_NO),) if ours else (),
            ended=(before or 0) - (left or 0),
            left=left,
        )

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:  # noqa: ARG002  # normal is all that is looser
        """Turns it on where it was our cut that turned it off. Raises `Refused` where the mark is not `expect`."""
        await self._ours(expect)
        if not await gate(()):
            return Relaxed()
        seen = await self._ours(expect)
        taken = any(change.key == FACT and change.was == _YES for change in undo)
        await self.turn(on=seen.on or taken, mark=None)
        if seen.on or not taken:
            return Relaxed(kept=() if seen.on else (FACT,))
        return Relaxed(changed=(Change(key=FACT, was=_NO, now=_YES),))

    async def attempt(self, *, mode: Mode) -> Attempt:  # noqa: ARG002  # for a kind with a canary
        """Without a canary nothing is tried."""
        return Attempt.UNTRIED

    async def aclose(self) -> None:  # noqa: B027  # most have nothing to close
        """Nothing is open."""

    async def _ours(self, expect: str) -> Found:
        seen = await self.found()
        if seen is None:
            raise Refused(self._absent(), missing=("the target",))
        if self.marks and seen.mark != expect:
            raise Refused(f"the mark on {self.target_key()} is not ours: restrict again before relaxing")
        return seen

    async def _alive(self, seconds: float, *, end: bool) -> int | None:
        """Looks until nothing is alive or the time is over; returns how much is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            if end:
                await self.end()
            seen = await self.found()
            alive = seen.alive if seen else 0
            if not alive or loop.time() >= until:
                return alive
            await asyncio.sleep(_TICK)

    def _absent(self) -> str:
        return f"there is no {self.target_key()}: correct its settings"
