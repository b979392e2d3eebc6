"""The way back of a drill: its pre-authorised release, taken by the same steps as a vote's, and what undoes it."""

import asyncio
from collections.abc import Sequence

from adapters.base import Mode
from bot.domain import drill_events as drills
from bot.domain import release
from bot.domain.board import Board
from bot.domain.practice import Run
from bot.service.drill_ports import DrillDesk
from bot.service.giving import DONE, DURABLE, Abort, Pending
from bot.service.loosening import Order
from bot.service.scoring import Stopwatch

_PATIENCE = 30.0  # seconds that the give-back waits for what must be known before it


class Release:
    """Gives back what one run cut, or puts it back where that does not come to its end.

    Args:
        desk: what every run shares.
        run: as the journal knows it.
        watch: takes the times.
    """

    def __init__(self, desk: DrillDesk, run: Run, watch: Stopwatch) -> None:
        self._desk = desk
        self._run = run
        self._watch = watch

    @property
    def _board(self) -> Board:
        return self._desk.recorder.board

    async def give_back(self, started: drills.DrillStarted) -> str:
        """The release: intent on disk and in the database, gate, mark, read-back; why it failed, empty where not."""
        reasons = await self._unready()
        if reasons:
            return f"nothing may be given back now: {'; '.join(reasons)}"
        pairs = release.pairs(self._board, self._run)  # after it, since it takes its time
        keys = tuple(dict.fromkeys(key for _, key in pairs))
        if not keys:
            return release.why_void(self._board, self._run)
        at = self._board.stamp(keys, self._desk.clock.now())
        pending = self._desk.giving.begin(drills.DrillReleased(at=at, run=self._run.id, pairs=pairs))
        orders: dict[str, Order] = {}
        try:
            await self._desk.giving.finish(
                pending, stopped=self._abort_if_stopped, before=lambda: self._hand_over(keys, orders)
            )
        except Abort as why:
            await self._put_back(keys, str(why), pending)
            return str(why)
        self._watch.released_at = at
        self._desk.dispatcher.wake(orders)
        found = await asyncio.gather(*(self._given_back(key, order) for key, order in orders.items()))
        self._desk.dispatcher.tell_proofs()
        return await self._told(started, dict(zip(orders, found, strict=True)))

    async def _unready(self) -> Sequence[str]:
        """Why nothing may be given back, though it was waited for: a bot that started just now is not ready at once."""
        end = self._desk.clock.monotonic() + _PATIENCE
        while release.pairs(self._board, self._run):
            reasons = await self._desk.ready()
            if not reasons or self._desk.clock.monotonic() >= end:
                return reasons
            await self._desk.clock.sleep(1.0)
        return ()

    def _hand_over(self, keys: Sequence[str], orders: dict[str, Order]) -> None:
        """What waits is left to the agent: a drill changes nothing but its own cut."""
        for key in keys:
            orders[key] = Order(start=self._board.effective(key), to=Mode.NORMAL, label=self._run.id)
            self._desk.dispatcher.loosen(key, orders[key])

    async def _given_back(self, key: str, order: Order) -> str:
        """Why the target was not given back; empty where it was."""
        try:
            proof = await self._desk.giving.proof(key, order)
        except Abort as why:
            return str(why)
        if proof.held is not None and proof.held > Mode.NORMAL:  # what nobody holds must not stay cut without a word
            return f"it still reads as {proof.held}{f' ({proof.detail})' if proof.detail else ''}"
        if proof.outcome in DONE:
            self._watch.given_back_at[key] = self._desk.clock.now()
            return ""
        return f"{proof.outcome}: {proof.detail}"

    async def _told(self, started: drills.DrillStarted, found: dict[str, str]) -> str:
        back = tuple(key for key, why in found.items() if not why)
        if back:
            self._desk.record(drills.DrillGaveBack(at=self._desk.clock.now(), run=self._run.id, targets=back))
        failed = {key: why for key, why in found.items() if why}
        loose = tuple(key for key in failed if self._board.effective(key) is Mode.NORMAL)
        names = {target.key: ", ".join(target.surfaces) for target in started.targets}
        why = "; ".join(f"{names[key]}: {reason}" for key, reason in failed.items())
        if loose:
            await self._put_back(loose, why)
        return why

    async def _put_back(self, keys: tuple[str, ...], why: str, pending: Pending | None = None) -> None:
        """A hold of the run's own, recorded like a stop. Only then may a release that the disk took be obeyed."""
        held = self._board.hold_events.get(self._run.started.hold) if self._run.started else None
        if held is None:
            return
        now = self._desk.clock.now()
        hold = release.put_back_hold(self._board, self._run, keys, why=why, now=now)
        written = asyncio.ensure_future(self._desk.record(hold))
        if pending is not None:
            self._desk.giving.obey_later(pending)
        self._desk.dispatcher.wake(keys)
        await asyncio.wait({written}, timeout=DURABLE)
        self._desk.reporter.wake(hold.incident)

    def _abort_if_stopped(self) -> None:
        why = release.why_void(self._board, self._run)
        if why:
            raise Abort(why)
