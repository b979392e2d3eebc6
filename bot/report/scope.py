"""Which part of everything that is recorded belongs to one incident."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.domain import events
from bot.domain.ballot import Ballot
from bot.domain.board import Board, Incident
from bot.journal.reader import Entry
from bot.report.record import Record

Place = tuple[str, int]  # the chain and the number of an entry: the evidence


class UnknownIncidentError(ValueError):
    """No incident, or several, are meant by the words; the text names those that there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One incident among everything that is recorded.

    Args:
        record: everything.
        incident: the one.
        board: everything up to `until`.
        surfaces: by target, the surfaces that its stops bind through it.
        ballots: the votes on giving back what its stops hold.
        until: Unix time of the last entry that it covers.
        open: whether it was not closed yet.
    """

    record: Record
    incident: Incident
    board: Board
    surfaces: dict[str, tuple[str, ...]]
    ballots: tuple[Ballot, ...]
    until: float
    open: bool

    @property
    def since(self) -> float:
        """When its first stop was asked."""
        return self.incident.opened_at

    def entries(self) -> Iterator[Entry]:
        """Everything within its time."""
        every = self.record.entries
        first = bisect_left(every, self.since, key=_at)
        return iter(every[first : bisect_right(every, self.until, lo=first, key=_at)])


def find(board: Board, words: str) -> Incident:
    """The incident of this id, of a unique beginning of it, or of one of its holds.

    Raises:
        UnknownIncidentError: none, or several.
    """
    stopped = {name: incident for name, incident in board.incidents.items() if incident.holds}
    if words in stopped:
        return stopped[words]
    if words in board.hold_events and board.hold_events[words].incident in stopped:
        return stopped[board.hold_events[words].incident]
    found = [name for name in stopped if name.startswith(words) or name.partition("-")[2].startswith(words)]
    if len(found) == 1 and words:
        return stopped[found[0]]
    raise UnknownIncidentError(_which(words, found or [it.id for it in newest_first(board)], several=len(found) > 1))


def newest_first(board: Board) -> list[Incident]:
    """Every incident with a stop."""
    return sorted(
        (incident for incident in board.incidents.values() if incident.holds),
        key=lambda incident: (-incident.opened_at, incident.id),
    )


def scope(record: Record, incident: Incident) -> Scope:
    """What belongs to the incident. A closed one is shown as it was then, whatever became of its surfaces later."""
    return next(scopes(record, [incident]))


def scopes(record: Record, incidents: Iterable[Incident]) -> Iterator[Scope]:
    """As `scope`, for many in one pass, in the order of their ends. Each is good until the next is asked for."""
    bounds = [(*_bounds(record, incident), incident) for incident in incidents]
    board, folded = Board(), 0
    for until, ballots, incident in sorted(bounds, key=lambda it: (it[0], it[2].id)):
        end = bisect_right(record.entries, until, key=_at)
        for entry in record.entries[folded:end]:
            board.apply(entry.event)
        folded = max(folded, end)
        yield Scope(
            record=record,
            incident=incident,
            board=board,
            surfaces=_surfaces(incident),
            ballots=ballots,
            until=until,
            open=incident.closed is None,
        )


def _bounds(record: Record, incident: Incident) -> tuple[float, tuple[Ballot, ...]]:
    """The end of its time, and its ballots."""
    holds = {hold.hold for hold in incident.holds}
    ballots = tuple(sorted(_ballots(record.board, incident, holds), key=lambda it: it.opened.at if it.opened else 0.0))
    if incident.closed is None:
        return record.entries[-1].event.at if record.entries else incident.opened_at, ballots
    ends = [event.at for ballot in ballots for event in (ballot.opened, ballot.ended) if event]
    return max([incident.closed.at, *ends]), ballots


def _surfaces(incident: Incident) -> dict[str, tuple[str, ...]]:
    surfaces: dict[str, dict[str, None]] = {}
    for hold in sorted(incident.holds, key=lambda it: it.at):
        for target in hold.targets:
            surfaces.setdefault(target.key, {}).update(dict.fromkeys(target.surfaces))
    return {key: tuple(names) for key, names in surfaces.items()}


def _at(entry: Entry) -> float:
    return entry.event.at


def _ballots(board: Board, incident: Incident, holds: set[str]) -> Iterator[Ballot]:
    for ballot in board.ballots.values():
        if ballot.opened and (ballot.opened.incident == incident.id or any(h in holds for h, _ in ballot.opened.pairs)):
            yield ballot


def asked_by(person: events.Person) -> str:
    """The door that a person came through, in a word."""
    return {"slack": "Slack", "cli": "command line", "http": "signed call", "bot": "the bot"}[person.kind]


def _which(words: str, names: list[str], *, several: bool) -> str:
    if not names:
        return f"no incident is recorded here, so none is {words!r}: is AGENT_KILL_STATE_DIR the bot's?"
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")  # noqa: PLR2004  # a line
    if several:
        return f"{words!r} may mean several incidents: {shown}; give more of the id"
    return f"there is no incident {words!r}; there are, newest first: {shown}"
