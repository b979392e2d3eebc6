"""The report of an incident as one JSON document; `docs/reports.md` describes it."""

import json
from collections.abc import Iterable
from typing import Any

from bot.domain import events
from bot.report.cuts import Cut
from bot.report.incident import IncidentReport
from bot.report.moments import Moment
from bot.report.names import NOBODY, Names
from bot.report.picture import Together, together
from bot.report.record import Chains
from bot.report.scope import Place
from bot.report.times import iso
from bot.report.votes import Balloted

VERSION = 1


def document(report: IncidentReport, names: Names = NOBODY) -> dict[str, Any]:
    """Everything in the report, and the names of the people in it. Times are RFC 3339 in UTC, durations seconds."""
    made = _document(report)
    return {**made, "names": names.among(json.dumps(made, ensure_ascii=False))}


def _document(report: IncidentReport) -> dict[str, Any]:
    return {
        "kind": "agent-kill incident report",
        "version": VERSION,
        "incident": report.id,
        "made_at": iso(report.at),
        "covers": {"from": iso(report.since), "until": iso(report.until)},
        "open": report.open,
        "drill": report.drill,
        "verdict": report.chains.verdict,
        "summary": list(report.summary()),
        "not_cut": [cut.surface for cut in report.not_cut()],
        "not_proven": [cut.surface for cut in report.not_proven()],
        "never_proven": [cut.surface for cut in report.never_proven()],
        "work_not_seen": [cut.surface for cut in report.unseen()],
        "missed_deadlines": [
            {"surface": cut.surface, "at": [iso(at) for at in cut.late]} for cut in report.cuts if cut.late
        ],
        "never_drilled_before": list(report.never_drilled),
        "drill_overdue": list(report.overdue),
        "erased": report.erased,
        "stops": [_stop(hold) for hold in report.stops],
        "surfaces": [_surface(cut) for cut in report.cuts],
        "timeline": [_moment(moment) for moment in report.moments],
        "authority": [_lane(group) for group in together(report.lanes)],
        "votes": [_ballot(ballot) for ballot in report.votes],
        "closed": {"at": iso(report.closed.at), "by": person(report.closed.by)} if report.closed else None,
        "chains": chains(report.chains),
        "problems": list(report.problems),
    }


def person(someone: events.Person | None) -> dict[str, str] | None:
    """Who, and through which door."""
    return {"kind": someone.kind, "id": someone.id} if someone else None


def chains(state: Chains) -> dict[str, Any]:
    """What the verifier said."""
    return {
        "verdict": state.verdict,
        "wrong": state.wrong(),
        "entries": dict(sorted(state.result.entries.items())),
        "anchored_up_to": dict(sorted(state.anchored.items())),
        "torn_bytes": state.result.torn,
        "erased_texts": state.result.erased,
        "heads": state.heads,
        "note": state.unanchored,
    }


def evidence(places: Iterable[Place]) -> list[dict[str, Any]]:
    """Entries of journals."""
    return [{"chain": chain, "entry": seq} for chain, seq in places]


def _stop(hold: events.HoldAdded) -> dict[str, Any]:
    return {
        "hold": hold.hold,
        "at": iso(hold.at),
        "mode": str(hold.mode),
        "scope": hold.scope,
        "by": person(hold.by),
        "reason": hold.reason,
        "origin": hold.origin,
        "channel": hold.channel,
        "parent": hold.parent,
        "targets": len(hold.targets),
        "left_alone": [{"surface": left.surface, "why": left.why} for left in hold.left],
        "roster_age": hold.roster_age,
    }


def _surface(cut: Cut) -> dict[str, Any]:
    line = cut.line
    return {
        "surface": line.surface,
        "adapter": line.adapter or None,
        "class": line.surface_class,
        "asked": str(cut.asked),
        "held": str(cut.held) if cut.held else None,
        "at_the_end": {"outcome": line.outcome, "held": str(line.held) if line.held else None},
        "attempt": line.attempt,
        "asked_at": iso(cut.asked_at),
        "answered_after": _seconds(cut.answered),
        "proven_after": _seconds(cut.proven),
        "cut_and_read_back_took": _seconds(cut.took),
        "missed_deadlines": [iso(at) for at in cut.late],
        "work_ended": cut.ended,
        "work_unknown": bool(line.unknown) or cut.unknown,
        "came_back": cut.drifts,
        "gaps": [
            {"from": iso(gap.start), "until": iso(gap.end) if gap.end else None, "why": gap.why} for gap in cut.gaps
        ],
        "detail": line.detail,
        "next": line.next,
        "owner": line.owner,
        "evidence": evidence(cut.evidence),
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "at": iso(moment.at),
        "until": iso(moment.until),
        "kind": moment.kind,
        "says": moment.says,
        "who": person(moment.who),
        "detail": moment.detail,
        "surfaces": list(moment.surfaces),
        "count": moment.count,
        "evidence": evidence(moment.evidence),
    }


def _lane(group: Together) -> dict[str, Any]:
    """The times are those of the first target; each surface has its own in `surfaces`."""
    lane = group.lane
    return {
        "surfaces": list(group.surfaces),
        "spans": [
            {"from": iso(span.start), "until": iso(span.end), "mode": str(span.mode), "state": span.state}
            for span in lane.spans
        ],
        "marks": [{"at": iso(mark.at), "kind": mark.kind} for mark in lane.marks],
    }


def _ballot(ballot: Balloted) -> dict[str, Any]:
    opened = ballot.opened
    return {
        "ballot": opened.ballot,
        "kind": opened.kind,
        "opened_at": iso(opened.at),
        "by": person(opened.by),
        "reason": opened.reason,
        "scope": opened.scope,
        "mode": str(opened.mode),
        "quorum": opened.quorum,
        "may_vote": len(opened.electorate),
        "shown": [{"about": line.about, "says": line.says, "good": line.good} for line in opened.evidence],
        "without": list(opened.without),
        "votes": [{"at": iso(vote.at), "who": vote.who, "says": vote.says} for vote in ballot.votes],
        "for": ballot.counted[0],
        "against": ballot.counted[1],
        "confirmed_with_a_code": list(ballot.confirmed),
        "refused_codes": ballot.refused_codes,
        "steps": [
            {
                "step": step.number,
                "mode": str(step.mode),
                "from": iso(step.begun),
                "read_back": iso(step.done) if step.done else None,
                "targets": step.surfaces,
            }
            for step in ballot.steps
        ],
        "ended": {"at": iso(ballot.ended.at), "how": ballot.ended.how, "why": ballot.ended.why}
        if ballot.ended
        else None,
    }


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
