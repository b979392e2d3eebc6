"""Who may open a vote, who may go without a proof, and what is everybody else told?"""

from typing import Any

import pytest

from bot.domain.model import Agent, Configuration, Policy, RestorePolicy, StopPolicy
from bot.domain.policy import Group, Kind, Roster
from bot.domain.proposers import why_not_acknowledge, why_not_propose, why_outside

STOP = Group(id="S0STOP", members=frozenset({"U0STOP"}))
RESTORE = Group(id="S0RESTORE", members=frozenset({"U0VOTE", "U0OWNER", "U0AGENT"}))
NAMES = ("U0STOP", "U0VOTE", "U0LISTED", "U0VOTER", "U0OWNER", "U0ELSE", "U0AGENT", "U0EVE")
BILLING = Agent(id="billing", name="Billing", owner="U0OWNER", slack_identities=frozenset({"U0AGENT"}))
MAIL = Agent(id="mail", name="Mail", owner="U0ELSE", slack_identities=frozenset({"U0MAIL"}))
POLICY = Policy(
    stop=StopPolicy(groups=("S0STOP",), users=("U0LISTED",)),
    restore=RestorePolicy(groups=("S0RESTORE",), users=("U0VOTER",)),
)
SENTENCE = "You may not open a vote on this. Who may: {}, and the owners of the agents in scope. Ask one of them."


def roster(**people: Kind) -> Roster:
    """Everybody is a member, but for whom it is said."""
    return Roster(groups=(STOP, RESTORE), people={**dict.fromkeys(NAMES, Kind.MEMBER), **people})


def configuration(**policy: Any) -> Configuration:
    """Two agents; the policy above, unless another is given."""
    return Configuration(agents=(BILLING, MAIL), policy=Policy(**policy) if policy else POLICY)


def propose(actor: str, *affected: Agent, **more: Any) -> str:
    """What is said to whoever wants to open a vote."""
    fields = {"roster": roster(), "configuration": configuration(), **more}
    return why_not_propose(actor, affected=affected, **fields)


@pytest.mark.parametrize("actor", ["U0STOP", "U0VOTE", "U0LISTED", "U0VOTER"])
def test_whoever_may_stop_or_vote_may_ask_for_a_vote(actor: str) -> None:
    """As a member of a group, or by name: asking gives nothing back."""
    assert propose(actor) == ""


def test_an_owner_asks_for_their_own_agent_alone() -> None:
    """Also where another agent is in scope beside it."""
    assert propose("U0ELSE", BILLING, MAIL) == ""
    assert propose("U0ELSE", BILLING) == propose("U0ELSE") != ""


@pytest.mark.parametrize(
    ("policy", "who"),
    [
        (POLICY, "<!subteam^S0STOP>, <!subteam^S0RESTORE>"),
        (
            Policy(stop=StopPolicy(groups=("S0STOP", "@ops")), restore=RestorePolicy(groups=("S0STOP",))),
            "<!subteam^S0STOP>, @ops",
        ),
        (Policy(stop=StopPolicy(users=("U0LISTED",))), "nobody yet: name groups in `policy`"),
    ],
)
def test_everybody_else_is_told_who_may(policy: Policy, who: str) -> None:
    """P5: each group once."""
    found = configuration(stop=policy.stop, restore=policy.restore)
    assert propose("U0EVE", BILLING, configuration=found) == SENTENCE.format(who)


KINDS = [
    (Kind.GUEST, "You are a guest in this workspace, and guests do not ask for authority."),
    (Kind.STRANGER, "You are from another workspace, and only this workspace's own members ask for authority."),
    (Kind.BOT, "You are a bot, and only people ask for authority."),
    (Kind.DEACTIVATED, "Your account is deactivated."),
]


@pytest.mark.parametrize(("kind", "told"), KINDS)
def test_whoever_is_no_full_member_asks_for_nothing(kind: Kind, told: str) -> None:
    """Though a group, or the list, names them, or they own the agent."""
    people = roster(U0VOTE=kind, U0LISTED=kind, U0OWNER=kind)
    for actor in ("U0VOTE", "U0LISTED", "U0OWNER"):
        assert propose(actor, BILLING, roster=people) == why_outside(actor, people, configuration()) == told


def test_whom_slack_has_not_confirmed_asks_for_nothing() -> None:
    """P4: it may be tried again."""
    found = Roster(groups=(STOP, RESTORE), people={"U0STOP": Kind.MEMBER})
    assert propose("U0VOTE", roster=found) == (
        "Slack has not confirmed that you are a full member of this workspace: try again when it answers."
    )
    assert propose("U0STOP", roster=found) == ""


def test_no_agent_asks_for_authority() -> None:
    """Not even one that a group has, or that would ask for another agent; no roster says otherwise."""
    told = "You are an identity of an agent, and no agent asks for authority."
    assert propose("U0AGENT", MAIL) == why_outside("U0AGENT", roster(), configuration()) == told
    assert propose("U0MAIL", roster=roster(U0MAIL=Kind.MEMBER)) == told
    assert why_outside("U0EVE", roster(), Configuration()) == ""


def acknowledge(actor: str, subject: str, **more: Any) -> str:
    """What is said to whoever wants to go without the proof of a surface, or without a writer's journal."""
    fields = {"roster": roster(), "configuration": configuration(), **more}
    return why_not_acknowledge(actor, subject=subject, **fields)


@pytest.mark.parametrize("subject", ["billing/ledger", "billing/ledger/2", "writer:bastion", "mail/out"])
def test_only_those_who_would_vote_go_without_a_proof(subject: str) -> None:
    """P4: not those who may only stop, no agent, and nobody who is not named."""
    assert acknowledge("U0VOTE", subject) == acknowledge("U0VOTER", subject) == ""
    assert acknowledge("U0AGENT", subject) == "You are an identity of an agent, and no agent votes on authority."
    for actor in ("U0STOP", "U0LISTED", "U0EVE"):
        assert acknowledge(actor, subject) == "You are not among those who vote on a restore (<!subteam^S0RESTORE>)."
    people = roster(U0VOTE=Kind.GUEST)
    assert acknowledge("U0VOTE", subject, roster=people).startswith("You are a guest")


def test_an_owner_goes_without_no_proof_of_their_own_agent() -> None:
    """Of another agent's they may, where they would vote."""
    told = "You own the agent `billing`, and an owner does not vote on their own agent."
    assert acknowledge("U0OWNER", "billing/ledger") == acknowledge("U0OWNER", "billing/ledger/2") == told
    assert acknowledge("U0OWNER", "mail/out") == acknowledge("U0OWNER", "writer:bastion") == ""
