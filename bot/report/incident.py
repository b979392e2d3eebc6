"""The report of one incident: everything that is recorded of it, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain import events
from bot.domain.drill_events import AnyDrillEvent
from bot.domain.evidence import label
from bot.domain.outcome import Outcome
from bot.domain.practice import Practice, unpractised
from bot.journal.chain import ERASED
from bot.report.cuts import Cut, cuts
from bot.report.drilled import drilled
from bot.report.moments import Moment, moments, who
from bot.report.record import Chains, Record
from bot.report.scope import Scope, scope
from bot.report.spans import Lane, lanes
from bot.report.times import lasting, precise, stamp
from bot.report.votes import Balloted, votes

_SHOWN = 3  # of the times that a surface was not cut
_BACK = frozenset({Outcome.PROBATION, Outcome.RESTORED})


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReport:
    """What people read. `at` is when it was made; `since` and `until` is what it covers; Unix seconds.

    `erased` says whether names or reasons of it were taken out of the journals.
    """

    id: str
    at: float
    since: float
    until: float
    open: bool
    drill: bool
    stops: tuple[events.HoldAdded, ...]
    cuts: tuple[Cut, ...]
    moments: tuple[Moment, ...]
    lanes: tuple[Lane, ...]
    votes: tuple[Balloted, ...]
    closed: events.IncidentClosed | None
    chains: Chains
    problems: tuple[str, ...] = ()
    erased: bool = False
    names: tuple[str, ...] = ()  # of the agents
    never_drilled: tuple[str, ...] = ()  # surfaces that no drill had proven before it
    overdue: tuple[str, ...] = ()  # surfaces whose last drill was too long ago then
    drilled: str = ""  # what the drill found, where it is one

    def not_cut(self) -> tuple[Cut, ...]:
        """What still acts, or may, at the end of what it covers."""
        return tuple(cut for cut in self.cuts if cut.line.not_cut)

    def not_proven(self) -> tuple[Cut, ...]:
        """What is cut by the surface's own word only."""
        return tuple(cut for cut in self.cuts if cut.line.not_proven)

    def unseen(self) -> tuple[Cut, ...]:
        """What is cut, and whose work in flight cannot be seen or was left."""
        return tuple(cut for cut in self.cuts if cut.line.unknown and not cut.line.not_cut and not cut.line.not_proven)

    def proven(self) -> tuple[Cut, ...]:
        """What was proven at any time since it was asked."""
        return tuple(cut for cut in self.cuts if cut.proven is not None)

    def never_proven(self) -> tuple[Cut, ...]:
        """What was at no time proven as it was first asked."""
        return tuple(cut for cut in self.cuts if cut.proven is None)

    def late(self) -> tuple[Cut, ...]:
        """What missed a deadline."""
        return tuple(cut for cut in self.cuts if cut.late)

    def gapped(self) -> tuple[Cut, ...]:
        """What was not cut for a time, and is at the end."""
        return tuple(cut for cut in self.cuts if cut.gaps and not cut.line.not_cut)

    def shortfalls(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """When surfaces were not cut, or late: their names and a sentence; what is alike is one."""
        found: dict[str, dict[str, None]] = {}
        for cut in self.gapped():
            for said in gaps_of(cut):
                found.setdefault(said, {})[cut.surface] = None
        for cut in self.late():
            for at in cut.late[:_SHOWN]:
                found.setdefault(f"the deadline passed without proof at {precise(at)}", {})[cut.surface] = None
        return tuple((tuple(names), said) for said, names in found.items())

    def given_back(self) -> tuple[Cut, ...]:
        """What a vote gave back."""
        return tuple(cut for cut in self.cuts if cut.line.outcome in _BACK)

    def summary(self) -> tuple[str, ...]:
        """What happened, in three sentences; of a drill also what it found."""
        return tuple(filter(None, (_asked(self), _done(self), self.drilled, _ending(self))))


def gaps_of(cut: Cut) -> Iterator[str]:
    """Each time in which it was not cut; of many the first ones."""
    for gap in cut.gaps[:_SHOWN]:
        until = f"until {precise(gap.end)} ({lasting(gap.end - gap.start)})" if gap.end else "until the end"
        yield f"from {precise(gap.start)} {until}: {gap.why}"
    if len(cut.gaps) > _SHOWN:
        yield f"and {len(cut.gaps) - _SHOWN} more times"


def incident_report(record: Record, incident_id: str) -> IncidentReport:
    """Tells one incident of the record.

    Args:
        record: everything that is recorded.
        incident_id: of `record.board.incidents`, with a stop.
    """
    part = scope(record, record.board.incidents[incident_id])
    stops = tuple(sorted(part.incident.holds, key=lambda hold: hold.at))
    told, made = moments(part), cuts(part)
    never, overdue = ((), ()) if part.incident.drill else _unpractised(part, [cut.surface for cut in made])
    return IncidentReport(
        id=incident_id,
        at=record.at,
        since=part.since,
        until=part.until,
        open=part.open,
        drill=part.incident.drill,
        stops=stops,
        cuts=made,
        moments=told,
        lanes=lanes(part),
        votes=votes(part),
        closed=part.incident.closed,
        chains=record.chains,
        problems=record.problems,
        erased=_is_erased(part, told),
        never_drilled=never,
        overdue=overdue,
        drilled=drilled(record.board.practice, frozenset(hold.hold for hold in stops)),
        names=tuple(sorted({cut.surface.partition("/")[0] for cut in made})),
    )


def _unpractised(part: Scope, surfaces: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was not drilled, as far as was recorded before the incident began."""
    before = Practice()
    for entry in part.record.entries:
        if isinstance(entry.event, AnyDrillEvent) and entry.event.at < part.since:
            before.fold(entry.event)
    return unpractised(before, surfaces, part.since)


def _is_erased(part: Scope, told: tuple[Moment, ...]) -> bool:
    people = [moment.who.id for moment in told if moment.who]
    texts = [hold.reason for hold in part.incident.holds] + [moment.detail for moment in told]
    ballots = [ballot.opened.model_dump_json() for ballot in part.ballots if ballot.opened]
    return any(ERASED in text for text in (*people, *texts, *ballots))


def _asked(report: IncidentReport) -> str:
    first = report.stops[0]
    by = who(first.by) or "the bot"
    tripped = sum(hold.origin == "backstop" for hold in report.stops)
    joined = len(report.stops) - 1 - tripped
    more = f", and {_counted(joined, 'further stop')} joined it" if joined > 0 else ""
    more += f", and {_counted(tripped, 'backstop')} tripped" if tripped else ""
    why = f": \N{LEFT DOUBLE QUOTATION MARK}{first.reason}\N{RIGHT DOUBLE QUOTATION MARK}" if first.reason else ""
    what = f"{first.mode} on {first.scope or 'these surfaces'}"
    said = f"{by} asked for {what} at {stamp(first.at)}{why or ', and gave no reason'}"
    kind = "As a drill, " if report.drill else ""
    return f"{kind}{said}{more}."


def _done(report: IncidentReport) -> str:
    total, proven = len(report.cuts), report.proven()
    agents = _counted(len(report.names), "agent")
    if not proven:
        return f"None of the {_surfaces(total)} of {agents} was ever proven to be cut."
    worst = lasting(max(cut.proven or 0.0 for cut in proven))
    if len(proven) == total:
        every = {1: "The surface", 2: "Both surfaces"}.get(total, f"All {_surfaces(total)}")
        verb = "was" if total == 1 else "were"
        said = f"{every} of {agents} {verb} cut and proven" + (
            f" within {worst}" if total == 1 else f", the last after {worst}"
        )
    else:
        rest = label([cut.surface for cut in report.never_proven()])
        some = f"{len(proven):,} of {_surfaces(total)} of {agents} were cut and proven"
        said = f"{some}, the last after {worst}; never proven: {rest}"
    drifts = sum(cut.drifts for cut in report.cuts)
    return said + (f"; authority came back by itself {_times(drifts)}" if drifts else "") + "."


def _ending(report: IncidentReport) -> str:
    if report.closed is not None:
        by = who(report.closed.by) or "the bot"
        back = len(report.given_back())
        given = f"{_giver(report)} gave back {_surfaces(back)}, and " if back else ""
        owned = len(report.closed.owned)
        held = f"; {_surfaces(owned)} stayed held, each with an owner" if owned else ""
        return _capital(f"{given}{by} closed the incident at {stamp(report.closed.at)}{held}.")
    not_cut, not_proven = len(report.not_cut()), len(report.not_proven())
    state = (
        f"{not_cut} NOT CUT, {not_proven} NOT PROVEN" if not_cut or not_proven else "nothing is NOT CUT or NOT PROVEN"
    )
    return f"The incident is open: at the last entry of {stamp(report.until)}, {state}."


def _giver(report: IncidentReport) -> str:
    if any(ballot.steps for ballot in report.votes):
        return "a vote"
    return "the drill's own release" if report.drill else "a lift"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _surfaces(count: int) -> str:
    return _counted(count, "surface")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("s" if count != 1 else "")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
