"""Who decides on what agents propose, and what is everybody else told?"""

from typing import Any

import pytest

from bot.domain.approvers import Approvers
from bot.domain.model import Agent, ApprovePolicy, Policy, RestorePolicy
from bot.domain.policy import Group, GroupState, Kind, Roster

GROUP = Group(id="S0APPROVE", handle="approvers", members=frozenset({"U1", "U2", "U3"}))
RESTORERS = Group(id="S0RESTORE", members=frozenset({"U3", "U5"}))
PEOPLE = dict.fromkeys(("U1", "U2", "U3", "U4", "U5", "U9"), Kind.MEMBER)
NAMED = Policy(approve=ApprovePolicy(groups=("S0APPROVE",), users=("U4",)), restore=RestorePolicy(users=("U9",)))
AS_RESTORE = Policy(restore=RestorePolicy(groups=("S0RESTORE",), users=("U9",)))
BILLING = Agent(id="billing", name="Billing", owner="U3")
WHO = "Who may: <!subteam^S0APPROVE>, <@U4>."


def approvers(**more: Any) -> Approvers:
    """By `policy.approve`, over the agent of `U3`, unless it is said."""
    fields: dict[str, Any] = {
        "roster": Roster(groups=(GROUP, RESTORERS), people=PEOPLE),
        "policy": NAMED,
        "agents": (Agent(id="mail", name="Mail", owner="U8"), BILLING),
        "identities": frozenset(),
    }
    return Approvers(**{**fields, **more})


def test_those_whom_the_policy_names_decide() -> None:
    """Members of the group and listed people, the agent's owner among them where they are named; nobody else."""
    found = approvers()
    assert found.members() == {"U1", "U2", "U3", "U4"}
    assert [found.why_not(user) for user in ("U1", "U3", "U4")] == ["", "", ""]
    assert found.why_not("U9") == f"You are not among those who decide on what agents propose. {WHO}"


@pytest.mark.parametrize("approve", [ApprovePolicy(groups=("S0APPROVE",)), ApprovePolicy(users=("U4",))])
def test_one_word_in_the_policy_is_enough(approve: ApprovePolicy) -> None:
    """Then nobody decides who may only vote on restores."""
    found = approvers(policy=Policy(approve=approve, restore=RestorePolicy(users=("U9",))))
    assert "U9" not in found.members()
    assert found.members()


def test_without_a_word_what_is_parked_waits_half_an_hour_or_a_week() -> None:
    """The times of a policy that says none, and the people."""
    assert ApprovePolicy() == ApprovePolicy(groups=(), users=(), ttl=1800.0, keep=604_800.0)


def test_without_a_word_it_is_as_for_a_restore() -> None:
    """The same people, and the agent's owner has no say."""
    found = approvers(policy=AS_RESTORE)
    assert found.members() == {"U3", "U5", "U9"}
    assert [found.why_not(user) for user in ("U5", "U9")] == ["", ""]
    assert found.why_not("U3") == (
        "You own the agent `billing`, and `policy.approve` names nobody: then it is as for a restore, where no owner"
        " has a say on their own agent. Who may: <!subteam^S0RESTORE>, <@U9>."
    )


def test_no_agent_decides() -> None:
    """Whoever put an agent's identity into the group."""
    said = approvers(identities=frozenset({"U1"})).why_not("U1")
    assert said == f"You are an identity of an agent, and no agent decides on what agents propose. {WHO}"


@pytest.mark.parametrize("state", [state for state in GroupState if state is not GroupState.READ])
def test_a_group_that_slack_does_not_confirm_has_nobody(state: GroupState) -> None:
    """P4: every doubt is a no; listed people may."""
    doubtful = Group(id="S0APPROVE", members=GROUP.members, state=state)
    assert approvers(roster=Roster(groups=(doubtful,), people=PEOPLE)).members() == {"U4"}


@pytest.mark.parametrize("kind", [None, *(kind for kind in Kind if kind is not Kind.MEMBER)])
def test_only_a_confirmed_member_decides(kind: Kind | None) -> None:
    """Guests, strangers, bots, deactivated accounts and people of whom nothing is known do not."""
    people = {**PEOPLE, "U1": kind} if kind else {}
    said = approvers(roster=Roster(groups=(GROUP,), people=people)).why_not("U1")
    assert said == f"Slack has not confirmed that you are a full member of this workspace. {WHO}"


def test_nobody_decides_while_the_policy_cannot_be_read() -> None:
    """A broken line in it must not let somebody else decide."""
    frozen = Policy(restore=RestorePolicy(users=("U1",), frozen="policy.approve is wrong (a.yaml:3)"))
    assert approvers(policy=frozen).why_not("U1") == (
        "Nobody may decide until this is mended: policy.approve is wrong (a.yaml:3)."
    )


def test_a_policy_without_anybody_says_what_to_write() -> None:
    """Nobody is among those who may."""
    assert approvers(policy=Policy()).why_not("U1") == (
        "You are not among those who decide on what agents propose."
        " Nobody may: name people in `policy.approve`, or in `policy.restore`."
    )


@pytest.mark.parametrize(("count", "more"), [(5, "<@V4>."), (6, "<@V4> and 1 more."), (8, "<@V4> and 3 more.")])
def test_a_long_list_is_cut(count: int, more: str) -> None:
    """Five people are named."""
    users = tuple(f"V{number}" for number in range(count))
    said = approvers(policy=Policy(approve=ApprovePolicy(users=users))).who()
    assert said == "Who may: <@V0>, <@V1>, <@V2>, <@V3>, " + more
