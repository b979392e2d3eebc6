"""What drills need of the outside, and what every run shares."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain import events
from bot.domain.practice import Run
from bot.service.dispatch import Dispatcher
from bot.service.faults import Faults
from bot.service.giving import Giving
from bot.service.inventory import Inventory
from bot.service.ports import Clock, Evidence, Reporter, Stops
from bot.service.recorder import Recorder


class Claims(Protocol):
    """Unique claims of due times, in the database."""

    async def claim(self, drill: str, due: float, run: str, at: float) -> str | None:
        """Takes a due time for this run; yields the run that has it now. Raises `OSError` where it cannot be known."""


class Workload(Protocol):
    """Runs a command beside a cut."""

    async def run(self, command: Sequence[str]) -> str:
        """Runs it to its end, or until cancelled; how it ended, in words."""


class CannotDrill(ValueError):  # an answer, not a fault
    """A drill cannot be run now; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillDesk:
    """What every run needs.

    Args:
        inventory: yields the current one.
        recorder: board and journal.
        dispatcher: cuts and loosens.
        stops: the ordinary stop path.
        giving: the ordinary way back.
        evidence: the evaluations.
        reporter: tells the incident.
        claims: of due times.
        faults: of this process.
        workload: runs what is configured as load.
        armed: what stands in the way of a cut of these targets, a sentence each, asked afresh.
        checked: what the armed check found of them and of the switch itself, a sentence each.
        ready: why nothing may be given back now, a sentence each, asked afresh: the same as for a vote.
        chance: a fraction of 1 for a drill and a due time, which people cannot guess: where in its window it begins.
        wake: told that a run changed. Never blocks, never raises.
    """

    inventory: Callable[[], Inventory]
    recorder: Recorder
    dispatcher: Dispatcher
    stops: Stops
    giving: Giving
    evidence: Evidence
    reporter: Reporter
    claims: Claims
    faults: Faults
    workload: Workload
    armed: Callable[[Sequence[str]], Awaitable[Sequence[str]]]
    checked: Callable[[Sequence[str]], Awaitable[Sequence[str]]]
    ready: Callable[[], Awaitable[Sequence[str]]]
    clock: Clock
    chance: Callable[[str, float], float] = lambda _drill, _due: 0.0
    wake: Callable[[Run], None] = lambda _: None

    def record(self, event: events.AnyEvent) -> Awaitable[bool]:
        """Records an event."""
        return self.recorder.record(event)
