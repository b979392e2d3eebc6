"""Cards in a simulated workspace, over a memory surface that parks; the test drives each step."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from adapters.base import Mode, Shared, SurfaceClass
from adapters.memory import Memory, Settings, World
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Agent, ApprovePolicy, Configuration, Policy, Surface
from bot.domain.policy import Roster
from bot.sandbox.messages import Message
from bot.sandbox.simulator import Simulator
from bot.service.decisions import Answer, Order
from bot.service.inventory import make_inventory
from bot.service.lots import Found
from bot.service.parked import ParkedWork
from bot.service.recorder import Recorder
from bot.slack.blocks.message import message, section
from bot.slack.client import Sent, SlackApi
from bot.slack.draft_post import DraftPost
from bot.slack.outbox import Outbox
from tests.unit.slack.door_rig import MANIFEST, WallClock

TARGET = "memory:billing/api"
BY = events.Person(kind="slack", id="U0APPROVER1")


class Journal:
    """In memory; says no while `broken`."""

    def __init__(self) -> None:
        self.broken = False
        self.written: list[events.AnyEvent] = []

    async def append(self, event: events.AnyEvent) -> bool:
        """Kept, or not."""
        if not self.broken:
            self.written.append(event)
        return not self.broken


class _Kept:
    """An awaitable that may be left alone, as the real one's."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def append(self, event: events.AnyEvent) -> Any:
        """Begins at once."""
        return asyncio.ensure_future(self._journal.append(event))


class Rig:
    """One incident with a thread; `hurried` says that a cut is under way."""

    def __init__(self, slack: Simulator, api: SlackApi, board: Board | None = None) -> None:
        self.slack = slack
        self.api = api
        self.clock = WallClock()
        self.board = board or Board()
        self.journal = Journal()
        self.recorder = Recorder(self.board, _Kept(self.journal))
        self.hurried = False
        self.shared = Shared()
        surface = Surface(
            agent="billing",
            id="api",
            adapter="memory",
            surface_class=SurfaceClass.API,
            settings=Settings(target="billing/api"),
        )
        agent = Agent(id="billing", name="Billing <@U0OWNER> agent", surfaces=(surface,))
        policy = Policy(approve=ApprovePolicy(groups=("S0RESTORE",)))
        self.inventory = make_inventory(
            Configuration(agents=(agent,), policy=policy),
            lambda item: Memory(config=item.settings, canary=None, shared=self.shared),  # type: ignore[arg-type]  # as made above
        )
        self.parked = ParkedWork(
            inventory=lambda: self.inventory,
            recorder=self.recorder,
            hurried=lambda: self.hurried,
            refresh=lambda: True,
            clock=self.clock,
        )
        self.post = self.another()

    def another(self) -> DraftPost:
        """As after a restart."""
        made = DraftPost(
            board=self.board,
            record=self.recorder.record,
            parked=self.parked,
            configuration=lambda: self.inventory.configuration,
            roster=Roster,
            api=self.api,
            hurried=lambda: self.hurried,
            clock=self.clock,
        )
        made._outbox = Outbox(self.api, self.clock, spacing=0.0)  # no second between two messages
        return made

    @property
    def world(self) -> World:
        """Of the surface."""
        return self.shared.get(("memory", "billing/api"), World)

    async def open(self, mode: Mode = Mode.DRAFT_ONLY, incident: str = "i") -> None:
        """An incident whose thread has its parent, and the surface held."""
        self.hold(mode, "h1" if incident == "i" else f"h-{incident}", incident)
        self.world.rights |= {"apply" if mode is Mode.DRAFT_ONLY else "unattended": "off"}
        sent = await self.api.post("C0INCIDENT", message("the incident", [section("the incident")]))
        assert isinstance(sent, Sent)
        posted = events.Posted(
            at=self.clock.now(), incident=incident, slot="parent", channel="C0INCIDENT", ts=sent.ts, digest="x"
        )
        self.board.apply(posted)
        self.report(incident)

    def report(self, incident: str = "i") -> None:
        """The report of the newest stop is posted."""
        at = self.clock.now()
        self.board.apply(
            events.Posted(at=at, incident=incident, slot="closing:1", channel="C0INCIDENT", ts="0.1", digest="x")
        )

    def hold(self, mode: Mode, name: str, incident: str = "i") -> None:
        """The journal says so."""
        held = events.HeldTarget(key=TARGET, surfaces=("billing/api",), round_to=mode)
        self.board.apply(
            events.HoldAdded(
                at=self.clock.now(),
                hold=name,
                incident=incident,
                mode=mode,
                by=BY,
                channel="C0INCIDENT",
                targets=events.Targets((held,)),
            )
        )

    async def proposes(self, *writes: str) -> None:
        """The agent does, and the bot has seen it."""
        session = self.world.login()
        for what in writes:
            assert not self.world.write(session, what)
        await self.looked()

    async def looked(self) -> None:
        """One look at what is parked."""
        self.parked._next.clear()  # now, not in two seconds
        await self.parked.tick()
        await self.slack.wait_for(lambda: not self.parked._looking, what="the look")

    async def posted(self) -> list[Message]:
        """Steps until nothing is left to say; the thread without its parent."""
        while await self.post.step() == 0.0:
            pass
        parent = next(it for it in self.slack.channel("incident").parents() if it.text == "the incident")
        return [it for it in self.slack.channel("incident").thread(parent.ts) if it.ts != parent.ts]

    async def decide(self, item: Found, verdict: Any = "release") -> Answer:
        """An approver does."""
        return await self.parked.decide(Order(draft=item.name, digest=item.digest, verdict=verdict, by=BY))

    def rename(self, number: str, what: str) -> None:
        """What is parked under that id is another thing from now on."""
        self.world.drafts[number] = replace(self.world.drafts[number], what=what)

    async def aclose(self) -> None:
        """Ends it."""
        await self.parked.aclose()


@asynccontextmanager
async def rigged(before: Callable[[Simulator], None] = lambda _: None) -> AsyncIterator[Rig]:
    """A workspace and an incident without proposals yet."""
    async with Simulator(MANIFEST, rate_limits=False) as slack:
        before(slack)
        api = await SlackApi.open(token=slack.bot_token, base_url=slack.api_url)
        rig = Rig(slack, api)
        try:
            await rig.open()
            yield rig
        finally:
            await rig.aclose()
            await api.aclose()
