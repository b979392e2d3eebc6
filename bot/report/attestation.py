"""The statement over a period: what can be said of the switch from what is recorded, and first what cannot."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.coverage import Coverage
from bot.domain.evidence import label
from bot.domain.fate import Fate
from bot.domain.policy import Roster
from bot.report.answers import answers
from bot.report.cuts import Cut
from bot.report.document import chains
from bot.report.inventory import gaps, inventory, lacking, self_attested
from bot.report.names import NOBODY, Names
from bot.report.people import people, voters
from bot.report.period import Period
from bot.report.practised import drills
from bot.report.proofs import Outline, gathered, outline
from bot.report.record import Record
from bot.report.scope import newest_first, scopes
from bot.report.times import iso, spoken

VERSION = 1
KIND = "agent-kill statement"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What is known beside the journals.

    Args:
        roster: as it was last read from Slack.
        callers: names of those who may call the signed stop.
        coverage: the inventory of now; None where the configuration cannot be read.
        fates: what the switch shares with what it is to contain, by the names in the configuration.
        names: of people, as Slack last told them.
    """

    roster: Roster
    callers: tuple[str, ...] = ()
    coverage: Coverage | None = None
    fates: tuple[Fate, ...] = ()
    names: Names = NOBODY


def statement(record: Record, period: Period, outside: Outside, *, maker: str) -> Json:
    """Everything that is stated, as one JSON document; it is what is signed.

    Args:
        record: everything that is recorded.
        period: what is stated about.
        outside: what is known beside the journals.
        maker: the name of the key that will sign it.
    """
    outlines = [outline(part) for part in scopes(record, newest_first(record.board))]
    told = [one for one in sorted(outlines, key=lambda it: it.at) if one.at < period.end and one.until >= period.start]
    made: Json = {
        "kind": KIND,
        "version": VERSION,
        "made_at": iso(record.at),
        "made_by": maker,
        "period": {
            "asked": period.asked,
            "from": iso(period.start),
            "until": iso(period.end),
            "over": period.end <= record.at,
        },
        "verdict": record.chains.verdict,
        "inventory": inventory(record.configuration, outside.coverage, gathered(outlines), period),
        "shared_fate": [fate.json() for fate in outside.fates],
        "incidents": [_incident(one) for one in told if not one.drill],
        "drills": drills(record.board.practice, period),
        "people": people(
            record.configuration,
            roster=outside.roster,
            callers=outside.callers,
            outlines=outlines,
            practice=record.board.practice,
            period=period,
        ),
        "votes": voters(record.board.ballots.values(), period),
        "not_armed": _not_armed(record, period),
        "chains": chains(record.chains),
        "problems": list(record.problems),
    }
    made["not_proven"] = list(_not_proven(made))
    made["answers"] = answers(made)
    made["names"] = outside.names.among(json.dumps(made, ensure_ascii=False))
    first = ("kind", "version", "verdict", "made_at", "made_by", "period", "not_proven", "answers")
    return {name: made[name] for name in (*first, *(name for name in made if name not in first))}


def _incident(one: Outline) -> Json:
    proven = [cut.proven for cut in one.cuts if cut.proven is not None]
    return {
        "incident": one.id,
        "opened_at": iso(one.at),
        "ended_at": None if one.open else iso(one.until),
        "mode": one.mode,
        "scope": one.asked_for,
        "by": [{"kind": kind, "id": name} for kind, name in one.people],
        "surfaces": len(one.cuts),
        "proven": len(proven),
        "slowest_proof": round(max(proven), 3) if proven else None,
        "never_proven": [cut.surface for cut in one.cuts if cut.proven is None],
        "not_cut_at_the_end": [cut.surface for cut in one.cuts if cut.line.not_cut],
        "not_proven_at_the_end": [cut.surface for cut in one.cuts if cut.line.not_proven],
        "missed_deadlines": [cut.surface for cut in one.cuts if cut.late],
        "came_back": sum(cut.drifts for cut in one.cuts),
        "work_not_seen": _unseen(one.cuts),
    }


def _unseen(cuts: Sequence[Cut]) -> list[str]:
    return [cut.surface for cut in cuts if cut.unknown]


def _not_armed(record: Record, period: Period) -> list[Json]:
    """When a button was found not to work, or to work again."""
    return [
        {"at": iso(entry.event.at), "subject": change.subject, "armed": change.armed, "why": change.why}
        for entry in record.entries
        if entry.event.type == "armed_changed" and period.has(entry.event.at)
        for change in entry.event.changes
    ]


def _not_proven(made: Json) -> Iterator[str]:
    """What an auditor must not believe, the gravest first."""
    state = made["chains"]
    if made["verdict"] != "intact":
        words = "; ".join(state["wrong"])
        yield f"{made['verdict'].upper()}: the journals are not what was written, or cannot be checked: {words}"
    yield from (f"the journals: {problem}" for problem in made["problems"])
    yield from ([f"{state['note']}: a journal that was computed anew would not be noticed"] if state["note"] else [])
    if not made["period"]["over"]:
        yield "the period is not over: this is what was recorded until it was made"
    yield from _of_inventory(made["inventory"])
    yield from (f"not independent: {fate['message']}" for fate in made["shared_fate"])
    yield from _of_incidents(made["incidents"])
    yield from _of_drills(made)
    yield from _of_people(made["people"])
    off = [it["subject"] for it in made["not_armed"] if not it["armed"]]
    if off:
        yield f"NOT ARMED for a time: {label(set(off))}"


def _of_inventory(told: Json) -> Iterator[str]:
    if not told["known"]:
        yield "the configuration cannot be read: what is covered, and what is not, is not known"
        return
    yield from (f"not covered: {sentence}" for sentence in gaps(told))
    never = [it["surface"] for it in told["surfaces"] if it["last_proven"] is None]
    lately = [it["surface"] for it in told["surfaces"] if it["last_proven"] and not it["proven_in_period"]]
    if never:
        yield f"never proven to be cut, by a stop or by a drill: {label(never)}"
    if lately:
        yield f"not proven in this period, but before it: {label(lately)}"
    word = self_attested(told)
    if word:
        yield f"cut by its own word only, whatever a stop reports: {label(word)}"
    without = lacking(told, "canary")
    if without:
        yield f"never tried under the agent's own credential, for want of a canary: {label(without)}"


def _of_incidents(told: Sequence[Json]) -> Iterator[str]:
    for one in told:
        for key, words in (
            ("not_cut_at_the_end", "NOT CUT at its end"),
            ("not_proven_at_the_end", "NOT PROVEN at its end"),
            ("never_proven", "never proven"),
            ("missed_deadlines", "not proven within the deadline"),
            ("work_not_seen", "work in flight could not be seen"),
        ):
            if one[key]:
                yield f"{one['incident']}: {words}: {label(one[key])}"
        if one["came_back"]:
            yield f"{one['incident']}: authority came back by itself, {one['came_back']} times"


def _of_drills(made: Json) -> Iterator[str]:
    told = made["drills"]
    if not told["runs"]:
        yield "no drill was recorded in this period"
    for run in told["runs"]:
        if run["how"] != "passed":
            yield f"the drill {run['drill']} ({run['run']}) {run['how']}" + (f": {run['why']}" if run["why"] else "")
        if run["left_held"]:
            yield f"the drill {run['drill']} ({run['run']}) could not give back {label(run['left_held'])}"
    for missed in told["missed"]:
        yield f"the drill {missed['drill']} that was due {spoken(missed['due'])} did not run: {missed['why']}"
    failed = [f"{it['fault']} ({it['run']})" for it in told["faults"] if not it["survived"]]
    if failed:
        yield f"faults that a drill did not survive: {', '.join(failed)}"
    if not told["faults"]:
        yield "no fault was injected in this period: that the switch works during a failure is not shown by it"
    blind = {it["surface"] for run in told["runs"] for it in run["surfaces"] if it["effects_after_the_cut"] is None}
    if blind:
        yield f"what the agent still did after a drill's cut was not measured, for want of a witness: {label(blind)}"
    undrilled = lacking(made["inventory"], "drill")
    if undrilled:
        yield f"in no drill's schedule: {label(undrilled)}"


def _of_people(told: Json) -> Iterator[str]:
    may = told["may_stop"]
    if may["groups"] and may["roster_read_at"] is None:
        yield f"who is in {', '.join(may['groups'])} is not known here: the roster was never read"
    elif told["never_stopped"]:
        total = len(may["people"])
        yield f"{len(told['never_stopped'])} of {total} people who may stop never did, not even in a drill"
