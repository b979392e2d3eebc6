"""What is held, surface by surface, at this moment; one truth for the status page, `/agent-status` and `status`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from adapters.base import Attempt, Mode, SurfaceClass
from bot.domain import events
from bot.domain.armed import Armed, is_part, not_armed
from bot.domain.board import Board
from bot.domain.drift import Orphan, known_orphans
from bot.domain.model import Quarantined
from bot.domain.outcome import NOT_CUT, NOT_PROVEN, Outcome
from bot.domain.plan import Inventoried
from bot.domain.trust import Earned, earned, loosest_of, stops_by_target, trust

_NOBODY: Mapping[str, str] = MappingProxyType({})
_ANYTHING: Mapping[str, Mode] = MappingProxyType({})
_UNASKED: Mapping[str, Armed] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """One surface as it stands.

    Args:
        surface: `agent/surface`.
        effective: the strictest of the live holds on its target; normal where nothing is held.
        asked: the strictest mode that a running stop asked of it; stricter than `effective` where it was left alone.
        outcome: None where nothing is asked and nothing was ever proven to be asked.
        held: as last read back; None where nothing could be read.
        proof_age: seconds since that was read; None where it never was.
        holds: the live holds on its target, oldest first.
        earned: the loosest mode that a ballot may ask, before its evaluations; None where nothing is held.
        held_back: why it is not looser, a sentence for each rule.
    """

    surface: str
    adapter: str = ""
    surface_class: SurfaceClass | None = None
    effective: Mode = Mode.NORMAL
    asked: Mode = Mode.NORMAL
    outcome: Outcome | None = None
    held: Mode | None = None
    attempt: Attempt | None = None
    proof_age: float | None = None
    detail: str = ""
    next: str = ""
    owner: str | None = None
    target: str | None = None
    holds: tuple[str, ...] = ()
    earned: Mode | None = None
    held_back: tuple[str, ...] = ()

    @property
    def agent(self) -> str:
        """The agent's id."""
        return self.surface.partition("/")[0]

    @property
    def not_cut(self) -> bool:
        """Whether a stop was asked of it and it still acts, or may; a quarantined one cannot be cut at all."""
        return self.outcome in NOT_CUT

    @property
    def not_proven(self) -> bool:
        """Whether it is cut by its own word only."""
        return self.outcome in NOT_PROVEN

    def json(self) -> dict[str, object]:
        """The row as `agent-kill status --json` and `/status.json` print it; ages are seconds."""
        return {
            "surface": self.surface,
            "adapter": self.adapter,
            "class": self.surface_class,
            "effective": str(self.effective),
            "asked": str(self.asked),
            "outcome": self.outcome,
            "held": str(self.held) if self.held else None,
            "attempt": self.attempt or Attempt.UNTRIED,
            "proof_age": None if self.proof_age is None else round(self.proof_age, 3),
            "detail": self.detail,
            "next": self.next,
            "owner": self.owner,
            "holds": list(self.holds),
            "earned": str(self.earned) if self.earned else None,
            "held_back": list(self.held_back),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanRow:
    """A restriction that no live hold explains, with the surfaces that point at its target."""

    surfaces: tuple[str, ...]
    orphan: Orphan

    def __str__(self) -> str:
        names = ", ".join(self.surfaces) or self.orphan.target
        explained = "nothing holds it" if self.orphan.held is Mode.NORMAL else f"its holds explain {self.orphan.held}"
        return f"{names} reads {self.orphan.mode}, and {explained}: {self.orphan.next}"

    def json(self) -> dict[str, object]:
        """As `agent-kill status --json` and `/status.json` print it."""
        return {
            "surfaces": list(self.surfaces),
            "mode": str(self.orphan.mode),
            "explained": str(self.orphan.held),
            "marked": self.orphan.marked,
            "next": self.orphan.next,
        }


def orphan_rows(board: Board, names: Iterable[tuple[str, str]]) -> tuple[OrphanRow, ...]:
    """The restrictions that no live hold explains; pure. `names` are pairs of surface and target."""
    known = {orphan.target: orphan for orphan in known_orphans(board)}
    under: dict[str, list[str]] = {target: [] for target in known}
    for name, target in names if known else ():
        if target in under:
            under[target].append(name)
    return tuple(OrphanRow(surfaces=tuple(sorted(under[target])), orphan=it) for target, it in known.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """Everything that a status shows. `at` is Unix time in seconds; rows have NOT CUT first."""

    at: float
    rows: tuple[StatusRow, ...]
    holds: tuple[events.HoldAdded, ...] = ()  # the live ones, oldest first
    incidents: tuple[str, ...] = ()  # the open ones
    problems: tuple[str, ...] = ()
    orphans: tuple[OrphanRow, ...] = ()
    restores: str = ""  # what a restore needs, in a sentence
    armed: Mapping[str, Armed] = field(default_factory=dict)  # by subject; empty where nobody checks

    def not_armed(self) -> tuple[Armed, ...]:
        """Surfaces, and parts of the bot, with which a stop would not work now, or is not known to."""
        return not_armed(self.armed)

    def not_cut(self) -> tuple[StatusRow, ...]:
        """What still acts, or may."""
        return tuple(row for row in self.rows if row.not_cut)

    def not_proven(self) -> tuple[StatusRow, ...]:
        """What is cut by the surface's own word only."""
        return tuple(row for row in self.rows if row.not_proven)

    def json(self) -> dict[str, object]:
        """One JSON document for `agent-kill status --json` and `/status.json`."""
        return {
            "at": self.at,
            "surfaces": [{**row.json(), "armed": self._state(row.surface)} for row in self.rows],
            "holds": [_hold_json(hold) for hold in self.holds],
            "incidents": list(self.incidents),
            "not_cut": [row.surface for row in self.not_cut()],
            "not_proven": [row.surface for row in self.not_proven()],
            "problems": list(self.problems),
            "orphans": [orphan.json() for orphan in self.orphans],
            "restores": self.restores,
            "not_armed": [item.json() for item in self.not_armed()],
            "switch": [item.json() for name, item in self.armed.items() if is_part(name)],
        }

    def _state(self, surface: str) -> str | None:
        return str(self.armed[surface].state) if surface in self.armed else None


def status_view(
    board: Board,
    surfaces: Sequence[Inventoried],
    broken: Sequence[Quarantined],
    now: float,
    *,
    owners: Mapping[str, str] = _NOBODY,
    pacts: Mapping[str, Mode] = _ANYTHING,
    problems: Iterable[str] = (),
    restores: str = "",
    armed: Mapping[str, Armed] = _UNASKED,
) -> StatusView:
    """The rows with the live holds, the open incidents and what is wrong with the bot itself; pure."""
    live = {hold for target in board.holds.targets() for hold in board.holds.live(target)}
    held = sorted((board.hold_events[hold] for hold in live), key=lambda hold: hold.at)
    opened = (incident.id for incident in board.incidents.values() if incident.holds and not incident.closed)
    rows = status(board, surfaces, broken, now, owners=owners, pacts=pacts)
    return StatusView(
        at=now,
        rows=rows,
        holds=tuple(held),
        incidents=tuple(opened),
        problems=tuple(problems),
        orphans=orphan_rows(board, ((item.surface.name, item.target) for item in surfaces)),
        restores=restores,
        armed=armed,
    )


def status(
    board: Board,
    surfaces: Sequence[Inventoried],
    broken: Sequence[Quarantined],
    now: float,
    *,
    owners: Mapping[str, str] = _NOBODY,
    pacts: Mapping[str, Mode] = _ANYTHING,
) -> tuple[StatusRow, ...]:
    """One row per surface, NOT CUT first; pure.

    Besides the configured surfaces it lists every held target that the configuration no longer points at.

    Args:
        board: the fold of every journal.
        surfaces: the usable ones.
        broken: the quarantined ones; one that is also usable (its last good configuration serves) is one row.
        now: Unix time in seconds.
        owners: the owner's Slack user id by agent id.
        pacts: the loosest mode that may be given back, by agent id; where it is normal, nothing need be said.
    """
    left, bound, why = _left(board), _bound(board), {item.name: _reason(item) for item in broken}
    fold = _Fold(
        board=board,
        left=left,
        why=why,
        owners=owners,
        now=now,
        stops=stops_by_target(board, now),
        loosest=_loosest(surfaces, pacts),
        modes={item.target: item.enforceable for item in surfaces},
    )
    rows = [_row(fold, item) for item in surfaces]
    targets, names = {item.target for item in surfaces}, {item.surface.name for item in surfaces}
    rows += [_broken(fold, item, bound.get(item.name, ())) for item in broken if item.name not in names]
    for name, keys in bound.items():
        rows += [_orphan(fold, name, key) for key in keys if key not in targets and name not in why]
    return tuple(sorted(rows, key=_urgency))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fold:
    """What every row is made from: `left` and `why` by surface, `owners` by agent, the rest by target."""

    board: Board
    left: Mapping[str, tuple[Mode, str]]
    why: Mapping[str, str]
    owners: Mapping[str, str]
    now: float
    stops: Mapping[str, tuple[float, ...]]
    loosest: Mapping[str, Mode]
    modes: Mapping[str, frozenset[Mode]]
    judged: dict[tuple[object, ...], Earned] = field(default_factory=dict)  # most of ten thousand are alike

    def earned(self, target: str, held: Mode, proof: events.Proof | None) -> Earned:
        """What a held target has earned by the journal alone; judged once for all of whom the rules see the same."""
        board, outcome = self.board, proof.outcome if proof else None
        modes, loosest = self.modes.get(target, frozenset()), self.loosest.get(target, Mode.NORMAL)
        drifts, contested = board.drifts.get(target), board.contested.get(target)
        facts = (held, outcome, self.stops.get(target), max(drifts) if drifts else None, contested, modes, loosest)
        found = self.judged.get(facts)
        if found is None:
            record = trust(board, target, self.now, stops=self.stops, modes=modes)
            found = self.judged[facts] = earned(record, self.now, loosest=loosest)
        return found


def _loosest(surfaces: Iterable[Inventoried], pacts: Mapping[str, Mode]) -> dict[str, Mode]:
    """What the pacts allow at each target, where that is not everything."""
    found: dict[str, Mode] = {}
    for item in surfaces:
        mode = pacts.get(item.surface.agent, Mode.NORMAL)
        if mode is not Mode.NORMAL:
            found[item.target] = loosest_of((mode, found.get(item.target, Mode.NORMAL)))
    return found


def _bound(board: Board) -> dict[str, tuple[str, ...]]:
    """Live targets by surface, in one pass over all holds."""
    found: dict[str, dict[str, None]] = {}
    for hold in board.hold_events.values():
        for target in hold.targets:
            if hold.hold in board.holds.live(target.key):
                for surface in target.surfaces:
                    found.setdefault(surface, {})[target.key] = None
    return {surface: tuple(targets) for surface, targets in found.items()}


def _left(board: Board) -> dict[str, tuple[Mode, str]]:
    """What the stops of open incidents asked of surfaces that they could not bind, with the reason."""
    found: dict[str, tuple[Mode, str]] = {}
    for incident in board.incidents.values():
        for hold in incident.holds if not incident.closed else ():
            for item in hold.left:
                if item.surface not in found or hold.mode > found[item.surface][0]:
                    found[item.surface] = (hold.mode, item.why)
    return found


def _row(fold: _Fold, item: Inventoried) -> StatusRow:
    surface, name = item.surface, item.surface.name
    row = _of_target(fold, name, item.target, adapter=surface.adapter, surface_class=surface.surface_class)
    asked, reason = fold.left.get(name, (Mode.NORMAL, ""))
    if asked > row.effective:
        step = f"cut {name} by hand, or stop it with a stricter mode"
        row = replace(row, asked=asked, outcome=Outcome.LEFT, detail=reason, next=step)
    if name in fold.why:
        note = f"{fold.why[name]}; its last good configuration serves"
        row = replace(row, detail=f"{row.detail}; {note}" if row.detail else note)
    return row


def _of_target(
    fold: _Fold, name: str, target: str, *, adapter: str = "", surface_class: SurfaceClass | None = None
) -> StatusRow:
    """The row without exceptions, built in one go: ten thousand of them must not hold up the event loop."""
    board = fold.board
    holds, seen = board.holds.live(target), board.proof_at.get(target)
    effective = max(holds.values(), default=Mode.NORMAL)
    known = board.proofs.get(target)
    proves = known is not None and known.asked >= effective and board.is_proven(target)  # what is asked now
    proof = known if holds and proves else None
    trusted = fold.earned(target, effective, proof) if holds else None
    return StatusRow(
        surface=name,
        adapter=adapter,
        surface_class=surface_class,
        effective=effective,
        asked=effective,
        outcome=proof.outcome if proof else Outcome.PENDING if holds else None,
        held=known.held if known else None,
        attempt=proof.attempt if proof else None,
        proof_age=None if seen is None else max(0.0, fold.now - seen),
        detail=proof.detail if proof else "",
        next=proof.next if proof else "",
        owner=fold.owners.get(name.partition("/")[0]),
        target=target,
        holds=tuple(holds),
        earned=trusted.mode if trusted else None,
        held_back=tuple(bound.why for bound in trusted.bounds) if trusted else (),
    )


def _broken(fold: _Fold, item: Quarantined, targets: Iterable[str]) -> StatusRow:
    effective = max(map(fold.board.effective, targets), default=Mode.NORMAL)
    return StatusRow(
        surface=item.name,
        adapter=item.adapter,
        surface_class=item.surface_class,
        effective=effective,
        asked=max(effective, fold.left.get(item.name, (Mode.NORMAL, ""))[0]),
        outcome=Outcome.QUARANTINED,
        detail=_reason(item),
        next=f"mend the line and run `agent-kill check`, or cut {item.name} by hand",
        owner=fold.owners.get(item.agent),
    )


def _orphan(fold: _Fold, name: str, target: str) -> StatusRow:
    """A held target that no usable surface points at: nobody can look at it, so nothing green is said of it."""
    return replace(
        _of_target(fold, name, target),
        outcome=Outcome.UNKNOWN,
        detail=f"the configuration no longer points at {target}, which is still held",
        next=f"put {name} back into the configuration until its holds are lifted",
    )


def _reason(item: Quarantined) -> str:
    return f"configuration: {item.why}" + (f" ({item.place})" if item.place else "")


def _hold_json(hold: events.HoldAdded) -> dict[str, object]:
    return {
        "hold": hold.hold,
        "incident": hold.incident,
        "mode": str(hold.mode),
        "at": hold.at,
        "by": f"{hold.by.kind}:{hold.by.id}",
        "reason": hold.reason,
        "scope": hold.scope,
    }


def _urgency(row: StatusRow) -> tuple[bool, bool, bool, str]:
    """NOT CUT, then NOT PROVEN, then held, then the rest; by name within each."""
    return (not row.not_cut, not row.not_proven, row.effective is Mode.NORMAL, row.surface)
