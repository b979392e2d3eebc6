"""Who may ask for a vote on a restore, and who may go without a proof. As in `electorate.py`, every doubt is a no."""

from collections.abc import Collection

from bot.domain.electorate import Electorate
from bot.domain.model import Agent, Configuration
from bot.domain.policy import Kind, Roster, mention_group


def why_not_propose(
    actor: str, *, roster: Roster, configuration: Configuration, affected: Collection[Agent] = ()
) -> str:
    """The sentence for whoever may not open a ballot; empty for whoever may.

    Full members may who may stop or vote, and the owner of an agent that is in scope: asking gives nothing back.
    """
    outside = why_outside(actor, roster, configuration)
    if outside:
        return outside
    policy = configuration.policy
    names, users = (*policy.stop.groups, *policy.restore.groups), (*policy.stop.users, *policy.restore.users)
    if actor in users or any(actor in roster.group(name).members for name in names):
        return ""
    if any(agent.owner == actor for agent in affected):
        return ""
    groups = ", ".join(dict.fromkeys(mention_group(name) for name in names)) or "nobody yet: name groups in `policy`"
    return (
        f"You may not open a vote on this. Who may: {groups}, and the owners of the agents in scope. Ask one of them."
    )


def why_not_acknowledge(actor: str, *, roster: Roster, configuration: Configuration, subject: str) -> str:
    """The sentence for whoever may not go without `subject`; empty for whoever may: those who would vote on it."""
    agent = configuration.agent(subject.partition("/")[0])
    voters = Electorate(
        roster=roster,
        policy=configuration.policy.restore,
        agents=[agent] if agent else [],
        identities=_identities(configuration),
        proposer="",
    )
    return voters.why_not(actor)


def why_outside(actor: str, roster: Roster, configuration: Configuration) -> str:
    """The sentence for whoever is no full member of this workspace, and for the agents; empty for the others."""
    if actor in _identities(configuration):
        return "You are an identity of an agent, and no agent asks for authority."
    kind = roster.people.get(actor)
    return "" if kind is Kind.MEMBER else _KINDS.get(kind, _UNKNOWN)


def _identities(configuration: Configuration) -> frozenset[str]:
    return frozenset().union(*(agent.slack_identities for agent in configuration.agents))


_UNKNOWN = "Slack has not confirmed that you are a full member of this workspace: try again when it answers."
_KINDS: dict[Kind | None, str] = {
    Kind.GUEST: "You are a guest in this workspace, and guests do not ask for authority.",
    Kind.STRANGER: "You are from another workspace, and only this workspace's own members ask for authority.",
    Kind.BOT: "You are a bot, and only people ask for authority.",
    Kind.DEACTIVATED: "Your account is deactivated.",
}
