"""Drills: what is due or asked for is claimed in the database, run once, and told where it was missed.

Level-triggered: a tick compares what the configuration asks for with what the journal knows. Nothing is kept here
that a restart could lose; a run that an earlier process left is given back, or stays held and is reported.
"""

import asyncio
import logging
import math
import secrets
from collections.abc import Callable, Sequence
from itertools import islice

from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.drill_events import DrillAsked
from bot.domain.due import due_between, next_due
from bot.domain.model import Drill
from bot.domain.practice import Practice, Run
from bot.service.configured import drill_part
from bot.service.drill_calls import Calls
from bot.service.drill_ports import CannotDrill, DrillDesk
from bot.service.drill_run import DrillRun

_log = logging.getLogger(__name__)
TICK = 1.0  # seconds between two looks
EARLY = 900.0  # seconds before a due time from which on a typed drill is the one that is due
ASKED = 10.0  # seconds that what a command line asked for is taken up: less than it waits
_MANY, _LATELY = 300, 3600.0  # due times that are looked through at once, else those of so many seconds
_TRIES = 3  # of a run that fails inside the bot
_FORGOTTEN = 30 * 86_400.0  # seconds after which a due time that was postponed is no longer looked at
CLOCK = events.Person(kind="bot", id="clock")


class Drills:
    """The use case behind the clock, `/agent-drill` and `agent-kill drill`.

    Args:
        desk: what every run needs.
        people: who may stop, as Slack users; None while that is not known.

    Attributes:
        calls: reminders of the operator on turn.
    """

    def __init__(self, desk: DrillDesk, people: Callable[[], frozenset[str] | None] = lambda: None) -> None:
        self._desk = desk
        self.calls = Calls(desk, self, people)
        self._since = desk.clock.now()
        self._ticked = False
        self._seen: dict[tuple[str, str, str], float] = {}  # since when each schedule counts
        self._running: dict[str, DrillRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._claiming = asyncio.Lock()
        self._trouble: dict[str, str] = {}  # why a drill that is due does not begin, by its id
        self._ids: dict[tuple[str, float], str] = {}  # runs by due time: a claim that is repeated is the same one
        self._failed: dict[str, int] = {}  # runs that this process could not play to their end, and how often
        self._refused: set[str] = set()  # what command lines asked for and did not get

    @property
    def practice(self) -> Practice:
        """Everything that is known of drills."""
        return self._desk.recorder.board.practice

    def drill(self, drill_id: str) -> Drill | None:
        """The configured drill of that id."""
        return next((it for it in self.configured() if it.id == drill_id), None)

    def configured(self) -> tuple[Drill, ...]:
        """Every configured drill."""
        return self._desk.inventory().configuration.drills

    def problems(self) -> list[str]:
        """Why drills that are due do not begin, a sentence each."""
        stuck = [run for run, times in self._failed.items() if times >= _TRIES]
        return [
            *(f"the drill {drill} does not begin: {why}" for drill, why in self._trouble.items()),
            *(
                f"the run {run} of a drill failed inside the bot; what it holds stays held: see its log"
                for run in stuck
            ),
        ]

    async def run(self, drill_id: str, by: events.Person, *, ask: str | None = None) -> Run:
        """Begins a run now, for the due time that waits for it if there is one. Raises `CannotDrill`."""
        drill = self.drill(drill_id)
        if drill is None:
            names = ", ".join(it.id for it in self.configured()) or "none is configured"
            raise CannotDrill(f"there is no drill `{drill_id}`; there are: {names}")
        due = self._waiting(drill)
        now = self._desk.clock.now()
        return await self._begin(drill, now if due is None else due, by, scheduled=due is not None, ask=ask)

    def wake(self, incident: str) -> None:
        """A real stop, wherever it is, ends every fault before its first cut begins. Never blocks."""
        if not self._desk.faults.active:
            return
        known = self._desk.recorder.board.incidents.get(incident)
        if known is not None and not known.drill:
            self._desk.faults.cut_short()

    async def tick(self) -> None:
        """Takes up what an earlier process left, what was asked for, and what is due."""
        self._resume()
        if not self._ticked:
            self._close_ended()
        for asked in list(self.practice.asked.values()):
            await self._take_up(asked)
        for drill in self.configured():
            self.calls.look(drill)
            await self._look(drill)
        self._ticked = True

    async def aclose(self) -> None:
        """Ends every run as it is; the next start gives back or reports."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def pending(self, drill: Drill) -> list[tuple[float, float]]:
        """Due times that are neither run nor missed, each with the moment to which people postponed it."""
        now = self._desk.clock.now()
        latest = self.practice.known_due(drill.id, now + EARLY)  # a clock that was ahead once must not silence it
        known = -math.inf if latest is None else latest
        since = max(self._first_seen(drill), known)
        found = {*islice(due_between(drill.schedule, drill.timezone, since, now), _MANY)}
        if len(found) == _MANY:  # down for long: what is still worth running, or missing, is among the latest
            found = {*due_between(drill.schedule, drill.timezone, now - _LATELY, now)}
        coming = next_due(drill.schedule, drill.timezone, max(found, default=since))
        found |= {coming} if coming is not None else set()
        answered = (due for name, due in self.practice.answers if name == drill.id and due > now - _FORGOTTEN)
        found |= {due for due in answered if self.moved(drill.id, due) >= known}  # else it went by with a later one
        open_ = (due for due in sorted(found) if not self.practice.is_settled(drill.id, due))
        return [(due, self.moved(drill.id, due)) for due in open_]

    def _first_seen(self, drill: Drill) -> float:
        """From when on its schedule counts: nothing before it was configured is due, and a restart loses nothing."""
        schedule = (drill.id, drill.schedule, drill.timezone)
        if schedule not in self._seen:
            before = [
                at for at in self._desk.recorder.board.configured.get(drill_part(drill.id), ()) if at < self._since
            ]
            started = max(before, default=self._since)
            self._seen[schedule] = self._desk.clock.now() if self._ticked else started
        return self._seen[schedule]

    def moved(self, drill_id: str, due: float) -> float:
        """When it is to begin: the due time, or the moment to which it was postponed last."""
        answers = self.practice.answers.get((drill_id, due), ())
        return next((it.until for it in reversed(answers) if it.until is not None), due)

    def _waiting(self, drill: Drill) -> float | None:
        """The due time that a typed command answers."""
        now = self._desk.clock.now()
        open_ = ((due, at, self._begins(drill, due, at)) for due, at in self.pending(drill))
        return next((due for due, at, begins in open_ if at - EARLY <= now <= begins + drill.wait), None)

    def _begins(self, drill: Drill, due: float, at: float) -> float:
        """When the clock begins what people expect at `at`."""
        return at + self._desk.chance(drill.id, due) * drill.surprise if drill.surprise else at

    async def _look(self, drill: Drill) -> None:
        now = self._desk.clock.now()
        pending = [(due, self._begins(drill, due, at)) for due, at in self.pending(drill)]
        late = [due for due, at in pending if now > at + drill.wait]
        if late:
            self._miss(drill, late)
        due = next((due for due, at in pending if at <= now <= at + drill.wait), None)
        if due is not None and drill.by == "clock":
            await self._due(drill, due)

    async def _due(self, drill: Drill, due: float) -> None:
        try:
            await self._begin(drill, due, CLOCK, scheduled=True)
        except CannotDrill as why:
            if self._trouble.get(drill.id) != str(why):
                _log.warning("the drill %s is due and does not begin: %s", drill.id, why)
            self._trouble[drill.id] = str(why)

    def _miss(self, drill: Drill, late: Sequence[float]) -> None:
        """Tells the latest, and how many more went by: a bot that was down for a month says so once."""
        otherwise = "nobody ran it in time" if drill.by == "operator" else "the bot did not run at that time"
        why = self._trouble.pop(drill.id, otherwise)
        more = f"; {len(late) - 1} before it were missed too" if len(late) > 1 else ""
        missed = drills.DrillMissed(at=self._desk.clock.now(), drill=drill.id, due=late[-1], why=f"{why}{more}")
        self._desk.record(missed)

    async def _take_up(self, asked: DrillAsked) -> None:
        """What a command line wrote into its own journal, once and only while somebody waits for it."""
        taken = {run.claimed.ask for run in self.practice.runs.values() if run.claimed}
        if asked.ask in taken | self._refused or not 0 <= self._desk.clock.now() - asked.at <= ASKED:
            return
        try:
            await self.run(asked.drill, asked.by, ask=asked.ask)
        except CannotDrill as why:
            self._refuse(asked, str(why))

    def _refuse(self, asked: DrillAsked, why: str) -> None:
        self._refused.add(asked.ask)
        said = events.Refusal(at=self._desk.clock.now(), by=asked.by, asked=f"drill {asked.drill} {asked.ask}", why=why)
        self._desk.record(said)

    async def _begin(
        self, drill: Drill, due: float, by: events.Person, *, scheduled: bool, ask: str | None = None
    ) -> Run:
        """Claims and starts. One run at a time: two would measure each other."""
        async with self._claiming:
            busy = next(iter(self._running), None)
            if busy is not None:
                raise CannotDrill(f"the run {busy} of a drill is under way: wait for its end")
            run_id = self._ids.setdefault((drill.id, due), f"drill-{secrets.token_hex(4)}")
            await self._claim(drill, due, run_id)
            claimed = drills.DrillClaimed(
                at=self._desk.clock.now(),
                run=run_id,
                drill=drill.id,
                kind=drill.kind,
                mode=drill.mode,
                due=due,
                scheduled=scheduled,
                by=by,
                ask=ask,
            )
            if not await self._desk.record(claimed):
                raise CannotDrill("the journal did not take it: see `agent-kill status`")
            self._trouble.pop(drill.id, None)
            run = self.practice.runs[run_id]
            self._spawn(DrillRun(self._desk, run, drill, claimed))
            return run

    async def _claim(self, drill: Drill, due: float, run_id: str) -> None:
        refused = self._desk.faults.refuse_ledger()
        try:
            owner = None if refused else await self._desk.claims.claim(drill.id, due, run_id, self._desk.clock.now())
        except OSError as error:
            refused = str(error)
        if refused:
            raise CannotDrill(f"{refused}; without the database no drill runs, since nothing could be given back")
        if owner != run_id:
            self._desk.record(
                drills.DrillMissed(at=self._desk.clock.now(), drill=drill.id, due=due, why=f"it was taken by {owner}")
            )
            raise CannotDrill(f"this due time was taken already, by {owner}: nothing runs twice")

    def _spawn(self, player: DrillRun, *, resumed: bool = False) -> None:
        self._running[player.run.id] = player
        work = self._play(player, resumed=resumed)
        task = asyncio.create_task(work, name=f"drill {player.run.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _play(self, player: DrillRun, *, resumed: bool) -> None:
        try:
            await (player.resume() if resumed else player.play())
        except Exception:  # noqa: BLE001  # whatever it was, what is cut stays cut, and the next tick gives it back
            self._failed[player.run.id] = self._failed.get(player.run.id, 0) + 1
            _log.exception("the drill %s failed inside the bot; what it holds stays held", player.run.id)
        finally:
            self._desk.faults.clear()
            self._running.pop(player.run.id, None)

    def _resume(self) -> None:
        """A run without an end that nobody plays here is one of an earlier process, or failed inside this one."""
        for run in list(self.practice.runs.values()):
            if run.under_way and run.claimed and not self._running and self._failed.get(run.id, 0) < _TRIES:
                drill = self.drill(run.claimed.drill) or _gone(run.claimed)
                self._spawn(DrillRun(self._desk, run, drill, run.claimed), resumed=True)

    def _close_ended(self) -> None:
        """The incidents of runs that an earlier process ended without having closed theirs."""
        board = self._desk.recorder.board
        over = [run for run in self.practice.runs.values() if run.started and run.ended and not run.left]
        holds = [board.hold_events.get(run.started.hold) for run in over if run.started]
        for incident in {hold.incident for hold in holds if hold is not None}:
            if board.incidents[incident].drill and not board.incidents[incident].closed:
                by = events.Person(kind="bot", id="drill")
                self._desk.record(events.IncidentClosed(at=self._desk.clock.now(), incident=incident, by=by))
                self._desk.reporter.wake(incident)


def _gone(claimed: drills.DrillClaimed) -> Drill:
    """A drill that left the configuration: what it cut is given back all the same."""
    return Drill(id=claimed.drill, schedule="0 0 30 FEB *", surfaces=(), mode=claimed.mode, kind=claimed.kind)
