"""What entries amount to, as rows. Pure, and in any order: entries of different journals arrive as they may."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from adapters.base import Mode
from bot.domain import drill_events, events
from bot.domain.outcome import Outcome
from bot.service.ports import Entry

Row = dict[str, Any]
STRICTNESS = {mode: rank for rank, mode in enumerate(Mode)}
PROVEN = ("outcome", "held", "attempt", "ended", "in_flight", "elapsed_ms", "detail", "at")  # what a receipt takes over


@dataclass(slots=True)
class Projection:
    """Rows by table, each keyed so that the same key stands there once, as one statement needs it."""

    entries: list[Row] = field(default_factory=list)
    opened: dict[str, Row] = field(default_factory=dict)
    closed: dict[str, Row] = field(default_factory=dict)
    holds: dict[str, Row] = field(default_factory=dict)
    reasons: dict[str, Row] = field(default_factory=dict)
    lifts: dict[tuple[str, str], Row] = field(default_factory=dict)
    proofs: dict[str, Row] = field(default_factory=dict)
    receipts: dict[tuple[str, str], Row] = field(default_factory=dict)
    posts: dict[tuple[str, str], Row] = field(default_factory=dict)
    drill_runs: dict[str, Row] = field(default_factory=dict)

    def targets(self) -> set[str]:
        """The targets whose receipts may have changed."""
        return self.proofs.keys() | {target for _, target in self.receipts}


def project(new: Iterable[Entry]) -> Projection:
    """The rows of entries that the database does not have yet."""
    made = Projection()
    for entry in new:
        made.entries.append(
            {
                "chain": entry.chain,
                "seq": entry.seq,
                "digest": entry.digest,
                "type": entry.event.type,
                "at": entry.event.at,
                "body": clean(entry.line),
            }
        )
        _fold(made, entry.event)
    return made


def clean(text: str) -> str:
    """Text that every engine takes: PostgreSQL refuses a NUL, and one such reason would hold up all that follows."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")


def _fold(made: Projection, event: events.AnyEvent) -> None:
    match event:
        case events.HoldAdded():
            _hold(made, event)
        case events.Outcomes():
            for proof in event.proofs:
                _newest(made.proofs, proof.target, _proof(proof, event.at))
        case events.PairsLifted():
            for added in event.holds:
                _hold(made, added)
            _lift(made, event.pairs, event.ballot, event.at)
        case events.ReasonGiven():
            row = {"hold": clean(event.hold), "reason": clean(event.reason), "at": event.at, **_person(event.by)}
            made.reasons.setdefault(event.hold, row)
        case events.IncidentClosed():
            by = clean(f"{event.by.kind}:{event.by.id}")
            made.closed[event.incident] = {"id": clean(event.incident), "closed_at": event.at, "closed_by": by}
        case events.Posted():
            _newest(made.posts, (event.incident, event.slot), _post(event))
        case _:
            _fold_drill(made, event)


def _fold_drill(made: Projection, event: events.AnyEvent) -> None:
    match event:
        case drill_events.DrillReleased():
            _lift(made, event.pairs, event.run, event.at)
        case drill_events.DrillEnded():
            made.drill_runs.setdefault(event.run, _drill(event))
        case _:
            pass  # for the audit alone: they stand among the entries


def _lift(made: Projection, pairs: Iterable[tuple[str, str]], by: str, at: float) -> None:
    """`by` is the ballot, or the run of a drill."""
    for hold, target in pairs:
        row = {"hold": clean(hold), "target": clean(target), "ballot": clean(by), "at": at}
        made.lifts.setdefault((hold, target), row)


def _drill(event: drill_events.DrillEnded) -> Row:
    return {
        "run": clean(event.run),
        "drill": clean(event.drill),
        "kind": event.card.kind,
        "mode": str(event.card.mode),
        "how": event.how,
        "why": clean(event.why),
        "card": clean(event.card.model_dump_json()),
        "at": event.at,
    }


def _hold(made: Projection, event: events.HoldAdded) -> None:
    made.holds.setdefault(
        event.hold,
        {
            "id": clean(event.hold),
            "incident": clean(event.incident),
            "mode": str(event.mode),
            "reason": clean(event.reason),
            "scope": clean(event.scope),
            "channel": event.channel,
            "origin": event.origin,
            "parent": event.parent,
            "at": event.at,
            **_person(event.by),
        },
    )
    row = made.opened.setdefault(
        event.incident, {"id": clean(event.incident), "channel": event.channel, "opened_at": event.at}
    )
    row["opened_at"] = min(row["opened_at"], event.at)
    row["channel"] = row["channel"] or event.channel
    for target in event.targets:
        made.receipts.setdefault((event.hold, target.key), _receipt(event, target))


def _receipt(event: events.HoldAdded, target: events.HeldTarget) -> Row:
    return {
        "hold": clean(event.hold),
        "target": clean(target.key),
        "strictness": STRICTNESS[event.mode],
        "surfaces": clean("\n".join(target.surfaces)),
        "outcome": str(Outcome.PENDING),
        "held": None,
        "attempt": None,
        "ended": 0,
        "in_flight": None,
        "elapsed_ms": 0.0,
        "detail": "",
        "at": 0.0,
    }


def _proof(proof: events.Proof, at: float) -> Row:
    return {
        "target": clean(proof.target),
        "strictness": STRICTNESS[proof.asked],
        "outcome": str(proof.outcome),
        "held": str(proof.held) if proof.held else None,
        "attempt": str(proof.attempt) if proof.attempt else None,
        "ended": proof.ended,
        "in_flight": proof.left,
        "elapsed_ms": proof.elapsed_ms,
        "detail": clean(proof.detail),
        "at": at,
    }


def _post(event: events.Posted) -> Row:
    return {
        "incident": clean(event.incident),
        "slot": clean(event.slot),
        "channel": event.channel,
        "ts": event.ts,
        "digest": event.digest,
        "at": event.at,
    }


def _person(person: events.Person) -> Row:
    return {"by_kind": person.kind, "by_id": clean(person.id)}


def _newest(rows: dict[Any, Row], key: object, row: Row) -> None:
    before = rows.get(key)
    if before is None or row["at"] >= before["at"]:
        rows[key] = row
