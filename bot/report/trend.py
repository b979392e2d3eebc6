"""How fast each surface was cut in the last drills: the lines of a scorecard's picture. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.drill_events import SurfaceScore
from bot.domain.practice import Practice

LAST = 8  # runs that are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One surface in one drill.

    Args:
        at: when the drill ended; Unix seconds.
        cut_ms: from the command to the cut; None where it was not cut.
        proof_ms: from the command to the proof; None where none came.
        deadline_ms: what was allowed; 0 where that is not known.
    """

    at: float
    cut_ms: float | None = None
    proof_ms: float | None = None
    deadline_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One surface over the drills, oldest first."""

    surface: str
    points: tuple[Point, ...]


def trend(practice: Practice, drill: str | None = None, surfaces: Iterable[str] | None = None) -> tuple[Series, ...]:
    """The last runs of each surface; a table top cuts nothing and is left out.

    Args:
        practice: of the board.
        drill: only the runs of this drill; None: of every one.
        surfaces: only these; None: all that were ever drilled.
    """
    wanted = None if surfaces is None else set(surfaces)
    found: dict[str, list[Point]] = {}
    for run in practice.runs.values():
        if run.ended is None or run.ended.card.kind == "tabletop" or drill not in {None, run.ended.drill}:
            continue
        for score in run.ended.card.surfaces:
            if wanted is None or score.surface in wanted:
                found.setdefault(score.surface, []).append(_point(run.ended.at, score))
    return tuple(
        Series(surface=name, points=tuple(sorted(points, key=lambda it: it.at)[-LAST:]))
        for name, points in sorted(found.items())
    )


def _point(at: float, score: SurfaceScore) -> Point:
    return Point(at=at, cut_ms=score.cut_ms, proof_ms=score.proof_ms, deadline_ms=score.deadline_ms)
