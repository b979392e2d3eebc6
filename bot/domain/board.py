"""The board: everything that the journal's events amount to, folded in any order."""

from dataclasses import dataclass, field

from adapters.base import Mode
from bot.domain import events
from bot.domain.holds import HoldSet


@dataclass(slots=True)
class Incident:
    """One incident: its stops, in the order of their arrival here, and its posts by slot."""

    id: str
    channel: str | None = None
    opened_at: float = 0.0
    holds: list[events.HoldAdded] = field(default_factory=list)
    posts: dict[str, events.Posted] = field(default_factory=dict)
    closed: events.IncidentClosed | None = None


class Board:
    """The state of the stop path in memory. `apply` is idempotent and never refuses an event."""

    def __init__(self) -> None:
        self.holds = HoldSet()
        self.hold_events: dict[str, events.HoldAdded] = {}
        self.incidents: dict[str, Incident] = {}
        self.proofs: dict[str, events.Proof] = {}
        self.proof_at: dict[str, float] = {}
        self.unproven: set[str] = set()  # targets whose holds changed after their last proof
        self.undo: dict[str, list[str]] = {}  # sealed records of the running episode, by target

    def apply(self, event: events.AnyEvent) -> None:
        """Folds one event in."""
        match event:
            case events.HoldAdded():
                self._add_hold(event)
            case events.PairsLifted():
                self.holds.lift(event.pairs)
                self.unproven.update(target for _, target in event.pairs)
            case events.Outcomes():
                self._see(event)
            case events.ReasonGiven():
                self._give_reason(event)
            case events.UndoRecorded():
                sealed = self.undo.setdefault(event.target, [])
                if event.sealed not in sealed:
                    sealed.append(event.sealed)
            case events.Posted():
                self._incident(event.incident).posts[event.slot] = event
            case events.IncidentClosed():
                self._incident(event.incident).closed = event
            case _:
                pass  # notes, heads and refusals are for the audit

    def effective(self, target: str) -> Mode:
        """The strictest of the target's live holds."""
        return self.holds.effective(target)

    def open_incident(self, channel: str | None) -> Incident | None:
        """The open incident of a channel, which a further stop there joins."""
        found = [i for i in self.incidents.values() if i.channel == channel and i.holds and not i.closed]
        return max(found, key=lambda incident: incident.opened_at, default=None)

    def incidents_of(self, target: str) -> set[str]:
        """The open incidents whose holds bind this target."""
        live = self.holds.live(target)
        return {self.hold_events[hold].incident for hold in live if hold in self.hold_events}

    def surfaces_of(self, target: str) -> set[str]:
        """Every surface that a live hold binds through this target."""
        return {
            surface
            for hold in self.holds.live(target)
            if hold in self.hold_events
            for held in self.hold_events[hold].targets
            if held.key == target
            for surface in held.surfaces
        }

    def held_surfaces(self) -> frozenset[str]:
        """Names of all surfaces under a live hold, whether the configuration still has them or not."""
        return frozenset(surface for target in self.holds.targets() for surface in self.surfaces_of(target))

    def _incident(self, incident_id: str) -> Incident:
        return self.incidents.setdefault(incident_id, Incident(id=incident_id))

    def _add_hold(self, event: events.HoldAdded) -> None:
        if event.hold in self.hold_events:
            return
        self.hold_events[event.hold] = event
        self.holds.add(event.hold, event.mode, (target.key for target in event.targets))
        self.unproven.update(target.key for target in event.targets)
        incident = self._incident(event.incident)
        if not incident.holds or event.at < incident.opened_at:
            incident.opened_at = event.at
        incident.channel = incident.channel or event.channel
        incident.holds.append(event)

    def _see(self, event: events.Outcomes) -> None:
        for proof in event.proofs:
            self.unproven.discard(proof.target)
            if event.at >= self.proof_at.get(proof.target, 0.0):
                self.proofs[proof.target] = proof
                self.proof_at[proof.target] = event.at

    def _give_reason(self, event: events.ReasonGiven) -> None:
        hold = self.hold_events.get(event.hold)
        if hold is None or hold.reason:
            return
        named = hold.model_copy(update={"reason": event.reason})
        self.hold_events[event.hold] = named
        stops = self._incident(hold.incident).holds
        stops[:] = [named if stop.hold == event.hold else stop for stop in stops]
