"""What the journal says of drills: runs, what was missed, who answered, and who has ever pulled the switch. Pure."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from bot.domain import drill_events as drills
from bot.domain.events import HoldAdded
from bot.domain.outcome import Outcome

STALE = 90 * 86_400.0  # seconds after which a surface that no schedule asks for counts as overdue
GRACE = 3600.0  # seconds after a due time until a surface counts as overdue
E = TypeVar(
    "E",
    drills.DrillClaimed,
    drills.DrillStarted,
    drills.DrillMeasured,
    drills.DrillLeftHeld,
    drills.DrillEnded,
    drills.DrillMissed,
)
_CUT = frozenset({Outcome.VERIFIED, Outcome.APPLIED})


@dataclass(slots=True)
class Run:
    """What the journal says of one run, folded in any order."""

    id: str
    claimed: drills.DrillClaimed | None = None
    started: drills.DrillStarted | None = None
    measured: drills.DrillMeasured | None = None
    released: list[drills.DrillReleased] = field(default_factory=list)
    given_back: set[str] = field(default_factory=set)  # targets
    left: drills.DrillLeftHeld | None = None
    ended: drills.DrillEnded | None = None

    @property
    def under_way(self) -> bool:
        """Whether it was begun and has no end yet."""
        return (self.claimed is not None or self.started is not None) and self.ended is None

    @property
    def pull(self) -> drills.DrillClaimed | None:
        """The claim of whoever pulled the switch in it; None where no surface answered to a cut."""
        cards = [event.card for event in (self.measured, self.ended) if event is not None]
        answered = any(score.outcome is not Outcome.PENDING for card in cards for score in card.surfaces)
        return self.claimed if answered else None

    def fold(self, event: drills.AnyDrillEvent) -> None:
        """Takes one of its events in; of two alike the earlier counts."""
        match event:
            case drills.DrillClaimed():
                self.claimed = _first(self.claimed, event)
            case drills.DrillStarted():
                self.started = _first(self.started, event)
            case drills.DrillMeasured():
                self.measured = _first(self.measured, event)
            case drills.DrillReleased():
                self.released += [] if event in self.released else [event]
            case drills.DrillGaveBack():
                self.given_back |= set(event.targets)
            case drills.DrillLeftHeld():
                self.left = _first(self.left, event)
            case drills.DrillEnded():
                self.ended = _first(self.ended, event)
            case _:
                pass  # not about a run

    def targets(self) -> tuple[str, ...]:
        """The targets that it cuts."""
        return tuple(target.key for target in self.started.targets) if self.started else ()

    def surfaces_of(self, keys: Iterable[str]) -> tuple[str, ...]:
        """The surfaces of these targets."""
        wanted, known = set(keys), self.started.targets if self.started else ()
        return tuple(name for target in known if target.key in wanted for name in target.surfaces)


@dataclass(slots=True)
class Practice:
    """Every run of every drill. What it amounts to does not depend on the order of the events."""

    runs: dict[str, Run] = field(default_factory=dict)
    asked: dict[str, drills.DrillAsked] = field(default_factory=dict)
    missed: dict[tuple[str, float], drills.DrillMissed] = field(default_factory=dict)
    called: dict[tuple[str, float], list[drills.DrillCalled]] = field(default_factory=dict)
    answers: dict[tuple[str, float], list[drills.DrillAnswered]] = field(default_factory=dict)

    def fold(self, event: drills.AnyDrillEvent) -> None:
        """Takes an event in; the same one twice is one."""
        match event:
            case drills.DrillAsked():
                self.asked[event.ask] = event
            case drills.DrillMissed():
                place = (event.drill, event.due)
                known = self.missed.get(place)
                self.missed[place] = event if known is None else _first(known, event)
            case drills.DrillCalled():
                called = self.called.setdefault((event.drill, event.due), [])
                called += [] if event in called else [event]
            case drills.DrillAnswered():
                answers = self.answers.setdefault((event.drill, event.due), [])
                answers += [] if event in answers else [event]
                answers.sort(key=lambda it: (it.at, it.model_dump_json()))
            case _:
                self.runs.setdefault(event.run, Run(id=event.run)).fold(event)

    def of(self, drill: str) -> tuple[Run, ...]:
        """The runs of a drill, oldest first."""
        return tuple(self.runs[it.run] for it in sorted(self._claims(drill), key=lambda it: (it.at, it.run)))

    def last(self, drill: str) -> Run | None:
        """The latest run that came to an end."""
        return next((run for run in reversed(self.of(drill)) if run.ended is not None), None)

    def known_due(self, drill: str, until: float = math.inf) -> float | None:
        """The latest due time of the schedule, not after `until`, that was run or missed."""
        run = [it.due for it in self._claims(drill) if it.scheduled]
        known = (*run, *(due for name, due in self.missed if name == drill))
        return max((due for due in known if due <= until), default=None)

    def is_settled(self, drill: str, due: float) -> bool:
        """Whether a due time was run or missed already."""
        return (drill, due) in self.missed or any(it.scheduled and it.due == due for it in self._claims(drill))

    def drilled(self) -> dict[str, tuple[float, float | None]]:
        """By surface: when a run last proved its cut, and when the schedule of that run asks for it again."""
        found: dict[str, tuple[float, float | None]] = {}
        ends = sorted((run.ended for run in self.runs.values() if run.ended), key=lambda it: (it.at, it.run))
        for ended in ends:
            if ended.card.kind != "tabletop":
                cut = (score.surface for score in ended.card.surfaces if score.outcome in _CUT)
                found |= dict.fromkeys(cut, (ended.at, ended.card.next_due))
        return found

    def _claims(self, drill: str) -> list[drills.DrillClaimed]:
        return [run.claimed for run in self.runs.values() if run.claimed and run.claimed.drill == drill]

    def pullers(self) -> frozenset[str]:
        """The Slack users who pulled the switch in a run."""
        pulls = (run.pull for run in self.runs.values())
        return frozenset(pull.by.id for pull in pulls if pull and pull.by.kind == "slack")


@dataclass(frozen=True, slots=True, kw_only=True)
class Practised:
    """How well a stop of some surfaces was practised: what closes a report, before NOT CUT.

    Args:
        never: surfaces that no drill ever cut.
        overdue: surfaces whose next drill is overdue.
        pulled: how many of `people` have ever pulled the switch, in a stop or a drill.
        people: who may stop; None where that is not known.
    """

    never: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()
    pulled: int = 0
    people: int | None = None


def practised(
    practice: Practice, stops: Iterable[HoldAdded], surfaces: Iterable[str], people: Collection[str] | None, now: float
) -> Practised:
    """Gathers it from every run and every stop that the journal knows."""
    never, overdue = unpractised(practice, surfaces, now)
    if people is None:
        return Practised(never=never, overdue=overdue)
    pulled = practice.pullers() | pulled_in_stops(stops)
    return Practised(never=never, overdue=overdue, pulled=len(pulled & set(people)), people=len(people))


def pulled_in_stops(stops: Iterable[HoldAdded]) -> frozenset[str]:
    """The Slack users who made a stop."""
    return frozenset(hold.by.id for hold in stops if hold.by.kind == "slack" and hold.origin == "slack")


def unpractised(practice: Practice, surfaces: Iterable[str], now: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those of the surfaces that were never drilled, and those whose next drill is overdue."""
    known = practice.drilled()
    names = list(dict.fromkeys(surfaces))
    never = tuple(name for name in names if name not in known)
    return never, tuple(name for name in names if name in known and _is_overdue(*known[name], now))


def _is_overdue(at: float, next_due: float | None, now: float) -> bool:
    return now - at > STALE or (next_due is not None and now > next_due + GRACE)


def _first(known: E | None, event: E) -> E:
    """The earlier of two, the same one in any order of reading."""
    if known is None:
        return event
    return min(known, event, key=lambda it: (it.at, it.model_dump_json()))
