"""The board: everything that the journal's events amount to, folded in any order."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from adapters.base import Mode
from bot.domain import armed_events, draft_events, drill_events, events
from bot.domain.armed import Roll
from bot.domain.ballot import Ballot
from bot.domain.codes import Codes
from bot.domain.drafts import Proposals
from bot.domain.holds import HoldSet
from bot.domain.outcome import Outcome
from bot.domain.practice import Practice

_NEVER = -math.inf
_OF_DRILLS = frozenset({"drill", "backstop"})
Noticed = (
    events.OrphansSeen | events.LoopBlocked | events.ConfigurationSeen | armed_events.AnyArmed | draft_events.AnyDraft
)


@dataclass(slots=True)
class Incident:
    """One incident: its stops, in the order of their arrival here, and its posts by slot."""

    id: str
    channel: str | None = None
    opened_at: float = 0.0
    holds: list[events.HoldAdded] = field(default_factory=list)
    posts: dict[str, events.Posted] = field(default_factory=dict)
    closed: events.IncidentClosed | None = None

    @property
    def drill(self) -> bool:
        """Whether it has no stop but those of a drill."""
        return all(stop.origin in _OF_DRILLS for stop in self.holds)

    def summarise(self) -> None:
        """Takes the time and the channel from the stops."""
        self.opened_at = min((stop.at for stop in self.holds), default=0.0)
        channels = [(stop.at, stop.channel) for stop in self.holds if stop.channel]
        self.channel = min(channels)[1] if channels else None


class Board:
    """The state of the stop path in memory. `apply` is idempotent and never refuses an event.

    What it amounts to does not depend on the order of the events: journals are read chain by chain, not by time.
    """

    def __init__(self) -> None:
        self.holds = HoldSet()
        self.hold_events: dict[str, events.HoldAdded] = {}
        self.incidents: dict[str, Incident] = {}
        self.proofs: dict[str, events.Proof] = {}
        self.proof_at: dict[str, float] = {}
        self.drifts: dict[str, dict[float, str]] = {}  # how a target came back, by when; the cut that follows hides it
        self.contested: dict[str, float] = {}  # when a target was last found contested
        self.blocked: dict[str, set[float]] = {}  # when a call for a target blocked the whole process
        self.orphans: events.OrphansSeen | None = None  # the newest; `drift.known_orphans` says which still are
        self._latest = _NEVER  # of all times below
        self._held_at: dict[str, float] = {}  # when the holds of a target last changed
        self._asked: dict[str, events.HoldAdded] = {}  # as they were asked; `hold_events` has later reasons too
        self._told_at: dict[str, float] = {}  # when a hold was last asked for, by whichever writer
        self._reasons: dict[str, events.ReasonGiven] = {}
        self._bound: dict[str, tuple[events.HoldAdded, dict[str, frozenset[str]]]] = {}  # by hold, then by target
        self.lines: dict[str, tuple[Any, Any]] = {}  # by surface, what reports last made of all this (`report.py`)
        self.undo: dict[str, list[str]] = {}  # sealed records of the running episode, by target
        self.baselines: dict[str, tuple[float, str]] = {}  # when, and the sealed state, by target
        self.configured: dict[str, dict[float, str]] = {}  # by part of the configuration: when, and its digest
        self.armed = Roll()
        self.proposals = Proposals()
        self.ballots: dict[str, Ballot] = {}
        self.codes = Codes()
        self.practice = Practice()
        self.voted: set[tuple[str, str]] = set()  # (hold, target) pairs that a vote lifted
        self.acknowledged: dict[str, dict[str, events.Acknowledged]] = {}  # by subject, then by person
        self._undone: set[tuple[str, str]] = set()  # (target, digest of a sealed record) of episodes that ended

    def apply(self, event: events.AnyEvent) -> None:
        """Folds one event in."""
        match event:
            case events.HoldAdded():
                self._add_hold(event)
            case events.Outcomes():
                self._see(event)
            case events.ReasonGiven():
                self._give_reason(event)
            case events.UndoRecorded():
                self._keep_undo(event.target, event.sealed)
            case events.UndosRecorded():
                for target, sealed in event.records:
                    self._keep_undo(target, sealed)
            case events.Posted():
                self._incident(event.incident).posts[event.slot] = event
            case events.IncidentClosed():
                self._incident(event.incident).closed = event
            case _ if isinstance(event, Noticed):
                self._keep_watch(event)
            case _:
                self._give_back(event)

    def _keep_watch(self, event: Noticed) -> None:
        """What the bot notices by itself."""
        if isinstance(event, armed_events.AnyArmed):
            self.armed.apply(event)
            return
        if isinstance(event, draft_events.AnyDraft):
            self.proposals.fold(event)
            return
        if isinstance(event, events.ConfigurationSeen):
            for name, digest in event.parts:
                known = self.configured.setdefault(name, {})
                known[event.at] = max(digest, known.get(event.at, ""))
            return
        if isinstance(event, events.OrphansSeen):
            self.orphans = max(event, self.orphans or event, key=lambda it: (it.at, it.model_dump_json()))
        elif event.target:
            self.blocked.setdefault(event.target, set()).add(event.at)

    def _give_back(self, event: events.AnyEvent) -> None:
        """What belongs to restores."""
        match event:
            case events.PairsLifted():
                for hold in event.holds:
                    self._add_hold(hold)  # before the lift, so that nothing is ever unheld between
                self.holds.lift(event.pairs)
                self.voted.update(event.pairs)
                self._changed((target for _, target in event.pairs), event.at)
                self._ballot(event.ballot).fold(event)
            case events.BallotOpened() | events.VotesCounted() | events.StepDone() | events.BallotEnded():
                self._ballot(event.ballot).fold(event)
            case events.CodeEntered():
                self.codes.fold(event)
                self._ballot(event.ballot).fold(event)
            case events.Acknowledged():
                self.acknowledged.setdefault(event.subject, {})[event.by.id] = event
            case events.EpisodeEnded():
                self._end_episode(event)
            case events.BaselinesTaken():
                for target, sealed in event.records:
                    taken = (event.at, sealed)
                    self.baselines[target] = max(taken, self.baselines.get(target, taken))
            case _ if isinstance(event, drill_events.AnyDrillEvent):
                self._drill(event)
            case _:
                pass  # notes, heads and refusals are for the audit

    def _drill(self, event: drill_events.AnyDrillEvent) -> None:
        self.practice.fold(event)
        if isinstance(event, drill_events.DrillReleased):
            self.holds.lift(event.pairs)
            self._changed((target for _, target in event.pairs), event.at)

    def effective(self, target: str) -> Mode:
        """The strictest of the target's live holds."""
        return self.holds.effective(target)

    def is_proven(self, target: str) -> bool:
        """Whether the last proof is younger than the last change of the target's holds."""
        return target in self.proofs and self.proof_at[target] > self._held_at.get(target, _NEVER)

    def look_again(self, targets: Iterable[str], at: float) -> None:
        """The last proofs of these targets still hold."""
        self._latest = max(self._latest, at)
        self.proof_at.update(dict.fromkeys(targets, at))

    def stamp(self, targets: Iterable[str], now: float) -> float:
        """The time to record a new event about these targets under: `now`, or just after all that is known of them.

        A clock that is set back must not make what was proven before it look younger than what is done after it.
        """
        if now > self._latest:
            return now
        known = [_NEVER]
        for target in targets:
            known += [self.proof_at.get(target, _NEVER), self._held_at.get(target, _NEVER)]
        return max(now, math.nextafter(max(known), math.inf))

    def open_incident(self, channel: str | None) -> Incident | None:
        """The open incident of a channel, which a further stop there joins; a drill's is nobody else's."""
        found = [i for i in self.incidents.values() if i.channel == channel and not i.closed and not i.drill]
        return max(found, key=lambda incident: incident.opened_at, default=None)

    def incidents_of(self, *targets: str) -> set[str]:
        """The open incidents whose holds bind these targets."""
        return {self.hold_events[hold].incident for hold in {hold for key in targets for hold in self.holds.live(key)}}

    def surfaces_of(self, target: str) -> set[str]:
        """Every surface that a live hold binds through this target."""
        return {name for hold in self.holds.live(target) for name in self.surfaces_under(hold, target)}

    def surfaces_under(self, hold: str, target: str) -> frozenset[str]:
        """Every surface that this hold binds through this target."""
        event = self.hold_events.get(hold)
        if event is None:
            return frozenset()
        known = self._bound.get(hold)
        if known is None or known[0] is not event:
            bound: dict[str, frozenset[str]] = {}
            for held in event.targets:
                bound[held.key] = bound.get(held.key, frozenset()) | frozenset(held.surfaces)
            known = self._bound[hold] = (event, bound)
        return known[1].get(target, frozenset())

    def held_surfaces(self) -> frozenset[str]:
        """Names of all surfaces under a live hold, whether the configuration still has them or not."""
        return frozenset(surface for target in self.holds.targets() for surface in self.surfaces_of(target))

    def _keep_undo(self, target: str, sealed: str) -> None:
        known = self.undo.setdefault(target, [])
        if sealed not in known and not (self._undone and (target, record_id(sealed)) in self._undone):
            known.append(sealed)

    def _end_episode(self, event: events.EpisodeEnded) -> None:
        """Forgets what was undone, also where it is read before its records."""
        self._undone.update((event.target, record) for record in event.records)
        known = self.undo.get(event.target, [])
        known[:] = [sealed for sealed in known if (event.target, record_id(sealed)) not in self._undone]

    def _ballot(self, ballot_id: str) -> Ballot:
        return self.ballots.setdefault(ballot_id, Ballot(id=ballot_id))

    def _incident(self, incident_id: str) -> Incident:
        return self.incidents.setdefault(incident_id, Incident(id=incident_id))

    def _add_hold(self, event: events.HoldAdded) -> None:
        before = self._asked.get(event.hold)
        asked = self._asked[event.hold] = event if before is None else _same_delivery(before, event)
        told_at = self._told_at[event.hold] = max(event.at, self._told_at.get(event.hold, event.at))
        keys = asked.targets.keys
        self._changed(keys, told_at)
        if asked == before:
            return
        self.holds.add(asked.hold, asked.mode, keys)
        if before and before.incident != asked.incident:
            left = self._incident(before.incident)
            left.holds[:] = [stop for stop in left.holds if stop.hold != asked.hold]
            left.summarise()
        self._name(asked)

    def _name(self, asked: events.HoldAdded) -> None:
        """Puts the hold, with the reason that was given later, where people look for it."""
        given = self._reasons.get(asked.hold)
        named = asked.model_copy(update={"reason": given.reason}) if given and not asked.reason else asked
        self.hold_events[named.hold] = named
        if named.origin == "restore":
            return  # a part of its ballot's story, not a stop of the incident
        incident = self._incident(named.incident)
        places = [place for place, stop in enumerate(incident.holds) if stop.hold == named.hold]
        if places:
            incident.holds[places[0]] = named
        else:
            incident.holds.append(named)
        incident.summarise()

    def _changed(self, targets: Iterable[str], at: float) -> None:
        if at >= self._latest:
            self._latest = at
            self._held_at.update(dict.fromkeys(targets, at))
            return
        for target in targets:
            self._held_at[target] = max(at, self._held_at.get(target, at))

    def _see(self, event: events.Outcomes) -> None:
        self._latest = max(self._latest, event.at)
        for proof in event.proofs:
            if proof.outcome is Outcome.DRIFTED:
                self.drifts.setdefault(proof.target, {})[event.at] = proof.detail
            if proof.outcome is Outcome.CONTESTED:
                self.contested[proof.target] = max(event.at, self.contested.get(proof.target, event.at))
            if event.at >= self.proof_at.get(proof.target, event.at):
                self.proofs[proof.target] = proof
                self.proof_at[proof.target] = event.at

    def _give_reason(self, event: events.ReasonGiven) -> None:
        """Keeps the earliest reason, also where it is read before its hold."""
        self._reasons[event.hold] = min(event, self._reasons.get(event.hold, event), key=lambda it: (it.at, it.reason))
        asked = self._asked.get(event.hold)
        if asked is not None:
            self._name(asked)


def record_id(sealed: str) -> str:
    """Names a sealed undo record."""
    return hashlib.sha256(sealed.encode()).hexdigest()


def _same_delivery(one: events.HoldAdded, other: events.HoldAdded) -> events.HoldAdded:
    """What two writers that took the same delivery amount to: the stricter mode, and every target of both."""
    if one == other:
        return one
    merged = {"mode", "targets", "left"}  # in any order of merging, the rest comes from the same one
    first = min(one, other, key=lambda it: (it.at, it.incident, it.model_dump_json(exclude=merged)))
    surfaces: dict[str, set[str]] = {}
    round_to: dict[str, Mode] = {}
    for target in (*one.targets, *other.targets):
        surfaces.setdefault(target.key, set()).update(target.surfaces)
        round_to[target.key] = max(target.round_to, round_to.get(target.key, target.round_to))
    targets = events.Targets(
        events.HeldTarget(key=key, surfaces=tuple(sorted(names)), round_to=round_to[key])
        for key, names in sorted(surfaces.items())
    )
    left = sorted({(item.surface, item.why) for item in (*one.left, *other.left)})
    return first.model_copy(
        update={
            "mode": max(one.mode, other.mode),
            "targets": targets,
            "left": tuple(events.LeftAlone(surface=surface, why=why) for surface, why in left),
        }
    )
