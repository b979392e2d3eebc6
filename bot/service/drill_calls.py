"""Reminders before drills: who is called and when, and what the called answer."""

from collections.abc import Callable
from typing import Protocol

from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.model import Drill
from bot.domain.practice import Practice
from bot.domain.rota import declined, last_pulls, next_operator, on_turn
from bot.service.drill_ports import DrillDesk

POSTPONED = 86_400.0  # seconds that one word moves a drill
OFTEN = 2  # postponements of one due time that are told to everybody


class Due(Protocol):
    """What is due, as the use case of drills knows it."""

    def drill(self, drill_id: str) -> Drill | None:
        """The configured drill of that id."""

    def pending(self, drill: Drill) -> list[tuple[float, float]]:
        """Due times that are open, each with the moment at which it begins."""


class Calls:
    """Calls the operator on turn, and takes their answers.

    Args:
        desk: what drills need.
        due: what is due.
        people: who may stop, as Slack users; None while that is not known.
    """

    def __init__(self, desk: DrillDesk, due: Due, people: Callable[[], frozenset[str] | None]) -> None:
        self._desk = desk
        self._due = due
        self._people = people

    @property
    def _practice(self) -> Practice:
        return self._desk.recorder.board.practice

    def look(self, drill: Drill) -> None:
        """Journals the call that is due: of several that were missed, the latest."""
        now, people = self._desk.clock.now(), self._people()
        if people is None:
            return  # nobody can be called yet, and the next look is near
        offsets = {*drill.remind, *([0.0] if drill.by == "operator" else [])}
        for due, begins in self._due.pending(drill):
            reached = [offset for offset in offsets if begins - offset <= now <= begins + drill.wait]
            if not reached:
                continue
            called = self._practice.called.get((drill.id, due), ())
            if not any(it.begins == begins and it.offset <= min(reached) for it in called):
                self._call(drill, due, begins, min(reached), people)

    def _call(self, drill: Drill, due: float, begins: float, offset: float, people: frozenset[str]) -> None:
        operator = on_turn(self._practice, drill.id, due)
        if operator not in people:
            operator = self._next(drill.id, due, people)
        person = events.Person(kind="slack", id=operator) if operator else None
        at = self._desk.clock.now()
        self._desk.record(
            drills.DrillCalled(at=at, drill=drill.id, due=due, begins=begins, offset=offset, operator=person)
        )

    def _next(self, drill: str, due: float, people: frozenset[str]) -> str | None:
        pulls = last_pulls(self._practice, self._desk.recorder.board.hold_events.values())
        return next_operator(people, pulls, declined(self._practice, drill, due))

    def answer(self, drill_id: str, due: float, begins: float, answer: drills.Answer, by: events.Person) -> str:
        """Takes an answer to a reminder; yields the sentence for whoever gave it."""
        drill = self._due.drill(drill_id)
        current = next((at for known, at in self._due.pending(drill) if known == due), None) if drill else None
        if drill is None or current is None:
            return "This drill was run, missed or taken out of the configuration: nothing was changed."
        if current != begins:
            return "This reminder is out of date, since the drill was postponed: nothing was changed."
        operator = on_turn(self._practice, drill_id, due)
        if operator is not None and operator != by.id and answer != "postponed":
            return f"<@{operator}> is on turn for this drill, and not you: nothing was changed."
        return self._take(drill_id, due, begins, answer, by)

    def _take(self, drill: str, due: float, begins: float, answer: drills.Answer, by: events.Person) -> str:
        to, until = None, None
        if answer == "handed_over":
            people = (self._people() or frozenset()) - {by.id}
            name = self._next(drill, due, people)
            if name is None:
                return "Nobody is left to hand it over to: postpone it, or run it. Nothing was changed."
            to = events.Person(kind="slack", id=name)
        if answer == "postponed":
            until = begins + POSTPONED
        at = self._desk.clock.now()
        self._desk.record(drills.DrillAnswered(at=at, drill=drill, due=due, answer=answer, by=by, to=to, until=until))
        if to is not None:
            return f"Handed over to <@{to.id}>."
        return "Postponed by a day." if answer == "postponed" else "Acknowledged: the drill is yours."
