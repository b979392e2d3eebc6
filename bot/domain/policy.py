"""Who may stop. Pure: an actor, the roster as it was last read and the policy give a yes, or a no that says why.

Degrading is safe, so a doubt about Slack never refuses a stop: an old roster still allows, a group that was emptied
or disabled keeps its last members, and what is unknown about a listed person is not held against them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.model import Agent, Configuration, StopPolicy

_COMMAND_LINE = "or use the command line: `agent-kill stop MODE --agent ID --reason \u2026`"


class Kind(StrEnum):
    """What sort of account a person's is."""

    MEMBER = "member"
    GUEST = "guest"
    STRANGER = "stranger"  # from another workspace, met in a shared channel
    BOT = "bot"
    DEACTIVATED = "deactivated"


class GroupState(StrEnum):
    """What Slack last said of a user group."""

    READ = "read"
    EMPTY = "empty"
    DISABLED = "disabled"
    MISSING = "missing"
    UNREAD = "unread"  # never read


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A user group. `members` are the last that it was known to have, also where `state` is no longer READ."""

    id: str
    handle: str = ""
    members: frozenset[str] = frozenset()
    state: GroupState = GroupState.READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The roster as it was last read. `read_at` is Unix time; None where nothing was ever read."""

    groups: tuple[Group, ...] = ()
    people: Mapping[str, Kind] = field(default_factory=dict)
    read_at: float | None = None

    def group(self, name: str) -> Group:
        """The group of that id (`S0ONCALL`) or handle (`@oncall`), in any spelling that Slack shows."""
        wanted = group_name(name)
        for group in self.groups:
            if group.id == wanted or (group.handle and group.handle.casefold() == wanted.casefold()):
                return group
        return Group(id=wanted, state=GroupState.UNREAD)

    def age(self, now: float) -> float | None:
        """Seconds since the roster was read."""
        return None if self.read_at is None else max(0.0, now - self.read_at)


@dataclass(frozen=True, slots=True)
class Allowed:
    """A yes. `roster_age` is in seconds, None where no roster was ever read."""

    roster_age: float | None


@dataclass(frozen=True, slots=True)
class Denied:
    """A no, with a sentence that says why and who may. `unread` tells that a group was never read."""

    sentence: str
    unread: bool = False


def authorise_stop(
    actor: str,
    *,
    roster: Roster,
    policy: StopPolicy,
    agents: Sequence[Agent],
    channel: str | None,
    now: float,
    blocked: str = "",
) -> Allowed | Denied:
    """Whether this Slack user may stop here.

    Args:
        actor: Slack user id.
        roster: the last that is known of groups and people; never asked for freshness.
        policy: `policy.stop` of the configuration.
        agents: every agent, for the identities that never count.
        channel: the Slack channel of the command; None where it has none.
        now: Unix time in seconds.
        blocked: why groups cannot be read until somebody mends it; empty where waiting may help.
    """
    outsider = refuse_outsider(actor, roster=roster, policy=policy, agents=agents)
    if outsider is not None:
        return outsider
    if policy.channels and channel not in policy.channels:
        places = " or ".join(f"<#{item}>" for item in policy.channels)
        return Denied(f"Stops are taken in {places} only. Type it there, {_COMMAND_LINE}.")
    if actor in policy.users or any(actor in roster.group(name).members for name in policy.groups):
        return Allowed(roster.age(now))
    return _stranger_to(policy, roster, blocked)


def refuse_outsider(actor: str, *, roster: Roster, policy: StopPolicy, agents: Sequence[Agent]) -> Denied | None:
    """Refuses whoever is known to be no member of the workspace, and the agents themselves; None for the others."""
    agent = next((agent for agent in agents if actor in agent.slack_identities), None)
    if agent is not None:
        return Denied(f"You are an identity of the agent `{agent.id}`, and an agent stops nobody. {who_may(policy)}")
    kind = roster.people.get(actor, Kind.MEMBER)
    return None if kind is Kind.MEMBER else Denied(f"{_KINDS[kind]} {who_may(policy)}")


_KINDS = {
    Kind.GUEST: "You are a guest in this workspace, and guests may not stop agents.",
    Kind.STRANGER: "You are from another workspace, and only this workspace's own members may stop agents.",
    Kind.BOT: "You are a bot, and only people may stop agents from Slack.",
    Kind.DEACTIVATED: "Your account is deactivated, so it may not stop agents.",
}


def _stranger_to(policy: StopPolicy, roster: Roster, blocked: str) -> Denied:
    if not policy.groups and not policy.users:
        return Denied(
            "Nobody may stop from Slack: `policy.stop` names no group and no user. Add one to the configuration file,"
            f" {_COMMAND_LINE}."
        )
    unread = [name for name in policy.groups if roster.group(name).state is GroupState.UNREAD]
    if unread:
        return Denied(_unread(unread, policy, blocked), unread=True)
    where = ", ".join(mention_group(name) for name in policy.groups)
    return Denied(f"{f'You are not in {where}' if where else 'You are not on the list'}. {who_may(policy)}")


def _unread(groups: Sequence[str], policy: StopPolicy, blocked: str) -> str:
    """Tells what passes by itself from what somebody must mend first."""
    names = ", ".join(mention_group(name) for name in groups)
    way = f"{_people(policy.users)} may stop, {_COMMAND_LINE}" if policy.users else _COMMAND_LINE.removeprefix("or ")
    if blocked:
        return (
            f"The members of {names} cannot be read from Slack, so it is not known whether you may stop: {blocked}."
            f" Waiting does not help: whoever runs the bot must mend that. Meanwhile {way}."
        )
    return (
        f"The members of {names} could not be read from Slack yet, so it is not known whether you may stop."
        f" Until then {way}."
    )


def stoppers(configuration: Configuration, roster: Roster) -> frozenset[str] | None:
    """Every person who may stop, as far as groups and people are known; None while a group was never read."""
    policy = configuration.policy.stop
    groups = [roster.group(name) for name in policy.groups]
    if any(group.state is GroupState.UNREAD for group in groups):
        return None
    agents = frozenset().union(*(agent.slack_identities for agent in configuration.agents))
    people = frozenset(policy.users).union(*(group.members for group in groups)) - agents
    return frozenset(person for person in people if roster.people.get(person, Kind.MEMBER) is Kind.MEMBER)


def who_may(policy: StopPolicy) -> str:
    """The sentence that closes every refusal."""
    names = [mention_group(name) for name in policy.groups]
    names += [f"<@{user}>" for user in policy.users[:5]]
    if not names:
        return f"Nobody may stop from Slack: name a group in `policy.stop`, {_COMMAND_LINE}."
    return f"Who may: {', '.join(names)}. Ask one of them, {_COMMAND_LINE}."


def _people(users: Sequence[str]) -> str:
    return ", ".join(f"<@{user}>" for user in users[:5])


def group_name(name: str) -> str:
    """The bare id or handle of `S0ONCALL`, `@oncall`, `oncall` or `<!subteam^S0ONCALL|@oncall>`."""
    bare = name.strip().removeprefix("<!subteam^").removesuffix(">")
    return bare.partition("|")[0].removeprefix("@")


def mention_group(name: str) -> str:
    """The group as Slack shows it: a mention of an id, the handle as text."""
    bare = group_name(name)
    return f"<!subteam^{bare}>" if is_group_id(bare) else f"@{bare}"


def is_group_id(name: str) -> bool:
    """Whether a bare name is a group's id rather than its handle, which has no capitals."""
    return name.startswith("S") and name.isalnum() and name == name.upper()


def group_problems(roster: Roster, configuration: Configuration) -> tuple[str, ...]:
    """What is wrong with the groups that the policy names, in sentences for `check`, the status page and the log."""
    policy = configuration.policy
    names = dict.fromkeys((*policy.stop.groups, *policy.restore.groups, *policy.approve.groups))
    said: list[str] = []
    said += filter(None, (group_problem(roster, name) for name in names))
    if not policy.stop.groups and not policy.stop.users:
        said.append("policy.stop names no group and no user: nobody may stop from Slack; add `groups` or `users`")
    return (*said, *_unreachable(roster, configuration))


def group_problem(roster: Roster, name: str) -> str:
    """What is wrong with one group, in a sentence; empty where nothing is."""
    state = roster.group(name).state
    return "" if state is GroupState.READ else f"user group {name} {_STATES[state]}"


UNREAD = "was never read from Slack: check SLACK_BOT_TOKEN and the scope usergroups:read"
_STATES = {
    GroupState.EMPTY: "has no members in Slack: add its people there; its last known members may still stop",
    GroupState.DISABLED: "is disabled in Slack: enable it there; its last known members may still stop",
    GroupState.MISSING: "does not exist in Slack: correct the id or handle in the configuration file",
    GroupState.UNREAD: UNREAD,
}


def _unreachable(roster: Roster, configuration: Configuration) -> tuple[str, ...]:
    """Says when the people who may restore are fewer than a restore needs."""
    restore = configuration.policy.restore
    groups = [roster.group(name) for name in restore.groups]
    if not (restore.groups or restore.users) or any(group.state is GroupState.UNREAD for group in groups):
        return ()
    agents = frozenset().union(*(agent.slack_identities for agent in configuration.agents))
    people = frozenset(restore.users).union(*(group.members for group in groups if group.state is GroupState.READ))
    able = [person for person in people - agents if roster.people.get(person, Kind.MEMBER) is Kind.MEMBER]
    needs = {"quorum": restore.quorum, "full_stop_quorum": restore.full_stop_quorum}
    short = tuple(
        f"policy.restore.{name} is {need}, but only {len(able)} eligible people exist: it can never be reached;"
        " add people to the group or lower it"
        for name, need in needs.items()
        if need > len(able)
    )
    factor = restore.second_factor
    enrolled = len(factor.seeds.keys() & set(able)) if factor else 0
    if factor is None or enrolled >= factor.quorum:
        return short
    unconfirmed = (
        f"policy.restore.second_factor.quorum is {factor.quorum}, but only {enrolled} eligible people are enrolled: it"
        " can never be reached; enrol members of the group with `agent-kill enrol`"
    )
    return (*short, unconfirmed)
