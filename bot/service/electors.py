"""Who votes on a ballot, and what of the configuration it is bound to."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass

from pydantic import BaseModel

from bot.domain import events
from bot.domain.electorate import Electorate
from bot.domain.model import Configuration, Place, RestorePolicy
from bot.domain.policy import Roster


def agents_of(returns: Iterable[events.Return]) -> list[str]:
    """The ids of every agent that these targets carry, each once, in order."""
    return sorted({name.partition("/")[0] for item in returns for name in item.surfaces})


def electorate_of(
    opened: events.BallotOpened, configuration: Configuration, roster: Roster, *, opening: bool = False
) -> Electorate:
    """Whose reactions count, by the roster and the configuration of this moment."""
    affected = agents_of(opened.returns)
    return Electorate(
        roster=roster,
        policy=configuration.policy.restore,
        agents=[agent for agent in configuration.agents if agent.id in affected],
        identities=frozenset().union(*(agent.slack_identities for agent in configuration.agents)),
        proposer=opened.by.id,
        frozen=None if opening else frozenset(person.id for person in opened.electorate),
    )


def fingerprint(configuration: Configuration, agents: Sequence[str]) -> str:
    """A digest of what is configured of these agents and of who may restore; where it stands in the file is no part."""
    bound = [agent for agent in configuration.agents if agent.id in agents]
    factor = configuration.policy.restore.second_factor
    seeds = {user: seed.get_secret_value() for user, seed in factor.seeds.items()} if factor else {}
    text = json.dumps([plain(configuration.policy.restore), plain(bound), seeds], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def confirmations(policy: RestorePolicy, quorum: int) -> int:
    """How many of so many votes must be confirmed with a code; the undo of a mistake may need fewer than a restore."""
    return min(policy.second_factor.quorum, quorum) if policy.second_factor else 0


def confirmers(opened: events.BallotOpened, policy: RestorePolicy) -> str:
    """The sentence that names who may confirm with a code; empty where nobody has to."""
    if not opened.confirmations:
        return ""
    without = {person.id for person in opened.excluded}
    enrolled = policy.second_factor.seeds if policy.second_factor else {}
    names = [person.id for person in opened.electorate if person.id in enrolled and person.id not in without]
    who = ", ".join(f"<@{name}>" for name in names) or "nobody"
    return f" {opened.confirmations} of them must confirm their vote with a code. Enrolled for that: {who}."


def unconfirmable(draft: events.BallotOpened, able: frozenset[str], policy: RestorePolicy) -> tuple[str, ...]:
    """Why too few of those who may vote could confirm it with a code; empty where enough could."""
    enrolled = len(able & policy.second_factor.seeds.keys()) if policy.second_factor else 0
    if enrolled >= draft.confirmations:
        return ()
    why = (
        f"{draft.confirmations} of the votes must be confirmed with a code, and of the people who may vote on this only"
        f" {enrolled} are enrolled: enrol more in `policy.restore.second_factor`, or let somebody else open it"
    )
    return (why,)


def plain(value: object) -> object:
    """As JSON, with sets in one order; secrets read as stars."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        named = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {name: plain(part) for name, part in named if not isinstance(part, Place)}
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(str(part) for part in value)
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
