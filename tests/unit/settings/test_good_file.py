"""Is a good file read as it is meant?"""

import re
from hashlib import sha256
from pathlib import Path

import pytest

from adapters.base import Mode, SurfaceClass
from bot.domain.model import Configuration, Risk
from bot.settings import load
from tests.unit.settings.fakes import ENVIRON, FAKES, GOOD, RoleConfig, good_but, loaded, names


@pytest.fixture
def configuration() -> Configuration:
    """The good file, read."""
    found = loaded(GOOD)
    assert found.findings == ()
    assert found.configuration is not None
    return found.configuration


def test_every_key_arrives(configuration: Configuration) -> None:
    """Ids, durations in seconds, words as enums, and the line of each surface arrive in the frozen types."""
    ledger, identity, inbox = configuration.surfaces()
    assert (ledger.name, ledger.risk, ledger.deadline, ledger.drain) == ("billing/ledger", Risk.HIGH, 5.0, 0.0)
    assert ledger.backstop == identity.name
    assert ledger.surface_class is SurfaceClass.DATABASE
    assert str(ledger.place) == "agent-kill.yaml:17"
    assert isinstance(ledger.settings, RoleConfig)
    assert ledger.settings.dsn.get_secret_value() == ENVIRON["LEDGER_ADMIN_DSN"]
    assert inbox.risk is Risk.MEDIUM
    assert configuration.writers == ("bot", "bastion")


def test_the_watch_has_periods_of_its_own() -> None:
    """The drift watch looks every 5 s in the first ten minutes and every 30 s later, unless the file says otherwise."""
    usual = loaded(GOOD).configuration
    tuned = loaded(GOOD + "watch: {fast: 1s, fast_for: 1m, slow: 2m}\n").configuration
    assert usual is not None
    assert tuned is not None
    assert (usual.watch.fast, usual.watch.fast_for, usual.watch.slow) == (5.0, 600.0, 30.0)
    assert (tuned.watch.fast, tuned.watch.fast_for, tuned.watch.slow) == (1.0, 60.0, 120.0)


def test_the_armed_check_has_a_period_of_its_own() -> None:
    """Five minutes, unless the file says otherwise; one that never looks is an error, and five minutes are served."""
    usual, tuned = loaded(GOOD).configuration, loaded(GOOD + "armed: {period: 90s}\n").configuration
    assert usual is not None
    assert tuned is not None
    assert (usual.armed.period, tuned.armed.period) == (300.0, 90.0)
    never = loaded(GOOD + "armed: {period: 0s}\n")
    assert "armed.period" in never.errors[0].message
    assert never.configuration is not None
    assert never.configuration.armed.period == 300.0


def test_a_watch_that_never_looks_is_an_error() -> None:
    """A period of nothing is refused with its line, and the usual one serves."""
    found = loaded(GOOD + "watch: {fast: 0s}\n")
    assert [finding.level for finding in found.findings] == ["error"]
    assert found.configuration is not None
    assert found.configuration.watch.fast == 5.0


def test_agents_policy_and_drills_arrive(configuration: Configuration) -> None:
    """Pact, identities, evaluations, policy and drills are read with their units."""
    billing = configuration.agent("billing")
    assert billing is not None
    assert billing.slack_identities == {"U0AGENT"}
    assert billing.evaluations[0].expect == {Mode.NORMAL: "allowed", Mode.READ_ONLY: "refused"}
    assert billing.not_applicable == {SurfaceClass.WEBHOOK: "takes no callbacks"}
    assert configuration.policy.restore.ttl == 1800.0
    assert configuration.policy.restore.mistake.within == 600.0
    assert configuration.drills[0].remind == (86400.0, 600.0)


def test_the_digest_is_that_of_the_text(configuration: Configuration) -> None:
    """The digest is the SHA-256 of the file's text."""
    assert configuration.digest == sha256(GOOD.encode()).hexdigest()


def test_a_file_is_read_from_disk(tmp_path: Path) -> None:
    """`load` reads a path and keeps the text as it was written, with references unresolved."""
    path = tmp_path / "agent-kill.yaml"
    path.write_text(GOOD)
    found = load(path, ENVIRON, FAKES)
    assert found.text == GOOD
    assert "hunter2" not in found.text


def test_words_that_yaml_1_1_takes_for_other_things_stay_text() -> None:
    """`no`, `on` and `10:30` are text, as in YAML 1.2, so that nobody's purpose becomes false or 630."""
    for word in ("no", "on", "10:30", "2026-01-01", "0o7"):
        found = loaded(good_but("purpose: Reconciles invoices", f"purpose: {word}"))
        assert found.findings == ()
        assert found.configuration is not None
        assert found.configuration.agents[0].pact.purpose == word


def test_anchors_and_merge_keys_work() -> None:
    """A surface may merge a shared part from a key that begins with x-; its own keys win."""
    text = "x-base: &base {adapter: memory, class: queue, deadline: 9s}\n" + GOOD.replace(
        "        adapter: memory\n        class: queue\n", "        <<: *base\n        deadline: 3s\n"
    )
    found = loaded(text)
    assert found.findings == ()
    assert found.configuration is not None
    assert found.configuration.surfaces()[-1].deadline == 3.0


def test_a_reference_may_stand_inside_a_text_and_be_escaped() -> None:
    """`${NAME}` is replaced inside a text, `$${` stands for itself."""
    text = good_but('dsn: "${LEDGER_ADMIN_DSN}"', 'dsn: "db://bot:${PASSWORD}@ledger"')
    found = loaded(text.replace("role: billing_agent", 'role: "a$${b}"'), {**ENVIRON, "PASSWORD": "s3cret"})
    assert found.configuration is not None
    settings = found.configuration.surfaces()[0].settings
    assert isinstance(settings, RoleConfig)
    assert (settings.dsn.get_secret_value(), settings.role) == ("db://bot:s3cret@ledger", "a${b}")


def test_a_secret_file_is_read(tmp_path: Path) -> None:
    """`file:/path` is replaced by the file's text without its last line break."""
    secret = tmp_path / "dsn"
    secret.write_text("db://from-file\n")
    secret.chmod(0o600)
    found = loaded(good_but('dsn: "${LEDGER_ADMIN_DSN}"', f"dsn: file:{secret}"))
    assert found.findings == ()
    assert found.configuration is not None
    settings = found.configuration.surfaces()[0].settings
    assert isinstance(settings, RoleConfig)
    assert settings.dsn.get_secret_value() == "db://from-file"


def test_a_public_header_may_be_written_out() -> None:
    """Where every value of a mapping is a secret, headers that never are need no reference."""
    canary = 'canary:   {headers: {Content-Type: text/plain, Authorization: "Bearer ${LEDGER_AGENT_DSN}"}, dsn:'
    assert loaded(good_but("canary:   {dsn:", canary)).findings == ()


def test_a_secret_file_that_all_can_read_is_noted(tmp_path: Path) -> None:
    """A secret file that every user can read is used, as mounted secrets are, and noted."""
    secret = tmp_path / "dsn"
    secret.write_text("db://from-file")
    secret.chmod(0o644)
    found = loaded(good_but('dsn: "${LEDGER_ADMIN_DSN}"', f"dsn: file:{secret}"))
    assert [finding.level for finding in found.findings] == ["note"]
    assert "billing/ledger" in names(found)


def test_no_secret_stands_in_what_was_read() -> None:
    """Neither the repr of the configuration nor a finding holds a secret's value."""
    found = loaded(GOOD)
    assert not re.search("hunter2|swordfish", repr(found.configuration) + repr(found.findings))


def test_a_large_inventory_is_read_in_time() -> None:
    """Ten thousand surfaces are read whole; the limit on the file's size leaves room for them."""
    surfaces = "".join(f"      s{n}: {{adapter: memory, class: queue}}\n" for n in range(10_000))
    found = loaded("policy: {stop: {users: [U0A]}}\nagents:\n  big:\n    surfaces:\n" + surfaces)
    assert found.findings == ()
    assert len(names(found)) == 10_000
