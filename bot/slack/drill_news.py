"""What is to be said before drills, and of those that nobody runs: reminders, their answers, and daily escalation."""

from collections.abc import Callable, Iterable, Iterator

from bot.domain import drill_events as drills
from bot.domain.board import Board
from bot.domain.model import Configuration, Drill
from bot.domain.rota import last_pulls, unpractised_people
from bot.service.ports import Clock
from bot.slack.blocks import drill_reminder as blocks
from bot.slack.blocks.message import Message
from bot.slack.drill_post import News

_DAY = 86_400.0
_LATE = 3600.0  # seconds after its beginning until a reminder that was not said is not said any more


class DrillNews:
    """Reads it all from the board.

    Args:
        board: the fold of every journal.
        configuration: yields the current one.
        groups: ids of the user groups to call.
        people: who may stop; None while that is not known.
        clock: time.
    """

    def __init__(
        self,
        *,
        board: Board,
        configuration: Callable[[], Configuration],
        groups: Callable[[], Iterable[str]],
        people: Callable[[], frozenset[str] | None],
        clock: Clock,
    ) -> None:
        self._board = board
        self._configuration = configuration
        self._groups = groups
        self._people = people
        self._clock = clock

    def __call__(self) -> Iterator[News]:
        """Everything, whether it was said already or not."""
        for drill in self._configuration().drills:
            yield from self._reminders(drill)
            yield from self._answers(drill)
            yield from self._overdue(drill)

    def backstops(self, drill_id: str) -> tuple[str, ...]:
        """What stands behind the surfaces of that drill."""
        configuration = self._configuration()
        drill = next((it for it in configuration.drills if it.id == drill_id), None)
        return backstops(configuration, drill) if drill and drill.kind != "tabletop" else ()

    def called_by(self, channel: str, ts: str) -> drills.DrillCalled | None:
        """The call whose reminder is that message."""
        practice = self._board.practice
        for calls in practice.called.values():
            for called in calls:
                incident = self._board.incidents.get(f"drill:{called.drill}")
                posted = incident.posts.get(_slot(called)) if incident else None
                if posted and (posted.channel, posted.ts) == (channel, ts):
                    return called
        return None

    def _reminders(self, drill: Drill) -> Iterator[News]:
        for (name, due), calls in self._board.practice.called.items():
            for called in calls if name == drill.id else ():
                settled = self._board.practice.is_settled(name, due)
                if settled or self._clock.now() > called.begins + _LATE:
                    continue
                yield News(
                    incident=f"drill:{name}", slot=_slot(called), at=called.at, make=self._reminder(drill, called)
                )

    def _reminder(self, drill: Drill, called: drills.DrillCalled) -> Callable[[], Message]:
        def make() -> Message:
            people, now = self._people() or frozenset(), self._clock.now()
            pulls = last_pulls(self._board.practice, self._board.hold_events.values())
            idle = unpractised_people(people, pulls, drill.everyone, now)
            return blocks.reminder(drill, called, idle, backstops(self._configuration(), drill))

        return make

    def _answers(self, drill: Drill) -> Iterator[News]:
        for (name, due), answers in self._board.practice.answers.items():
            for number, answer in enumerate(answers if name == drill.id else (), 1):
                times = sum(it.answer == "postponed" for it in answers[:number])
                yield News(
                    incident=f"drill:{name}",
                    slot=f"answer:{due:.0f}:{number}",
                    at=answer.at,
                    make=self._answer(drill, answer, times),
                )

    def _answer(self, drill: Drill, answer: drills.DrillAnswered, times: int) -> Callable[[], Message]:
        return lambda: blocks.answered(drill, answer, times, self._groups())

    def _overdue(self, drill: Drill) -> Iterator[News]:
        """Once a day after the latest missed one, until somebody ran it."""
        now = self._clock.now()  # what a clock that was ahead once had missed hides nothing
        missed = [it for (name, _), it in self._board.practice.missed.items() if name == drill.id and it.at <= now]
        latest = max(missed, key=lambda it: it.due, default=None)
        if latest is None:
            return
        runs = self._board.practice.of(drill.id)
        ran = any(
            run.claimed and run.claimed.at > latest.due and run.ended and run.ended.how != "refused" for run in runs
        )
        days = int((now - latest.at) // _DAY)
        if ran or days < 1:
            return
        yield News(
            incident=f"drill:{drill.id}",
            slot=f"overdue:{latest.due:.0f}:{days}",
            at=latest.at + days * _DAY,
            make=lambda: blocks.overdue(drill.id, latest.due, days, self._groups()),
        )


def backstops(configuration: Configuration, drill: Drill) -> tuple[str, ...]:
    """The surfaces that are cut too where those of the drill are not proven in their time."""
    named = (it.backstop for it in configuration.surfaces() if it.name in drill.surfaces and it.backstop)
    return tuple(sorted({*named} - {*drill.surfaces}))


def _slot(called: drills.DrillCalled) -> str:
    return f"remind:{called.due:.0f}:{called.begins:.0f}:{called.offset:.0f}"
