"""What exactly is somebody told who may not stop, and whoever runs the bot about its groups?"""

from typing import Any

import pytest
from pydantic import SecretStr

from bot.domain.model import Agent, ApprovePolicy, Configuration, Policy, RestorePolicy, SecondFactor, StopPolicy
from bot.domain.policy import (
    Allowed,
    Denied,
    Group,
    GroupState,
    Kind,
    Roster,
    authorise_stop,
    group_name,
    group_problems,
    is_group_id,
    mention_group,
    who_may,
)

CLI = "or use the command line: `agent-kill stop MODE --agent ID --reason …`"
WHO = f"Who may: <!subteam^S0ONCALL>. Ask one of them, {CLI}."
UNKNOWN = "so it is not known whether you may stop"
NOT_YET = f"The members of <!subteam^S0ONCALL> could not be read from Slack yet, {UNKNOWN}"
NEVER = (
    f"The members of <!subteam^S0ONCALL> cannot be read from Slack, {UNKNOWN}: the token lacks a scope."
    " Waiting does not help: whoever runs the bot must mend that."
)
GROUPS = StopPolicy(groups=("S0ONCALL",))
READ = Group(id="S0ONCALL", handle="oncall", members=frozenset({"U0ALICE"}))


def told(actor: str = "U0EVE", **more: Any) -> Denied:
    """The refusal of somebody who is in no group."""
    fields = {"roster": Roster(groups=(READ,)), "policy": GROUPS, "agents": (), "channel": "C1", "now": 0.0, **more}
    found = authorise_stop(actor, **fields)
    assert isinstance(found, Denied)
    return found


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Kind.GUEST, "You are a guest in this workspace, and guests may not stop agents."),
        (Kind.STRANGER, "You are from another workspace, and only this workspace's own members may stop agents."),
        (Kind.BOT, "You are a bot, and only people may stop agents from Slack."),
        (Kind.DEACTIVATED, "Your account is deactivated, so it may not stop agents."),
    ],
)
def test_whoever_is_no_colleague_is_told_so_and_who_may(kind: Kind, why: str) -> None:
    """Although the group has them; nothing else that is wrong is said instead."""
    roster = Roster(groups=(READ,), people={"U0ALICE": kind})
    policy = StopPolicy(groups=("S0ONCALL",), channels=("C9",))
    assert told("U0ALICE", roster=roster, policy=policy) == Denied(f"{why} {WHO}")


def test_an_agent_is_told_that_it_stops_nobody() -> None:
    """Its own name is in the sentence, not that of the agent beside it."""
    agents = tuple(
        Agent(id=name, name=name.title(), slack_identities=frozenset({f"U0{name}"})) for name in ("billing", "mail")
    )
    said = told("U0mail", agents=agents, policy=StopPolicy(groups=("S0ONCALL",), users=("U0mail",)))
    who = WHO.replace(". Ask", ", <@U0mail>. Ask")
    assert said == Denied(f"You are an identity of the agent `mail`, and an agent stops nobody. {who}")


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (GROUPS, f"You are not in <!subteam^S0ONCALL>. {WHO}"),
        (
            StopPolicy(groups=("S0ONCALL", "@oncall"), users=("U0BOB",)),
            (
                "You are not in <!subteam^S0ONCALL>, @oncall. "
                f"Who may: <!subteam^S0ONCALL>, @oncall, <@U0BOB>. Ask one of them, {CLI}."
            ),
        ),
        (
            StopPolicy(users=tuple(f"U{number}" for number in range(7))),
            f"You are not on the list. Who may: <@U0>, <@U1>, <@U2>, <@U3>, <@U4>. Ask one of them, {CLI}.",
        ),
        (
            StopPolicy(),
            (
                "Nobody may stop from Slack: `policy.stop` names no group and no user."
                f" Add one to the configuration file, {CLI}."
            ),
        ),
        (
            StopPolicy(groups=("S0ONCALL",), channels=("C8", "C9")),
            f"Stops are taken in <#C8> or <#C9> only. Type it there, {CLI}.",
        ),
    ],
)
def test_a_colleague_is_told_what_is_missing(policy: StopPolicy, sentence: str) -> None:
    """P5: why, who may, and the way that is always open."""
    found = told(policy=policy)
    assert (found.sentence, found.unread) == (sentence, False)


@pytest.mark.parametrize(
    ("users", "blocked", "sentence"),
    [
        ((), "", f"{NOT_YET}. Until then {CLI.removeprefix('or ')}."),
        (("U0A", "U0B"), "", f"{NOT_YET}. Until then <@U0A>, <@U0B> may stop, {CLI}."),
        ((), "the token lacks a scope", f"{NEVER} Meanwhile {CLI.removeprefix('or ')}."),
        (
            tuple(f"U{number}" for number in range(7)),
            "the token lacks a scope",
            f"{NEVER} Meanwhile <@U0>, <@U1>, <@U2>, <@U3>, <@U4> may stop, {CLI}.",
        ),
    ],
)
def test_a_group_that_was_never_read_is_no_refusal_for_good(
    users: tuple[str, ...], blocked: str, sentence: str
) -> None:
    """Whoever is not listed hears whether waiting helps, and the caller that it may be tried again."""
    policy = StopPolicy(groups=("S0ONCALL",), users=users)
    assert told(roster=Roster(), policy=policy, blocked=blocked) == Denied(sentence, unread=True)


def test_one_group_that_was_not_read_is_named_alone() -> None:
    """The one that was read says no for itself."""
    said = told(policy=StopPolicy(groups=("S0ONCALL", "S0NEW", "@other")))
    assert said.unread
    assert said.sentence.startswith("The members of <!subteam^S0NEW>, @other could not be read")


def test_who_may_stop_where_nobody_may() -> None:
    """An empty policy says what to add."""
    assert who_may(StopPolicy()) == f"Nobody may stop from Slack: name a group in `policy.stop`, {CLI}."


@pytest.mark.parametrize("channel", ["C1", None])
def test_any_channel_will_do_where_none_is_named(channel: str | None) -> None:
    """And only the named ones where some are."""
    roster = Roster(groups=(READ,), read_at=90.0)
    fields: Any = {"roster": roster, "agents": (), "now": 100.0}
    assert authorise_stop("U0ALICE", policy=GROUPS, channel=channel, **fields) == Allowed(10.0)
    named = StopPolicy(groups=("S0ONCALL",), channels=("C0", "C1"))
    assert isinstance(authorise_stop("U0ALICE", policy=named, channel=channel, **fields), Allowed) is (channel == "C1")


def test_the_age_of_a_roster_is_never_negative() -> None:
    """A clock that was set back makes it young, not impossible; one that was never read has none."""
    assert Roster(read_at=50.0).age(80.5) == 30.5
    assert Roster(read_at=50.0).age(20.0) == 0.0
    assert Roster().age(20.0) is None


def test_a_group_is_found_by_id_or_handle_and_is_unread_otherwise() -> None:
    """A group without a handle is not found by an empty name; the bare name is kept for what is not known."""
    other = Group(id="S0OTHER", members=frozenset({"U0BOB"}))
    roster = Roster(groups=(other, READ))
    assert roster.group("S0ONCALL") is roster.group("@OnCall") is roster.group(" <!subteam^S0ONCALL|@x> ") is READ
    assert roster.group("S0OTHER") is other
    for name in ("", "@", "s0other"):
        assert roster.group(name).state is GroupState.UNREAD
    assert Group(id="S0OTHER").handle == ""
    assert roster.group("@nobody") == Group(id="nobody", state=GroupState.UNREAD)


@pytest.mark.parametrize(
    ("name", "bare", "mention"),
    [
        ("S0ONCALL", "S0ONCALL", "<!subteam^S0ONCALL>"),
        ("<!subteam^S0ONCALL>", "S0ONCALL", "<!subteam^S0ONCALL>"),
        ("<!subteam^S0ONCALL|@oncall|x>", "S0ONCALL", "<!subteam^S0ONCALL>"),
        (" @oncall ", "oncall", "@oncall"),
        ("@S-team", "S-team", "@S-team"),
        ("Support", "Support", "@Support"),
        ("@S-TEAM", "S-TEAM", "@S-TEAM"),
        ("T0ONCALL", "T0ONCALL", "@T0ONCALL"),
    ],
)
def test_a_group_is_shown_as_slack_shows_it(name: str, bare: str, mention: str) -> None:
    """An id as a mention, a handle as text."""
    assert (group_name(name), mention_group(name)) == (bare, mention)
    assert is_group_id(bare) is mention.startswith("<")


def _problems(*groups: Group, **more: Any) -> tuple[str, ...]:
    people = more.pop("people", {})
    agents = more.pop("agents", ())
    fields = {"stop": GROUPS, "restore": RestorePolicy(quorum=1, full_stop_quorum=1), **more}
    return group_problems(Roster(groups=groups, people=people), Configuration(policy=Policy(**fields), agents=agents))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (GroupState.EMPTY, "has no members in Slack: add its people there; its last known members may still stop"),
        (GroupState.DISABLED, "is disabled in Slack: enable it there; its last known members may still stop"),
        (GroupState.MISSING, "does not exist in Slack: correct the id or handle in the configuration file"),
        (GroupState.UNREAD, "was never read from Slack: check SLACK_BOT_TOKEN and the scope usergroups:read"),
    ],
)
def test_what_is_wrong_with_a_group_is_said_with_what_to_do(state: GroupState, said: str) -> None:
    """Of each group that any policy names, once; nothing of one that was read."""
    assert _problems(READ) == ()
    broken = Group(id="S0ONCALL", state=state)
    assert _problems(broken, restore=RestorePolicy(users=("U1", "U2", "U3"))) == (f"user group S0ONCALL {said}",)
    restore = RestorePolicy(groups=("S0OTHER",), users=("U1", "U2", "U3"))
    fields = {"restore": restore, "approve": ApprovePolicy(groups=("S0OTHER", "S0THIRD"))}
    found = _problems(READ, Group(id="S0OTHER", state=state), Group(id="S0THIRD", state=state), **fields)
    assert found == (f"user group S0OTHER {said}", f"user group S0THIRD {said}")


def test_a_policy_that_lets_nobody_stop_is_a_problem() -> None:
    """A user alone is enough."""
    assert _problems(stop=StopPolicy()) == (
        "policy.stop names no group and no user: nobody may stop from Slack; add `groups` or `users`",
    )
    assert _problems(stop=StopPolicy(users=("U1",))) == ()


def _short(name: str, need: int, able: int) -> str:
    return (
        f"policy.restore.{name} is {need}, but only {able} eligible people exist: it can never be reached;"
        " add people to the group or lower it"
    )


def test_a_quorum_counts_whoever_may_really_vote() -> None:
    """Group members and listed people, each once; no agent, no guest, nobody of a group that went away."""
    team = Group(id="S0ONCALL", members=frozenset({"U1", "U2", "U0GUEST", "U0AGENT"}))
    gone = Group(id="S0GONE", members=frozenset({"U7", "U8"}), state=GroupState.DISABLED)
    restore = RestorePolicy(groups=("S0ONCALL", "S0GONE"), users=("U2", "U3"), quorum=3, full_stop_quorum=4)
    agents = (
        Agent(id="a", name="A", slack_identities=frozenset({"U0AGENT"})),
        Agent(id="b", name="B", slack_identities=frozenset({"U0OTHER"})),
    )
    found = _problems(team, gone, restore=restore, agents=agents, people={"U0GUEST": Kind.GUEST, "U1": Kind.MEMBER})
    assert found[1:] == (_short("full_stop_quorum", 4, 3),)
    both = RestorePolicy(users=("U1",), quorum=2, full_stop_quorum=3)
    assert _problems(READ, restore=both) == (_short("quorum", 2, 1), _short("full_stop_quorum", 3, 1))


def test_a_code_that_too_few_can_give_is_a_problem() -> None:
    """Of those who may vote, each once; a seed of somebody else is none."""
    people: dict[str, Any] = {"users": ("U1", "U2"), "quorum": 2, "full_stop_quorum": 2}

    def said(quorum: int, *seeds: str) -> tuple[str, ...]:
        factor = SecondFactor(seeds=dict.fromkeys(seeds, SecretStr("x")), quorum=quorum)
        return _problems(READ, restore=RestorePolicy(**people, second_factor=factor))

    told = (
        "policy.restore.second_factor.quorum is {}, but only {} eligible people are enrolled: it can never be reached;"
        " enrol members of the group with `agent-kill enrol`"
    )
    assert said(1, "U1") == said(2, "U1", "U2") == ()
    assert said(2, "U1", "U7") == (told.format(2, 1),)
    assert said(1) == (told.format(1, 0),)


def test_nothing_is_said_of_a_quorum_that_cannot_be_counted() -> None:
    """Where a group was never read, or nobody is named at all: the file's own check speaks of that."""
    unread = RestorePolicy(groups=("S0ONCALL", "S0NEW"), quorum=9, full_stop_quorum=9)
    assert [said for said in _problems(READ, restore=unread) if "quorum" in said] == []
    assert _problems(READ, restore=RestorePolicy(quorum=9, full_stop_quorum=9)) == ()
