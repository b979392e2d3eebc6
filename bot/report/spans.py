"""Authority over time: at which mode a target was held when, and whether that was proven."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from adapters.base import Mode
from bot.domain import events
from bot.domain.holds import HoldSet
from bot.domain.outcome import Outcome
from bot.journal.reader import Entry
from bot.report.scope import Scope

State = Literal["normal", "open", "easing", "claimed", "proven"]
MarkKind = Literal["hold", "lift", "proof", "claim", "not_cut", "drift"]
_MARKS: dict[Outcome, MarkKind] = {
    Outcome.VERIFIED: "proof",
    Outcome.PROBATION: "proof",
    Outcome.RESTORED: "proof",
    Outcome.APPLIED: "claim",
    Outcome.DRIFTED: "drift",
    Outcome.CONTESTED: "drift",
}
_CUT = frozenset({Outcome.VERIFIED, Outcome.APPLIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How a target was held between two moments (Unix seconds), and whether that was proven then.

    Args:
        start: when it began.
        end: when it ended.
        mode: as it was read back where that is stricter than what was asked, else as it was asked.
        state: `open` asked and not proven, or known not to be cut; `easing` a vote gave it back and the surface was not
            read back yet; `claimed` the surface's own word; `proven` read back.
    """

    start: float
    end: float
    mode: Mode
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened at a moment. `kind` is what it means for authority."""

    at: float
    kind: MarkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The surfaces of a target over time; several targets where all went alike."""

    surfaces: tuple[str, ...]
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...] = ()

    @property
    def course(self) -> tuple[object, ...]:
        """What lanes have in common that are told together: the same modes and marks in the same order."""
        return (
            tuple((span.mode, span.state) for span in self.spans),
            tuple(dict.fromkeys(mark.kind for mark in self.marks)),
        )


@dataclass(slots=True)
class _Walk:
    """One target on its way through the entries."""

    mode: Mode = Mode.NORMAL
    state: State = "normal"
    since: float = 0.0
    spans: list[Span] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def turn(self, at: float, mode: Mode, state: State) -> None:
        """Ends the span that is under way, where anything changes."""
        if (mode, state) == (self.mode, self.state):
            return
        if at > self.since:
            self.spans.append(Span(start=self.since, end=at, mode=self.mode, state=self.state))
        self.mode, self.state, self.since = mode, state, at


def lanes(scope: Scope) -> tuple[Lane, ...]:
    """One lane for each target of the incident, in the order of the stops.

    Modes are those of all holds on a target, of other incidents too: that is what the agent had.
    """
    holds, walks = HoldSet(), {key: _Walk(since=scope.since) for key in scope.surfaces}
    for entry in scope.record.entries:
        if entry.event.at > scope.until:
            break
        for key, at, mark, mode, state in _steps(entry, holds, walks):
            walk = walks[key]
            walk.turn(max(at, scope.since), mode, state)
            if mark and at >= scope.since:
                walk.marks.append(Mark(at=at, kind=mark))
    return tuple(_lane(scope, key, walk) for key, walk in walks.items())


def _lane(scope: Scope, key: str, walk: _Walk) -> Lane:
    spans = [*walk.spans]
    spans.append(Span(start=walk.since, end=max(scope.until, walk.since), mode=walk.mode, state=walk.state))
    return Lane(surfaces=scope.surfaces[key], spans=tuple(spans), marks=tuple(walk.marks))


_Step = tuple[str, float, MarkKind | None, Mode, State]


def _steps(entry: Entry, holds: HoldSet, walks: dict[str, _Walk]) -> Iterable[_Step]:
    """What an entry changes at the targets; holds are taken in on the way."""
    event = entry.event
    if isinstance(event, events.HoldAdded):
        yield from _held(event, holds, walks, "hold")
    elif isinstance(event, events.Outcomes):
        for proof in event.proofs:
            if proof.target in walks:
                mode, state = _read(proof, holds)
                yield proof.target, event.at, _MARKS.get(proof.outcome, "not_cut"), mode, state
    else:
        yield from _lifted(event, holds, walks)


def _held(event: events.HoldAdded, holds: HoldSet, walks: dict[str, _Walk], mark: MarkKind | None) -> Iterable[_Step]:
    before = {key: holds.effective(key) for key in event.targets.keys if key in walks}
    holds.add(event.hold, event.mode, event.targets.keys)
    for key, mode in before.items():
        asked, walk = holds.effective(key), walks[key]
        yield (key, event.at, mark, asked, "open") if asked > mode else (key, event.at, mark, walk.mode, walk.state)


def _lifted(event: events.AnyEvent, holds: HoldSet, walks: dict[str, _Walk]) -> Iterable[_Step]:
    """A vote's lift with the holds that take its place, or a drill's release of its own."""
    pairs: tuple[tuple[str, str], ...] = getattr(event, "pairs", ())
    if not pairs or isinstance(event, events.BallotOpened):
        return
    before = {key: holds.effective(key) for _, key in pairs if key in walks}
    for hold in getattr(event, "holds", ()):
        holds.add(hold.hold, hold.mode, hold.targets.keys)
    holds.lift(pairs)
    for key, mode in before.items():
        after, walk = holds.effective(key), walks[key]
        if after is mode:
            yield key, event.at, None, walk.mode, walk.state
        else:
            yield key, event.at, "lift", after, "normal" if after is Mode.NORMAL else "easing"


def _read(proof: events.Proof, holds: HoldSet) -> tuple[Mode, State]:
    """How the target is held by this proof: rounded up where that was read back."""
    asked = holds.effective(proof.target)
    if asked is Mode.NORMAL:
        return asked, "normal"
    if proof.asked < asked or proof.outcome not in _CUT:
        return asked, "open"
    return max(asked, proof.held or asked), "proven" if proof.outcome is Outcome.VERIFIED else "claimed"
