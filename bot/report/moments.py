"""The timeline of an incident: what happened, in order; what is alike between two decisions is one line."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from adapters.base import Mode
from bot.domain import draft_events as drafts
from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.evidence import label
from bot.domain.outcome import Outcome
from bot.journal.reader import Entry
from bot.report.scope import Place, Scope, asked_by
from bot.report.times import lasting

_CLAIM = "cut by the surface's own word: NOT PROVEN"
_WORDS = {
    Outcome.APPLIED: _CLAIM,
    Outcome.DRIFTED: "came back by itself",
    Outcome.CONTESTED: "came back again and again: contested",
    Outcome.PROBATION: "given back, on probation",
    Outcome.RESTORED: "given back",
    Outcome.RELAXING: "being given back",
}
_ENDINGS = {
    "void": "is void",
    "expired": "expired",
    "vetoed": "was vetoed",
    "withdrawn": "was withdrawn",
    "aborted": "was aborted; what it had not given back stays held",
    "completed": "is completed",
}
_SETTLED = {
    "released": "was approved and done once",
    "dropped": "was dropped: it is never done",
    "gone": "was to be dropped, and was not parked any more",
    "void": "was not done: the decision is void",
    "failed": "was not done: the decision could not be carried out",
    "unknown": "was approved, and whether it was done is not known",
}
_EVIDENCE = 6  # entries that a line names


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One line of the timeline.

    Args:
        at: Unix time in seconds.
        until: of the last of several that are alike.
        kind: `asked`, `cut`, `not_cut`, `drift`, `vote`, `back`, `refused`, `closed` or `note`.
        says: what happened, a sentence without its full stop.
        who: the person who did it, where one did.
        detail: their reason, or more about it.
        surfaces: that it is about.
        count: how often, where it happened several times.
        evidence: the entries of the journals that say so, the first ones.
    """

    at: float
    until: float
    kind: str
    says: str
    who: events.Person | None = None
    detail: str = ""
    surfaces: tuple[str, ...] = ()
    count: int = 1
    evidence: tuple[Place, ...] = ()


@dataclass(slots=True)
class _Pile:
    """Proofs that are alike, gathered until the next decision."""

    first: float
    last: float
    kind: str
    says: str
    detail: str
    surfaces: dict[str, None] = field(default_factory=dict)
    count: int = 0
    evidence: dict[Place, None] = field(default_factory=dict)

    def moment(self) -> Moment:
        return Moment(
            at=self.first,
            until=self.last,
            kind=self.kind,
            says=self.says,
            detail=self.detail,
            surfaces=tuple(self.surfaces),
            count=self.count,
            evidence=tuple(self.evidence)[:_EVIDENCE],
        )


class _Teller:
    """Walks through the entries once."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._ballots = {ballot.id for ballot in scope.ballots}
        self._holds = {hold.hold: hold for hold in scope.incident.holds}
        runs = scope.record.board.practice.runs.values()
        self._runs = {run.id for run in runs if run.started and run.started.hold in self._holds}
        self._latest: dict[str, events.Proof] = {}
        self._piles: dict[tuple[object, ...], _Pile] = {}
        self._told = False
        self._ways: dict[type, Callable[..., Iterable[Moment]]] = {
            events.HoldAdded: self._hold,
            events.ReasonGiven: self._reason,
            events.PairsLifted: self._lift,
            events.BallotOpened: self._opened,
            events.VotesCounted: self._counted,
            events.BallotEnded: self._ended,
            events.CodeEntered: self._code,
            events.Acknowledged: self._acknowledged,
            events.IncidentClosed: self._closed,
            events.LoopBlocked: self._blocked,
            events.Posted: self._posted,
            drills.DrillReleased: self._released,
            drills.DrillLeftHeld: self._left_held,
            drills.DrillEnded: self._drilled,
            drafts.DraftSettled: self._settled,
        }

    def tell(self) -> Iterator[Moment]:
        for entry in self._scope.entries():
            if isinstance(entry.event, events.Outcomes):
                self._prove(entry, entry.event)
                continue
            if isinstance(entry.event, events.Refusal):
                self._refuse(entry, entry.event)
                continue
            way = self._ways.get(type(entry.event))
            for moment in way(entry, entry.event) if way else ():
                yield from self._flush()
                yield moment
        yield from self._flush()

    def _flush(self) -> Iterator[Moment]:
        piles, self._piles = self._piles, {}
        yield from (pile.moment() for pile in piles.values())

    def _prove(self, entry: Entry, event: events.Outcomes) -> None:
        for proof in event.proofs:
            surfaces = self._scope.surfaces.get(proof.target)
            before = self._latest.get(proof.target)
            if surfaces is None or (before is not None and _alike(before, proof)):
                continue
            self._latest[proof.target] = proof
            kind, says = _proven(before, proof)
            shown = proof.detail if kind in {"not_cut", "drift"} else ""
            self._pile(entry, _Pile(event.at, event.at, kind, says, shown)).surfaces.update(dict.fromkeys(surfaces))

    def _refuse(self, entry: Entry, event: events.Refusal) -> None:
        """Somebody who asks a hundred times is one line."""
        says = f"{event.by.id} ({asked_by(event.by)}) was refused while the incident was open: {event.asked}"
        self._pile(entry, _Pile(event.at, event.at, "refused", says, event.why))

    def _pile(self, entry: Entry, new: _Pile) -> _Pile:
        pile = self._piles.setdefault((new.kind, new.says, new.detail), new)
        pile.last = max(pile.last, new.last)
        pile.count += 1
        pile.evidence[(entry.chain, entry.seq)] = None
        return pile

    def _hold(self, entry: Entry, event: events.HoldAdded) -> Iterator[Moment]:
        if event.hold not in self._holds:
            return
        surfaces = tuple(dict.fromkeys(name for target in event.targets for name in target.surfaces))
        left = f"; {len(event.left)} left alone" if event.left else ""
        asked = f"{event.mode} on {event.scope or 'its targets'} was asked and recorded ({event.hold}){left}"
        if event.origin == "backstop":
            asked = f"a deadline passed unproven: the backstop holds {label(surfaces)} at {event.mode} ({event.hold})"
        reason = self._holds[event.hold].reason
        yield _moment(entry, "asked", asked, who=event.by, detail=reason, surfaces=surfaces)

    def _reason(self, entry: Entry, event: events.ReasonGiven) -> Iterator[Moment]:
        if event.hold in self._holds:
            yield _moment(entry, "note", f"the reason of {event.hold} was given", who=event.by, detail=event.reason)

    def _lift(self, entry: Entry, event: events.PairsLifted) -> Iterator[Moment]:
        keys = {target for _, target in event.pairs} & self._scope.surfaces.keys()
        if event.ballot not in self._ballots and not (keys and any(hold in self._holds for hold, _ in event.pairs)):
            return
        surfaces = tuple(dict.fromkeys(name for key in keys for name in self._scope.surfaces[key]))
        mode = max((hold.mode for hold in event.holds), default=Mode.NORMAL)
        if event.step == 0:
            says = f"{event.ballot} passed: its holds are lifted, and the surfaces stay at {mode} until the first step"
        else:
            says = f"step {event.step} of {event.ballot} to {mode} begins"
        yield _moment(entry, "back", says, surfaces=surfaces)

    def _opened(self, entry: Entry, event: events.BallotOpened) -> Iterator[Moment]:
        if event.ballot not in self._ballots:
            return
        surfaces = tuple(name for item in event.returns for name in item.surfaces)
        asked = "the undo of a mistake" if event.kind == "undo" else f"a return of {event.scope} to {event.mode}"
        says = f"{event.ballot} was opened: {asked}, with a quorum of {event.quorum}"
        yield _moment(entry, "vote", says, who=event.by, detail=event.reason, surfaces=surfaces)

    def _counted(self, entry: Entry, event: events.VotesCounted) -> Iterator[Moment]:
        if event.ballot in self._ballots:
            names = ", ".join(person.id for person in event.approvals) or "nobody"
            against = f"; against: {', '.join(person.id for person in event.vetoes)}" if event.vetoes else ""
            says = f"{event.ballot} stands at {len(event.approvals)} for, {len(event.vetoes)} against"
            yield _moment(entry, "vote", says, detail=f"for: {names}{against}")

    def _ended(self, entry: Entry, event: events.BallotEnded) -> Iterator[Moment]:
        if event.ballot in self._ballots:
            yield _moment(entry, "vote", f"{event.ballot} {_ENDINGS[event.how]}", who=event.by, detail=event.why)

    def _code(self, entry: Entry, event: events.CodeEntered) -> Iterator[Moment]:
        if event.ballot in self._ballots:
            taken = "was confirmed with a code" if event.step is not None else "was not confirmed: the code was refused"
            yield _moment(entry, "vote", f"a vote on {event.ballot} {taken}", who=event.by, detail=event.why)

    def _acknowledged(self, entry: Entry, event: events.Acknowledged) -> Iterator[Moment]:
        says = f"goes without what is missing of {event.subject}"
        yield _moment(entry, "note", says, who=event.by, detail=event.reason)

    def _closed(self, entry: Entry, event: events.IncidentClosed) -> Iterator[Moment]:
        if event.incident == self._scope.incident.id:
            owned = ", ".join(f"{item.surface} ({item.owner})" for item in event.owned[:_EVIDENCE])
            more = f" and {len(event.owned) - _EVIDENCE} more" if len(event.owned) > _EVIDENCE else ""
            detail = f"still held, with an owner: {owned}{more}" if owned else ""
            yield _moment(entry, "closed", "the incident was closed", who=event.by, detail=detail)

    def _blocked(self, entry: Entry, event: events.LoopBlocked) -> Iterator[Moment]:
        whose = self._scope.surfaces.get(event.target or "", ())
        ended = ", and the process ended itself over it" if event.ended else ""
        says = f"a call blocked the whole bot for {lasting(event.seconds)}{ended}"
        yield _moment(entry, "note", says, detail=event.where, surfaces=whose)

    def _released(self, entry: Entry, event: drills.DrillReleased) -> Iterator[Moment]:
        if event.run in self._runs:
            yield _moment(entry, "back", f"{event.run} released its own hold, as was authorised with it")

    def _left_held(self, entry: Entry, event: drills.DrillLeftHeld) -> Iterator[Moment]:
        if event.run in self._runs:
            says = f"{event.run} could not give back {label(event.surfaces)}"
            yield _moment(entry, "not_cut", says, detail=event.why)

    def _drilled(self, entry: Entry, event: drills.DrillEnded) -> Iterator[Moment]:
        if event.run in self._runs:
            says = f"the drill {event.drill} ended ({event.run}): {event.how}"
            yield _moment(entry, "note", says, detail=event.why)

    def _settled(self, entry: Entry, event: drafts.DraftSettled) -> Iterator[Moment]:
        """What people decided on one write that the agent asked for and a surface parked."""
        proposal = self._scope.board.proposals.all.get(event.draft)
        seen = next((it for _, it in proposal.seen.values()), None) if proposal else None
        if proposal is None or seen is None or seen.target not in self._scope.surfaces:
            return
        decided = proposal.decided.get(event.decision)
        shown = proposal.shown.get(decided.digest) if decided else None
        expired = decided is not None and decided.verdict == "expire"
        says = f"what the agent had asked for ({event.draft}) {'expired, and ' * expired}{_SETTLED[event.how]}"
        detail = ": ".join(filter(None, (shown.what if shown else "", event.why)))
        kind = "back" if event.how in {"released", "unknown"} else "note"
        by = None if decided is None or expired else decided.by
        yield _moment(entry, kind, says, who=by, detail=detail, surfaces=seen.surfaces)

    def _posted(self, entry: Entry, event: events.Posted) -> Iterator[Moment]:
        if event.incident == self._scope.incident.id and not self._told:
            self._told = True
            yield _moment(entry, "note", f"told in Slack, channel {event.channel}")


def moments(scope: Scope) -> tuple[Moment, ...]:
    """The timeline, oldest first."""
    return tuple(sorted(_Teller(scope).tell(), key=lambda moment: moment.at))


def who(person: events.Person | None) -> str:
    """A person with the door that they came through; empty for nobody and for the bot itself."""
    return "" if person is None or person.kind == "bot" else f"{person.id} ({asked_by(person)})"


def _moment(
    entry: Entry,
    kind: str,
    says: str,
    *,
    who: events.Person | None = None,
    detail: str = "",
    surfaces: tuple[str, ...] = (),
) -> Moment:
    at = entry.event.at
    place = (entry.chain, entry.seq)
    return Moment(at=at, until=at, kind=kind, says=says, who=who, detail=detail, surfaces=surfaces, evidence=(place,))


def _alike(before: events.Proof, proof: events.Proof) -> bool:
    """Whether a proof says nothing new."""
    same = (before.outcome, before.asked, before.held, before.late) == (
        proof.outcome,
        proof.asked,
        proof.held,
        proof.late,
    )
    return same and (before.detail == proof.detail or proof.outcome is Outcome.VERIFIED)


def _proven(before: events.Proof | None, proof: events.Proof) -> tuple[str, str]:
    """The kind of moment, and what it says."""
    if proof.outcome is Outcome.VERIFIED:
        return _verified(before, proof)
    if proof.outcome in _WORDS:
        kinds = {Outcome.APPLIED: "cut", Outcome.DRIFTED: "drift", Outcome.CONTESTED: "drift"}
        return kinds.get(proof.outcome, "back"), _WORDS[proof.outcome]
    late = ", and the deadline passed" if proof.late else ""
    return "not_cut", f"NOT CUT: {proof.outcome}{late}"


def _verified(before: events.Proof | None, proof: events.Proof) -> tuple[str, str]:
    held = f" (held as {proof.held})" if proof.held and proof.held is not proof.asked else ""
    if before is None or before.outcome is Outcome.PENDING:
        return "cut", f"cut to {proof.asked} and proven{held}"
    if before.outcome in {Outcome.DRIFTED, Outcome.CONTESTED}:
        return "cut", f"cut again to {proof.asked} and proven{held}"
    if before.outcome in {Outcome.VERIFIED, Outcome.APPLIED} and proof.asked < before.asked:
        return "back", f"loosened to {proof.asked} and read back{held}"
    if before.outcome in {Outcome.VERIFIED, Outcome.APPLIED, Outcome.PROBATION, Outcome.RESTORED}:
        return "cut", f"cut to {proof.asked} and proven{held}"
    return "cut", f"cut to {proof.asked} and proven{held}, after it had not been"
