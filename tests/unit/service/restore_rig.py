"""The real restore over memory worlds: people, reactions, database and audit are what a test says they are."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.base import Mode
from bot.domain import events
from bot.domain.ballot import Ballot, Reading
from bot.domain.model import Agent, Configuration, Policy, RestorePolicy, Surface
from bot.domain.plan import Scope
from bot.domain.policy import Group, Kind, Roster
from bot.service.candidates import Candidates
from bot.service.ports import Gathered, Gone, RestoreOrder
from bot.service.restore import Restores
from bot.service.second_factor import SecondFactors
from bot.service.stepping import Stepping
from tests.unit.service.rig import Rig

VOTERS = ("U1", "U2", "U3", "U4")
PROPOSER = "U0ONCALL"


@dataclass
class Box:
    """Reactions by name, as people left them."""

    users: dict[str, set[str]] = field(default_factory=dict)
    members: set[str] = field(default_factory=lambda: set(VOTERS))
    kinds: dict[str, Kind] = field(default_factory=dict)
    silent: bool = False  # Slack does not answer
    gone: str = ""
    complete: bool = True
    shared: str = ""  # why no ballot may stand in the channel
    refused: dict[str, str] = field(default_factory=dict)
    woken: list[str] = field(default_factory=list)

    def react(self, name: str, *users: str) -> None:
        """Adds a reaction of each."""
        self.users.setdefault(name, set()).update(users)

    async def read(self, opened: events.BallotOpened) -> Reading | Gone | None:  # noqa: ARG002  # as the port
        """What is there now."""
        if self.gone:
            return Gone(self.gone)
        if self.silent:
            return None
        return Reading(users={name: frozenset(users) for name, users in self.users.items()}, complete=self.complete)

    async def roster(self) -> Roster | None:
        """The people of the group."""
        if self.silent:
            return None
        people = dict.fromkeys((*self.members, PROPOSER, *VOTERS), Kind.MEMBER) | self.kinds
        return Roster(groups=(Group(id="S0RESTORE", members=frozenset(self.members)),), people=people, read_at=0.0)

    async def unfit(self, channel: str) -> str:  # noqa: ARG002  # as the port
        """As a test says."""
        return self.shared

    def wake(self, ballot: str) -> None:
        """Counts."""
        self.woken.append(ballot)

    def refuse(self, opened: events.BallotOpened, user: str, why: str) -> None:  # noqa: ARG002  # as the port
        """Keeps."""
        self.refused[user] = why


@dataclass
class Machines:
    """Evidence as a test says it."""

    withheld: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()

    async def gather(self, returns: Sequence[events.Return], to: Mode, reason: str) -> Gathered:  # noqa: ARG002
        """As said."""
        return Gathered(
            findings=(events.Finding(about="all", says="quiet for 10 min", good=True),), withheld=self.withheld
        )

    async def evaluate(self, returns: Sequence[events.Return]) -> tuple[str, ...]:  # noqa: ARG002
        """As said."""
        return self.failing


class RestoreRig(Rig):
    """As `Rig`, with a restore; `trouble` is why nothing may be given back, `database` why it took no lift."""

    def __init__(self, *surfaces: Surface, board: Any = None, shared: Any = None, **policy: Any) -> None:
        super().__init__(*surfaces, board=board, shared=shared)
        self.configure(**policy)
        self.box, self.machines = Box(), Machines()
        self.trouble: list[str] = []
        self.database = ""
        self.thawed = asyncio.Event()  # cleared: the database hangs
        self.thawed.set()
        candidates = Candidates(inventory=lambda: self.inventory, board=self.board, clock=self.clock)
        self.stepping = Stepping(
            recorder=self.recorder,
            dispatcher=self.dispatcher,
            evidence=self.machines,
            stored=self._stored,
            box=self.box,
            reporter=self.reporter,
            configuration=lambda: self.inventory.configuration,
            budget=lambda key: self.inventory.targets[key].deadline,
            clock=self.clock,
        )
        self.restores = Restores(
            configuration=lambda: self.inventory.configuration,
            candidates=candidates,
            recorder=self.recorder,
            evidence=self.machines,
            stepping=self.stepping,
            ready=self._ready,
            box=self.box,
            clock=self.clock,
        )
        self.codes = SecondFactors(
            configuration=lambda: self.inventory.configuration,
            recorder=self.recorder,
            soon=self.restores.soon,
            clock=self.clock,
        )
        self.running: list[asyncio.Task[None]] = []

    def configure(self, *, owner: str = "U0OWNER", identities: Iterable[str] = ("U0AGENT",), **policy: Any) -> None:
        """Who owns the agents, and who restores how."""
        known = self.inventory.configuration
        agents = tuple(
            Agent(id=it.id, name=it.name, owner=owner, slack_identities=frozenset(identities), surfaces=it.surfaces)
            for it in known.agents
        )
        chosen = {"groups": ("S0RESTORE",), "full_stop_quorum": 2, "dwell": 60.0, "step": 300.0, **policy}
        self.inventory.configuration = Configuration(agents=agents, policy=Policy(restore=RestorePolicy(**chosen)))

    async def open(self, mode: Mode = Mode.NORMAL, **more: Any) -> Ballot:
        """A ballot on everything, unless a scope is given."""
        if not self.running:
            self.running = [asyncio.create_task(work()) for work in (self.restores.run, self._watched)]
        order = RestoreOrder(
            mode=mode,
            scope=more.pop("scope", Scope(everything=True)),
            by=events.Person(kind="slack", id=more.pop("by", PROPOSER)),
            reason="the loop is fixed",
            channel="C0INCIDENT",
            **more,
        )
        opened = await self.restores.open(order)
        return self.board.ballots[opened.ballot]

    async def held(self, mode: Mode = Mode.FULL_STOP, **more: Any) -> None:
        """A stop that is proven everywhere."""
        await self.stop(mode, **more)
        await self.settled()

    async def ended(self, ballot: Ballot, within: float = 7200.0) -> str:
        """How it ended, once it has."""
        await self.until(lambda: ballot.ended is not None, within)
        assert ballot.ended
        return ballot.ended.how

    async def aclose(self) -> None:
        """Ends everything."""
        for task in self.running:
            task.cancel()
        await self.stepping.aclose()
        await super().aclose()

    async def _watched(self) -> None:
        """The drift watch, as the schedule runs it."""
        while True:
            await self.watch.tick()
            await self.clock.sleep(1.0)

    async def _ready(self, without: frozenset[str]) -> Sequence[str]:
        return [why for why in self.trouble if not any(name in why for name in without)]

    async def until(self, done: Callable[[], bool], within: float = 60.0) -> None:
        """As the rig's, with a coarser look: a restore takes half an hour."""
        async with asyncio.timeout(within):
            while not done():  # noqa: ASYNC110  # anything may be waited for
                await asyncio.sleep(0.25 if within > 60 else 0.01)  # the rig's own patience

    async def _stored(self) -> str:
        await self.thawed.wait()
        return self.database
