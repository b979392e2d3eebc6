"""One run of a drill: plan, cut by the ordinary stop, measure, give back by its own release, score.

The release names the run's own holds. A real stop that touches any target makes it void: then everything stays held
as it is, and every injected fault has ended before the stop's first cut begins.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence

from adapters.base import Mode
from bot.domain import drill_events as drills
from bot.domain import events, release
from bot.domain.board import Board
from bot.domain.due import next_due
from bot.domain.evidence import label
from bot.domain.model import Drill
from bot.domain.plan import Plan, Scope
from bot.domain.practice import Run
from bot.service.drill_ports import CannotDrill, DrillDesk
from bot.service.drill_release import Release
from bot.service.inventory import Target
from bot.service.ports import StopOrder
from bot.service.scoring import Stopwatch, shortcomings, witnessed
from bot.service.stop import hold_of

LOOK = 0.02  # seconds between two looks at the proofs
_GRACE = 5.0  # seconds beyond the slowest target's own time
_HUNG = 0.5  # of the shortest time: a surface that hangs must not be late, or its backstop would trip
RESTARTED = "the bot was restarted in the middle of it"


class Void(Exception):
    """A real stop came; the text says whose."""


class DrillRun:
    """Plays one run to its end; `play` and `resume` never raise but for a cancel, after which a restart goes on.

    Args:
        desk: what every run shares.
        run: as the journal knows it; claimed already.
        drill: as it is configured.
        claimed: the claim.
    """

    def __init__(self, desk: DrillDesk, run: Run, drill: Drill, claimed: drills.DrillClaimed) -> None:
        self._desk = desk
        self.run = run
        self._drill = drill
        self._claimed = claimed
        self._watch = Stopwatch(mode=claimed.mode, asked_at=desk.clock.now())
        self._evaluations: list[drills.Tried] = []
        self._faults: list[drills.FaultScore] = []
        self._load = ""
        self._remarks: list[str] = []
        self._void = ""

    @property
    def _board(self) -> Board:
        return self._desk.recorder.board

    async def play(self) -> None:
        """From the plan to the scorecard."""
        try:
            plan = self._planned()
            if self._drill.kind == "tabletop":
                return await self._tabletop(plan)
            await self._armed(plan)
            await self._ready()
            started = await self._start(plan)
        except CannotDrill as why:
            return self._end("refused", str(why), ())
        try:
            await self._try("before", started)
            await self._cut(started)
        except Void as why:
            self._void = str(why)
        return await self._close(started)

    async def resume(self) -> None:
        """After a restart: what is still cut is given back by this run, or stays held and is told."""
        started = self.run.started
        if started is None or not await self._found_cut(started):
            return self._end("failed", "; ".join([RESTARTED, *self._unseen()]), ())
        self._watch.asked_at = self._board.hold_events[started.hold].at
        with contextlib.suppress(Void):
            if release.pairs(self._board, self.run):
                await self._settle(started.targets)
        return await self._close(started, restarted=True)

    async def _found_cut(self, started: drills.DrillStarted) -> bool:
        """Whether the cut was begun. One whose hold no disk took is held again, so that it can be given back."""
        if started.hold in self._board.hold_events:
            return True
        known = self._desk.inventory().targets
        targets = [known[key] for key in self.run.targets() if key in known]
        cut = await self._maybe_cut(targets)
        if not cut:
            return False
        self._desk.dispatcher.wake([it.key for it in cut], carried=True)  # what they were like is in the baselines
        await self._desk.stops.stop(self._order(surface.name for target in cut for surface in target.surfaces))
        return True

    async def _maybe_cut(self, targets: Sequence[Target]) -> list[Target]:
        """Those that nothing else holds and that are restricted, or cannot be seen: a doubt stays held."""
        began = self._desk.clock.monotonic()
        await self._desk.dispatcher.look(targets)
        free = [target for target in targets if not self._board.holds.live(target.key)]
        return [it for it in free if it.seen is None or it.seen_at < began or it.seen.mode > Mode.NORMAL]

    def _unseen(self) -> Sequence[str]:
        """What nobody can say of targets that left the configuration before it was known whether they were cut."""
        known = self._desk.inventory().targets
        names = self.run.surfaces_of(key for key in self.run.targets() if key not in known)
        why = "may be cut still, and the configuration has no such target any more: look there"
        return [f"{', '.join(names)} {why}"] if names else []

    def _planned(self) -> Plan:
        """The plan, or `CannotDrill` with every reason at once."""
        scope = Scope(surfaces=frozenset(self._drill.surfaces))
        plan = self._desk.stops.plan(self._drill.mode, scope)
        reasons = [f"{line.surface} would not be cut: {line.why}" for line in plan.left()]
        for key in plan.held.keys:
            if self._board.holds.live(key):
                names = ", ".join(sorted(self._board.surfaces_of(key)))
                reasons.append(f"{names} is held already, and a drill touches no real hold")
        if self._drill.kind == "live" and not self._drill.accept_loss:
            reasons += self._losing(plan.held.keys)
        if not plan.held and not reasons:
            reasons.append("none of its surfaces is in the configuration any more")
        if plan.beside:
            self._remarks.append(f"cut with them, since they share a target: {', '.join(plan.beside)}")
        if reasons:
            raise CannotDrill("; ".join(reasons))
        return plan

    def _losing(self, keys: Sequence[str]) -> list[str]:
        targets = self._desk.inventory().targets
        lossy = [targets[key] for key in keys if targets[key].adapter.reversal == "work_lost"]
        names = sorted(surface.name for target in lossy for surface in target.surfaces)
        if not names:
            return []
        return [f"{', '.join(names)} may lose work in flight: write `accept_loss: true` to accept that"]

    async def _armed(self, plan: Plan) -> None:
        problems = await self._desk.armed(plan.held.keys)
        if problems:
            raise CannotDrill("; ".join(problems))

    async def _tabletop(self, plan: Plan) -> None:
        """The plan holds, and the armed check's own word decides: what it calls NOT ARMED is what was learned."""
        found = await self._desk.checked(plan.held.keys)
        lines = [f"{line.surface} as {line.held}" for line in plan.lines]
        self._remarks.append(f"a stop would cut {label(lines)}; nothing was touched")
        self._end("failed" if found else "passed", "; ".join(found), ())

    async def _ready(self) -> None:
        """What could not be given back is not cut: a journal that is not here may hold what nobody sees."""
        reasons = await self._desk.ready()
        if reasons:
            raise CannotDrill(f"nothing could be given back now: {'; '.join(reasons)}")

    async def _start(self, plan: Plan) -> drills.DrillStarted:
        """Journals the plan with its release before anything is cut: a restart must know whose hold it finds."""
        backstops = (line.backstop for line in plan.lines if line.backstop)
        started = drills.DrillStarted(
            at=self._board.stamp(plan.held.keys, self._desk.clock.now()),
            run=self.run.id,
            hold=hold_of(self._delivery()),
            mode=self._drill.mode,
            targets=tuple(drills.Drilled(key=target.key, surfaces=target.surfaces) for target in plan.held),
            backstops=tuple(sorted(set(backstops))),
            faults=self._drill.faults,
            load=self._drill.under_load,
        )
        if not await self._desk.record(started):
            raise CannotDrill("the journal did not take it: see `agent-kill status`")
        return started

    async def _cut(self, started: drills.DrillStarted) -> None:
        """The ordinary stop, measured; under load and with faults where they are configured."""
        load = asyncio.ensure_future(self._desk.workload.run(started.load)) if started.load else None
        try:
            injected = self._inject(started)
            self._stopped()
            await self._desk.stops.stop(self._order(self._drill.surfaces))
            self._watch.asked_at = self._board.hold_events[started.hold].at
            await self._settle(started.targets)
            self._desk.faults.clear()
            self._survived(injected)
            await self._try("during", started)
            await self._hold()
        finally:
            self._desk.faults.clear()
            await self._unload(load)
        self._desk.record(drills.DrillMeasured(at=self._desk.clock.now(), run=self.run.id, card=self._card()))

    def _order(self, surfaces: Iterable[str]) -> StopOrder:
        return StopOrder(
            mode=self._claimed.mode,
            scope=Scope(surfaces=frozenset(surfaces)),
            by=self._claimed.by,
            reason=f"drill {self._claimed.drill}",
            channel=self._desk.inventory().configuration.workspace.incident_channel,
            origin="drill",
            delivery=self._delivery(),
        )

    def _delivery(self) -> str:
        return f"drill:{self.run.id}"

    async def _settle(self, targets: Sequence[drills.Drilled]) -> None:
        """Until every target is settled; raises `Void` where a real stop comes."""
        known = self._desk.inventory().targets
        keys = [target.key for target in targets]
        times = [known[key].deadline + known[key].drain for key in keys if key in known]
        began = self._desk.clock.monotonic()
        end = began + max(times, default=0.0) + _GRACE
        while not self._watch.look(self._board, keys):
            self._stopped()
            now = self._desk.clock.monotonic()
            if now - began >= _HUNG * min(times, default=0.0):
                self._desk.faults.unhang()
            if now >= end:
                break
            await self._desk.clock.sleep(LOOK)
        self._stopped()

    async def _hold(self) -> None:
        end = self._desk.clock.monotonic() + self._drill.hold
        while self._desk.clock.monotonic() < end:
            self._stopped()
            await self._desk.clock.sleep(LOOK)

    def _stopped(self) -> None:
        why = release.why_void(self._board, self.run)
        if why:
            raise Void(why)

    def _inject(self, started: drills.DrillStarted) -> list[drills.Fault]:
        if started.faults and any(not it.drill and not it.closed for it in self._board.incidents.values()):
            self._remarks.append("no fault was injected, since a real incident is open")
            return []
        targets, injected = self._desk.inventory().targets, list[drills.Fault]()
        for fault in started.faults:
            adapter = targets[started.targets[-1].key].adapter if fault == "hung" else None
            if self._desk.faults.inject(fault, adapter):
                injected.append(fault)
            else:
                self._remarks.append(f"the fault {fault} could not be injected")
        return injected

    def _survived(self, injected: Sequence[drills.Fault]) -> None:
        """Whether everything was proven in its time with the faults there."""
        if injected and self._desk.faults.ended_early:
            faults = ", ".join(injected)
            self._remarks.append(f"the injected {faults} ended early, for a real incident, and proves nothing")
            return
        late = [key for key in self.run.targets() if key not in self._watch.cut_at]
        detail = f"not cut in time: {', '.join(self.run.surfaces_of(late))}" if late else ""
        self._faults = [drills.FaultScore(fault=fault, survived=not late, detail=detail) for fault in injected]

    async def _unload(self, load: "asyncio.Future[str] | None") -> None:
        if load is None:
            return
        ended = load.done()
        load.cancel()
        results = await asyncio.gather(load, return_exceptions=True)
        said = results[0] if ended and isinstance(results[0], str) else "ran through the cut"
        self._load = said if not ended else f"ended before the cut was measured: {said}"

    async def _try(self, when: str, started: drills.DrillStarted) -> None:
        returns = [
            events.Return(key=it.key, surfaces=it.surfaces, now=started.mode, to=Mode.NORMAL, modes=())
            for it in started.targets
        ]
        failing = await self._desk.evidence.evaluate(returns)
        self._evaluations.append(drills.Tried.model_validate({"when": when, "failing": failing}))
        self._stopped()

    async def _close(self, started: drills.DrillStarted, *, restarted: bool = False) -> None:
        """Gives back, and ends with what is left held named."""
        self._desk.faults.clear()
        told = self.run.left.why if self.run.left else ""  # before a restart: what was told as held stays so
        why = self._void or told or await Release(self._desk, self.run, self._watch).give_back(started)
        if not self._void and not why:
            with contextlib.suppress(Void):
                await self._try("after", started)
        self._void = self._void or release.why_void(self._board, self.run)
        left = self._left()
        if left and not told:
            why = why or "a backstop was tripped, and no drill gives it back"
            self._desk.record(drills.DrillLeftHeld(at=self._desk.clock.now(), run=self.run.id, surfaces=left, why=why))
        reasons = shortcomings(self._card()) if not restarted else [RESTARTED]
        how: drills.How = "void" if self._void else "failed" if left or reasons else "passed"
        self._end(how, "; ".join(dict.fromkeys([*([why] if why else []), *reasons])), left, restarted=restarted)

    def _left(self) -> tuple[str, ...]:
        """The surfaces that the run's own holds, and backstops that it tripped, still bind."""
        own = release.own_holds(self._board, self.run)
        tripped = {h.hold for h in self._board.hold_events.values() if h.origin == "backstop" and h.parent in own}
        found: dict[str, None] = {}
        for hold in sorted(own | tripped):
            event = self._board.hold_events.get(hold)
            for target in event.targets if event else ():
                if hold in self._board.holds.live(target.key):
                    found.update(dict.fromkeys(target.surfaces))
        return tuple(found)

    def _card(self, *, restarted: bool = False) -> drills.Scorecard:
        if restarted and self.run.measured:
            return self.run.measured.card.model_copy(update={"interrupted": True, "next_due": self._next_due()})
        configuration, targets = self._desk.inventory().configuration, self._desk.inventory().targets
        during = [why for tried in self._evaluations if tried.when == "during" for why in tried.failing]
        tried, cut = any(it.when == "during" for it in self._evaluations), self.run.started
        effects = witnessed(configuration, during, self._watch.held(cut.targets)) if tried and cut else {}
        return drills.Scorecard(
            kind=self._claimed.kind,
            mode=self._claimed.mode,
            asked_at=self._watch.asked_at if cut else None,
            surfaces=self._watch.scores(cut.targets, targets, effects, self._board.drifts) if cut else (),
            evaluations=tuple(self._evaluations),
            faults=tuple(self._faults),
            load=self._load,
            remarks=tuple(self._remarks),
            interrupted=restarted,
            next_due=self._next_due(),
        )

    def _next_due(self) -> float | None:
        return next_due(self._drill.schedule, self._drill.timezone, max(self._desk.clock.now(), self._claimed.due))

    def _end(self, how: drills.How, why: str, left: Sequence[str], *, restarted: bool = False) -> None:
        self._desk.record(
            drills.DrillEnded(
                at=self._desk.clock.now(),
                run=self.run.id,
                drill=self._drill.id,
                how=how,
                why=why,
                card=self._card(restarted=restarted),
            )
        )
        held = self._board.hold_events.get(self.run.started.hold) if self.run.started else None
        if held is not None:
            self._close_incident(held.incident, left)
        self._desk.wake(self.run)

    def _close_incident(self, incident: str, left: Sequence[str]) -> None:
        """A drill's incident closes with it, unless something stays held: then with the vote that gives it back."""
        if not left and not self._board.incidents[incident].closed:
            by = events.Person(kind="bot", id="drill")
            self._desk.record(events.IncidentClosed(at=self._desk.clock.now(), incident=incident, by=by))
        self._desk.reporter.wake(incident)


Made = Callable[[Run, Drill, drills.DrillClaimed], DrillRun]
