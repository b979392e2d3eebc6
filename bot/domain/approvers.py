"""Who may release or drop what an agent proposed. As for restores, every doubt is a no; one person decides."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.model import Agent, Policy
from bot.domain.policy import GroupState, Kind, Roster, mention_group


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvers:
    """Those who decide on one draft.

    Where `policy.approve` names nobody it is as for a restore, and then the agent's owner has no say either; an owner
    whom it names has one.

    Args:
        roster: read afresh.
        policy: the whole policy.
        agents: every agent that shares the draft's target.
        identities: the Slack identities of all agents, affected or not.
    """

    roster: Roster
    policy: Policy
    agents: Sequence[Agent]
    identities: frozenset[str]

    def members(self) -> frozenset[str]:
        """Everybody whom the policy names now. A group that Slack does not confirm has nobody."""
        groups, users = self._named()
        listed = (self.roster.group(name) for name in groups)
        return frozenset(users).union(*(group.members for group in listed if group.state is GroupState.READ))

    def why_not(self, user: str) -> str:
        """The sentence for somebody without a say; empty for whoever has one."""
        if self.policy.restore.frozen:
            return f"Nobody may decide until this is mended: {self.policy.restore.frozen}."
        if user in self.identities:
            return f"You are an identity of an agent, and no agent decides on what agents propose. {self.who()}"
        if user not in self.members():
            return f"You are not among those who decide on what agents propose. {self.who()}"
        if self.roster.people.get(user) is not Kind.MEMBER:
            return f"Slack has not confirmed that you are a full member of this workspace. {self.who()}"
        owned = [agent.id for agent in self.agents if agent.owner == user] if self._as_restore() else []
        if owned:
            return (
                f"You own the agent `{owned[0]}`, and `policy.approve` names nobody: then it is as for a restore, where"
                f" no owner has a say on their own agent. {self.who()}"
            )
        return ""

    def who(self) -> str:
        """The sentence that names who may."""
        groups, users = self._named()
        names = [*map(mention_group, groups), *(f"<@{user}>" for user in users[:5])]
        more = f" and {len(users) - 5} more" if len(users) > 5 else ""  # noqa: PLR2004  # as many as were named
        if not names:
            return "Nobody may: name people in `policy.approve`, or in `policy.restore`."
        return f"Who may: {', '.join(names)}{more}."

    def _as_restore(self) -> bool:
        return not (self.policy.approve.groups or self.policy.approve.users)

    def _named(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        named = self.policy.restore if self._as_restore() else self.policy.approve
        return named.groups, named.users
