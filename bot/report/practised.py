"""What a statement says of drills: which ran, what they measured, which faults were survived, which were missed."""

from typing import Any

from bot.domain.drill_events import DrillEnded, FaultScore, SurfaceScore
from bot.domain.practice import Practice, Run
from bot.report.document import person
from bot.report.period import Period
from bot.report.times import iso

Json = dict[str, Any]


def drills(practice: Practice, period: Period) -> Json:
    """The runs of the period, oldest first; the missed due times; and the faults that were injected."""
    ended = [
        (run, run.ended)
        for run in sorted(practice.runs.values(), key=lambda it: (it.ended.at if it.ended else 0.0, it.id))
        if run.ended is not None and period.has(run.ended.at)
    ]
    missed = sorted((it for it in practice.missed.values() if period.has(it.due)), key=lambda it: it.due)
    return {
        "runs": [_run(run, end) for run, end in ended],
        "missed": [{"drill": it.drill, "due": iso(it.due), "why": it.why} for it in missed],
        "faults": [_fault(end, score) for _, end in ended for score in end.card.faults],
    }


def _run(run: Run, end: DrillEnded) -> Json:
    claimed = run.claimed
    return {
        "run": run.id,
        "drill": end.drill,
        "kind": end.card.kind,
        "mode": str(end.card.mode),
        "ended_at": iso(end.at),
        "by": person(claimed.by) if claimed else None,
        "scheduled": claimed.scheduled if claimed else None,
        "how": end.how,
        "why": end.why,
        "interrupted": end.card.interrupted,
        "load": end.card.load,
        "surfaces": [_score(score) for score in end.card.surfaces],
        "evaluations_failing": [text for tried in end.card.evaluations for text in tried.failing],
        "left_held": list(run.left.surfaces) if run.left else [],
    }


def _score(score: SurfaceScore) -> Json:
    return {
        "surface": score.surface,
        "asked": str(score.asked),
        "held": str(score.held) if score.held else None,
        "outcome": str(score.outcome),
        "cut": _seconds(score.cut_ms),
        "proof": _seconds(score.proof_ms),
        "deadline": _seconds(score.deadline_ms),
        "effects_after_the_cut": score.effects,
        "given_back": score.given_back_ms is not None,
    }


def _fault(end: DrillEnded, score: FaultScore) -> Json:
    return {"fault": score.fault, "run": end.run, "survived": score.survived, "detail": score.detail}


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds / 1000, 3)
