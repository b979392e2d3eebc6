"""Surfaces that carry a mark, as most real ones do; otherwise as unruly as any."""

from typing import ClassVar

from adapters.base import Change, Cut, Gate, Mode, Observation, Relaxed
from adapters.errors import Refused
from tests.properties.exploring.unruly import FEW, Unruly


class Marked(Unruly):
    """One whose loosening needs the mark that the last cut or step left; `site.lies` is what it really comes to."""

    marks: ClassVar[bool] = True

    async def observe(self) -> Observation:
        """Reads what is true when the question lands."""
        seen: list[tuple[Mode, str | None]] = []
        await self._send(lambda: seen.append((self.site.mode, self.site.token)), reads=True)
        await self._travel()
        ((mode, token),) = seen
        return Observation(exists=True, mode=mode, enforceable=self.site.modes, in_flight=0, token=token)

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # the contract's
        """Stops fully under the mark, and reopens to `mode` where the gate agrees and the mark still stands."""
        await self._send(lambda: self._mark(Mode.FULL_STOP, token))
        await self._travel()
        if mode is Mode.FULL_STOP:
            return Cut(held=mode)
        if not await gate((Change(key="login", was="on", now="off"),)):
            return Cut(held=Mode.FULL_STOP, why="the gate refused")
        await self._loosen(mode, lambda: self._swap(mode, token, token))
        return Cut(held=mode)

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:  # noqa: ARG002  # the contract's
        """Loosens where the gate agrees and the mark still stands when it lands. Raises `Refused`."""
        if self.site.token != expect:
            raise Refused("the mark is not ours: restrict again before relaxing")
        if not await gate(()):
            return Relaxed()
        really = to if self.site.lies is None else self.site.lies
        await self._loosen(to, lambda: self._swap(really, expect, None if to is Mode.NORMAL else token))
        return Relaxed()

    def _mark(self, mode: Mode, token: str | None) -> None:
        self.site.token = token
        self._set(mode)

    def _swap(self, mode: Mode, expect: str, token: str | None) -> None:
        """One transaction of the surface's: nothing happens under another mark."""
        if self.site.token == expect:
            self._mark(mode, token)


class MarkedFew(Marked):
    """One that can hold two modes only."""

    modes: ClassVar[frozenset[Mode]] = FEW
