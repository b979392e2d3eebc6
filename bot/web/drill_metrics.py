"""What Prometheus reads of drills: when each surface was drilled, how fast it was cut, and who never practised."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from bot.domain.board import Board
from bot.domain.drill_events import SurfaceScore
from bot.domain.practice import Practice, Practised, Run, practised
from bot.service.ports import Clock

_FRESH = 60.0  # seconds that what was counted is good: ten thousand surfaces and many runs are no work for every scrape


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    at: float  # monotonic
    ended: int
    drilled: Mapping[str, tuple[float, float | None]]
    scores: Mapping[str, SurfaceScore]
    practised: Practised


@dataclass(slots=True)
class DrillMetrics:
    """Reads the journal's fold.

    Args:
        board: the fold of every journal.
        surfaces: yields the names of all that are configured.
        people: yields who may stop, as Slack users; None while that is not known.
        clock: time.
    """

    board: Board
    surfaces: Callable[[], Collection[str]]
    people: Callable[[], Collection[str] | None]
    clock: Clock
    _last: _Counted | None = field(default=None, init=False)

    def __call__(self) -> Iterable[Metric]:
        """Every family; a surface that was never drilled has no age and no times, and is overdue."""
        counted, now = self._counted(), self.clock.now()
        never, overdue = set(counted.practised.never), {*counted.practised.never, *counted.practised.overdue}
        names = self.surfaces()
        ages = {name: max(0.0, now - counted.drilled[name][0]) for name in names if name in counted.drilled}
        yield _by_surface("drill_age_seconds", "Seconds since a drill last cut the surface", ages)
        late = {name: float(name in overdue) for name in names}
        yield _by_surface("drill_overdue", "1 where the surface was never drilled or is overdue", late)
        yield GaugeMetricFamily("agent_kill_never_drilled", "Surfaces that no drill ever cut", value=len(never))
        yield from _times({name: counted.scores[name] for name in names if name in counted.scores})
        yield from _results(self.board.practice)
        if counted.practised.people is not None:
            idle = counted.practised.people - counted.practised.pulled
            text = "People who may stop and never did, not even in a drill"
            yield GaugeMetricFamily("agent_kill_people_never_stopped", text, value=idle)

    def _counted(self) -> _Counted:
        practice, now = self.board.practice, self.clock.monotonic()
        ended = sum(run.ended is not None for run in practice.runs.values())
        if self._last is None or self._last.ended != ended or now - self._last.at >= _FRESH:
            stops = self.board.hold_events.values()
            found = practised(practice, stops, self.surfaces(), self.people(), self.clock.now())
            drilled, scores = practice.drilled(), _last_scores(practice)
            self._last = _Counted(at=now, ended=ended, drilled=drilled, scores=scores, practised=found)
        return self._last


def _last_scores(practice: Practice) -> dict[str, SurfaceScore]:
    """What the latest run that cut a surface, or tried to, measured there."""
    found: dict[str, SurfaceScore] = {}
    for run in sorted(practice.runs.values(), key=_end):
        found.update({score.surface: score for score in run.ended.card.surfaces} if run.ended else {})
    return found


def _end(run: Run) -> float:
    return run.ended.at if run.ended else 0.0


def _times(scores: Mapping[str, SurfaceScore]) -> Iterable[Metric]:
    """A time that was not measured, since the surface was not cut, is not shown."""
    cut = {name: one.cut_ms / 1000 for name, one in scores.items() if one.cut_ms is not None}
    proof = {name: one.proof_ms / 1000 for name, one in scores.items() if one.proof_ms is not None}
    yield _by_surface("drill_cut_seconds", "Seconds to the cut in the last drill of the surface", cut)
    yield _by_surface("drill_proof_seconds", "Seconds to the proof in the last drill of the surface", proof)


def _results(practice: Practice) -> Iterable[Metric]:
    ended = [run.ended for run in sorted(practice.runs.values(), key=_end) if run.ended]
    runs = CounterMetricFamily("agent_kill_drills", "Drills that ended, by how", labels=["how"])
    counts = Counter(str(end.how) for end in ended)
    for how in ("passed", "failed", "void", "refused"):
        runs.add_metric([how], counts[how])
    gone = len(practice.missed)
    missed = CounterMetricFamily("agent_kill_drills_missed", "Due times of drills that went by", value=gone)
    last = GaugeMetricFamily("agent_kill_drill_passed", "1 where the last run of the drill passed", labels=["drill"])
    for name, how in {end.drill: end.how for end in ended}.items():
        last.add_metric([name], float(how == "passed"))
    yield from (runs, missed, last)


def _by_surface(name: str, text: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"agent_kill_{name}", text, labels=["surface"])
    for surface, value in values.items():
        family.add_metric([surface], value)
    return family
