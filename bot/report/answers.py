"""The five questions that an auditor asks, answered from the statement's own numbers."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from bot.domain.evidence import label
from bot.report.inventory import gaps
from bot.report.times import lasting, spoken

Json = dict[str, Any]
_NAMED = 10  # people that an answer names


def answers(made: Json) -> list[Json]:
    """Questions with their answers, in the words that the page shows."""
    return [
        {"question": "Who can stop it?", "answer": _who(made["people"])},
        {"question": "When did it last work?", "answer": _when(made)},
        {"question": "How fast?", "answer": _how_fast(made)},
        {"question": "What is not covered?", "answer": _uncovered(made["inventory"])},
        {"question": "Who practised?", "answer": _practised(made)},
    ]


def _who(told: Json) -> str:
    may = told["may_stop"]
    doors = [_in_slack(may)]
    doors += [f"the signed callers {', '.join(may['signed_callers'])}"] if may["signed_callers"] else []
    doors += (
        [f"whoever can log in as the bot's user on {', '.join(may['command_line_on'])}"]
        if may["command_line_on"]
        else []
    )
    return f"{'; '.join(doors)}. {_ever(told)}"


def _ever(told: Json) -> str:
    """How many of those who may ever did; not known where nobody knows who they are."""
    may, named = told["may_stop"], len(told["may_stop"]["people"])
    pulled = len(told["stopped"])
    did = f"{pulled} {'person is' if pulled == 1 else 'people are'} recorded to have pulled the switch"
    if _unread(may):
        return f"Who is in these groups is not known here, since the roster was never read; {did}."
    if not named:
        return f"{did}."
    return f"{named - len(told['never_stopped'])} of the {named} ever did, in earnest or in a drill."


def _in_slack(may: Json) -> str:
    named, groups = len(may["people"]), ", ".join(may["groups"])
    people = f"{named} {'person' if named == 1 else 'people'}"
    who = f" ({_few(may['people'])})" if named else ""
    if not groups:
        return f"{people} in Slack{who}"
    if _unread(may):
        beside = f" and {people} named beside them{who}" if named else ""
        return f"the members of the Slack groups {groups}, which were never read{beside}"
    return f"{people} in Slack{who}, by the groups {groups} as of {spoken(may['roster_read_at'])}"


def _few(people: Sequence[str]) -> str:
    more = f" and {len(people) - _NAMED} more" if len(people) > _NAMED else ""
    return ", ".join(people[:_NAMED]) + more


def _when(made: Json) -> str:
    surfaces = made["inventory"]["surfaces"]
    proven = sorted((it["last_proven"]["at"], it["surface"], it["last_proven"]) for it in surfaces if it["last_proven"])
    never = [it["surface"] for it in surfaces if not it["last_proven"]]
    said = []
    if proven:
        at, name, last = proven[-1]
        how = "a drill" if last["drill"] else "a stop"
        said.append(f"Last at {spoken(at)}, proven on {name} by {how} ({last['incident']})")
        if len(proven) > 1:
            said.append(f"longest ago is {proven[0][1]}, at {spoken(proven[0][0])}")
    if never:
        said.append(f"never on {label(never)}")
    told = "; ".join(said)
    return f"{told[0].upper()}{told[1:]}." if said else "No surface of today's configuration was ever proven to be cut."


def _how_fast(made: Json) -> str:
    surfaces = [it for it in made["inventory"]["surfaces"] if it["median"] is not None]
    late = sorted({name for one in made["incidents"] for name in one["missed_deadlines"]})
    if not surfaces:
        return "Not known: nothing was proven in this period."
    worst = max(surfaces, key=lambda it: it["slowest"])
    usual = median(it["median"] for it in surfaces)
    missed = f"deadlines were missed on {label(late)}" if late else "no deadline of a stop was missed"
    return (
        f"From the stop to its proof: {lasting(usual)} on the median surface, at worst {lasting(worst['slowest'])} "
        f"({worst['surface']}); {missed}."
    )


def _uncovered(told: Json) -> str:
    if not told["known"]:
        return "Not known: the configuration cannot be read."
    found = list(gaps(told))
    return (
        "; ".join(found) + "."
        if found
        else "Every class of authority of every agent has a surface or a reason why none."
    )


def _practised(made: Json) -> str:
    runs, told = made["drills"]["runs"], made["people"]["practised"]
    lately = [it["id"] for it in told if it["in_period"]]
    if not runs:
        return "Nobody in this period: no drill was recorded."
    passed = sum(run["how"] == "passed" for run in runs)
    who = label(lately) if lately else "nobody by hand: the schedule pulled the switch"
    never = made["people"]["never_stopped"]
    idle = f" Never pulled the switch: {_few(never)}." if never and not _unread(made["people"]["may_stop"]) else ""
    return f"{len(runs)} drill{'' if len(runs) == 1 else 's'}, {passed} passed; started by {who}.{idle}"


def _unread(may: Json) -> bool:
    return bool(may["groups"]) and may["roster_read_at"] is None
