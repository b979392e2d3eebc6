"""Do the metrics say which surfaces were drilled, how fast they were cut, and who never practised?"""

from dataclasses import dataclass
from typing import Any

from adapters.base import Mode
from bot.domain import drill_events as drills
from bot.domain.board import Board
from bot.domain.outcome import Outcome
from bot.web.drill_metrics import DrillMetrics
from bot.web.metrics import Metrics

DAY = 86_400.0
NAMES = ["a/late", "a/never", "a/new"]


@dataclass
class Clock:
    """Stands still until a test moves it."""

    at: float = 100 * DAY

    def now(self) -> float:
        """Unix time."""
        return self.at

    def monotonic(self) -> float:
        """The same."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Not asked for."""
        raise NotImplementedError


def ended(number: int, surface: str, at: float, cut_ms: float | None, how: drills.How = "passed") -> drills.DrillEnded:
    """A run that ended."""
    outcome = Outcome.FAILED if cut_ms is None else Outcome.VERIFIED
    score = drills.SurfaceScore(
        surface=surface, asked=Mode.FULL_STOP, outcome=outcome, cut_ms=cut_ms, proof_ms=cut_ms and cut_ms + 500
    )
    card = drills.Scorecard(kind="live", mode=Mode.FULL_STOP, surfaces=(score,), next_due=at + 7 * DAY)
    return drills.DrillEnded(at=at, run=f"r{number}", drill=surface[-4:], how=how, card=card)


def read(metrics: DrillMetrics) -> dict[str, float]:
    """Every sample, by its name with its labels."""
    return {
        sample.name.removeprefix("agent_kill_")
        + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in metrics()
        for sample in family.samples
    }


def made(board: Board, clock: Clock, people: frozenset[str] | None = frozenset({"U1", "U2"})) -> DrillMetrics:
    """Over three surfaces."""
    return DrillMetrics(board, lambda: NAMES, lambda: people, clock)


def test_what_was_drilled_and_how_fast() -> None:
    """The latest run of each surface counts, with its age; one that was never cut has neither, and is overdue."""
    board, clock = Board(), Clock()
    board.apply(ended(1, "a/late", 90 * DAY, 2000.0))
    board.apply(ended(2, "a/new", 98 * DAY, 4000.0, "failed"))
    board.apply(ended(3, "a/new", 99 * DAY, 1000.0))
    board.apply(drills.DrillMissed(at=clock.at, drill="late", due=97 * DAY, why="down"))
    found = read(made(board, clock))
    assert found["drill_age_seconds{a/late}"] == 10 * DAY
    assert found["drill_age_seconds{a/new}"] == DAY
    assert [found[f"drill_overdue{{{name}}}"] for name in NAMES] == [1, 1, 0]
    assert found["never_drilled"] == 1
    assert (found["drill_cut_seconds{a/new}"], found["drill_proof_seconds{a/new}"]) == (1.0, 1.5)
    assert not [name for name in found if "a/never" in name and "overdue" not in name]
    assert (found["drills_total{passed}"], found["drills_total{failed}"], found["drills_total{void}"]) == (2, 1, 0)
    assert (found["drills_missed_total"], found["drill_passed{/new}"]) == (1, 1)
    assert found["people_never_stopped"] == 2


def test_the_last_drill_that_cut_nothing_shows_no_time() -> None:
    """An older, better time would be a claim about now."""
    board = Board()
    board.apply(ended(1, "a/new", 98 * DAY, 1000.0))
    board.apply(ended(2, "a/new", 99 * DAY, None, "failed"))
    found = read(made(board, Clock()))
    assert "drill_cut_seconds{a/new}" not in found
    assert found["drill_passed{/new}"] == 0


def test_a_new_run_shows_at_once_and_people_who_are_not_known_never() -> None:
    """What was counted before is used for a minute, until a run ends."""
    board, clock = Board(), Clock()
    metrics = made(board, clock, None)
    assert read(metrics)["never_drilled"] == 3
    board.apply(ended(1, "a/new", 99 * DAY, 1000.0))
    found = read(metrics)
    assert found["never_drilled"] == 2
    assert "people_never_stopped" not in found


def test_what_cannot_be_read_hides_no_other_metric() -> None:
    """A scrape is always answered."""

    def broken() -> Any:
        raise RuntimeError("no")

    text = Metrics({"lanes": lambda: 3.0}, broken)._of_more()
    assert list(text) == []
