"""Does the strict check find what is missing or weak in a configuration that can be read?"""

from pathlib import Path

import pytest
from pydantic import SecretStr

from adapters.registry import Registry
from bot.settings import Environment, Finding
from bot.settings.check import check, ok
from tests.unit.settings.fakes import FAKES, GOOD, Role, good_but, loaded

QUIET = Environment(state_dir=Path("/srv/ak"), state_key=SecretStr("x"), signing_key=SecretStr("y"))
SLACK = Environment(state_dir=Path("/srv/ak"), slack_bot_token=SecretStr("xoxb-1"), slack_app_token=SecretStr("xapp-1"))

# what is replaced, by what, level, where, words of the message
WEAK = {
    "gap": ('webhook: "takes no callbacks"', 'tool: "none"', "gap", "billing", "billing has no webhook surface"),
    "covered and not": (
        "webhook:",
        "queue: x, database:",
        "error",
        "billing",
        "not_applicable says that there is none",
    ),
    "no owner": ("    owner: U0OWNER\n", "", "note", "billing", "billing has no owner"),
    "owned by itself": ("owner: U0OWNER", "owner: U0AGENT", "error", "billing", "owned by one of its own"),
    "no canary": ('canary:   {dsn: "${LEDGER_AGENT_DSN}"}', "", "note", "billing/ledger", "has no canary"),
    "no backstop": ("        backstop: billing/identity\n", "", "note", "billing/ledger", "has no backstop"),
    "backlog of none": (
        "        backstop: billing/identity\n",
        "        backstop: billing/identity\n        backlog: drop\n",
        "error",
        "billing/ledger",
        "has the backlog policy drop, which postgres_role cannot carry out there",
    ),
    "nobody stops": (
        "groups: [S0ONCALL], users: [U0ALICE]",
        "users: []",
        "error",
        "agent-kill.yaml:6",
        "nobody may stop",
    ),
    "groups alone": (", users: [U0ALICE]", "", "note", "agent-kill.yaml:6", "policy.stop names no user"),
    "agent stops": ("users: [U0ALICE]", "users: [U0AGENT]", "error", "agent-kill.yaml:6", "which is billing itself"),
    "nobody votes": ("groups: [S0RESTORE]", "groups: []", "gap", "agent-kill.yaml:7", "nobody may restore"),
    "too few vote": (
        "[S0RESTORE], users: []",
        "[], users: [U0A, U0B]",
        "error",
        "agent-kill.yaml:7",
        "full_stop_quorum is 3 and 2",
    ),
    "the agent votes": (
        "[S0RESTORE], users: []",
        "[], users: [U0A, U0AGENT]",
        "error",
        "agent-kill.yaml:7",
        "quorum is 2 and 1",
    ),
    "agent approves": (
        "approve: {groups: [], users: []}",
        "approve: {users: [U0AGENT]}",
        "error",
        "agent-kill.yaml:8",
        "policy.approve",
    ),
    "frozen": ("quorum: 2,", "quorum: 1,", "error", "agent-kill.yaml:7", "nobody can restore until this is mended"),
    "unlisted writer": ("[bot, bastion]", "[bastion]", "error", "agent-kill.yaml", "`writers` does not list"),
    "no agents": (GOOD[GOOD.index("  billing:") :], "  {}\n", "error", "agent-kill.yaml", "no agent is configured"),
}


def found(text: str, environment: Environment = QUIET) -> tuple[Finding, ...]:
    """What `check` says of a text."""
    return check(loaded(text), environment)


@pytest.mark.parametrize("case", WEAK)
def test_a_weakness_is_told(case: str) -> None:
    """The finding has its level, its place, what is weak and what to do."""
    old, new, level, where, message = WEAK[case]
    findings = found(good_but(old, new))
    hits = [finding for finding in findings if message in finding.message and "support" not in finding.where]
    assert [(hit.level, hit.where) for hit in hits if hit.where != "billing/identity"] == [(level, where)], findings
    assert hits[0].next


@pytest.mark.parametrize("case", WEAK)
def test_the_good_file_has_none_of_them(case: str) -> None:
    """What is told of a weak file is not told of the good one."""
    message = WEAK[case][4]
    told = [
        finding.message for finding in found(GOOD) if "identity" not in finding.where and "support" not in finding.where
    ]
    assert not [text for text in told if message in text]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("kind: live", "kind:   live"), 1),
        (("kind: live", "kind: tabletop"), 0),
        (("kind: live", "kind: live, accept_loss: true"), 0),
    ],
)
def test_a_live_drill_that_would_be_refused_is_an_error(
    change: tuple[str, str], told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its adapter may lose work in flight: accepted, or touched by nobody, it is none."""
    monkeypatch.setattr(Role, "reversal", "work_lost")
    findings = check(loaded(good_but(*change)), QUIET, FAKES)
    hits = [it for it in findings if "the drill weekly never runs: billing/ledger may lose work" in it.message]
    assert [(hit.level, hit.where) for hit in hits] == [("error", "drills.weekly")] * told


def test_gaps_and_notes_alone_are_ok() -> None:
    """Gaps and notes leave the exit code 0, errors and surfaces that are not armed do not."""
    assert ok(found(GOOD))
    assert not ok(found(good_but("deadline: 5s", "deadline: soon")))
    assert not ok((Finding(where="a/b", level="not_armed", message="cannot log in"),))


def test_what_load_found_comes_first() -> None:
    """The check repeats every finding of the file."""
    text = good_but("deadline: 5s", "deadline: soon")
    assert found(text)[:1] == loaded(text).findings[:1]


def test_generated_keys_are_to_be_kept_elsewhere() -> None:
    """Where a key is not given, the one that is made exists once; the check says so."""
    told = {finding.where: finding for finding in found(GOOD, Environment(state_dir=Path("/srv/ak")))}
    assert "keep a copy" in told["AGENT_KILL_STATE_KEY"].next
    assert "keep a copy" in told["AGENT_KILL_SIGNING_KEY"].next
    assert not [finding for finding in found(GOOD) if "KEY" in finding.where]


def test_slack_without_an_incident_channel_is_an_error() -> None:
    """With Slack there must be a channel for incidents; without Slack nobody asks."""
    text = good_but("  incident_channel: C0INCIDENT\n", "")
    assert "no channel for incidents" in str([finding for finding in found(text, SLACK) if finding.level == "error"])
    assert not [finding for finding in found(text) if "channel for incidents" in finding.message]


def test_half_a_slack_configuration_is_an_error() -> None:
    """A bot token without a way in, and a way in without a bot token, are told by the variable that is missing."""
    no_way = Environment(state_dir=Path("/srv/ak"), slack_bot_token=SecretStr("xoxb-1"))
    no_voice = Environment(state_dir=Path("/srv/ak"), slack_app_token=SecretStr("xapp-1"))
    assert "SLACK_APP_TOKEN" in [finding.where for finding in found(GOOD, no_way) if finding.level == "error"]
    assert "SLACK_BOT_TOKEN" in [finding.where for finding in found(GOOD, no_voice) if finding.level == "error"]


def test_a_short_stop_secret_is_noted_by_its_caller() -> None:
    """A secret that can be guessed is named by its caller, not by itself."""
    weak = Environment(state_dir=Path("/srv/ak"), stop_secrets={"monitor": SecretStr("s3cr3t")})
    hits = [finding for finding in found(GOOD, weak) if finding.where == "AGENT_KILL_STOP_SECRETS"]
    assert "monitor" in hits[0].message
    assert "s3cr3t" not in repr(hits)


def test_a_package_that_would_replace_a_kind_is_an_error() -> None:
    """What was wrong with the installed adapters is told too."""
    told = check(loaded(GOOD), QUIET, Registry({}, ("the package x brings an adapter named 'memory'",)))
    assert [(finding.where, finding.level) for finding in told if "package x" in finding.message] == [
        ("adapters", "error")
    ]


def test_an_unreadable_file_is_checked_without_a_configuration() -> None:
    """The environment is checked all the same, and the file's error is there."""
    assert "the file is empty" in found("")[0].message


def test_a_finding_has_the_four_keys_of_the_contract() -> None:
    """`to_json` gives where, level, message and next, all text."""
    assert set(found(GOOD)[0].to_json()) == {"where", "level", "message", "next"}
