"""The votes of an incident: who asked, what they were shown, who voted what when, and what came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.base import Mode
from bot.domain import events
from bot.domain.ballot import Ballot, steps
from bot.journal.chain import ERASED
from bot.report.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One change of mind of one person. `says` is `for`, `against` or `took it back`."""

    at: float
    who: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of giving back. Unix times; `done` is None where not every surface was read back at its mode."""

    number: int
    mode: Mode
    begun: float
    done: float | None
    surfaces: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Balloted:
    """One ballot. `counted` is the last tally: how many for and against, by people and not by names."""

    opened: events.BallotOpened
    votes: tuple[Vote, ...]
    counted: tuple[int, int]
    steps: tuple[Step, ...]
    ended: events.BallotEnded | None
    refused_codes: int = 0
    confirmed: tuple[str, ...] = ()


def votes(scope: Scope) -> tuple[Balloted, ...]:
    """The ballots, oldest first, as they stood at the end of the incident's time."""
    return tuple(_balloted(ballot, ballot.opened) for ballot in scope.ballots if ballot.opened)


def _balloted(ballot: Ballot, opened: events.BallotOpened) -> Balloted:
    tallies = sorted(ballot.tallies, key=lambda it: it.at)
    last = tallies[-1] if tallies else None
    return Balloted(
        opened=opened,
        votes=tuple(_minds(tallies)),
        counted=(len(last.approvals), len(last.vetoes)) if last else (0, 0),
        steps=tuple(_steps(ballot, opened)),
        ended=ballot.ended,
        refused_codes=sum(code.step is None for code in ballot.codes),
        confirmed=tuple(sorted(ballot.confirmed())),
    )


def _minds(tallies: Sequence[events.VotesCounted]) -> Iterator[Vote]:
    """Who changed what with each tally; people whose names were erased cannot be told apart, and are left out."""
    before: dict[str, str] = {}
    for tally in tallies:
        now = {person.id: "for" for person in tally.approvals} | {person.id: "against" for person in tally.vetoes}
        now.pop(ERASED, None)
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                yield Vote(at=tally.at, who=name, says=now.get(name, "took it back"))
        before = now


def _steps(ballot: Ballot, opened: events.BallotOpened) -> Iterator[Step]:
    modes = steps(opened)
    for number, lifts in sorted(ballot.lifts.items()):
        if number == 0:
            continue
        keys = {key for lift in lifts for _, key in lift.pairs}
        done = [ballot.done_at.get((number, key)) for key in keys]
        yield Step(
            number=number,
            mode=modes[number - 1] if number <= len(modes) else opened.mode,
            begun=min(lift.at for lift in lifts),
            done=max(at for at in done if at) if done and all(done) else None,
            surfaces=len(keys),
        )
