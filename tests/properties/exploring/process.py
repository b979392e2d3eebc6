"""One process with the real stop service, dispatcher, lanes and watch, on a journal that dies with it or not."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping

from adapters.base import Adapter, Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Configuration, Surface
from bot.domain.outcome import Outcome
from bot.service.dispatch import Dispatcher
from bot.service.inventory import make_inventory
from bot.service.recorder import Recorder
from bot.service.seal import Seal
from bot.service.stop import StopService
from bot.service.watch import Watch
from tests.properties.exploring.unruly import Life, Rounding, Site, Unruly
from tests.unit.service.rig import LoopClock, Rings

SEAL = Seal("key")


class Disk:
    """Writes one entry after the other. `kept` is what the next process finds."""

    def __init__(self, rng: random.Random, kept: list[events.AnyEvent]) -> None:
        self.kept = kept
        self.delay = 0.0
        self.broken = False
        self._rng = rng
        self._free_at = 0.0
        self._dead = False

    def append(self, event: events.AnyEvent) -> Awaitable[bool]:
        """Starts the write at once; its end says whether it is durable."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        self._free_at = max(self._free_at, loop.time()) + self._rng.uniform(0.0, self.delay)
        loop.call_at(self._free_at, self._end, event, done)
        return done

    def die(self) -> None:
        """The process is gone: what was not written is lost."""
        self._dead = True

    def _end(self, event: events.AnyEvent, done: "asyncio.Future[bool]") -> None:
        if self._dead or done.done():
            return
        if not self.broken:
            self.kept.append(event)
        done.set_result(not self.broken)


class Watched(Dispatcher):
    """The real dispatcher; each proof is shown to the oracle before it goes on."""

    judge: Callable[[events.Proof], None]

    def _publish(self, proof: events.Proof) -> None:
        self.judge(proof)
        super()._publish(proof)


class Process:
    """A start over the journals.

    Args:
        sites: the world, which outlives the process.
        own: this writer's journal as the disk has it.
        others: the journal of another writer, which grows while this process lives.
        judge: the oracle for each proof of a target.
        allowed: the oracle for each yes of a gate.
    """

    def __init__(
        self,
        configuration: Configuration,
        sites: Mapping[str, Site],
        *,
        rng: random.Random,
        own: list[events.AnyEvent],
        others: list[events.AnyEvent],
        judge: Callable[["Process", events.Proof], None],
        allowed: Callable[["Process", str, Mode], None],
    ) -> None:
        self.life = Life()
        self.board = Board()
        self.disk = Disk(rng, own)
        self._others, self._read = others, 0
        self._sites = sites
        self._allowed = allowed
        self.adapters: dict[str, list[Unruly]] = {}
        self.doors: set[asyncio.Task[None]] = set()
        recorder = self.recorder = Recorder(self.board, self.disk)
        self.inventory = make_inventory(configuration, self._build)
        assert not self.inventory.broken
        clock = self.clock = LoopClock()
        self.dispatcher = Watched(
            inventory=lambda: self.inventory,
            board=self.board,
            record=recorder.record,
            seal=SEAL,
            clock=clock,
            refresh=self._refresh,
            changed=lambda _: None,
            tripped=lambda target: self.stops.trip_backstops(target),  # noqa: PLW0108  # `stops` is made below
        )
        self.dispatcher.judge = lambda proof: judge(self, proof)
        self.stops = StopService(
            inventory=lambda: self.inventory,
            recorder=recorder,
            dispatcher=self.dispatcher,
            reporter=Rings(),
            clock=clock,
        )
        self.watch = Watch(
            inventory=lambda: self.inventory,
            board=self.board,
            dispatcher=self.dispatcher,
            clock=clock,
            record=recorder.record,
        )
        for event in (*own, *others):
            self.board.apply(event)
        self._read = len(others)

    def recover(self) -> None:
        """As a start does: carries on with everything that is held."""
        self.stops.carry_on(list(self.board.holds.targets()))

    async def tick(self) -> None:
        """As once a second: takes over what another writer recorded, and looks at what is due."""
        before = self._read
        self._refresh()
        fresh = self._others[before : self._read]
        self.stops.carry_on({target.key for it in fresh if isinstance(it, events.HoldAdded) for target in it.targets})
        await self.watch.tick()

    def open_loosenings(self, target: str) -> Iterable[Mode]:
        """The modes to which a call of ours may still loosen the target."""
        return [mode for adapter in self.adapters[target] for mode in adapter.open.values()]

    async def kill(self) -> None:
        """SIGKILL: nothing more is done or written; what was sent may still land."""
        self.life.dead = True
        self.disk.die()
        calls = [call.task for lane in self.dispatcher._lanes.values() for call in lane._calls]
        tasks = [*self.dispatcher._tasks, *self.doors, *calls, *self.more_tasks()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def more_tasks(self) -> "Iterable[asyncio.Task[None]]":
        """What else runs in it."""
        return ()

    def _refresh(self) -> bool:
        fresh, self._read = self._others[self._read :], len(self._others)
        for event in fresh:
            self.board.apply(event)
        return True

    def _build(self, surface: Surface) -> Adapter:
        key = target_of(surface)
        site = self._sites[key]
        kind = Unruly if site.modes == Unruly.modes else Rounding
        adapter = kind(site, self.life, lambda target, mode: self._allowed(self, target, mode))
        self.adapters.setdefault(key, []).append(adapter)
        return adapter


def target_of(surface: Surface) -> str:
    """Surfaces of one name share a target."""
    return f"unruly:{surface.id}"


def green(proof: events.Proof) -> bool:
    """Whether a report would show it as proven."""
    return proof.outcome is Outcome.VERIFIED
