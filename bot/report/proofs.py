"""When each surface was last proven to be cut, and how fast, by every stop and every drill that is recorded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bot.report.cuts import Cut, cuts
from bot.report.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One incident in short. Unix seconds.

    Args:
        cuts: every surface, as it stood at the end of the incident's time.
    """

    id: str
    at: float
    until: float
    open: bool
    drill: bool
    mode: str
    asked_for: str
    people: tuple[tuple[str, str], ...]  # the door and the person of each stop that somebody asked for
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """One proof of one surface: when, after how many seconds, and by which incident."""

    at: float
    after: float
    incident: str
    drill: bool


@dataclass(slots=True)
class Proofs:
    """By surface, every first proof of an incident, oldest first."""

    by_surface: dict[str, list[Proven]] = field(default_factory=dict)

    def take(self, outline: Outline) -> None:
        """Adds those of an incident."""
        for cut in outline.cuts:
            if cut.proven is not None:
                found = Proven(at=cut.asked_at + cut.proven, after=cut.proven, incident=outline.id, drill=outline.drill)
                self.by_surface.setdefault(cut.surface, []).append(found)
                self.by_surface[cut.surface].sort(key=lambda it: it.at)

    def of(self, surface: str, start: float, end: float) -> Sequence[Proven]:
        """Those within a time."""
        return [it for it in self.by_surface.get(surface, ()) if start <= it.at < end]

    def last(self, surface: str, end: float) -> Proven | None:
        """The last one before `end`."""
        found = [it for it in self.by_surface.get(surface, ()) if it.at < end]
        return found[-1] if found else None


def outline(part: Scope) -> Outline:
    """The short form; made while the scope is good."""
    holds = part.incident.holds
    people = dict.fromkeys(
        (hold.by.kind, hold.by.id) for hold in holds if hold.by.kind != "bot" and hold.origin != "backstop"
    )
    return Outline(
        id=part.incident.id,
        at=part.since,
        until=part.until,
        open=part.open,
        drill=part.incident.drill,
        mode=str(max(hold.mode for hold in holds)),
        asked_for=min(holds, key=lambda hold: hold.at).scope,
        people=tuple(people),
        cuts=cuts(part),
    )


def gathered(outlines: Iterable[Outline]) -> Proofs:
    """The proofs of all."""
    proofs = Proofs()
    for one in outlines:
        proofs.take(one)
    return proofs
