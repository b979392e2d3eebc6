"""Whose turn it is to pull the switch: whoever has not done so for the longest time, or never. Pure."""

import math
from collections.abc import Collection, Iterable, Mapping

from bot.domain.events import HoldAdded
from bot.domain.practice import Practice

_NEVER = -math.inf


def last_pulls(practice: Practice, stops: Iterable[HoldAdded]) -> dict[str, float]:
    """When each Slack user last pulled the switch, in a stop or a drill; Unix time."""
    found: dict[str, float] = {}
    for hold in stops:
        if hold.by.kind == "slack" and hold.origin == "slack":
            found[hold.by.id] = max(hold.at, found.get(hold.by.id, _NEVER))
    for run in practice.runs.values():
        if run.pull and run.pull.by.kind == "slack":
            person = run.pull.by.id
            found[person] = max(run.pull.at, found.get(person, _NEVER))
    return found


def next_operator(people: Collection[str], pulls: Mapping[str, float], without: Collection[str] = ()) -> str | None:
    """Who is next: never before longest ago, then by id, so that every restart names the same person."""
    able = sorted(set(people) - set(without), key=lambda person: (pulls.get(person, _NEVER), person))
    return able[0] if able else None


def on_turn(practice: Practice, drill: str, due: float) -> str | None:
    """Who was called first for this due time, or whom it was handed over to last; None where nobody was called."""
    handed = [it.to.id for it in practice.answers.get((drill, due), ()) if it.to is not None]
    if handed:
        return handed[-1]
    called = sorted(practice.called.get((drill, due), ()), key=lambda it: (it.at, it.model_dump_json()))
    return next((it.operator.id for it in called if it.operator is not None), None)


def declined(practice: Practice, drill: str, due: float) -> frozenset[str]:
    """Who handed this due time over."""
    answers = practice.answers.get((drill, due), ())
    return frozenset(it.by.id for it in answers if it.answer == "handed_over")


def unpractised_people(
    people: Collection[str], pulls: Mapping[str, float], period: float, now: float
) -> tuple[str, ...]:
    """Those who have not pulled the switch within the period, in seconds."""
    return tuple(sorted(person for person in people if now - pulls.get(person, _NEVER) > period))
