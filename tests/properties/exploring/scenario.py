"""One run: demands, faults, third parties and restarts in an order that the seed decides, judged at every step."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Literal

from adapters.base import Config, Mode, SurfaceClass
from bot.domain import events
from bot.domain.model import Agent, Configuration, Surface
from bot.domain.outcome import Outcome
from bot.domain.plan import Scope
from bot.domain.report import report
from bot.service.ports import StopOrder
from tests.properties.exploring.process import Process, green, target_of
from tests.properties.exploring.schedules import Scheduled
from tests.properties.exploring.unruly import FEW, MODES, Site

ACKNOWLEDGED_WITHIN = 0.06  # virtual seconds: the disk's 50 ms, and nothing else
FIRST_CALL_WITHIN = 1.0  # I2
SETTLES_WITHIN = 240  # virtual seconds after the faults are gone
DEADLINE = 3.0
NAMES = ("a/db", "b/db", "a/queue", "a/tool")  # a/db and b/db share a target
HELD = sorted(MODES)
ROUNDS = 12


class Violation(AssertionError):
    """An invariant does not hold; the text says which, where and when."""


@dataclass
class Demand:
    """A stop that was answered."""

    hold: str
    mode: Mode
    targets: tuple[str, ...]
    at: float
    recorded: bool


@dataclass
class Scenario:
    """The world and the processes of one seed. `demands` counts what was asked."""

    seed: int
    rng: random.Random = field(init=False)
    answered: list[Demand] = field(default_factory=list)
    demands: int = 0
    restarts: int = 0
    lost: list[Demand] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draws what stays the same for the whole run."""
        self.rng = random.Random(self.seed)  # noqa: S311  # a seed that can be replayed
        self.own: list[events.AnyEvent] = []
        self.others: list[events.AnyEvent] = []
        surfaces = [self._surface(name) for name in NAMES]
        agents = ("a", "b")
        self.configuration = Configuration(
            agents=tuple(Agent(id=it, name=it, surfaces=tuple(s for s in surfaces if s.agent == it)) for it in agents)
        )
        self.sites = {target_of(surface): Site(target_of(surface), self.rng) for surface in surfaces}
        for site in self.sites.values():
            site.trouble = self.rng.choice([0.0, 0.1, 0.3, 0.7])
            site.modes = self.rng.choice([MODES, MODES, FEW])
        self.meddling = self.rng.random() < 0.4  # whether third parties loosen by hand
        self.crashing = self.rng.random() < 0.4
        self.lifting = self.rng.random() < 0.3

    def run(self) -> "Scenario":
        """Plays it. Raises `Violation` with the first thing that is wrong."""
        random.seed(self.seed)  # the lanes' jitter
        starving = self.rng.random() < 0.5
        with asyncio.Runner(loop_factory=lambda: Scheduled(self.rng, starving=starving)) as runner:
            runner.run(self._play())
        return self

    def _lost(self) -> list[Demand]:
        """Recorded stops that are live and not carried out."""
        return [
            demand
            for demand in self.answered
            if demand.recorded
            for target in demand.targets
            if (demand.hold, target) not in self.lifted and self.sites[target].mode < demand.mode
        ]

    @property
    def lifted(self) -> set[tuple[str, str]]:
        """The pairs that a lift named."""
        journals = (*self.own, *self.others)
        return {pair for event in journals if isinstance(event, events.PairsLifted) for pair in event.pairs}

    async def _play(self) -> None:
        self.process = self._start()
        ticking = asyncio.ensure_future(self._tick())
        try:
            for _ in range(ROUNDS):
                await self._do_something()
                await asyncio.sleep(self.rng.choice([0.0, 0.001, 0.03, 0.3, 2.0, 7.0]))
                self._raise()
            await self._heal()
            self.lost = self._lost()
        finally:
            ticking.cancel()
            await self.process.kill()
        self.violations += [f"P2: {it.hold} was answered RECORDED and is not carried out" for it in self.lost]
        self._raise()

    def _start(self) -> Process:
        return Process(
            self.configuration,
            self.sites,
            rng=self.rng,
            own=self.own,
            others=self.others,
            judge=self._judge,
            allowed=self._judge_gate,
        )

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self.process.tick()

    async def _do_something(self) -> None:
        doings = [self._demand] * 6 + [self._demand_offline] + [self._disk]
        doings += [self._meddle] * 2 if self.meddling else []
        doings += [self._restart] if self.crashing else []
        doings += [self._lift] if self.lifting else []
        await self.rng.choice(doings)()

    async def _demand(self) -> None:
        """A stop through a door; the door may go away before it is answered."""
        self.demands += 1
        order = StopOrder(
            mode=self.rng.choice(HELD),
            scope=self._scope(),
            by=events.Person(kind="slack", id="U0ONCALL"),
            channel="C0INCIDENT",
            origin=self._door(),
            delivery=self.rng.choice([None, None, f"delivery-{self.rng.randrange(5)}"]),
        )
        door = asyncio.ensure_future(self._through_the_door(self.process, order))
        self.process.doors.add(door)
        door.add_done_callback(self.process.doors.discard)
        if self.rng.random() < 0.05:
            asyncio.get_running_loop().call_later(self.rng.uniform(0, 0.05), door.cancel)

    async def _through_the_door(self, process: Process, order: StopOrder) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        receipt = await process.stops.stop(order)
        if process.life.dead:
            return
        if loop.time() - began > ACKNOWLEDGED_WITHIN:
            self.violations.append(f"P5: a stop was answered after {loop.time() - began:.3f} s")
        hold = process.board.hold_events[receipt.hold]
        targets = tuple(target.key for target in hold.targets)
        demand = Demand(hold.hold, hold.mode, targets, loop.time(), receipt.recorded)
        self.answered.append(demand)
        if receipt.recorded and not any(
            it.type == "hold_added" and it.hold == hold.hold for it in (*self.own, *self.others)
        ):
            self.violations.append(f"I1: {hold.hold} was answered RECORDED and no disk has it")
        if not receipt.repeated:
            loop.call_later(FIRST_CALL_WITHIN, self._was_called, process, demand)

    def _was_called(self, process: Process, demand: Demand) -> None:
        """I2: every target is called within a second, unless all its calls hang already."""
        for target in demand.targets:
            lane = process.dispatcher._lanes.get(target)
            busy = lane is not None and len(lane._calls) >= 1
            if not process.life.dead and not busy and max(self.sites[target].called_at, default=0.0) < demand.at - 0.1:
                self.violations.append(
                    f"I2: {target} was not called within a second of {demand.hold} ({demand.mode}), answered at "
                    f"{demand.at:.3f}; last called at {max(self.sites[target].called_at, default=0.0):.3f}"
                )

    async def _demand_offline(self) -> None:
        """A stop on the command line of this host: journaled and answered without the bot."""
        self.demands += 1
        plan = self.process.stops.plan(self.rng.choice(HELD), self._scope())
        now = asyncio.get_running_loop().time()
        hold = events.HoldAdded(
            at=self.process.board.stamp(plan.targets(), 1_000_000_000 + now),
            hold=f"offline-{self.rng.randrange(1_000_000)}",
            incident="offline",
            mode=plan.mode,
            by=events.Person(kind="cli", id="root"),
            targets=tuple(
                events.HeldTarget(key=key, surfaces=tuple(line.surface for line in lines), round_to=plan.mode)
                for key, lines in plan.targets().items()
            ),
        )
        self.others.append(hold)
        self.answered.append(Demand(hold.hold, hold.mode, tuple(plan.targets()), now, recorded=True))

    async def _disk(self) -> None:
        self.process.disk.delay = self.rng.choice([0.0, 0.01, 0.2, 2.0])
        self.process.disk.broken = self.rng.random() < 0.2

    async def _meddle(self) -> None:
        """Somebody loosens a surface by hand."""
        site = self.rng.choice(list(self.sites.values()))
        site.loosen(self.rng.choice(list(Mode)), asyncio.get_running_loop().time())

    async def _restart(self) -> None:
        """The process is killed; the next one finds what the disks have."""
        self.restarts += 1
        await self.process.kill()
        await asyncio.sleep(self.rng.choice([0.0, 1.0]))
        self.process = self._start()
        self.process.recover()

    async def _lift(self) -> None:
        """A ballot's lift of one hold on one target, journaled before anything is loosened."""
        board = self.process.board
        pairs = [(hold, target) for target in self.sites for hold in board.holds.live(target)]
        if pairs:
            now = 1_000_000_000 + asyncio.get_running_loop().time()
            self.others.append(events.PairsLifted(at=now, ballot="b", pairs=(self.rng.choice(pairs),)))

    async def _heal(self) -> None:
        """Liveness: with the faults gone, everything that is held is cut and proven."""
        self.process.disk.broken, self.process.disk.delay = False, 0.0
        for site in self.sites.values():
            site.trouble = 0.0
        for _ in range(SETTLES_WITHIN):
            await asyncio.sleep(1.0)
            if not self._unsettled():
                return
        self.violations.append(f"after {SETTLES_WITHIN} s without faults: {self._unsettled()}")

    def _unsettled(self) -> list[str]:
        """What is not as strict as its holds, or not shown as proven."""
        board, found = self.process.board, []
        for target, site in self.sites.items():
            effective = board.effective(target)
            if site.mode < effective:
                found.append(f"{target} is {site.mode}, held at {effective}")
        for incident in board.incidents.values():
            lines = report(board, incident, {}).lines
            for line in lines:
                effective = board.effective(f"unruly:{line.surface.partition('/')[2]}")
                lifted = line.outcome is Outcome.RESTORED and effective is Mode.NORMAL
                if effective >= line.asked and line.outcome not in _ENDS and not lifted:
                    found.append(f"{line.surface} is {line.outcome}")
        return found

    def _judge(self, process: Process, proof: events.Proof) -> None:
        """P3: nothing is published as verified while it is looser than asked, or while we may still loosen it."""
        if process.life.dead or not green(proof):
            return
        now, site = asyncio.get_running_loop().time(), self.sites[proof.target]
        asked = process.board.effective(proof.target)
        if proof.asked < asked:
            return  # shown as pending
        if site.mode < proof.asked and site.loosened_at < now - 2 * DEADLINE:
            self.violations.append(
                f"P3: {proof.target} verified at {proof.asked} while it is {site.mode}, at {now:.3f}"
            )
        if any(mode < asked for mode in process.open_loosenings(proof.target)):
            self.violations.append(f"P3: {proof.target} verified while a loosening of ours is open")

    def _judge_gate(self, process: Process, target: str, mode: Mode) -> None:
        """I4, I7: no gate opens to a mode that is looser than what any journal holds at that moment."""
        journals = (*process.board.hold_events.values(), *self.others)
        holds = [event for event in journals if isinstance(event, events.HoldAdded)]
        lifted = self.lifted
        live = [it.mode for it in holds for t in it.targets if t.key == target and (it.hold, target) not in lifted]
        if not process.life.dead and mode < max(live, default=Mode.NORMAL):
            self.violations.append(f"I7: the gate let {target} loosen to {mode} under {max(live)}")

    def _raise(self) -> None:
        if self.violations:
            raise Violation(f"seed {self.seed}: " + "; ".join(self.violations))

    def _scope(self) -> Scope:
        chosen = frozenset(self.rng.sample(NAMES, self.rng.randint(1, 2)))
        return self.rng.choice([Scope(everything=True), Scope(agents=frozenset({"a"})), Scope(surfaces=chosen)])

    def _door(self) -> Literal["slack", "http", "cli"]:
        return self.rng.choice(["slack", "http", "cli"])

    def _surface(self, name: str) -> Surface:
        agent, _, surface = name.partition("/")
        return Surface(
            agent=agent,
            id=surface,
            adapter="unruly",
            surface_class=SurfaceClass.DATABASE,
            settings=Config(),
            deadline=DEADLINE,
            backstop="a/tool" if name == "a/queue" else None,
        )


_ENDS = {Outcome.VERIFIED, Outcome.CONTESTED}
