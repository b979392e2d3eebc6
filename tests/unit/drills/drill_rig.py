"""The real drills over memory worlds: database, evaluations and workload are what a test says they are."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.due import chance
from bot.domain.model import Drill, Surface, Workspace
from bot.domain.practice import Run
from bot.service.drill import Drills
from bot.service.drill_ports import DrillDesk
from bot.service.faults import Faults
from bot.service.giving import Giving
from bot.service.ports import Gathered
from bot.service.put_back import put_back
from tests.unit.service.rig import Rig

ALICE = events.Person(kind="slack", id="U0ALICE")
LEDGER, QUEUE = "billing/ledger", "billing/queue"


@dataclass
class Database:
    """Claims by (drill, due time); `why` refuses."""

    rows: dict[tuple[str, float], str] = field(default_factory=dict)
    why: str = ""

    async def claim(self, drill: str, due: float, run: str, at: float) -> str | None:  # noqa: ARG002  # as the port
        """The first one has it."""
        if self.why:
            raise OSError(self.why)
        return self.rows.setdefault((drill, due), run)


@dataclass
class Evaluations:
    """What fails, in the order of the calls; nothing afterwards."""

    failing: list[tuple[str, ...]] = field(default_factory=list)
    calls: int = 0

    async def gather(self, returns: Sequence[events.Return], to: Mode, reason: str) -> Gathered:  # noqa: ARG002
        """Nothing."""
        return Gathered()

    async def evaluate(self, returns: Sequence[events.Return]) -> tuple[str, ...]:  # noqa: ARG002  # as the port
        """As said."""
        self.calls += 1
        return self.failing.pop(0) if self.failing else ()


@dataclass
class Load:
    """A workload that runs until it is cancelled, unless it ends by itself."""

    ends: str = ""
    running: bool = False

    async def run(self, command: Sequence[str]) -> str:  # noqa: ARG002  # as the port
        """Runs."""
        self.running = True
        try:
            return self.ends or await asyncio.Future()
        finally:
            self.running = False


def drill(**more: Any) -> Drill:
    """A live drill of the ledger, on Mondays at ten in Berlin."""
    chosen: dict[str, Any] = {
        "id": "weekly",
        "schedule": "0 10 * * MON",
        "timezone": "Europe/Berlin",
        "surfaces": (LEDGER,),
        "mode": Mode.FULL_STOP,
        "kind": "live",
        **more,
    }
    return Drill(**chosen)


class DrillRig(Rig):
    """As `Rig`, with drills that a test ticks."""

    def __init__(
        self, *surfaces: Surface, drills: Sequence[Drill] = (), board: Board | None = None, **more: Any
    ) -> None:
        super().__init__(*surfaces, board=board, **more)
        self.configure(*(drills or (drill(),)))
        self.claims, self.evaluations, self.load = Database(), Evaluations(), Load()
        self.faults = Faults()
        self.database = ""
        self.people: frozenset[str] | None = frozenset()
        self.secret = "state key"
        self.unarmed: list[str] = []
        self.unchecked: list[str] = []
        self.unready: list[str] = []
        self.drills = Drills(
            DrillDesk(
                inventory=lambda: self.inventory,
                recorder=self.recorder,
                dispatcher=self.dispatcher,
                stops=self.stops,
                giving=Giving(
                    recorder=self.recorder,
                    stored=self._stored,
                    budget=lambda key: it.deadline if (it := self.inventory.targets.get(key)) else 0.0,
                    clock=self.clock,
                ),
                evidence=self.evaluations,
                reporter=self.reporter,
                claims=self.claims,
                faults=self.faults,
                workload=self.load,
                armed=self._armed,
                checked=self._checked,
                ready=self._ready,
                clock=self.clock,
                chance=lambda name, due: chance(self.secret, name, due),
            ),
            people=lambda: self.people,
        )

    def configure(self, *drills: Drill) -> None:
        """What is configured."""
        self.inventory.configuration = replace(
            self.inventory.configuration, drills=drills, workspace=Workspace(incident_channel="C0INCIDENT")
        )

    def mode(self, name: str = LEDGER) -> Mode:
        """What the world really is."""
        return self.world(name).mode()

    async def run(self, name: str = "weekly", **more: Any) -> Run:
        """A typed drill, to its end."""
        run = await self.drills.run(name, more.pop("by", ALICE), **more)
        return await self.ended(run)

    async def ended(self, run: Run) -> Run:
        """The run, once it is over."""
        await self.until(lambda: run.ended is not None)
        return run

    async def restarted(self, *surfaces: Surface, drills: Sequence[Drill] = ()) -> "DrillRig":
        """What a process after this one makes of what the journal has; this one is as dead as a killed one."""
        written = await self.written()
        await self.drills.aclose()
        await self.dispatcher.aclose()
        known = Board()
        for event in written:
            known.apply(event)
        rig = DrillRig(*surfaces, drills=drills, board=known, shared=self.shared)
        rig.claims = self.claims
        for event in list(put_back(known, rig.clock.now())):
            rig.recorder.record(event)
        rig.stops.carry_on(list(known.holds.targets()))
        return rig

    async def aclose(self) -> None:
        """Ends everything."""
        await self.drills.aclose()
        await super().aclose()

    async def _stored(self) -> str:
        return self.database

    async def _ready(self) -> Sequence[str]:
        return self.unready

    async def _armed(self, keys: Sequence[str]) -> Sequence[str]:  # noqa: ARG002  # as the desk asks
        return self.unarmed

    async def _checked(self, keys: Sequence[str]) -> Sequence[str]:  # noqa: ARG002  # as the desk asks
        return self.unchecked
