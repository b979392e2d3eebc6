"""What a drill found, in a sentence for the page of its incident."""

from bot.domain import drill_events as drills
from bot.domain.evidence import label
from bot.domain.practice import Practice


def drilled(practice: Practice, holds: frozenset[str]) -> str:
    """How the run with one of these holds ended; empty where none did, or none was there."""
    ended = next(
        (it.ended for it in practice.runs.values() if it.ended and it.started and it.started.hold in holds), None
    )
    if ended is None:
        return ""
    said = [f"The drill {ended.drill} {_HOW[ended.how]}" + (f": {ended.why}" if ended.why else "")]
    return "; ".join([*said, *_found(ended.card)]) + "."


_HOW: dict[drills.How, str] = {
    "passed": "passed",
    "failed": "failed",
    "void": "was ended by a real stop",
    "refused": "was not begun",
}


def _found(card: drills.Scorecard) -> list[str]:
    late = [one.surface for one in card.surfaces if one.cut_ms is None or one.cut_ms > one.deadline_ms]
    watched = [one for one in card.surfaces if one.effects is not None]
    effects = sum(one.effects or 0 for one in watched)
    said = [f"not cut within the deadline: {label(late)}" if late else "every surface was cut within its deadline"]
    said.append(
        f"{effects} effects after the cut were seen at {len(watched)} of {len(card.surfaces)} surfaces"
        if watched
        else "no evaluation watched it"
    )
    said += [f"the fault {it.fault} was {'' if it.survived else 'NOT '}survived" for it in card.faults]
    said += [f"load: {card.load}"] if card.load else []
    return said
