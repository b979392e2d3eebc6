"""Who may stop, and what the others are told."""

import pytest

from bot.domain.model import Agent, Configuration, Policy, RestorePolicy, StopPolicy
from bot.domain.policy import (
    Allowed,
    Denied,
    Group,
    GroupState,
    Kind,
    Roster,
    authorise_stop,
    group_problem,
    group_problems,
    stoppers,
)

AGENTS = (Agent(id="billing", name="Billing", slack_identities=frozenset({"U0AGENT"})),)
ONCALL = Group(id="S0ONCALL", handle="oncall", members=frozenset({"U0ALICE", "U0GUEST", "U0AGENT"}))
ROSTER = Roster(
    groups=(ONCALL,),
    people={
        "U0GUEST": Kind.GUEST,
        "U0BOT": Kind.BOT,
        "U0GONE": Kind.DEACTIVATED,
        "U0OTHER": Kind.STRANGER,
        "U0BOB": Kind.MEMBER,
    },
    read_at=1000.0,
)
GROUPS = StopPolicy(groups=("S0ONCALL",))


def verdict(
    actor: str, *, roster: Roster = ROSTER, policy: StopPolicy = GROUPS, channel: str | None = "C1"
) -> Allowed | Denied:
    """The verdict at time 1060."""
    return authorise_stop(actor, roster=roster, policy=policy, agents=AGENTS, channel=channel, now=1060.0)


def sentence(actor: str, *, roster: Roster = ROSTER, policy: StopPolicy = GROUPS, channel: str | None = "C1") -> str:
    """The sentence of a refusal."""
    found = verdict(actor, roster=roster, policy=policy, channel=channel)
    assert isinstance(found, Denied)
    return found.sentence


@pytest.mark.parametrize("name", ["S0ONCALL", "@oncall", "oncall", "<!subteam^S0ONCALL|@oncall>", "@OnCall"])
def test_a_member_of_the_group_may_by_id_or_handle(name: str) -> None:
    """The age of the roster is part of the yes; nothing need be known of the person."""
    assert verdict("U0ALICE", policy=StopPolicy(groups=(name,))) == Allowed(60.0)


def test_a_listed_person_may_without_any_roster() -> None:
    """At a very first start with Slack down."""
    assert verdict("U0EVE", roster=Roster(), policy=StopPolicy(groups=("S0ONCALL",), users=("U0EVE",))) == Allowed(None)


def test_groups_that_were_never_read_refuse_and_name_the_way_out() -> None:
    """The sentence names the group, who may meanwhile, and the command line."""
    policy = StopPolicy(groups=("S0ONCALL",), users=("U0EVE",))
    found = verdict("U0ALICE", roster=Roster(), policy=policy)
    assert isinstance(found, Denied)
    assert found.unread
    assert "could not be read from Slack" in found.sentence
    assert "<!subteam^S0ONCALL>" in found.sentence
    assert "<@U0EVE>" in found.sentence
    assert "agent-kill stop" in found.sentence


@pytest.mark.parametrize("users", [(), ("U0EVE",)])
def test_groups_that_cannot_be_read_until_somebody_mends_it_say_so(users: tuple[str, ...]) -> None:
    """The reason, and that waiting does not help; nothing speaks of `yet`."""
    found = authorise_stop(
        "U0ALICE",
        roster=Roster(),
        policy=StopPolicy(groups=("S0ONCALL",), users=users),
        agents=(),
        channel=None,
        now=0.0,
        blocked="the bot token lacks the scope usergroups:read",
    )
    assert isinstance(found, Denied)
    assert found.unread
    assert "cannot be read from Slack" in found.sentence
    assert "lacks the scope usergroups:read" in found.sentence
    assert "whoever runs the bot must mend that" in found.sentence
    assert ("<@U0EVE> may stop, or use the command line" in found.sentence) == bool(users)
    assert not {"yet", "Until"} & set(found.sentence.replace(",", " ").split())


@pytest.mark.parametrize("state", [GroupState.EMPTY, GroupState.DISABLED, GroupState.MISSING])
def test_a_group_that_went_away_keeps_its_last_members(state: GroupState) -> None:
    """Slack's trouble with a group never takes the stop from those who had it; it is a loud problem instead."""
    roster = Roster(groups=(Group(id="S0ONCALL", members=ONCALL.members, state=state),), read_at=1000.0)
    assert verdict("U0ALICE", roster=roster) == Allowed(60.0)
    problems = group_problems(roster, Configuration(policy=Policy(stop=GROUPS)))
    assert any("S0ONCALL" in problem for problem in problems)


@pytest.mark.parametrize(
    ("actor", "why"),
    [
        ("U0GUEST", "guest"),
        ("U0BOT", "bot"),
        ("U0GONE", "deactivated"),
        ("U0OTHER", "another workspace"),
        ("U0AGENT", "identity of the agent `billing`"),
        ("U0BOB", "not in <!subteam^S0ONCALL>"),
    ],
)
def test_everyone_else_is_told_why_and_who_may(actor: str, why: str) -> None:
    """Even a member of the group, or a listed person, when the account is not a colleague's."""
    policy = StopPolicy(groups=("S0ONCALL",), users=() if actor == "U0BOB" else (actor,))
    said = sentence(actor, policy=policy)
    assert why in said
    assert "Who may: <!subteam^S0ONCALL>" in said
    assert "agent-kill stop" in said


def test_an_empty_policy_allows_nobody() -> None:
    """An empty list is a mistake, never an open door."""
    assert "Nobody may stop from Slack" in sentence("U0ALICE", policy=StopPolicy())


def test_other_channels_are_refused_where_channels_are_named() -> None:
    """The sentence names the right ones; no list means any."""
    policy = StopPolicy(groups=("S0ONCALL",), channels=("C0INCIDENT",))
    assert "<#C0INCIDENT>" in sentence("U0ALICE", policy=policy)
    assert verdict("U0ALICE", policy=policy, channel="C0INCIDENT") == Allowed(60.0)


def test_a_restore_quorum_that_can_never_be_reached_is_a_problem() -> None:
    """Guests and agents in the group do not count."""
    restore = RestorePolicy(groups=("S0ONCALL",), quorum=1, full_stop_quorum=2)
    made = Configuration(policy=Policy(stop=GROUPS, restore=restore), agents=AGENTS)
    assert [problem for problem in group_problems(ROSTER, made) if "full_stop_quorum is 2" in problem]
    assert not [problem for problem in group_problems(ROSTER, made) if "restore.quorum" in problem]


def may_stop(*users: str, groups: tuple[str, ...] = ("S0ONCALL",), roster: Roster = ROSTER) -> frozenset[str] | None:
    """Everybody who may, by a policy of these groups and people."""
    policy = Policy(stop=StopPolicy(groups=groups, users=users))
    return stoppers(Configuration(agents=(*AGENTS, Agent(id="mail", name="Mail")), policy=policy), roster)


def test_everybody_who_may_stop_is_known_where_the_groups_are() -> None:
    """Members and listed people; no identity of an agent, and nobody who is known to be no member of the workspace."""
    assert may_stop("U0BOB", "U0GUEST", "U0BOT", "U0GONE", "U0OTHER", "U0NEW") == frozenset(
        {"U0ALICE", "U0BOB", "U0NEW"}
    )
    assert may_stop("U0BOB", groups=()) == frozenset({"U0BOB"})
    assert may_stop(groups=()) == frozenset()


@pytest.mark.parametrize("state", [state for state in GroupState if state is not GroupState.UNREAD])
def test_the_last_known_members_of_a_group_count(state: GroupState) -> None:
    """As for a stop itself; a group that was never read leaves it open who may."""
    group = Group(id="S0ONCALL", members=frozenset({"U0ALICE"}), state=state)
    roster = Roster(groups=(group,), people={})
    assert may_stop(roster=roster) == frozenset({"U0ALICE"})
    assert may_stop(groups=("S0ONCALL", "S0OTHER"), roster=roster) is None


def test_a_group_that_was_read_has_no_problem() -> None:
    """Any other says what is wrong with it."""
    assert group_problem(ROSTER, "S0ONCALL") == ""
    assert group_problem(ROSTER, "S0OTHER").startswith("user group S0OTHER was never read from Slack")
