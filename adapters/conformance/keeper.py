"""The least of a dispatcher: enough to drive one target through its modes and to judge what it says."""
# ruff: noqa: S101  # a test suite asserts

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from itertools import count

from adapters.base import Adapter, Attempt, Change, Cut, Mode, Observation, Relaxed
from adapters.conformance.agent import closing
from adapters.conformance.rig import Rig
from adapters.conformance.unblocked import unblocked
from adapters.conformance.wait import TICK, ticks


class Keeper:
    """The least of a dispatcher for one target: the undo record as JSON, a fresh token per step, the gate.

    Args:
        adapter: what is driven.
        allow: what the gate answers.
    """

    _numbers = count(1)

    def __init__(self, adapter: Adapter, *, allow: bool = True) -> None:
        self.adapter = adapter
        self.allow = allow
        self.asked: list[tuple[Change, ...]] = []
        self.token = ""
        self.before_answer: Callable[[], Awaitable[None]] | None = None  # what happens while the gate is asked
        self._undo = "[]"

    @property
    def undo(self) -> tuple[Change, ...]:
        """The undo record, after its way through JSON."""
        return tuple(Change(**change) for change in json.loads(self._undo))

    def record(self, changes: tuple[Change, ...]) -> None:
        """Adds to the grow-only record."""
        known = self.undo
        fresh = [change for change in changes if change not in known]
        self._undo = json.dumps([asdict(change) for change in (*known, *fresh)])

    def taken_over(self, adapter: Adapter) -> "Keeper":
        """Another process's dispatcher for the same target: it has the record and the token, and its own adapter."""
        second = Keeper(adapter, allow=self.allow)
        second.token = self.token
        second.record(self.undo)
        return second

    async def gate(self, changes: tuple[Change, ...]) -> bool:
        """Records, and answers `allow`."""
        self.asked.append(changes)
        self.record(changes)
        if self.before_answer is not None:
            await self.before_answer()
        return self.allow

    async def restrict(self, mode: Mode, *, drain: float = 0.0) -> Cut:
        """One cut, with a new token."""
        self.token = f"t{next(self._numbers)}"
        cut = await self.adapter.restrict(mode=mode, token=self.token, drain=drain, undo=self.undo, gate=self.gate)
        self.record(cut.changed)
        assert cut.held >= mode, f"asked for {mode}, held the looser {cut.held}"
        return cut

    async def relax(self, to: Mode) -> Relaxed:
        """One step looser, with a new token."""
        expect, self.token = self.token, f"t{next(self._numbers)}"
        return await self.adapter.relax(to=to, expect=expect, token=self.token, undo=self.undo, gate=self.gate)

    async def settled(self, mode: Mode) -> Observation:
        """Observes until exactly `mode` is read with no forbidden work alive."""
        seen = await self.adapter.observe()
        for _ in ticks():
            if seen.exists and seen.mode is mode and not seen.in_flight:
                return seen
            seen = await self.adapter.observe()
            await asyncio.sleep(TICK)
        raise AssertionError(f"expected {mode} with no work in flight, and read {seen}")

    async def held(self, mode: Mode) -> Observation:
        """Restricts and reads back; the mark is ours and the agent's own try is refused."""
        cut = await self.restrict(mode)
        assert cut.held is mode, f"{mode} is held as {cut.held}: {cut.why}"
        assert cut.left in (0, None), f"{cut.left} still alive"
        seen = await self.settled(mode)
        assert not self.adapter.marks or seen.token == self.token, f"the mark is {seen.token}, not {self.token}"
        await self.refused(mode)
        return seen

    async def refused(self, mode: Mode) -> None:
        """The canary is refused, where there is one."""
        if self.adapter.canary_type is not None:
            tried = await self.adapter.attempt(mode=mode)
            assert tried is Attempt.REFUSED, f"the canary's try in {mode} was {tried}"


@asynccontextmanager
async def driven(rig: Rig) -> AsyncIterator[Keeper]:
    """Drives a rig's target, in a loop that must not be blocked."""
    async with unblocked(), closing(rig.adapter()) as adapter:
        yield Keeper(adapter)
