"""What a statement says of people: who may stop, who ever did, who practised, who gave authority back."""

from collections.abc import Iterable, Sequence
from typing import Any

from bot.domain.ballot import Ballot
from bot.domain.model import Configuration
from bot.domain.policy import Roster
from bot.domain.practice import Practice
from bot.journal.chain import ERASED
from bot.report.period import Period
from bot.report.proofs import Outline
from bot.report.times import iso

Json = dict[str, Any]


def people(
    configuration: Configuration | None,
    *,
    roster: Roster,
    callers: Sequence[str],
    outlines: Sequence[Outline],
    practice: Practice,
    period: Period,
) -> Json:
    """Everybody, by the name that the journals have.

    Args:
        configuration: whose policy it is; None where it cannot be read.
        roster: the members of its groups, as they were last read from Slack.
        callers: names of those who may call `POST /v1/stop`.
        outlines: every incident that is recorded, of any time.
        practice: every drill that is recorded.
        period: what counts as lately.
    """
    may = _may_stop(configuration, roster)
    pulled, practised = _pulled(outlines, practice), _practised(practice)
    return {
        "may_stop": {
            "groups": list(configuration.policy.stop.groups) if configuration else [],
            "users": list(configuration.policy.stop.users) if configuration else [],
            "people": may,
            "roster_read_at": iso(roster.read_at) if roster.read_at is not None else None,
            "signed_callers": list(callers),
            "command_line_on": list(configuration.writers) if configuration else [],
        },
        "stopped": [_counted(who, times, period) for who, times in sorted(pulled.items())],
        "practised": [_counted(who, times, period) for who, times in sorted(practised.items())],
        "never_stopped": sorted(set(may) - {who for _, who in pulled}),
        "not_in_period": sorted(
            set(may) - {who for (_, who), times in pulled.items() if any(period.has(at) for at in times)}
        ),
    }


def voters(ballots: Iterable[Ballot], period: Period) -> list[Json]:
    """The votes on giving back that ended in the period."""
    return [
        {
            "ballot": ballot.id,
            "ended_at": iso(ballot.ended.at),
            "how": ballot.ended.how,
            "scope": ballot.opened.scope,
            "mode": str(ballot.opened.mode),
            "quorum": ballot.opened.quorum,
            "for": [someone.id for someone in ballot.votes.approvals] if ballot.votes else [],
            "against": [someone.id for someone in ballot.votes.vetoes] if ballot.votes else [],
        }
        for ballot in sorted(ballots, key=lambda it: it.ended.at if it.ended else 0.0)
        if ballot.opened and ballot.ended and period.has(ballot.ended.at)
    ]


def _may_stop(configuration: Configuration | None, roster: Roster) -> list[str]:
    """Named users and the members of the groups, without the identities of agents, whom nobody obeys."""
    if configuration is None:
        return []
    policy = configuration.policy.stop
    members = {name for group in policy.groups for name in roster.group(group).members}
    agents = {name for agent in configuration.agents for name in agent.slack_identities}
    return sorted((set(policy.users) | members) - agents)


Pulled = dict[tuple[str, str], list[float]]


def _pulled(outlines: Iterable[Outline], practice: Practice) -> Pulled:
    """Whoever pulled the switch, in earnest or in a drill: when, by door and name."""
    found: Pulled = _practised(practice)
    for one in outlines:
        if not one.drill:
            for who in one.people:
                found.setdefault(who, []).append(one.at)
    return found


def _practised(practice: Practice) -> Pulled:
    found: Pulled = {}
    for run in practice.runs.values():
        if run.pull and run.pull.by.kind != "bot":
            found.setdefault((run.pull.by.kind, run.pull.by.id), []).append(run.pull.at)
    return found


def _counted(who: tuple[str, str], times: Sequence[float], period: Period) -> Json:
    kind, name = who
    return {
        "kind": kind,
        "id": name,
        "times": len(times),
        "in_period": sum(period.has(at) for at in times),
        "last": iso(max(times)),
        "erased": name == ERASED,
    }
