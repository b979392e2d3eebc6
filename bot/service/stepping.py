"""Carries out a ballot that passed: the lift, then one mode per step in waves by risk, each read back and watched.

Every line that makes anything looser is on disk and in the database before it is obeyed. Whatever goes wrong, and any
stop, puts a hold back at once; what is put back is recorded like a stop, and waits for nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from adapters.base import Mode
from bot.domain import events
from bot.domain.ballot import Ballot, by_mode, hold_id, passes, steps, tally, waves
from bot.domain.board import Board
from bot.domain.model import Configuration
from bot.domain.outcome import NOT_CUT, Outcome
from bot.service.dispatch import Dispatcher
from bot.service.electors import electorate_of
from bot.service.giving import DONE, DURABLE, Abort, Giving, Pending
from bot.service.loosening import Order
from bot.service.ports import BallotBox, Clock, Evidence, Gone, Reporter
from bot.service.recorder import Recorder
from bot.service.restore_hold import restore_hold

_log = logging.getLogger(__name__)
_LOOK = 0.25  # seconds between two looks during probation
_READ = 5.0  # seconds between two readings of the reactions during probation
_FRESH = 15.0  # seconds that a reading of the reactions counts when the next step begins
_PATIENCE = 600.0  # seconds that a step waits for votes that cannot be read, before everything goes back


@dataclass(eq=False, slots=True)
class _Run:
    """One restore under way."""

    ballot: Ballot
    opened: events.BallotOpened
    known: frozenset[tuple[str, str]]  # (hold, target) pairs that were there at the commit
    since: float  # Unix time of the commit
    read_at: float | None  # when the reactions last allowed to go on
    confirmed: frozenset[str]  # whose votes were confirmed with a code, and stood ever since
    pending: Pending | None = None  # on its way to disk and database
    moved: dict[str, str] = field(default_factory=dict)  # what became of the work that waited, by target
    hinted: asyncio.Event = field(default_factory=asyncio.Event)


class Stepping:
    """Runs restores, each in a task of its own.

    Args:
        recorder: board and journal.
        dispatcher: cuts and loosens.
        evidence: the evaluations.
        stored: waits until the database has everything that the journal has now; why it does not, empty where it does.
        box: where people vote, and may still veto.
        reporter: tells the incidents.
        configuration: yields the current one.
        budget: seconds that a step at a target may take, by its key.
    """

    def __init__(
        self,
        *,
        recorder: Recorder,
        dispatcher: Dispatcher,
        evidence: Evidence,
        stored: Callable[[], Awaitable[str]],
        box: BallotBox,
        reporter: Reporter,
        configuration: Callable[[], Configuration],
        budget: Callable[[str], float],
        clock: Clock,
    ) -> None:
        self._recorder = recorder
        self._dispatcher = dispatcher
        self._evidence = evidence
        self._giving = Giving(recorder=recorder, stored=stored, budget=budget, clock=clock)
        self._box = box
        self._reporter = reporter
        self._configuration = configuration
        self._clock = clock
        self._runs: dict[str, _Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def _board(self) -> Board:
        return self._recorder.board

    def commit(self, ballot: Ballot) -> None:
        """Begins: tombstones the named pairs and holds everything as it is, in one line. Returns at once."""
        if ballot.id in self._runs or ballot.opened is None or not ballot.voting:
            return
        now = self._clock.monotonic()
        live = {(hold, it.key) for it in ballot.opened.returns for hold in self._board.holds.live(it.key)}
        run = self._runs[ballot.id] = _Run(
            ballot, ballot.opened, frozenset(live), self._clock.now(), now, ballot.confirmed()
        )
        task = asyncio.create_task(self._run(run), name=f"restore {ballot.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def runs(self, ballot: Ballot) -> bool:
        """Whether the ballot passed and is carried out here, from its commit to its end."""
        return ballot.id in self._runs

    async def carry_on(self, ballot: Ballot) -> None:
        """A restore that nobody runs here is one of an earlier process: everything that is undecided goes back."""
        if ballot.id not in self._runs and ballot.opened:
            await self.put_back(ballot, ballot.opened, "the bot was restarted in the middle of it")

    def hint(self, ballot: str) -> None:
        """The reactions may have changed."""
        run = self._runs.get(ballot)
        if run:
            run.hinted.set()

    async def aclose(self) -> None:
        """Ends what is under way; the next start puts it back."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def put_back(
        self,
        ballot: Ballot,
        opened: events.BallotOpened,
        why: str,
        pending: Pending | None = None,
    ) -> None:
        """Adds a hold at the mode that each target had, and cuts at once: it is a stop.

        The end is journaled only after those holds: where the disk did not take them, the next start has to put back.
        """
        modes = by_mode(opened.returns).items()
        holds = [self._hold(opened, f"{ballot.id}.back.{mode}", mode, items, why) for mode, items in modes]
        written = asyncio.gather(*(self._recorder.record(hold) for hold in holds))
        if pending is not None:  # what the disk has, or still takes, the next start obeys too
            self._giving.obey_later(pending)
        self._dispatcher.wake(item.key for item in opened.returns)
        done, _ = await asyncio.wait({written}, timeout=DURABLE)
        ended = events.BallotEnded(at=self._clock.now(), ballot=ballot.id, how="aborted", why=why)
        if done and all(written.result()):
            self._recorder.record(ended)
        else:
            self._board.apply(ended)
        self._tell(opened)

    async def _run(self, run: _Run) -> None:
        """The whole of it. Whatever is raised here ends with everything held as before."""
        try:
            await self._lift(run)
            await self._agreed(run)
            for index, mode in enumerate(steps(run.opened), 1):
                await self._step(run, index, mode)
                await self._probation(run)
            await self._complete(run)
        except Abort as reason:
            await self.put_back(run.ballot, run.opened, str(reason), run.pending)
        except Exception as error:  # noqa: BLE001  # whatever it was, nothing stays looser for it
            _log.exception("the restore %s failed; everything in it is held again", run.ballot.id)
            why = f"it failed inside the bot ({type(error).__name__})"
            await self.put_back(run.ballot, run.opened, why, run.pending)
        finally:
            self._runs.pop(run.ballot.id, None)

    async def _lift(self, run: _Run) -> None:
        """Loosens nothing: the named holds end, and one hold of this ballot stands in their place."""
        held = by_mode(run.opened.returns).items()
        holds = tuple(self._hold(run.opened, hold_id(run.ballot.id, 0, mode), mode, items, "") for mode, items in held)
        await self._journal(run, self._lifting(run, run.opened.pairs, 0, holds))
        self._dispatcher.wake(item.key for item in run.opened.returns)
        self._tell(run.opened)

    async def _agreed(self, run: _Run) -> None:
        """A lift may take its time to be durable: no step begins on votes that were read too long ago."""
        began = self._clock.monotonic()
        while not self._is_read(run):
            self._stopped(run)
            if self._clock.monotonic() - began > _PATIENCE:
                raise Abort("the votes could not be read any more")
            await self._votes(run)
            await self._clock.sleep(_LOOK)

    async def _step(self, run: _Run, index: int, mode: Mode) -> None:
        for wave in waves(run.opened, mode):
            self._stopped(run)
            self._drifted(run)
            await self._wave(run, index, mode, wave)
        self._tell(run.opened)

    async def _wave(self, run: _Run, index: int, mode: Mode, wave: Sequence[events.Return]) -> None:
        """One wave of a step: on disk and in the database, then handed to every lane at once, then read back."""
        pairs = tuple(pair for item in wave for pair in self._own(run, item.key))
        holds: tuple[events.HoldAdded, ...] = ()
        if mode > Mode.NORMAL:
            holds = (self._hold(run.opened, hold_id(run.ballot.id, index, mode), mode, wave, ""),)
        orders: dict[str, Order] = {}

        def hand_over() -> None:
            for item in wave:
                start = self._board.effective(item.key)
                orders[item.key] = Order(
                    start=start, to=mode, backlog=item.backlog, label=run.ballot.id, moved=run.moved.get(item.key, "")
                )
                self._dispatcher.loosen(item.key, orders[item.key])

        await self._journal(run, self._lifting(run, pairs, index, holds), before=hand_over)
        self._dispatcher.wake(orders)
        proofs = await asyncio.gather(*(self._giving.proof(key, order) for key, order in orders.items()))
        self._dispatcher.tell_proofs()
        run.moved |= {key: order.moved for key, order in orders.items()}
        failed = [proof for proof in proofs if proof.outcome not in DONE]
        if failed:
            raise Abort("; ".join(self._failure(run, proof) for proof in failed))
        targets = tuple(item.key for item in wave)
        done = events.StepDone(at=self._clock.now(), ballot=run.ballot.id, step=index, targets=targets)
        self._recorder.record(done)
        self._tell(run.opened)

    async def _probation(self, run: _Run) -> None:
        """Watches for the time of a step. Only a fresh look at the votes lets the next one begin."""
        began = self._clock.monotonic()
        run.read_at, next_read = None, began
        while True:
            self._stopped(run)
            self._drifted(run)
            now = self._clock.monotonic()
            if now >= next_read or run.hinted.is_set():
                run.hinted.clear()
                next_read = now + _READ
                await self._votes(run)
            if now - began >= run.opened.step and self._is_read(run):
                break
            if now - began > run.opened.step + _PATIENCE:
                raise Abort("the votes could not be read any more")
            await self._clock.sleep(_LOOK)
        failing = await self._evidence.evaluate(run.opened.returns)
        self._stopped(run)
        if failing:
            raise Abort("; ".join(failing))

    def _is_read(self, run: _Run) -> bool:
        return run.read_at is not None and self._clock.monotonic() - run.read_at <= _FRESH

    async def _votes(self, run: _Run) -> None:
        """A veto, or a vote that was taken back, ends it; what cannot be read only lets it wait."""
        reading, roster = await self._box.read(run.opened), await self._box.roster()
        if isinstance(reading, Gone):
            raise Abort(reading.why)
        if reading is None or roster is None:
            return
        electorate = electorate_of(run.opened, self._configuration(), roster)
        counted = tally(reading, electorate.eligible(), run.confirmed)
        run.confirmed = counted.confirmed  # what was taken back once is not confirmed by coming again
        if counted.vetoes:
            raise Abort(f"vetoed by {', '.join(f'<@{user}>' for user in sorted(counted.vetoes))}")
        if not passes(run.opened, counted):
            enough = len(counted.confirmed) >= run.opened.confirmations
            what = "quorum does not stand" if enough else "confirmation by a code does not stand"
            raise Abort(f"a vote was taken back, and the {what} any more")
        run.read_at = self._clock.monotonic()

    async def _complete(self, run: _Run) -> None:
        self._recorder.record(events.BallotEnded(at=self._clock.now(), ballot=run.ballot.id, how="completed"))
        for incident in self._incidents(run.opened):
            self._close(incident)
        self._tell(run.opened)

    def _incidents(self, opened: events.BallotOpened) -> set[str]:
        """The incidents of every hold that the ballot named, and the one that it is told in."""
        named = (self._board.hold_events.get(hold) for hold, _ in opened.pairs)
        return {opened.incident, *(hold.incident for hold in named if hold)}

    def _tell(self, opened: events.BallotOpened) -> None:
        """The ballot's message, and the threads, which nothing that is held binds any more: nobody else wakes them."""
        self._box.wake(opened.ballot)
        for incident in self._incidents(opened):
            self._reporter.wake(incident)

    def _close(self, incident_id: str) -> None:
        """The incident closes with the last of its holds."""
        incident = self._board.incidents.get(incident_id)
        own = [hold for hold in self._board.hold_events.values() if hold.incident == incident_id]
        if incident is None or incident.closed or any(self._board.holds.is_live(hold.hold) for hold in own):
            return
        by = events.Person(kind="bot", id="restore")
        self._recorder.record(events.IncidentClosed(at=self._clock.now(), incident=incident_id, by=by))

    def _stopped(self, run: _Run) -> None:
        """Raises where the ballot ended, or anything holds these targets that was not there when it was committed."""
        if run.ballot.ended is not None:
            raise Abort(run.ballot.ended.why)
        own = run.ballot.own_holds()
        for item in run.opened.returns:
            for hold in self._board.holds.live(item.key):
                if hold not in own and (hold, item.key) not in run.known:
                    raise Abort("a stop came, and it wins")

    def _drifted(self, run: _Run) -> None:
        for item in run.opened.returns:
            proof = self._board.proofs.get(item.key)
            held = self._board.effective(item.key) > Mode.NORMAL
            held = held and not set(item.surfaces) <= set(run.opened.without)
            named = ", ".join(item.surfaces)
            if held and proof and proof.outcome in NOT_CUT - {Outcome.PENDING}:
                raise Abort(f"{named} is {proof.outcome}: {proof.detail}")
            came_back = [why for at, why in self._board.drifts.get(item.key, {}).items() if at >= run.since]
            if came_back:  # it may be cut again already
                raise Abort(f"{named} drifted: {came_back[-1]}")

    def _own(self, run: _Run, key: str) -> Iterable[tuple[str, str]]:
        """The hold of this ballot that binds the target now."""
        own = run.ballot.own_holds()
        return [(hold, key) for hold in sorted(self._board.holds.live(key)) if hold in own]

    def _lifting(
        self, run: _Run, pairs: tuple[tuple[str, str], ...], step: int, holds: tuple[events.HoldAdded, ...]
    ) -> events.PairsLifted:
        keys = [*(key for _, key in pairs), *(target.key for hold in holds for target in hold.targets)]
        at = self._board.stamp(keys, self._clock.now())
        return events.PairsLifted(at=at, ballot=run.ballot.id, pairs=pairs, step=step, holds=holds)

    async def _journal(self, run: _Run, lifted: events.PairsLifted, before: Callable[[], None] = lambda: None) -> None:
        """On disk and in the database first, and only then obeyed: the opposite of a stop."""
        run.pending = self._giving.begin(lifted)

        def now() -> None:
            before()
            run.pending = None

        await self._giving.finish(run.pending, stopped=lambda: self._stopped(run), before=now)

    def _hold(
        self, opened: events.BallotOpened, hold: str, mode: Mode, items: Sequence[events.Return], why: str
    ) -> events.HoldAdded:
        now = self._clock.now()
        return restore_hold(self._board, opened, hold=hold, mode=mode, items=items, why=why, now=now)

    def _failure(self, run: _Run, proof: events.Proof) -> str:
        """With what became of the work that waited, where that was done already."""
        moved = run.moved.get(proof.target, "")
        return f"{self._named(run, proof.target)}: {proof.outcome}, {proof.detail}{f'; {moved}' if moved else ''}"

    def _named(self, run: _Run, key: str) -> str:
        return next((", ".join(item.surfaces) for item in run.opened.returns if item.key == key), key)
