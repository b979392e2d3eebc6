"""Who may vote on a restore. The opposite of `policy.py`: here every doubt is a no."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.model import Agent, RestorePolicy
from bot.domain.policy import GroupState, Kind, Roster, mention_group

FRESH = 60.0  # seconds: a roster that is older decides nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Electorate:
    """Whose reactions count on one ballot.

    Args:
        roster: read afresh.
        policy: `policy.restore`.
        agents: every agent that the ballot affects.
        identities: the Slack identities of all agents, affected or not.
        proposer: who opened the ballot.
        frozen: the members at the opening; None while it is being opened.
    """

    roster: Roster
    policy: RestorePolicy
    agents: Sequence[Agent]
    identities: frozenset[str]
    proposer: str
    frozen: frozenset[str] | None = None

    def members(self) -> frozenset[str]:
        """Everybody whom the policy names now. A group that Slack does not confirm has nobody."""
        groups = (self.roster.group(name) for name in self.policy.groups)
        listed = (group.members for group in groups if group.state is GroupState.READ)
        return frozenset(self.policy.users).union(*listed)

    def eligible(self) -> frozenset[str]:
        """Whoever may vote."""
        return frozenset(user for user in self.members() if not self.why_not(user))

    def why_not(self, user: str) -> str:
        """The sentence for somebody without a say; empty for whoever has one."""
        owned = [agent.id for agent in self.agents if agent.owner == user]
        if user in self.identities:
            return "You are an identity of an agent, and no agent votes on authority."
        if user == self.proposer:
            return "You opened this ballot, and whoever asks does not vote."
        if owned:
            return f"You own the agent `{owned[0]}`, and an owner does not vote on their own agent."
        return self._no_member(user) or self._no_elector(user)

    def _no_member(self, user: str) -> str:
        kind = self.roster.people.get(user)
        return "" if kind is Kind.MEMBER else _KINDS.get(kind, _UNKNOWN)

    def _no_elector(self, user: str) -> str:
        if user not in self.members():
            where = ", ".join(mention_group(name) for name in self.policy.groups) or "the people of `policy.restore`"
            return f"You are not among those who vote on a restore ({where})."
        if self.frozen is not None and user not in self.frozen:
            return "You joined those who vote after this ballot was opened: your vote counts from the next one on."
        return ""


_UNKNOWN = "Slack has not confirmed that you are a full member of this workspace, so your vote does not count."
_KINDS: dict[Kind | None, str] = {
    Kind.GUEST: "You are a guest in this workspace, and guests do not vote on authority.",
    Kind.STRANGER: "You are from another workspace, and only this workspace's own members vote.",
    Kind.BOT: "Bots do not vote on authority.",
    Kind.DEACTIVATED: "The account is deactivated.",
}


def what_a_restore_needs(policy: RestorePolicy) -> str:
    """The sentence for a status: how many votes, and what stands between stolen sessions and a restore."""
    if policy.frozen:
        return f"Nobody can restore until this is mended: {policy.frozen}."
    votes = f"A restore needs {policy.quorum} votes, {policy.full_stop_quorum} to leave full_stop"
    factor = policy.second_factor
    if factor is None:
        return f"{votes}, and no second factor: whoever holds the Slack sessions of so many voters can restore."
    return f"{votes}; {factor.quorum} of them confirmed with a code, for which {len(factor.seeds)} voters are enrolled."


def quorum(policy: RestorePolicy, modes: Iterable[str], *, kind: str) -> int:
    """How many votes are needed: more where anything is fully stopped. Never below 2, but for a mistake's undo."""
    if kind == "undo":
        return max(1, policy.mistake.quorum)
    return max(2, policy.full_stop_quorum if "full_stop" in set(modes) else policy.quorum)
