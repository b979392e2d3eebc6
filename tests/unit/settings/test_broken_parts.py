"""Does a wrong part of the policy, of an agent or of a drill leave the rest armed, and freeze what must wait?"""

import pytest

from bot.domain.model import Configuration
from bot.settings.loaded import Loaded
from tests.unit.settings.fakes import GOOD, good_but, loaded, names, quarantined

ALL = {"billing/ledger", "billing/identity", "support/inbox"}

# what is replaced, by what, the line that is named, words of the message, words of the next step
FAULTS = {
    "unknown section": ("drills:", "drill:", 39, "'drill' is not a known key", "did you mean drills?"),
    "section twice": (
        "writers: [bot, bastion]",
        "writers: [bot]\nwriters: [bot]",
        5,
        "writers stands twice, in lines 4 and 5",
        "",
    ),
    "channel by name": (
        "incident_channel: C0INCIDENT",
        'incident_channel: "#ops"',
        2,
        "'#ops' is not a channel id",
        "C or G",
    ),
    "group as word": (
        "groups: [S0ONCALL]",
        "groups: [oncall]",
        6,
        "stop.groups.0: 'oncall' is not a user group",
        "@oncall",
    ),
    "user by name": ("users: [U0ALICE]", "users: [alice]", 6, "'alice' is not a user id", "U or W"),
    "no list": ("users: [U0ALICE]", "users: U0ALICE", 6, "policy.stop.users must be a list", "[one, two]"),
    "quorum of one": (
        "quorum: 2,",
        "quorum: 1,",
        7,
        "policy.restore.quorum: input should be greater than or equal to 2",
        "",
    ),
    "quorum as word": ("quorum: 2,", "quorum: two,", 7, "policy.restore.quorum must be a whole number", ""),
    "weaker full stop": (
        "full_stop_quorum: 3",
        "full_stop_quorum: 2, quorm: 1",
        7,
        "restore.quorm is not a known key",
        "quorum",
    ),
    "full stop below": (
        "quorum: 2, full",
        "quorum: 4, full",
        7,
        "full_stop_quorum (3) is below quorum (4)",
        "raise it",
    ),
    "dwell past ttl": ("dwell: 60s", "dwell: 31m", 7, "dwell is not shorter than ttl", "shorten dwell"),
    "policy as word": (
        "  approve: {groups: [], users: []}",
        "  approve: nobody",
        8,
        "policy.approve must be `key: value`",
        "",
    ),
    "owner by name": ("owner: U0OWNER", "owner: olga", 12, "'olga' is not a user id", ""),
    "pact as word": ("{purpose: Reconciles invoices, ", "{purpose: [a], ", 15, "pact.purpose must be text", ""),
    "evaluation of nothing": (
        "surfaces: [ledger]",
        "surfaces: [legder]",
        32,
        "there is no surface legder",
        "did you mean ledger?",
    ),
    "evaluation without way": ("command: [./eval/refund], ", "", 32, "needs either command or http", ""),
    "evaluation mode": ("normal: allowed", "fullstop: allowed", 32, "expect.fullstop", ""),
    "evaluation result": ("normal: allowed", "normal: maybe", 32, "'maybe' is not accepted", "allowed, refused"),
    "class without reason": ('webhook: "takes no callbacks"', "webhok: x", 33, "not_applicable.webhok", "webhook"),
    "agent named as a mode": ("  support:", "  read_only:", 34, "a word of the commands", "choose another name"),
    "agent named all": ("  support:", "  all:", 34, "a word of the commands", "choose another name"),
    "agent with capitals": ("  support:", "  Support:", 34, "the agent's id 'Support' is not a name", "a-z 0-9"),
    "weekday by number": ("0 10 * * MON", "0 10 * * 1", 40, "'1' as its weekday", "MON-FRI"),
    "six fields": ("0 10 * * MON", "0 0 10 * * MON", 40, "is not a schedule", "five fields"),
    "unknown zone": ("Europe/Berlin", "Europe/Berlim", 40, "is not a time zone", "did you mean Europe/Berlin?"),
    "zone as path": ("Europe/Berlin", "../../etc/passwd", 40, "is not a time zone", ""),
    "drill of nothing": (
        "[billing/ledger]",
        "[billing/legder]",
        40,
        "no surface billing/legder",
        "did you mean billing/ledger?",
    ),
    "drill at normal": ("mode: read_only", "mode: normal", 40, "'normal' restricts nothing", "full_stop"),
    "drill of no kind": ("kind: live", "kind: real", 40, "'real' is not accepted", "tabletop, canary, live"),
    "drill that surprises who types it": (
        "mode: read_only, ",
        "mode: read_only, by: operator, surprise: 4h, ",
        40,
        "surprise is not for an operator, who would have to know the moment",
        "by: clock",
    ),
    "drill without mode": ("mode: read_only, ", "", 40, "drills.weekly.mode is missing", "rehearsed"),
    "reminder": ("remind: [24h, 10m]", "remind: [1d]", 40, "'1d' is not a duration", "60s, 5m or 2h"),
}


def served(found: Loaded) -> Configuration:
    """What is served; there must be something."""
    assert found.configuration is not None
    return found.configuration


@pytest.mark.parametrize("case", FAULTS)
def test_the_fault_is_told_and_every_surface_is_served(case: str) -> None:
    """The error has the line of the fault, says what is wrong and what to write; no surface is disarmed by it."""
    old, new, line, message, hint = FAULTS[case]
    found = loaded(good_but(old, new))
    errors = [finding for finding in found.errors if message in finding.message]
    assert [finding.where for finding in errors] == [f"agent-kill.yaml:{line}"], found.findings
    assert hint in errors[0].next
    assert len(names(found)) == len(ALL)
    assert quarantined(found) == {}


def test_a_wrong_entry_of_the_stop_policy_keeps_the_others() -> None:
    """Who is named rightly may still stop, and restores are not touched by it."""
    policy = served(loaded(good_but("users: [U0ALICE]", "users: [U0ALICE, bob, 7, U0CAROL]"))).policy
    assert policy.stop.users == ("U0ALICE", "U0CAROL")
    assert policy.stop.groups == ("S0ONCALL",)
    assert policy.restore.frozen == ""


@pytest.mark.parametrize(
    "case", ["quorum of one", "quorum as word", "full stop below", "policy as word", "dwell past ttl"]
)
def test_a_wrong_restore_policy_freezes_restores(case: str) -> None:
    """What cannot be read for sure leaves nobody who may vote, and says why; who may stop is untouched."""
    old, new, *_ = FAULTS[case]
    policy = served(loaded(good_but(old, new))).policy
    assert (policy.restore.groups, policy.restore.users) == ((), ())
    assert policy.restore.frozen
    assert policy.stop.users == ("U0ALICE",)


def test_an_identity_that_cannot_be_read_freezes_restores() -> None:
    """An agent's own user that is written wrongly might vote: it is kept as written, and restores wait."""
    configuration = served(loaded(good_but("[U0AGENT]", "[u0agent, U0OTHER]")))
    assert configuration.agents[0].slack_identities == {"U0AGENT", "U0OTHER"}
    assert "slack_identities" in configuration.policy.restore.frozen


def test_writers_that_cannot_be_read_freeze_restores() -> None:
    """A writer that is written wrongly might keep holds that a restore cannot see."""
    configuration = served(loaded(good_but("[bot, bastion]", "[bot, Bastion!]")))
    assert configuration.writers == ("bot",)
    assert "writers" in configuration.policy.restore.frozen


def test_a_missing_policy_lets_nobody_stop_or_restore() -> None:
    """Without a policy nobody is guessed; the surfaces stay armed for the command line."""
    start, end = GOOD.index("policy:"), GOOD.index("agents:")
    found = loaded(GOOD[:start] + GOOD[end:])
    assert "policy is missing" in found.errors[0].message
    assert names(found) == ALL


def test_two_definitions_of_an_agent_are_both_served() -> None:
    """Where an agent stands twice, the surfaces of both definitions are in scope until one is removed."""
    found = loaded(good_but("  support:", "  billing:"))
    assert "agents.billing stands twice, in lines 10 and 34" in found.errors[0].message
    assert names(found) == {"billing/ledger", "billing/identity", "billing/inbox"}


def test_two_agents_sections_are_both_served() -> None:
    """Where `agents` stands twice, the agents of both are in scope until one is removed."""
    found = loaded(good_but("  support:", "agents:\n  support:"))
    assert "agents stands twice, in lines 9 and 34" in found.errors[0].message
    assert names(found) == ALL


@pytest.mark.parametrize("body", ["nothing", "{surfaces: [a, b]}"])
def test_an_agent_whose_surfaces_cannot_be_read_is_never_green(body: str) -> None:
    """What cannot be told stands in the report as one quarantined surface, and the other agents are served."""
    start, end = GOOD.index("  support:"), GOOD.index("drills:")
    found = loaded(GOOD[:start] + f"  support: {body}\n" + GOOD[end:])
    assert quarantined(found) == {"support/surfaces": "the agent's surfaces cannot be read"}
    assert names(found) == ALL - {"support/inbox"}


def test_an_agent_whose_id_could_do_harm_in_a_report_is_quarantined() -> None:
    """An id that Slack would read as markup is not served, and not repeated as it was written."""
    found = loaded(good_but("  support:", '  "<!channel> x":'))
    assert list(quarantined(found)) == ["__channel__x/inbox"]
    assert "<!channel>" not in repr(found.findings) + repr(found.configuration)


def test_a_key_without_a_value_is_one_that_is_not_given() -> None:
    """`pact:` and `settings:` with nothing behind them are as if they were left out."""
    text = good_but("        settings: {}\n", "        settings:\n").replace("    name: Billing agent\n", "    name:\n")
    found = loaded(text)
    assert found.findings == ()
    assert served(found).agents[0].name == "billing"


def test_a_secret_in_the_wrong_place_is_not_repeated() -> None:
    """A token or a password that was pasted where something else belongs does not travel on in the message."""
    for secret in ("xoxb-12-s3cr3t", "db://bot:s3cr3t@host", "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr3t"):
        found = loaded(good_but("owner: U0OWNER", f"owner: {secret}"))
        assert "is not a user id" in found.errors[0].message
        assert "s3cr3t" not in repr(found.findings)


def test_a_fact_whose_variable_is_unset_counts_as_not_given() -> None:
    """What an unset variable leaves is never shown or used as if it were the value."""
    found = loaded(good_but("name: Billing agent", 'name: "${NO_SUCH}"'))
    assert "NO_SUCH is not set" in found.errors[0].message
    assert served(found).agents[0].name == "billing"


def test_no_drill_runs_where_two_have_one_id() -> None:
    """Two drills of one id are an error, and neither is guessed to be the right one."""
    drill = "\n  weekly: {schedule: 0 9 * * TUE, surfaces: [support/inbox], mode: full_stop, kind: live}\n"
    found = loaded(GOOD.rstrip() + drill)
    assert "drills.weekly stands twice, in lines 40 and 41" in found.errors[0].message
    assert served(found).drills == ()
