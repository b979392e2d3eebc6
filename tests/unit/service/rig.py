"""The real stop path on worlds of this process, with a journal in memory and the loop's own clock."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from adapters.base import Adapter, Mode, Shared, SurfaceClass
from adapters.memory import Canary, Memory, Settings, World
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Agent, Configuration, Quarantined, Surface
from bot.domain.plan import Scope
from bot.domain.report import Line, report
from bot.service.dispatch import Dispatcher
from bot.service.inventory import make_inventory
from bot.service.ports import StopOrder
from bot.service.recorder import Recorder
from bot.service.seal import Seal
from bot.service.stop import StopService
from bot.service.watch import Watch


class LoopClock:
    """The event loop's time, which `VirtualLoop` owns. `start` is the Unix time of its zero: in the year 2001."""

    start = 1_000_000_000.0

    def now(self) -> float:
        """Unix time."""
        return self.start + self.monotonic()

    def monotonic(self) -> float:
        """The loop's."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """The loop's."""
        await asyncio.sleep(seconds)


@dataclass
class MemoryJournal:
    """A journal that takes `delay` seconds per entry, and says no while `broken`."""

    delay: float = 0.0
    broken: bool = False
    written: list[events.AnyEvent] = field(default_factory=list)
    tasks: "set[asyncio.Task[bool]]" = field(default_factory=set)

    def append(self, event: events.AnyEvent) -> Awaitable[bool]:
        """Keeps the event after the delay."""
        task = asyncio.ensure_future(self._write(event))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _write(self, event: events.AnyEvent) -> bool:
        await asyncio.sleep(self.delay)
        if not self.broken:
            self.written.append(event)
        return not self.broken


class Rings:
    """A reporter that counts."""

    def __init__(self) -> None:
        self.woken: list[str] = []

    def wake(self, incident: str) -> None:
        """Counts."""
        self.woken.append(incident)


def surface(name: str, **more: Any) -> Surface:
    """A memory surface `agent/id` in a world of its own, unless `world` names another."""
    agent, _, surface_id = name.partition("/")
    world = more.pop("world", name)
    return Surface(
        agent=agent,
        id=surface_id,
        adapter="memory",
        surface_class=more.pop("surface_class", SurfaceClass.API),
        settings=Settings(target=world),
        **more,
    )


class Rig:
    """One process: board, dispatcher, stop service and watch over memory worlds."""

    def __init__(
        self,
        *surfaces: Surface,
        broken: tuple[Quarantined, ...] = (),
        board: Board | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.shared = shared or Shared()
        self.clock = LoopClock()
        self.board = board or Board()
        self.journal = MemoryJournal()
        self.reporter = Rings()
        self.recorder = Recorder(self.board, self.journal)
        self.seal = Seal("key")
        self.wrap: Callable[[Adapter], Adapter] = lambda adapter: adapter
        self.refresh: Callable[[], bool] = lambda: True
        self.inventory = make_inventory(_configuration(surfaces, broken), self._build)
        self.dispatcher = Dispatcher(
            inventory=lambda: self.inventory,
            board=self.board,
            record=self.recorder.record,
            seal=self.seal,
            clock=self.clock,
            refresh=lambda: self.refresh(),  # noqa: PLW0108  # a test sets it later
            changed=lambda _: None,
            tripped=self._tripped,
        )
        self.stops = StopService(
            inventory=lambda: self.inventory,
            recorder=self.recorder,
            dispatcher=self.dispatcher,
            reporter=self.reporter,
            clock=self.clock,
        )
        self.watch = Watch(
            inventory=lambda: self.inventory,
            board=self.board,
            dispatcher=self.dispatcher,
            clock=self.clock,
            record=self.recorder.record,
        )

    def world(self, name: str) -> World:
        """The world of a surface."""
        return self.shared.get(("memory", name), World)

    async def stop(self, mode: Mode = Mode.FULL_STOP, **more: Any) -> Any:
        """A stop of everything, unless a scope is given."""
        order = StopOrder(
            mode=mode,
            scope=more.pop("scope", Scope(everything=True)),
            by=events.Person(kind="slack", id="U0ONCALL"),
            channel="C0INCIDENT",
            **more,
        )
        return await self.stops.stop(order)

    def lines(self) -> dict[str, Line]:
        """The report's lines of the only incident, by surface."""
        (incident,) = self.board.incidents.values()
        return {line.surface: line for line in report(self.board, incident, self.inventory.known()).lines}

    async def until(self, done: Callable[[], bool], within: float = 60.0) -> None:
        """Waits until something is so; the loop's time is virtual, so this costs nothing."""
        async with asyncio.timeout(within):
            while not done():  # noqa: ASYNC110  # anything may be waited for
                await asyncio.sleep(0.01)

    async def settled(self, within: float = 60.0) -> dict[str, Line]:
        """Waits until every line is settled, and returns the lines."""
        await self.until(lambda: all(line.settled for line in self.lines().values()), within)
        return self.lines()

    async def written(self) -> list[events.AnyEvent]:
        """The journal, once it has all that was recorded: the board is ahead of it."""
        await asyncio.gather(*self.journal.tasks)
        return self.journal.written

    async def aclose(self) -> None:
        """Ends everything."""
        await self.dispatcher.aclose()
        await asyncio.gather(*self.journal.tasks)

    def _build(self, item: Surface) -> Adapter:
        assert isinstance(item.settings, Settings)
        assert item.canary is None or isinstance(item.canary, Canary)
        return self.wrap(Memory(config=item.settings, canary=item.canary, shared=self.shared))

    def _tripped(self, target: str) -> None:
        self.stops.trip_backstops(target)


def _configuration(surfaces: tuple[Surface, ...], broken: tuple[Quarantined, ...]) -> Configuration:
    names = dict.fromkeys([*(item.agent for item in surfaces), *(item.agent for item in broken)])
    return Configuration(
        agents=tuple(
            Agent(
                id=name,
                name=name,
                surfaces=tuple(item for item in surfaces if item.agent == name),
                quarantined=tuple(item for item in broken if item.agent == name),
            )
            for name in names
        )
    )
