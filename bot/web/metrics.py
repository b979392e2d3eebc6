"""What Prometheus reads. Every name is explained in `docs/metrics.md`, and a test keeps the two together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.base import Mode
from bot.domain.armed import is_part
from bot.domain.events import AnyEvent
from bot.domain.outcome import Outcome
from bot.domain.status import StatusView
from bot.service.ports import Clock, Journal

_log = logging.getLogger(__name__)
_RANK = {mode: rank for rank, mode in enumerate(Mode)}
_APPEND_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5)

Source = Callable[[], float | None]  # None: not known now, so that no sample is shown


@dataclass(frozen=True, slots=True)
class _Told:
    kind: Literal["gauge", "counter"]
    help: str


# What other rooms tell at every scrape, by the name under which the composition hands it in.
SOURCES: Mapping[str, _Told] = {
    "journal_files_left_behind": _Told("gauge", "Journal files that failed or hung since the start"),
    "journal_events_unkept": _Told("counter", "Events that no disk took and only syslog has"),
    "ledger_lag_entries": _Told("gauge", "Journal entries that the database does not have yet"),
    "ledger_lag_seconds": _Told("gauge", "Seconds since the database last had every entry"),
    "ledger_failures": _Told("counter", "Attempts to write to the database that failed"),
    "slack_posts_pending": _Told("gauge", "Messages that Slack has not taken yet"),
    "slack_posts_failed": _Told("counter", "Calls to Slack that failed and are tried again"),
    "roster_age_seconds": _Told("gauge", "Seconds since the roster of people who may stop was read from Slack"),
    "lanes": _Told("gauge", "Targets that are being cut or watched at this moment"),
    "drafts_open": _Told("gauge", "Writes that surfaces parked and that nobody decided on, as last listed"),
    "event_loop_blocks": _Told("counter", "Times that a call did not give the event loop back for two seconds"),
    "ticks_failed": _Told("counter", "Scheduled jobs that ended with an error"),
}


class Metrics:
    """Counters and histograms that are pushed, beside gauges that are read at every scrape.

    Args:
        sources: some or all of `SOURCES` by name; an unknown name is a `ValueError`.
        more: further families, read at every scrape.
    """

    def __init__(
        self, sources: Mapping[str, Source] | None = None, more: Callable[[], Iterable[Metric]] = tuple
    ) -> None:
        self._sources, self._more = dict(sources or {}), more
        unknown = sorted(self._sources.keys() - SOURCES.keys())
        if unknown:
            raise ValueError(f"no metric is called {', '.join(unknown)}; known are {', '.join(SOURCES)}")
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._append = Histogram(
            "agent_kill_journal_append_seconds",
            "Seconds from an event to its place on disk",
            buckets=_APPEND_BUCKETS,
            registry=self._registry,
        )
        self._unwritten = Counter(
            "agent_kill_journal_failures", "Events that were answered NOT RECORDED", registry=self._registry
        )
        self._stops = Counter(
            "agent_kill_stops", "Stops that were accepted, by door", labelnames=["door"], registry=self._registry
        )

    def stopped(self, door: str) -> None:
        """Counts a stop; `door` is the origin of its order."""
        self._stops.labels(door=door).inc()

    def appended(self, seconds: float, *, durable: bool) -> None:
        """Counts a journaled event."""
        self._append.observe(seconds)
        if not durable:
            self._unwritten.inc()

    def read(self, view: StatusView) -> "Scrape":
        """Reads every source now; the result can be rendered in another thread."""
        return Scrape([*_of_view(view), *self._of_more(), *self._of_sources()], self._registry)

    def _of_more(self) -> Iterable[Metric]:
        try:
            return list(self._more())
        except Exception:  # noqa: BLE001  # a scrape must always be answered
            _log.exception("further metrics cannot be read")
            return []

    def _of_sources(self) -> Iterable[Metric]:
        for name, source in self._sources.items():
            value = _value(name, source)
            if value is None:
                continue
            told = SOURCES[name]
            made: CounterMetricFamily | GaugeMetricFamily = (
                CounterMetricFamily(f"agent_kill_{name}", told.help)
                if told.kind == "counter"
                else GaugeMetricFamily(f"agent_kill_{name}", told.help)
            )
            made.add_metric([], value)
            yield made


class Scrape(Collector):
    """One reading of all metrics."""

    def __init__(self, families: Iterable[Metric], registry: CollectorRegistry) -> None:
        self._families, self._registry = tuple(families), registry

    def collect(self) -> Iterable[Metric]:
        """Every family."""
        yield from self._families
        yield from self._registry.collect()

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self)


class TimedJournal:
    """A journal whose appends are measured; it delays none of them."""

    def __init__(self, inner: Journal, metrics: Metrics, clock: Clock) -> None:
        self._inner, self._metrics, self._clock = inner, metrics, clock

    def append(self, event: AnyEvent) -> Awaitable[bool]:
        """Starts the durable write at once."""
        began = self._clock.monotonic()
        return self._measured(self._inner.append(event), began)

    def _measured(self, written: Awaitable[bool], began: float) -> Awaitable[bool]:
        future = asyncio.ensure_future(written)
        future.add_done_callback(
            lambda done: self._metrics.appended(
                self._clock.monotonic() - began, durable=not done.cancelled() and not done.exception() and done.result()
            )
        )
        return future


def _value(name: str, source: Source) -> float | None:
    """A source that fails hides its own sample and no other."""
    try:
        return source()
    except Exception:  # noqa: BLE001  # a scrape must always be answered
        _log.exception("the metric %s cannot be read", name)
        return None


def _of_view(view: StatusView) -> Iterable[Metric]:
    yield _gauge("holds", "Live holds", len(view.holds))
    yield _gauge("incidents_open", "Incidents that are not closed", len(view.incidents))
    yield _gauge("not_cut", "Surfaces under NOT CUT", len(view.not_cut()))
    yield _gauge("not_proven", "Surfaces under NOT PROVEN", len(view.not_proven()))
    yield _gauge("problems", "Problems of the bot itself, as the status page lists them", len(view.problems))
    ages = [row.proof_age for row in view.rows if row.holds and row.proof_age is not None]
    yield _gauge("proof_age_max_seconds", "Age of the oldest last proof among held surfaces", max(ages, default=0.0))
    yield _outcomes(view)
    ranks, proofs = _worst(view)
    yield _by_surface("effective_mode", ", ".join(f"{rank} {mode}" for mode, rank in _RANK.items()), ranks)
    yield _by_surface("proof_age_seconds", "Seconds since a held surface was last read back", proofs)
    yield from _armed(view)


def _armed(view: StatusView) -> Iterable[Metric]:
    """Which buttons work; a check that is too old counts as none."""
    surfaces = GaugeMetricFamily(
        "agent_kill_armed", "1 where the surface could be cut now, as last checked", labels=["agent", "surface"]
    )
    parts = GaugeMetricFamily(
        "agent_kill_switch_armed", "1 where this part of the switch itself is in order", labels=["part"]
    )
    for name, item in view.armed.items():
        if is_part(name):
            parts.add_metric([name], float(item.ok))
        else:
            surfaces.add_metric([name.partition("/")[0], name], float(item.ok))
    ages = [item.age for item in view.armed.values() if item.age is not None]
    yield from (surfaces, parts)
    yield _gauge("not_armed", "Surfaces and parts of the switch that are not armed", len(view.not_armed()))
    yield _gauge("armed_check_age_max_seconds", "Age of the oldest last armed check", max(ages, default=0.0))


def _worst(view: StatusView) -> tuple[dict[str, float], dict[str, float]]:
    """The strictest mode and the oldest proof by surface; one whose held target moved has two rows."""
    ranks: dict[str, float] = {}
    proofs: dict[str, float] = {}
    for row in view.rows:
        ranks[row.surface] = max(ranks.get(row.surface, 0), _RANK[row.effective])
        if row.holds and row.proof_age is not None:
            proofs[row.surface] = max(proofs.get(row.surface, 0.0), row.proof_age)
    return ranks, proofs


def _by_surface(name: str, text: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"agent_kill_{name}", text, labels=["surface"])
    for surface, value in values.items():
        family.add_metric([surface], value)
    return family


def _outcomes(view: StatusView) -> GaugeMetricFamily:
    """Every outcome is there, also at 0, so that an alert on it can be written before it is needed."""
    family = GaugeMetricFamily(
        "agent_kill_surfaces", "Surfaces by outcome; normal where nothing is asked", labels=["outcome"]
    )
    counts = dict.fromkeys(["normal", *Outcome], 0)
    for row in view.rows:
        counts[row.outcome or "normal"] += 1
    for outcome, count in counts.items():
        family.add_metric([str(outcome)], count)
    return family


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"agent_kill_{name}", text, value=value)
