"""Puts together what Prometheus reads."""

from collections.abc import Callable, Mapping

from bot.core import CLOCK, Core
from bot.schedule import Schedule
from bot.store.serving import Serving
from bot.web.drill_metrics import DrillMetrics
from bot.web.metrics import Metrics, Source


def metrics(
    core: Core,
    schedule: Schedule,
    serving: Serving,
    *,
    undeliverable: Callable[[], Mapping[str, str]],
    roster_read_at: Callable[[], float | None],
    people: Callable[[], frozenset[str] | None],
) -> Metrics:
    """Every metric that other rooms tell at a scrape.

    Args:
        core: the stop path.
        schedule: the ticks.
        serving: the database.
        undeliverable: reports that get nowhere.
        roster_read_at: Unix time; None where there is no Slack, or it never told one.
        people: who may stop, as Slack users; None while that is not known.
    """

    def roster_age() -> float | None:
        read_at = roster_read_at()
        return None if read_at is None else CLOCK.now() - read_at

    def surfaces() -> list[str]:
        return [surface.name for surface in core.inventory.configuration.surfaces()]

    sources: dict[str, Source] = {
        "journal_files_left_behind": lambda: float(core.writer.failures),
        "journal_events_unkept": lambda: float(core.writer.unkept),
        "event_loop_blocks": lambda: float(core.watchdog.times),
        "lanes": lambda: float(len(core.dispatcher.lanes())),
        "ticks_failed": lambda: float(sum(schedule.failures.values())),
        "slack_posts_pending": lambda: float(len(undeliverable())),
        "roster_age_seconds": roster_age,
        **serving.sources(),
    }
    return Metrics(sources, DrillMetrics(core.board, surfaces, people, CLOCK))
