"""Who may vote on a restore, what is everybody else told, and how many votes does it take?"""

from typing import Any

import pytest
from pydantic import SecretStr

from bot.domain.electorate import Electorate, quorum, what_a_restore_needs
from bot.domain.model import Agent, Mistake, RestorePolicy, SecondFactor
from bot.domain.policy import Group, GroupState, Kind, Roster

GROUP = Group(id="S0RESTORE", handle="restorers", members=frozenset({"U1", "U2", "U3"}))
PEOPLE = dict.fromkeys(("U1", "U2", "U3", "U4", "U9"), Kind.MEMBER)
BILLING = Agent(id="billing", name="Billing", owner="U3")


def electorate(**more: Any) -> Electorate:
    """Of the group and of `U4` by name; nobody asked, and no agent is affected, unless it is said."""
    fields: dict[str, Any] = {
        "roster": Roster(groups=(GROUP,), people=PEOPLE),
        "policy": RestorePolicy(groups=("S0RESTORE",), users=("U4",)),
        "agents": (),
        "identities": frozenset(),
        "proposer": "U9",
    }
    return Electorate(**{**fields, **more})


def test_members_of_the_group_and_listed_people_vote() -> None:
    """Each with no sentence against them."""
    found = electorate()
    assert found.members() == found.eligible() == {"U1", "U2", "U3", "U4"}
    assert [found.why_not(user) for user in ("U1", "U4")] == ["", ""]


@pytest.mark.parametrize("state", [state for state in GroupState if state is not GroupState.READ])
def test_a_group_that_slack_does_not_confirm_has_nobody(state: GroupState) -> None:
    """P4: its last known members may stop, and may not vote; listed people may."""
    doubtful = Group(id="S0RESTORE", members=GROUP.members, state=state)
    found = electorate(roster=Roster(groups=(doubtful,), people=PEOPLE))
    assert found.members() == found.eligible() == {"U4"}


@pytest.mark.parametrize(
    ("user", "more", "told"),
    [
        (
            "U1",
            {"identities": frozenset({"U1"})},
            "You are an identity of an agent, and no agent votes on authority.",
        ),
        ("U1", {"proposer": "U1"}, "You opened this ballot, and whoever asks does not vote."),
        (
            "U3",
            {"agents": (Agent(id="mail", name="Mail", owner="U8"), BILLING)},
            "You own the agent `billing`, and an owner does not vote on their own agent.",
        ),
        (
            "U9",
            {"proposer": ""},
            "You are not among those who vote on a restore (<!subteam^S0RESTORE>).",
        ),
        (
            "U9",
            {"proposer": "", "policy": RestorePolicy(groups=("S0RESTORE", "@second"))},
            "You are not among those who vote on a restore (<!subteam^S0RESTORE>, @second).",
        ),
        (
            "U1",
            {"policy": RestorePolicy(users=("U4",))},
            "You are not among those who vote on a restore (the people of `policy.restore`).",
        ),
        (
            "U1",
            {"frozen": frozenset({"U2"})},
            "You joined those who vote after this ballot was opened: your vote counts from the next one on.",
        ),
    ],
)
def test_whoever_has_no_say_is_told_why(user: str, more: dict[str, Any], told: str) -> None:
    """P5: one sentence, and their reaction is not counted."""
    found = electorate(**more)
    assert found.why_not(user) == told
    assert user not in found.eligible()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Kind.GUEST, "You are a guest in this workspace, and guests do not vote on authority."),
        (Kind.STRANGER, "You are from another workspace, and only this workspace's own members vote."),
        (Kind.BOT, "Bots do not vote on authority."),
        (Kind.DEACTIVATED, "The account is deactivated."),
        (None, "Slack has not confirmed that you are a full member of this workspace, so your vote does not count."),
    ],
)
def test_only_a_confirmed_member_of_the_workspace_votes(kind: Kind | None, told: str) -> None:
    """P4: also where the group, or the list, names them."""
    people = {} if kind is None else {"U1": kind, "U4": kind}
    found = electorate(roster=Roster(groups=(GROUP,), people=people))
    assert (found.why_not("U1"), found.why_not("U4")) == (told, told)
    assert found.eligible() == frozenset()


def test_those_who_voted_at_the_opening_go_on() -> None:
    """But for whoever left the group meanwhile."""
    found = electorate(frozen=frozenset({"U1", "U2", "U7"}))
    assert found.eligible() == {"U1", "U2"}
    assert found.why_not("U1") == ""


@pytest.mark.parametrize(
    ("modes", "policy", "needed"),
    [
        ((), RestorePolicy(quorum=4, full_stop_quorum=6), 4),
        (("read_only", "draft_only"), RestorePolicy(quorum=4, full_stop_quorum=6), 4),
        (("read_only", "full_stop"), RestorePolicy(quorum=4, full_stop_quorum=6), 6),
        (("read_only",), RestorePolicy(quorum=0, full_stop_quorum=6), 2),
        (("full_stop",), RestorePolicy(quorum=4, full_stop_quorum=1), 2),
    ],
)
def test_a_restore_takes_two_people_at_least(modes: tuple[str, ...], policy: RestorePolicy, needed: int) -> None:
    """And as many as the policy says: its own number where anything is fully stopped."""
    assert quorum(policy, modes, kind="restore") == needed


@pytest.mark.parametrize(("asked", "needed"), [(0, 1), (1, 1), (3, 3)])
def test_the_undo_of_a_mistake_takes_one_other_person_at_least(asked: int, needed: int) -> None:
    """Whatever is held."""
    policy = RestorePolicy(quorum=4, full_stop_quorum=6, mistake=Mistake(quorum=asked))
    assert quorum(policy, ("full_stop",), kind="undo") == needed


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {},
            (
                "A restore needs 2 votes, 4 to leave full_stop, and no second factor: whoever holds the Slack sessions"
                " of so many voters can restore."
            ),
        ),
        (
            {"second_factor": SecondFactor(seeds=dict.fromkeys("abc", SecretStr("x")), quorum=2)},
            (
                "A restore needs 2 votes, 4 to leave full_stop; 2 of them confirmed with a code, for which 3 voters"
                " are enrolled."
            ),
        ),
        ({"frozen": "the policy is broken"}, "Nobody can restore until this is mended: the policy is broken."),
    ],
)
def test_a_status_says_what_stands_between_stolen_sessions_and_a_restore(more: dict[str, Any], sentence: str) -> None:
    """Votes, codes, or that nobody can."""
    assert what_a_restore_needs(RestorePolicy(quorum=2, full_stop_quorum=4, **more)) == sentence
