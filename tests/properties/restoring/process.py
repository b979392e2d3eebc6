"""A process with the real restore beside the real stop path; Slack, database and machines are as a seed decides."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.base import Adapter, Mode
from bot.domain import events
from bot.domain.model import Configuration, Surface
from bot.service import put_back
from bot.service.candidates import Candidates
from bot.service.ports import Gathered
from bot.service.restore import Restores
from bot.service.stepping import Stepping
from tests.properties.exploring.process import Disk, Process, target_of
from tests.properties.exploring.unruly import Site, Unruly
from tests.properties.restoring.marked import Marked, MarkedFew
from tests.properties.restoring.people import Box, Slack
from tests.unit.service.rig import Rings

KINDS: tuple[type[Unruly], ...] = (Marked, Marked, MarkedFew, Unruly)
_PATIENCE = 10.0  # seconds that the database is waited for


@dataclass
class Around:
    """What a restore asks of the outside; `rows` are the events that the database has of this writer's journal."""

    slack: Slack
    database: str = ""  # why it takes nothing; "hangs": it does not answer
    rows: list[events.AnyEvent] = field(default_factory=list)
    trouble: set[str] = field(default_factory=set)  # why nothing may be given back
    withheld: bool = False
    failing: bool = False
    kinds: dict[str, type[Unruly]] = field(default_factory=dict)


class Watching(Disk):
    """A disk that shows each event to the oracle as it is given and as it is kept."""

    given: Callable[[events.AnyEvent], None]

    def append(self, event: events.AnyEvent) -> Awaitable[bool]:
        """Judges first."""
        if not self._dead:
            self.given(event)
        return super().append(event)


class Restoring(Process):
    """A start over the journals, with a restore."""

    def __init__(
        self,
        configuration: Configuration,
        sites: Mapping[str, Site],
        around: Around,
        *,
        given: Callable[["Restoring", events.AnyEvent], None],
        rng: random.Random,
        own: list[events.AnyEvent],
        **more: Any,
    ) -> None:
        self.around = around
        super().__init__(configuration, sites, rng=rng, own=own, **more)
        disk = Watching(rng, own)
        disk.given = lambda event: given(self, event)
        self.disk = self.recorder.journal = disk
        self.box = Box(around.slack)
        self.asked: list[tuple[float, bool]] = []  # when `ready` was answered, and whether all was well
        self.evaluated: list[tuple[float, bool]] = []
        self.stepping = Stepping(
            recorder=self.recorder,
            dispatcher=self.dispatcher,
            evidence=self,
            stored=self._stored,
            box=self.box,
            reporter=Rings(),
            configuration=lambda: self.inventory.configuration,
            budget=lambda key: self.inventory.targets[key].deadline + self.inventory.targets[key].drain,
            clock=self.clock,
        )
        self.restores = Restores(
            configuration=lambda: self.inventory.configuration,
            candidates=Candidates(inventory=lambda: self.inventory, board=self.board, clock=self.clock),
            recorder=self.recorder,
            evidence=self,
            stepping=self.stepping,
            ready=self._ready,
            box=self.box,
            clock=self.clock,
        )
        self._running: asyncio.Task[None] | None = None

    def recover(self) -> None:
        """As `Core.recover`: puts back what a restore left unfinished, then carries on."""
        for event in list(put_back.put_back(self.board, self.clock.now())):
            self.recorder.record(event)
        super().recover()

    def begin(self) -> None:
        """Looks after ballots from now on."""
        self._running = asyncio.ensure_future(self.restores.run())

    def more_tasks(self) -> Iterable["asyncio.Task[None]"]:
        """The restore's."""
        return [*self.stepping._tasks, *([self._running] if self._running else [])]

    async def gather(self, returns: Sequence[events.Return], to: Mode, reason: str) -> Gathered:  # noqa: ARG002  # as the port
        """Machine evidence."""
        await self.around.slack.answer()
        return Gathered(withheld=("not earned",) if self.around.withheld else ())

    async def evaluate(self, returns: Sequence[events.Return]) -> tuple[str, ...]:  # noqa: ARG002  # as the port
        """The evaluations."""
        await self.around.slack.answer()
        self.evaluated.append((asyncio.get_running_loop().time(), not self.around.failing))
        return ("an evaluation fails",) if self.around.failing else ()

    async def _ready(self, without: frozenset[str]) -> Sequence[str]:
        await self.around.slack.answer()
        reasons = [why for why in sorted(self.around.trouble) if why not in without]
        self.asked.append((asyncio.get_running_loop().time(), not reasons))
        return reasons

    async def _stored(self) -> str:
        """As the follower: it has all that the journal has now, or says why not."""
        wanted, end = len(self.disk.kept), asyncio.get_running_loop().time() + _PATIENCE
        while self.around.database:
            if self.around.database != "hangs" or asyncio.get_running_loop().time() >= end:
                return f"the database {self.around.database}"
            await asyncio.sleep(0.05)
        self.around.rows[:] = self.disk.kept[: max(wanted, len(self.around.rows))]
        return ""

    def _build(self, surface: Surface) -> Adapter:
        key = target_of(surface)
        adapter = self.around.kinds[key](
            self._sites[key], self.life, lambda target, mode: self._allowed(self, target, mode)
        )
        self.adapters.setdefault(key, []).append(adapter)
        return adapter
