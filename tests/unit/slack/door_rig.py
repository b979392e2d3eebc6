"""A door with everything behind it in memory, and the simulated workspace before it."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from adapters.base import Config, Mode, SurfaceClass
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Agent, Configuration, Policy, Quarantined, StopPolicy, Surface, Workspace
from bot.domain.plan import Inventoried, Plan, Scope, make_plan
from bot.sandbox.simulator import Simulator
from bot.service.ports import Receipt, StopOrder
from bot.service.stop import EmptyScope
from bot.slack.client import SlackApi
from bot.slack.door import Door
from bot.web.listener import Listener
from bot.web.public import build_public

MANIFEST: dict[str, Any] = yaml.safe_load(Path("manifest.yml").read_text(encoding="utf-8"))


class WallClock:
    """The machine's own."""

    def now(self) -> float:
        """Unix time."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only rise."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


def surface(agent: str, name: str, kind: SurfaceClass = SurfaceClass.API) -> Surface:
    """A surface without settings."""
    return Surface(agent=agent, id=name, adapter="memory", surface_class=kind, settings=Config())


def configuration(**policy: Any) -> Configuration:
    """Two agents: billing, bound to the incident channel, and payroll, bound to #general."""
    stop = StopPolicy(**({"groups": ("S0ONCALL",)} | policy))
    billing = Agent(
        id="billing",
        name="Billing agent",
        owner="U0OWNER",
        channel="C0INCIDENT",
        slack_identities=frozenset({"U0AGENT"}),
        surfaces=(surface("billing", "ledger", SurfaceClass.DATABASE), surface("billing", "mail")),
        quarantined=(Quarantined(agent="billing", id="broken", why="unknown key 'dns'"),),
    )
    payroll = Agent(
        id="payroll",
        name="Payroll agent",
        channel="C0GENERAL",
        surfaces=(surface("payroll", "jobs", SurfaceClass.QUEUE),),
    )
    return Configuration(
        workspace=Workspace(incident_channel="C0INCIDENT"), policy=Policy(stop=stop), agents=(billing, payroll)
    )


@dataclass
class TinyStops:
    """The stop path in thirty lines: plans as the real one does, records to the board, cuts nothing."""

    board: Board
    configuration: Callable[[], Configuration]
    orders: list[StopOrder] = field(default_factory=list)
    recorded: bool = True
    delay: float = 0.0
    failure: Exception | None = None

    def plan(self, mode: Mode, scope: Scope) -> Plan:
        """What a stop would hold."""
        found = self.configuration()
        broken = [item for agent in found.agents for item in agent.quarantined]
        modes = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})
        usable = [Inventoried(surface=item, target=f"t:{item.name}", enforceable=modes) for item in found.surfaces()]
        return make_plan(mode, scope, usable, broken)

    async def stop(self, order: StopOrder) -> Receipt:
        """Records the hold."""
        plan = self.plan(order.mode, order.scope)
        if not plan.lines:
            raise EmptyScope(f"nothing that is configured matches '{order.scope}'")
        if self.failure:
            raise self.failure
        self.orders.append(order)
        hold = hashlib.sha256(str(order.delivery).encode()).hexdigest()[:8]
        repeated = hold in self.board.hold_events
        incident = self.board.open_incident(order.channel)
        event = events.HoldAdded(
            at=time.time(),
            hold=hold,
            incident=incident.id if incident else f"inc-{hold}",
            mode=order.mode,
            by=order.by,
            reason=order.reason,
            scope=str(order.scope),
            channel=order.channel,
            targets=tuple(
                events.HeldTarget(key=key, surfaces=tuple(line.surface for line in lines), round_to=order.mode)
                for key, lines in plan.targets().items()
            ),
        )
        self.board.apply(event)
        await asyncio.sleep(self.delay)
        kept = self.board.hold_events[hold]
        return Receipt(incident=kept.incident, hold=hold, plan=plan, recorded=self.recorded, repeated=repeated)


@dataclass
class Rig:
    """Everything that a test may look at."""

    simulator: Simulator
    door: Door
    stops: TinyStops
    board: Board
    recorded: list[events.AnyEvent]
    woken: list[str]
    url: str

    @property
    def holds(self) -> dict[str, events.HoldAdded]:
        """Every hold so far."""
        return self.board.hold_events

    async def roster_read(self) -> None:
        """Waits until the groups and their people were read."""
        await self.simulator.wait_for(lambda: self.door.roster.snapshot().people, what="a first read of the roster")


class Woken:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.incidents: list[str] = []

    def wake(self, incident: str) -> None:
        """Remembers."""
        self.incidents.append(incident)


@asynccontextmanager
async def rig(
    state_dir: Path,
    *,
    mode: str = "http",
    made: Configuration | None = None,
    before: Callable[[Simulator], None] = lambda _: None,
    **simulator: Any,
) -> AsyncIterator[Rig]:
    """Runs the simulated workspace and a door before it.

    Args:
        state_dir: of the bot.
        mode: `http` or `socket`.
        made: the configuration; `configuration()` otherwise.
        before: sets faults before the door starts.
        simulator: settings of the simulator.
    """
    found = made or configuration()
    async with Simulator(MANIFEST, **simulator) as slack:
        before(slack)
        async with door_at(slack, state_dir, mode=mode, made=found) as running:
            yield running


@asynccontextmanager
async def door_at(
    slack: Simulator, state_dir: Path, *, mode: str = "http", made: Configuration | None = None
) -> AsyncIterator[Rig]:
    """Runs a door before a workspace that runs already."""
    found = made or configuration()
    board, woken = Board(), Woken()
    recorded: list[events.AnyEvent] = []
    stops = TinyStops(board, lambda: found)

    def record(event: events.AnyEvent) -> "asyncio.Future[bool]":
        recorded.append(event)
        board.apply(event)
        written = asyncio.get_running_loop().create_future()
        written.set_result(True)
        return written

    api = await SlackApi.open(token=slack.bot_token, base_url=slack.api_url)
    door = Door(
        stops=stops,
        board=board,
        record=record,
        configuration=lambda: found,
        api=api,
        api_url=slack.api_url,
        app_token=slack.app_token if mode == "socket" else None,
        signing_secret=slack.signing_secret if mode == "http" else None,
        state_dir=state_dir,
        clock=WallClock(),
        reporter=woken,
    )
    public = build_public(
        slack_events=door.handle_http,
        stops=stops,
        known=dict,
        callers={},
        clock=WallClock(),
        state_dir=state_dir,
        channel=lambda: None,
    )
    listener = Listener(public, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{await listener.start()}/slack/events"
    await door.start()
    slack.use("http" if mode == "http" else "socket", url=url)
    if mode == "socket" and not slack.socket.disabled:
        await slack.connected(1)
    try:
        yield Rig(slack, door, stops, board, recorded, woken.incidents, url)
    finally:
        await door.stop()
        await listener.stop()
        await api.aclose()
