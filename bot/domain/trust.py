"""The trust record of a target, and the mode that it has earned by a few rules. Pure.

`docs/restore-evidence.md` gives the reason for each rule.

Every rule is monotone, so that bad news never gives more back, and every rule ends: by time, or once its cause is
mended. There is no override, so that a rule without an end would be a hold without one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adapters.base import Attempt, Mode
from bot.domain.board import Board
from bot.domain.drift import WINDOW
from bot.domain.outcome import Outcome

QUIET = WINDOW  # seconds without a drift until anything is given back: as long as the watch counts re-cuts
_HOUR = 3600.0
_DAY = 24 * _HOUR
CALM = _DAY  # seconds after a target was contested until more than read_only is given back
SETTLED = _DAY  # seconds after a stop that came too often until all is given back
OFTEN = 3  # incidents within `OFTEN_IN`
OFTEN_IN = 7 * _DAY  # seconds
REMEMBERED = 30 * _DAY  # seconds that an incident stays in the record
_NOT_STOPS = frozenset({"restore", "drill"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the journal says of one target at one moment. Times are Unix seconds, ages are seconds.

    Args:
        key: the target's.
        held: its effective mode.
        modes: what can be held there, beside normal; empty where that is not known.
        proven: whether there is a green proof of what is asked now, or nothing is asked.
        outcome: of the last proof, None where none is of what is asked now.
        attempt: what the canary met at that proof; None without a canary.
        proof_age: since the surface was last read.
        stops: when each incident of the last 30 days first bound it, oldest first; drills and mistakes do not count.
        last_drift: when it last came back by itself.
        last_contested: when it was last found contested.
    """

    key: str
    held: Mode
    modes: frozenset[Mode] = frozenset()
    proven: bool = True
    outcome: Outcome | None = None
    attempt: Attempt | None = None
    proof_age: float | None = None
    stops: tuple[float, ...] = ()
    last_drift: float | None = None
    last_contested: float | None = None

    def rounded(self, mode: Mode) -> Mode:
        """What the target would be held at when `mode` is asked, and never stricter than it is held already."""
        able = [candidate for candidate in (*self.modes, Mode.NORMAL) if candidate >= mode]
        return min(min(able, default=Mode.FULL_STOP), self.held) if self.modes else min(mode, self.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A rule that holds a target back: nothing looser than `mode`.

    Args:
        rule: its name on the page.
        mode: the loosest that it allows.
        why: what happened, and when it stops to count; a sentence without its full stop.
        until: Unix time; None where it ends once its cause is mended.
    """

    rule: str
    mode: Mode
    why: str
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """The loosest mode that every rule allows, and the rules that hold it back, the strictest first."""

    mode: Mode
    bounds: tuple[Bound, ...] = ()

    def against(self, mode: Mode) -> tuple[Bound, ...]:
        """The rules that do not allow `mode`, as it would be held at the target."""
        return tuple(bound for bound in self.bounds if bound.mode > mode)


def trust(
    board: Board,
    key: str,
    now: float,
    *,
    stops: Mapping[str, tuple[float, ...]],
    modes: Iterable[Mode] = (),
    held: Mode = Mode.NORMAL,
) -> Trust:
    """The record of one target, from the journal alone.

    Args:
        board: the fold of every journal.
        key: the target's.
        now: Unix time.
        stops: of every target, by `stops_by_target`.
        modes: what can be held there, beside normal.
        held: as strict it is, even where no live hold explains it.
    """
    asked, known, seen = board.effective(key), board.proofs.get(key), board.proof_at.get(key)
    proof = known if known is not None and known.asked >= asked and board.is_proven(key) else None
    outcome = proof.outcome if proof else None
    return Trust(
        key=key,
        held=max(asked, held),
        modes=frozenset(modes),
        proven=outcome is Outcome.VERIFIED or asked is Mode.NORMAL,
        outcome=outcome,
        attempt=proof.attempt if proof else None,
        proof_age=None if seen is None else max(0.0, now - seen),
        stops=stops.get(key, ()),
        last_drift=max(board.drifts[key]) if key in board.drifts else None,
        last_contested=now if outcome is Outcome.CONTESTED else board.contested.get(key),
    )


def held_since(board: Board, key: str) -> float | None:
    """When the oldest of the target's live holds was asked for, Unix time; None where nothing holds it."""
    live = board.holds.live(key)
    return min((board.hold_events[hold].at for hold in live if hold in board.hold_events), default=None)


def stops_by_target(board: Board, now: float) -> dict[str, tuple[float, ...]]:
    """When each incident of the last 30 days first bound each target, oldest first. One pass over the holds.

    A stop that was undone as a mistake, a drill and what a restore itself holds are no incidents.
    """
    mistakes = _mistakes(board)
    found: dict[str, dict[str, float]] = {}
    for hold in board.hold_events.values():
        if hold.origin in _NOT_STOPS or now - hold.at > REMEMBERED or hold.hold in mistakes:
            continue
        for target in hold.targets:
            of_target = found.setdefault(target.key, {})
            of_target[hold.incident] = min(hold.at, of_target.get(hold.incident, hold.at))
    return {key: tuple(sorted(times.values())) for key, times in found.items()}


def _mistakes(board: Board) -> frozenset[str]:
    """The holds that an undo lifted."""
    undone = (b.opened for b in board.ballots.values() if b.committed and b.opened and b.opened.kind == "undo")
    return frozenset(hold for opened in undone for hold, _ in opened.pairs)


def earned(record: Trust, now: float, *, loosest: Mode = Mode.NORMAL, failing: Sequence[str] = ()) -> Earned:
    """The mode that a target has earned.

    Args:
        record: its trust record.
        now: Unix time.
        loosest: the loosest mode that the pacts of its agents let a restore give back.
        failing: the evaluations that do not come out as expected now, a sentence each.
    """
    rules = (
        _unproven(record),
        _drifted(record, now),
        _failing(record, failing),
        _contested(record, now),
        _stopped_often(record, now),
        _pact(record, loosest),
    )
    bounds = [bound for bound in rules if bound is not None and bound.mode > Mode.NORMAL]
    bounds.sort(key=lambda bound: bound.mode, reverse=True)
    return Earned(mode=max((bound.mode for bound in bounds), default=Mode.NORMAL), bounds=tuple(bounds))


def _unproven(record: Trust) -> Bound | None:
    if record.proven:
        return None
    state = str(record.outcome).replace("_", " ") if record.outcome else "no proof yet"
    why = (
        f"it is not proven cut ({state}): nothing looser than {record.held} until it is,"
        " or two people go without the proof by name"
    )
    return Bound(rule="proven", mode=record.held, why=why)


def _drifted(record: Trust, now: float) -> Bound | None:
    if record.last_drift is None or now >= record.last_drift + QUIET:
        return None
    until = record.last_drift + QUIET
    ago, left = _ago(now, record.last_drift), _in(now, until)
    why = f"it came back by itself {ago}: nothing looser than {record.held} for {left}"
    return Bound(rule="quiet", mode=record.held, why=why, until=until)


def _failing(record: Trust, failing: Sequence[str]) -> Bound | None:
    if not failing:
        return None
    more = f" (and {len(failing) - 1} more)" if len(failing) > 1 else ""
    why = f"{failing[0]}{more}: nothing looser than {record.held} until it comes out as expected"
    return Bound(rule="evaluations", mode=record.held, why=why)


def _contested(record: Trust, now: float) -> Bound | None:
    if record.last_contested is None or now >= record.last_contested + CALM:
        return None
    mode, until = record.rounded(Mode.READ_ONLY), record.last_contested + CALM
    why = f"it was contested {_ago(now, record.last_contested)}: nothing looser than {mode} for {_in(now, until)}"
    return Bound(rule="calm", mode=mode, why=why, until=until)


def _stopped_often(record: Trust, now: float) -> Bound | None:
    """Judged at every recent stop, not at the last alone: one stop more must never end what an earlier one began."""
    if len(record.stops) < OFTEN:
        return None
    recent = [at for at in record.stops if now < at + SETTLED]
    often = [at for at in recent if sum(1 for other in record.stops if 0 <= at - other < OFTEN_IN) >= OFTEN]
    if not often:
        return None
    mode, until = record.rounded(Mode.APPROVAL_GATED), max(often) + SETTLED
    count = sum(1 for other in record.stops if 0 <= max(often) - other < OFTEN_IN)
    why = f"it was stopped in {count} incidents within 7 days: nothing looser than {mode} for {_in(now, until)}"
    return Bound(rule="settled", mode=mode, why=why, until=until)


def _pact(record: Trust, loosest: Mode) -> Bound:
    mode = record.rounded(loosest)
    return Bound(
        rule="pact",
        mode=mode,
        why=f"the pact gives back {loosest} at most: nothing looser than {mode} until `pact.loosest` is changed",
    )


def age(seconds: float) -> str:
    """A duration for people: the largest unit of which there are at least two; a minute may be one."""
    for unit, size, least in (("d", _DAY, 2 * _DAY), ("h", _HOUR, 2 * _HOUR), ("min", 60.0, 60.0)):
        if seconds >= least:
            return f"{int(seconds / size)} {unit}"
    return f"{int(max(0.0, seconds))} s"


def _ago(now: float, then: float) -> str:
    return f"{age(now - then)} ago" if now >= then else "at a time that lies ahead of the clock"


def _in(now: float, until: float) -> str:
    return f"{age(max(1.0, until - now))} more"


def loosest_of(pacts: Iterable[Mode]) -> Mode:
    """What several agents that share a target may be given back: the strictest that any of them allows."""
    return max(pacts, default=Mode.NORMAL)
