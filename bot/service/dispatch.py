"""The dispatcher: every target in its own lane, all at once, the first cut never behind the ten-thousandth.

Only *starts* are windowed. What has started holds a connection of its own and never a place in a queue, so a surface
that accepts and never answers costs its own lane and nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from operator import attrgetter

from adapters.base import Mode, Noting, Observation
from bot.domain import events
from bot.domain.board import Board
from bot.domain.hesitation import hesitation
from bot.domain.outcome import Outcome
from bot.service.baseline import Baselines
from bot.service.desk import Desk
from bot.service.episode import Episode
from bot.service.foreign import foreign
from bot.service.inventory import Inventory, Target
from bot.service.lane import Lane
from bot.service.loosening import Order
from bot.service.others import Others
from bot.service.ports import Clock
from bot.service.proofs import BY_HAND
from bot.service.seal import Seal

FIRST, WINDOW = 4, 16  # lanes that are started before the first of them may go on, in the first window and later
_STEPS = 2  # turns of the loop that a window gets before the next one starts
BATCH = 0.02  # seconds during which proofs are gathered into one journal entry
_SUBSTANCE = attrgetter(*(name for name in events.Proof.model_fields if name not in {"elapsed_ms", "token"}))
_LOOKS_AT_ONCE = 64


class Dispatcher:
    """Serves "my targets", those of the inventory it was given; knows nothing of who asked.

    Args:
        inventory: yields the current one.
        board: the fold of every journal; `effective` is read from it at every step.
        record: records an event.
        seal: for undo records.
        refresh: reads other writers' journals into the board, without waiting; whether all could be read.
        changed: called with the targets whose proof changed.
        tripped: called with a target whose deadline passed unproven.

    Attributes:
        others: what people changed at a target since the stop.
    """

    def __init__(
        self,
        *,
        inventory: Callable[[], Inventory],
        board: Board,
        record: Callable[[events.AnyEvent], Awaitable[bool]],
        seal: Seal,
        clock: Clock,
        refresh: Callable[[], bool],
        changed: Callable[[Iterable[str]], None],
        tripped: Callable[[str], None],
    ) -> None:
        self._inventory = inventory
        self._board = board
        self._record = record
        self._seal = seal
        self._clock = clock
        self._changed = changed
        self.others = Others(seal=seal, board=board)
        self._desk = Desk(
            clock=clock,
            asked=board.effective,
            proof=board.proofs.get,
            refresh=refresh,
            publish=self._publish,
            keep_undo=self._keep_undo,
            gather_undo=self._gather_undo,
            flush_undo=self._flush_undo,
            open_episode=self._open_episode,
            tripped=tripped,
            others=self.others.at_a_step,
        )
        self._baselines = Baselines(seal=seal, board=board, record=record, clock=clock)
        self._lanes: dict[str, Lane] = {}
        self._carried: set[str] = set()  # targets whose cut another process may have begun
        self._tasks: set[asyncio.Task[None]] = set()
        self._proofs: dict[str, events.Proof] = {}
        self._undo: list[tuple[str, str]] = []  # records that wait for the next batch, by target
        self._flushing = False

    def wake(self, keys: Iterable[str], *, carried: bool = False) -> None:
        """The holds of these targets changed. Returns at once; high risk starts first, what blocked before last.

        `carried` holds are another process's, which may have cut already and left no undo record.
        """
        keys = tuple(keys)
        if carried:
            self._carried.update(keys)
        self.start(self.order(keys))

    def order(self, keys: Iterable[str]) -> list[str]:
        """The order of the cut: high risk first."""
        return self._inventory().by_risk(keys)

    def start(self, keys: Iterable[str]) -> None:
        """As `wake`, in this order."""
        todo = [*self._unhesitating(keys)]
        first, rest = todo[:FIRST], todo[FIRST:]
        for key in first:
            self._start(key)
        if rest:
            self._spawn(self._start_windowed(rest))

    def hesitation(self, key: str) -> float:
        """Seconds until this target may be touched: it blocked the whole process before."""
        return hesitation(self._board.blocked.get(key, ()), self._clock.now()) if self._board.blocked else 0.0

    def _unhesitating(self, keys: Iterable[str]) -> Iterable[str]:
        """These targets without the ones that wait; those start later, each by itself."""
        if not self._board.blocked:
            return keys
        waits = {key: self.hesitation(key) for key in keys}
        for key, seconds in waits.items():
            asked = self._board.effective(key)
            if seconds and asked > Mode.NORMAL:
                self._publish(_hesitates(key, asked, seconds))
                self._spawn(self._start_later(key, seconds))
        return [key for key, seconds in waits.items() if not seconds]

    async def _start_later(self, key: str, seconds: float) -> None:
        """Its backstops do not wait: it is late already, and may block the process before any deadline passes."""
        self._desk.tripped(key)
        await self._clock.sleep(seconds)
        self._start(key)

    def check(self, key: str) -> None:
        """Lets a resting lane look at its surface."""
        lane = self._lanes.get(key)
        if lane:
            lane.check()

    def loosen(self, key: str, order: Order) -> None:
        """Hands a restore step to the target's lane. To be called before its holds are lifted, in the same turn."""
        lane = self._lanes.get(key)
        if lane is None:
            order.settle(_unserved(key, order.start))
        else:
            lane.loosen(order)

    def tell_proofs(self) -> None:
        """Records what was proven so far now: what follows from it must not be journaled before it."""
        self._flush()

    def retarget(self) -> None:
        """After a reload: lanes go on with the adapters of the new configuration, where it still has their target."""
        targets = self._inventory().targets
        for key, lane in self._lanes.items():
            lane.target = targets.get(key, lane.target)

    def lanes(self) -> list[str]:
        """The targets that are being served."""
        return list(self._lanes)

    def is_hurried(self) -> bool:
        """Whether any cut is under way in its own time."""
        return any(lane.is_hurried for lane in self._lanes.values())

    async def look(self, targets: Iterable[Target]) -> None:
        """Observes targets that nothing holds, a bounded number at once, so that plans and undo records are fresh."""
        slots = asyncio.Semaphore(_LOOKS_AT_ONCE)
        seen = [target for target in targets if target.key not in self._lanes and not self.hesitation(target.key)]
        await asyncio.gather(*(self._look_at(target, slots) for target in seen))
        for scope in self._inventory().likely():
            self._inventory().plan(Mode.FULL_STOP, scope).prepare()  # ahead of the stop that will ask for it
            await asyncio.sleep(0)
        self._baselines.note(self._inventory().targets.values())

    async def aclose(self) -> None:
        """Ends every lane; what is not proven is finished by the next start."""
        lanes = tuple(self._lanes.values())
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(lane.aclose() for lane in lanes), return_exceptions=True)
        self._flush()

    async def _start_windowed(self, keys: list[str]) -> None:
        for begin in range(0, len(keys), WINDOW):
            for _ in range(_STEPS):
                await asyncio.sleep(0)
            for key in keys[begin : begin + WINDOW]:
                self._start(key)

    def _start(self, key: str) -> None:
        if self._board.effective(key) is Mode.NORMAL:
            return
        lane = self._lanes.get(key)
        if lane:
            lane.wake()
            return
        target = self._inventory().targets.get(key)
        if target is None:
            self._publish(_unserved(key, self._board.effective(key)))
            return
        lane = self._lanes[key] = Lane(target, self._desk)
        self._spawn(self._serve(key, lane))

    async def _serve(self, key: str, lane: Lane) -> None:
        try:
            await lane.serve()
        finally:
            del self._lanes[key]
            self._carried.discard(key)

    def _spawn(self, work: "Awaitable[None]") -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_at(self, target: Target, slots: asyncio.Semaphore) -> None:
        """One observation; what cannot be seen stays as last seen, and the armed check says so."""
        async with slots:
            try:
                async with asyncio.timeout(target.deadline):
                    target.remember(await foreign(target.adapter.observe()), self._clock.monotonic())
                    if isinstance(target.adapter, Noting):
                        noted = await foreign(target.adapter.note())
                        target.noted = noted or {}
            except Exception:  # noqa: BLE001  # an unreachable surface is not this sweep's business
                return

    def _keep_undo(self, key: str, sealed: str) -> Awaitable[bool]:
        return self._record(events.UndoRecorded(at=self._clock.now(), target=key, sealed=sealed))

    def _gather_undo(self, key: str, sealed: str) -> None:
        """Into the batch that is journaled next: one line for many, since every line costs a database row too."""
        self._undo.append((key, sealed))
        self._flush_soon()

    def _flush_undo(self) -> None:
        records, self._undo = tuple(self._undo), []
        if records:
            self._record(events.UndosRecorded(at=self._clock.now(), records=records))

    def _open_episode(self, key: str, snapshot: Observation | None) -> Episode:
        records = self._board.undo.get(key, ())
        if records or key not in self._carried:
            return Episode(self._seal, records, snapshot)
        return Episode(self._seal, (), self._baselines.of(key), replied=False)

    def _publish(self, proof: events.Proof) -> None:
        """Into the batch that is journaled next; the board follows with it. A drift is never gathered away."""
        waiting = self._proofs.get(proof.target)
        if waiting is not None and waiting.outcome is Outcome.DRIFTED:
            self._flush()
        self._proofs[proof.target] = proof
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_later(BATCH, self._flush_batch)

    def _flush_batch(self) -> None:
        self._flushing = False
        self._flush()

    def _is_news(self, proof: events.Proof) -> bool:
        """Whether anything changed but the time and the mark, or the holds changed since the last proof."""
        proven = self._board.is_proven(proof.target)
        return not proven or _SUBSTANCE(self._board.proofs[proof.target]) != _SUBSTANCE(proof)

    def _counted(self, key: str, proof: events.Proof) -> events.Proof:
        lane = self._lanes.get(key)
        return proof if lane is None else lane.counted(proof)

    def _flush(self) -> None:
        self._flush_undo()
        waiting, self._proofs = self._proofs, {}
        if not self._carried.isdisjoint(waiting):
            self._desk.refresh()  # what the other process proved before this must not come to be known after it
        proofs = {key: self._counted(key, proof) for key, proof in waiting.items()}
        news = tuple(proof for proof in proofs.values() if self._is_news(proof))
        now = self._board.stamp(proofs, self._clock.now())
        if news:
            self._record(events.Outcomes(at=now, proofs=news))
        self._board.look_again(proofs.keys() - {proof.target for proof in news}, now)
        self._changed(proof.target for proof in news)


def _hesitates(key: str, asked: Mode, seconds: float) -> events.Proof:
    return events.Proof(
        target=key,
        outcome=Outcome.UNKNOWN,
        asked=asked,
        left=None,
        detail=f"a call for it blocked the whole process; it is tried again in {seconds:.0f} s, after all others",
        next=f"{BY_HAND}; the log names the line of the adapter that did not give way",
        late=True,
        settled=True,
    )


def _unserved(key: str, asked: Mode) -> events.Proof:
    return events.Proof(
        target=key,
        outcome=Outcome.UNKNOWN,
        asked=asked,
        left=None,
        detail="held, but no surface of the configuration points there any more",
        next="put the surface back into the configuration, or cut it by hand",
        late=True,
        settled=True,
    )
