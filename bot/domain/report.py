"""The report of an incident: what was done, what was not, what to do next; one truth for Slack, terminal, JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from adapters.base import Attempt, Mode, SurfaceClass
from bot.domain import events
from bot.domain.board import Board, Incident
from bot.domain.outcome import NOT_CUT, NOT_PROVEN, Outcome

_LEFT = frozenset({Outcome.LEFT, Outcome.QUARANTINED})
_WAIT = "wait for the bot, which goes on trying, or cut it by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the configuration says of a surface that a report names."""

    adapter: str = ""
    surface_class: SurfaceClass | None = None
    owner: str | None = None
    agent_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One surface of a report. `next` is what a person should do, empty where nothing is to be done."""

    surface: str
    adapter: str
    surface_class: SurfaceClass | None
    asked: Mode
    held: Mode | None
    outcome: Outcome
    attempt: Attempt | None = None
    ended: int = 0
    unknown: int = 0  # 1 where work in flight cannot be seen
    elapsed_ms: float = 0.0
    detail: str = ""
    next: str = ""
    owner: str | None = None
    late: bool = False
    drifts: tuple[str, ...] = ()  # how it came back and was cut again, each time
    settled: bool = False  # waiting longer for it delays the report for nothing
    eased: Mode | None = None  # what a stop had asked before a vote gave part of it back
    drilled: bool = False  # whether a drill's own release gave it back, and no vote

    @property
    def not_cut(self) -> bool:
        """Whether it stands under NOT CUT."""
        return self.outcome in NOT_CUT

    @property
    def left(self) -> bool:
        """Whether no hold binds it: it was left alone, or its configuration is wrong."""
        return self.outcome in _LEFT

    @property
    def not_proven(self) -> bool:
        """Whether it stands under NOT PROVEN."""
        return self.outcome in NOT_PROVEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An incident as it stands. Lines are in the order of the cut."""

    incident: str
    channel: str | None
    opened_at: float
    closed: bool
    holds: tuple[events.HoldAdded, ...]
    lines: tuple[Line, ...]

    @property
    def mode(self) -> Mode:
        """The strictest mode that was asked."""
        return max((hold.mode for hold in self.holds), default=Mode.NORMAL)

    @property
    def settled(self) -> bool:
        """Whether every surface is settled."""
        return all(line.settled for line in self.lines)

    def not_cut(self) -> tuple[Line, ...]:
        """What still acts, or may."""
        return tuple(line for line in self.lines if line.not_cut)

    def not_proven(self) -> tuple[Line, ...]:
        """What is cut by the surface's own word only."""
        return tuple(line for line in self.lines if line.not_proven)

    def given_back(self) -> tuple[Line, ...]:
        """What a vote gave back; neither cut nor meant to be."""
        return tuple(line for line in self.lines if line.outcome in {Outcome.PROBATION, Outcome.RESTORED})

    def verified(self) -> tuple[Line, ...]:
        """What is cut and proven."""
        return tuple(line for line in self.lines if line.outcome is Outcome.VERIFIED)


_UNKNOWN = Known()
_About = tuple[Known, Mode, events.Proof | None, tuple[str, ...]]


def report(board: Board, incident: Incident, known: Mapping[str, Known]) -> Report:
    """Builds the report of an incident from the board; pure.

    Args:
        board: the fold of every journal.
        incident: one of the board's.
        known: facts by surface name; a surface that left the configuration is reported without them.
    """
    return Report(
        incident=incident.id,
        channel=incident.channel,
        opened_at=incident.opened_at,
        closed=incident.closed is not None,
        holds=tuple(incident.holds),
        lines=tuple(_lines(board, incident.holds, known)),
    )


def _lines(board: Board, holds: Sequence[events.HoldAdded], known: Mapping[str, Known]) -> Iterable[Line]:
    """One line per surface: the strictest that this incident asked of it."""
    asked: dict[str, tuple[Mode, str | None, str]] = {}
    eased: dict[str, Mode] = {}
    for hold in holds:
        for target in hold.targets:
            lifted = board.holds.is_lifted(hold.hold, target.key)
            mode = board.effective(target.key) if lifted else hold.mode
            for surface in target.surfaces:
                _ask(asked, surface, mode, target.key, "")
                if lifted:
                    eased[surface] = max(hold.mode, eased.get(surface, hold.mode))
        for left in hold.left:
            _ask(asked, left.surface, hold.mode, None, left.why)
    since = min((hold.at for hold in holds), default=0.0)
    drill = all(hold.origin == "drill" for hold in holds) and not any(_is_voted(board, hold) for hold in holds)
    for surface, (mode, key, why) in asked.items():
        facts = known.get(surface, _UNKNOWN)
        if key is None:
            yield _left_line(surface, facts, mode, why)
        elif mode is Mode.NORMAL:
            line = _given_back(board, surface, facts, key)
            yield replace(line, drilled=True) if drill else line
        else:
            proof = board.proofs[key] if board.is_proven(key) else None  # an older one proves nothing of this stop
            line = _known_line(board, surface, (facts, mode, proof, _drifts(board, key, since)))
            yield _eased(board, key, line, eased[surface]) if eased.get(surface, mode) > mode else line


def _is_voted(board: Board, hold: events.HoldAdded) -> bool:
    """Whether a vote gave back any of it."""
    return any((hold.hold, key) in board.voted for key in hold.targets.keys)


def _known_line(board: Board, surface: str, about: "_About") -> Line:
    """The line; made anew only where anything that it is made of is another one."""
    facts, mode, proof, drifts = about
    before = board.lines.get(surface)
    if before is not None:
        was, line = before
        if was[0] is facts and was[1] is mode and was[2] is proof and was[3] == drifts:
            return line  # type: ignore[no-any-return]  # the board does not know what a line is
    line = _line(surface, facts, mode, proof, drifts)
    board.lines[surface] = (about, line)
    return line


def _drifts(board: Board, target: str, since: float) -> tuple[str, ...]:
    """How the target came back in this incident; what happened to it in another one is no news here."""
    seen = board.drifts.get(target)
    if not seen:
        return ()
    return tuple(seen[at] for at in sorted(seen) if at >= since)


def _ask(asked: dict[str, tuple[Mode, str | None, str]], surface: str, mode: Mode, key: str | None, why: str) -> None:
    """The strictest counts; where two are alike, what was left alone, and then the same one in any order of stops."""
    before = asked.get(surface)
    if before is None or mode > before[0] or (mode is before[0] and _first(key, why) < _first(*before[1:])):
        asked[surface] = (mode, key, why)


def _first(key: str | None, why: str) -> tuple[str, str]:
    return key or "", why  # what has no target comes before all that have one


def _line(surface: str, facts: Known, asked: Mode, proof: events.Proof | None, drifts: tuple[str, ...]) -> Line:
    if proof is None or proof.asked < asked:
        return Line(
            surface=surface,
            adapter=facts.adapter,
            surface_class=facts.surface_class,
            asked=asked,
            held=proof.held if proof else None,
            outcome=Outcome.PENDING,
            next=_WAIT,
            owner=facts.owner,
            drifts=drifts,
        )
    return Line(
        surface=surface,
        adapter=facts.adapter,
        surface_class=facts.surface_class,
        asked=asked,
        held=proof.held,
        outcome=proof.outcome,
        attempt=proof.attempt,
        ended=proof.ended,
        unknown=1 if proof.left is None else proof.left,
        elapsed_ms=proof.elapsed_ms,
        detail=proof.detail,
        next=proof.next,
        owner=facts.owner,
        late=proof.late,
        settled=proof.settled,
        drifts=drifts,
    )


def _eased(board: Board, key: str, line: Line, before: Mode) -> Line:
    """A line of what a vote gave back in part; while a step is under way it is no cut that is waited for."""
    under_way = line.outcome is Outcome.PENDING and _is_restoring(board, key)
    outcome = Outcome.RELAXING if under_way else line.outcome
    return replace(line, eased=before, outcome=outcome, settled=line.settled or under_way)


def _is_restoring(board: Board, key: str) -> bool:
    """Whether a vote passed on this target and its steps are not over."""
    under_way = (it.opened for it in board.ballots.values() if it.restoring and it.opened)
    return any(key == item.key for opened in under_way for item in opened.returns)


def _given_back(board: Board, surface: str, facts: Known, key: str) -> Line:
    """Nothing holds it any more: a vote lifted every hold that did."""
    proof = board.proofs.get(key)
    return Line(
        surface=surface,
        adapter=facts.adapter,
        surface_class=facts.surface_class,
        asked=Mode.NORMAL,
        held=proof.held if proof else None,
        outcome=Outcome.PROBATION if _is_restoring(board, key) else Outcome.RESTORED,
        detail=proof.detail if proof and proof.asked is Mode.NORMAL else "",
        next=proof.next if proof and proof.asked is Mode.NORMAL else "",
        owner=facts.owner,
        settled=True,
    )


def _left_line(surface: str, facts: Known, asked: Mode, why: str) -> Line:
    broken = why.startswith("configuration")
    step = (
        f"mend the line and run `agent-kill check`, or cut {surface} by hand"
        if broken
        else f"cut {surface} by hand, or stop it with a stricter mode"
    )
    return Line(
        surface=surface,
        adapter=facts.adapter,
        surface_class=facts.surface_class,
        asked=asked,
        held=None,
        outcome=Outcome.QUARANTINED if broken else Outcome.LEFT,
        detail=why,
        next=step,
        owner=facts.owner,
        settled=True,
    )
