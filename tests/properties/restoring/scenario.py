"""One run of stops, ballots, votes, faults and crashes in an order that the seed decides, judged at every step."""

import asyncio
import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from unittest.mock import patch

from adapters.base import Mode
from bot.domain import events
from bot.domain.ballot import Ballot
from bot.domain.model import Agent, Configuration, Policy, RestorePolicy, Risk, Surface
from bot.domain.outcome import Outcome
from bot.domain.plan import Scope
from bot.service.ports import CannotOpen, RestoreOrder
from tests.properties.exploring.process import Process
from tests.properties.exploring.scenario import DEADLINE, NAMES, Scenario
from tests.properties.exploring.unruly import FEW, LINGERS, MODES
from tests.properties.journals import fold
from tests.properties.restoring.logged import Logged
from tests.properties.restoring.marked import MarkedFew
from tests.properties.restoring.oracle import Oracle
from tests.properties.restoring.people import AGENT, FOR, NEITHER, NO_SAY, OWNER, PROPOSER, VETO, VOTERS, Slack
from tests.properties.restoring.process import KINDS, Around, Restoring
from tests.properties.restoring.troubles import TROUBLES, Scene

STEPS = 30  # per run
LOOSE_FOR = 2 * (DEADLINE + max(LINGERS)) + 10  # virtual seconds that an untroubled surface may take to be cut again
HEALED_WITHIN = 400  # virtual seconds
# "crash" and "lies" twice: they are the likeliest to be drawn
FAULTS = (*TROUBLES, "crash", "crash", "crowd", "doubt", "lies", "reload", "stop")
_WAITS = (0.0, 0.001, 0.03, 0.3, 1.0, 2.0, 4.0, 9.0)
_RISKS = tuple(Risk)


@dataclass
class Restoration(Scenario):
    """`steps` counts what was done, each with the invariants checked after it; `only` are the faults, if not drawn."""

    only: frozenset[str] | None = None
    steps: int = 0
    lifts: int = 0
    completed: int = 0
    told: int = 0  # lifts and steps that were given to the disk
    process: Restoring = field(init=False)

    def __post_init__(self) -> None:
        """Draws what stays the same for the whole run."""
        super().__post_init__()
        rng = self.rng
        self.calm = not self.only if self.only is not None else rng.random() < 0.15
        drawn = set() if self.calm else set(rng.sample(FAULTS, rng.choice([1, 2, 2, 3])))
        self.faults = drawn if self.only is None else set(self.only)
        self.crashing = "crash" in self.faults
        self.around = Around(Slack(rng))
        if "crowd" in self.faults:  # people without a say are in the group
            self.around.slack.members |= {*rng.sample(VOTERS, 4), PROPOSER, OWNER, AGENT, *NO_SAY}
        for key, site in self.sites.items():
            kind = self.around.kinds[key] = rng.choice(KINDS)
            site.modes = FEW if kind is MarkedFew else MODES
            site.trouble = 0.0
            site.lies = Mode.NORMAL if "lies" in self.faults and rng.random() < 0.5 else None
        self.policy = RestorePolicy(
            groups=("S0RESTORE",),
            full_stop_quorum=rng.choice([2, 3]),
            dwell=6.0 if "dark" in self.faults else rng.choice([0.0, 2.0, 6.0]),
            step=4.0 if "doubt" in self.faults else rng.choice([0.0, 1.0, 4.0]),
            ttl=300.0 if self.calm else rng.choice([15.0, 60.0, 300.0]),
        )
        agents = tuple(
            replace(agent, owner=OWNER, slack_identities=frozenset({AGENT}), surfaces=self._with_risks(agent))
            for agent in self.configuration.agents
        )
        self.configuration = Configuration(agents=agents, policy=Policy(restore=self.policy))
        self.oracle = Oracle(self.others, self.violations)
        self.quiet_since: dict[str, float] = {}
        self.loose_since: dict[str, float] = {}
        self.back_since: dict[tuple[tuple[str, str], int], float] = {}

    def run(self) -> "Restoration":
        """Plays it. Raises `Violation` with the first thing that is wrong."""
        ids = random.Random(self.seed)  # noqa: S311  # a seed that can be replayed
        with patch.object(secrets, "token_hex", lambda size: ids.randbytes(size).hex()):
            super().run()
        return self

    async def _play(self) -> None:
        with Logged(self.violations):
            self.process = self._begin()
            ticking = asyncio.ensure_future(self._tick())
            try:
                await (self._play_calmly() if self.calm else self._play_wildly())
                await self._heal()
            finally:
                ticking.cancel()
                await self.process.kill()
            self._raise()

    async def _play_wildly(self) -> None:
        await self._demand()
        for _ in range(STEPS):
            await self._do_something()
            self.steps += 1
            await asyncio.sleep(self.rng.choice(_WAITS))
            self._check()

    async def _play_calmly(self) -> None:
        """Liveness: nothing goes wrong, enough people approve; then everything comes back."""
        await self._demand()
        await asyncio.sleep(10.0)
        ballot = await self._opened(Mode.NORMAL)
        for user in VOTERS[:3]:
            self.around.slack.react(ballot.id, self.rng.choice(FOR), user)
            self.steps += 1
        for _ in range(300):
            await asyncio.sleep(0.5)
            self._check()
            if ballot.ended:
                break
        how = ballot.ended and (ballot.ended.how, ballot.ended.why)
        modes = {key: self.sites[key].mode for key in self.process.board.holds.targets()}
        if how != ("completed", "") or modes:
            self.violations.append(f"nothing was wrong, and the restore ended as {how} with {modes}")

    def _begin(self) -> Restoring:
        process = self._start()
        process.begin()
        return process

    def _start(self) -> Restoring:
        return Restoring(
            self.configuration,
            self.sites,
            self.around,
            given=self._given,
            rng=self.rng,
            own=self.own,
            others=self.others,
            judge=self._judge,
            allowed=self._gate,
        )

    def _gate(self, process: Process, target: str, mode: Mode) -> None:
        assert isinstance(process, Restoring)
        self.oracle.gate(process, target, mode)

    def _given(self, process: Restoring, event: events.AnyEvent) -> None:
        self.lifts += isinstance(event, events.PairsLifted)
        self.told += isinstance(event, events.PairsLifted | events.StepDone)
        self.completed += isinstance(event, events.BallotEnded) and event.how == "completed"
        self.oracle.given(process, event)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self.process.tick()
            self._check()

    async def _do_something(self) -> None:
        doings: list[Callable[[], object]] = [*[self._vote] * 8, *[self._ask] * 4, self._withdraw, self._acknowledge]
        doings += [self._demand_offline] if "stop" in self.faults else []
        held = any(True for _ in self.process.board.holds.targets())
        doings += [self._demand] * (4 if not held or "stop" in self.faults else 0)
        doings += [self._fault] * 4 if self.faults else []
        doings += [self._doubt_in_a_step] * 3 if "doubt" in self.faults else []
        doings += [self._restart, self._crash_in_a_step, self._crash_in_a_step] if self.crashing else []
        done = self.rng.choice(doings)()
        if asyncio.iscoroutine(done):
            await done

    def _ask(self) -> None:
        """Somebody asks for a ballot; the answer may take its time."""
        rng = self.rng
        process, mine = self.process, [it for it in self.process.board.hold_events.values() if it.by.id == PROPOSER]
        undo = bool(mine) and rng.random() < 0.15
        mode = rng.choice([Mode.NORMAL, Mode.NORMAL, Mode.APPROVAL_GATED, Mode.DRAFT_ONLY, Mode.READ_ONLY])
        order = RestoreOrder(
            mode=Mode.NORMAL if undo else mode,
            scope=self._scope(),
            by=events.Person(kind="slack", id=AGENT if rng.random() < 0.05 else PROPOSER),
            reason="the loop is fixed",
            channel="C0INCIDENT",
            kind="undo" if undo else "restore",
            hold=rng.choice(mine).hold if undo else None,
            delivery=rng.choice([None, None, f"ask-{rng.randrange(4)}"]),
        )
        door = asyncio.ensure_future(self._asked(process, order))
        process.doors.add(door)
        door.add_done_callback(process.doors.discard)

    async def _asked(self, process: Restoring, order: RestoreOrder) -> None:
        with suppress(CannotOpen):
            opened = await process.restores.open(order)
            slot = f"ballot:{opened.ballot}"
            posted = events.Posted(
                at=opened.at, incident=opened.incident, slot=slot, channel="C", ts=opened.ballot, digest=""
            )
            process.recorder.record(posted)

    async def _opened(self, mode: Mode) -> Ballot:
        order = RestoreOrder(
            mode=mode,
            scope=_ALL,
            by=events.Person(kind="slack", id=PROPOSER),
            reason="the loop is fixed",
            channel="C0INCIDENT",
        )
        opened = await self.process.restores.open(order)
        return self.process.board.ballots[opened.ballot]

    def _vote(self) -> None:
        """Reactions: mostly approving, sometimes of the wrong people or the wrong kind, sometimes taken back."""
        rng, slack = self.rng, self.around.slack
        open_ones = [it for it in self.process.board.ballots.values() if it.voting or it.restoring]
        if not open_ones:
            return
        ballot = rng.choice(open_ones)
        roll = rng.random()
        if roll < 0.72 and "crowd" in self.faults:
            slack.react(ballot.id, rng.choice(FOR), rng.choice(["U1", "U9GUEST", OWNER, AGENT, PROPOSER]))
        elif roll < 0.72:
            for user in rng.sample(VOTERS, rng.randint(1, 3)):
                slack.react(ballot.id, rng.choice(FOR), user)
        elif roll < 0.86:
            somebody = rng.choice([PROPOSER, OWNER, AGENT, *NO_SAY, "U8NOBODY"])
            slack.react(ballot.id, rng.choice(FOR + VETO), somebody)
        elif roll < 0.92:
            slack.react(ballot.id, rng.choice(NEITHER), rng.choice(VOTERS))
        elif roll < 0.97:
            slack.take_back(ballot.id, rng.choice(VOTERS))
        else:
            slack.react(ballot.id, rng.choice(VETO), rng.choice(VOTERS))
        if rng.random() < 0.5:  # the others are events that Slack lost
            self.process.restores.hint("C", ballot.id)

    def _withdraw(self) -> None:
        if self.rng.random() < 0.2:
            for ballot in list(self.process.board.ballots):
                self.process.restores.withdraw(ballot, events.Person(kind="slack", id=PROPOSER))

    def _acknowledge(self) -> None:
        if self.rng.random() < 0.3:
            person = events.Person(kind="slack", id=self.rng.choice([*VOTERS, PROPOSER, AGENT]))
            self.process.restores.acknowledge(self.rng.choice([*NAMES, "writer:bot"]), person, "it is gone")

    def _fault(self) -> None:
        """Something goes wrong, or is well again."""
        name = self.rng.choice(sorted(self.faults))
        if name == "reload":
            self._reload()
        elif name in TROUBLES:
            site = self.rng.choice(list(self.sites.values()))
            TROUBLES[name](Scene(self.rng, self.around, site, self.process))

    def _reload(self) -> None:
        """The configuration of who may restore changes, or is read again as it was."""
        if self.rng.random() < 0.6:
            self.oracle.version += 1
            self.policy = replace(self.policy, quorum=2 + self.oracle.version % 2, ttl=self.policy.ttl + 1)
            self.configuration = replace(self.configuration, policy=Policy(restore=self.policy))
        self.process.inventory.configuration = self.configuration

    async def _restart(self) -> None:
        """Kill -9 at this instant, and a start over what the disks have."""
        self.restarts += 1
        await self.process.kill()
        await asyncio.sleep(self.rng.choice([0.0, 1.0]))
        left = fold([*self.own, *self.others])
        self.process = self._start()
        self.process.recover()
        self._check_start(left.ballots)
        self.process.begin()
        self.quiet_since.clear()
        self.loose_since.clear()

    async def _crash_in_a_step(self) -> None:
        """Kill -9 soon after the next line of a restore was given to the disk."""
        if await self._next_line():
            await asyncio.sleep(self.rng.choice([0.0, 0.0, 0.001, 0.005, 0.02, 0.3]))
            await self._restart()

    async def _doubt_in_a_step(self) -> None:
        """Somebody vetoes, or takes their vote back, soon after the next line of a restore."""
        if await self._next_line():
            for ballot in [it for it in self.process.board.ballots.values() if it.restoring]:
                user = self.rng.choice(VOTERS)
                self.around.slack.take_back(ballot.id, user)
                self.around.slack.react(ballot.id, self.rng.choice(VETO), user)

    async def _next_line(self) -> bool:
        """Whether a lift or a step was given to the disk within some seconds."""
        before = self.told
        for _ in range(200):
            if self.told != before:
                return True
            await asyncio.sleep(self.rng.choice([0.0, 0.01, 0.1]))
        return False

    def _check_start(self, ballots: dict[str, Ballot]) -> None:
        """Interleaving 3: what a step had begun and not proven is held as before it; what was announced stays."""
        board = self.process.board
        for ballot in ballots.values():
            opened = ballot.opened
            if opened is None or ballot.ended or not ballot.lifts:
                continue
            for item in opened.returns:
                begun = {
                    step: lift
                    for step, lifts in ballot.lifts.items()
                    if step
                    for lift in lifts
                    if _moves(lift, item.key)
                }
                done = [step for step in begun if (step, item.key) in ballot.done]
                held = min((_to(begun[step]) for step in done), default=item.now)
                if board.effective(item.key) < held:
                    self.violations.append(
                        f"after a crash {item.key} is held at {board.effective(item.key)}, not {held}"
                    )
                more = {h: m for h, m in board.holds.live(item.key).items() if board.hold_events[h].parent == ballot.id}
                if len(done) == len(begun) and max(more.values(), default=Mode.NORMAL) > held:
                    self.violations.append(
                        f"after a crash the lift of {item.key} to {held}, which was announced, is lost"
                    )

    def _check(self) -> None:
        """The invariants, at any moment."""
        board, now = self.process.board, asyncio.get_running_loop().time()
        back = {(pair, self.restarts) for pair in self._lifted_and_live()}
        for pair in back:
            if self.back_since.setdefault(pair, now) < now:  # a write that ends now is obeyed in the same instant
                self.violations.append(f"I3: {pair[0]} was lifted on disk, and is live again")
        for key, site in self.sites.items():
            loose = site.mode < board.effective(key)
            calm = not site.trouble and site.lies is None and not self.process.disk.broken
            for since, so in ((self.loose_since, loose), (self.quiet_since, calm)):
                since.setdefault(key, now) if so else since.pop(key, None)
            long_ago = now - LOOSE_FOR - max(0.0, self.process.disk.delay)
            never = max(self.loose_since.get(key, now), self.quiet_since.get(key, now), site.loosened_at)
            if never < long_ago:
                self.violations.append(
                    f"I3: {key} is {site.mode} for {now - never:.0f} s, held at {board.effective(key)}"
                )
        self._raise()

    def _lifted_and_live(self) -> Iterator[tuple[str, str]]:
        """Pairs that a ballot which is over had lifted on disk, and that bind all the same."""
        board, over = self.process.board, [it for it in self.process.board.ballots.values() if it.ended]
        known = {ballot.id for ballot in over if not self.process.stepping.runs(ballot)}
        for event in self.own:
            if isinstance(event, events.PairsLifted) and event.ballot in known:
                yield from (pair for pair in event.pairs if pair[0] in board.holds.live(pair[1]))

    async def _heal(self) -> None:
        """Liveness: with everything well, what is held is cut and proven, and no restore is left in the middle."""
        around = self.around
        self.process.disk.broken, self.process.disk.delay = False, 0.0
        around.slack.silent = around.slack.slow = around.slack.cut_short = around.failing = False
        around.database, around.trouble = "", set()
        for site in self.sites.values():
            site.trouble, site.lies = 0.0, None
        for _ in range(HEALED_WITHIN):
            await asyncio.sleep(1.0)
            self._check()
            if not self._unsettled():
                return
        self.violations.append(f"after {HEALED_WITHIN} s without faults: {self._unsettled()}")

    def _unsettled(self) -> list[str]:
        board, found = self.process.board, []
        for key, site in self.sites.items():
            effective, proof = board.effective(key), board.proofs.get(key)
            if site.mode < effective:
                found.append(f"{key} is {site.mode}, held at {effective}")
            elif effective > Mode.NORMAL and (proof is None or proof.outcome not in _ENDS or proof.asked < effective):
                found.append(f"{key} is {proof and proof.outcome}")
        return found + [f"{it.id} is in the middle" for it in board.ballots.values() if it.restoring]

    def _with_risks(self, agent: Agent) -> tuple[Surface, ...]:
        return tuple(replace(surface, risk=self.rng.choice(_RISKS)) for surface in agent.surfaces)


def _moves(lift: events.PairsLifted, key: str) -> bool:
    return any(target == key for _, target in lift.pairs)


def _to(lift: events.PairsLifted) -> Mode:
    return max((hold.mode for hold in lift.holds), default=Mode.NORMAL)


_ALL = Scope(everything=True)
_ENDS = {Outcome.VERIFIED, Outcome.CONTESTED}
