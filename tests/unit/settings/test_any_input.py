"""Can anything in a file raise, hang, leak a secret, or disarm a surface that is right?"""

from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.settings import last_good
from bot.settings.schema import json_schema
from tests.unit.settings.fakes import ENVIRON, FAKES, GOOD, loaded, names, quarantined

ALL = {"billing/ledger", "billing/identity", "support/inbox"}
RAW = GOOD.encode()
KEYS = sorted({*json_schema(FAKES)["$defs"]["Surface"]["properties"], "dsn", "x", "<<", "surfaces", ""})
WORDS = st.sampled_from(
    ["${A}", "${", "${LEDGER_ADMIN_DSN}", "file:/dev/zero", "file:x", "postgres_role", "5s", "memory"]
)
WORDS |= st.sampled_from(["billing/ledger", "billing/identity", "support/inbox", "database", "identity", "no/where"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner),
    max_leaves=8,
)
many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def document() -> dict[str, Any]:
    """The good file as values."""
    values: dict[str, Any] = yaml.load(GOOD, yaml.CSafeLoader)
    return values


def dumped(values: dict[str, Any]) -> str:
    """Values as a file."""
    return str(yaml.dump(values, Dumper=yaml.CSafeDumper, allow_unicode=True))


@many
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="replace")))
@example(b"\xef\xbb\xbf")
@example(b"agents: {a: {surfaces: {b: {adapter: memory, class: [queue]}}}}")
@example(b"agents: {? {a: b} : c}")
def test_no_bytes_raise(raw: bytes) -> None:
    """Random bytes give a configuration or an error with a line, never an exception."""
    found = loaded(raw)
    assert found.configuration is not None or found.errors
    assert all(finding.message and ":" in finding.where for finding in found.findings)


@many
@given(
    st.lists(st.tuples(st.integers(0, len(RAW) - 1), st.binary(max_size=3), st.integers(0, 9)), min_size=1, max_size=4)
)
def test_no_damage_to_a_good_file_raises_or_leaks(edits: list[tuple[int, bytes, int]]) -> None:
    """A file with bytes changed, cut or put in is read or refused; what is held is served; no secret is told."""
    raw = RAW
    for at, put, cut in edits:
        raw = raw[:at] + put + raw[at + cut :]
    found = loaded(raw)
    configuration, findings = last_good.fallback(found, loaded(GOOD), frozenset({"billing/ledger"}))
    assert "billing/ledger" in {surface.name for surface in configuration.surfaces()}
    assert not [word for word in ("hunter2", "swordfish") if word in repr((found.findings, findings, configuration))]


@many
@given(VALUES)
def test_no_surface_disarms_another(value: Any) -> None:
    """Whatever stands in place of one surface, the others are served and it is in scope: served or quarantined."""
    values = document()
    values["agents"]["billing"]["surfaces"]["identity"] = value
    values["agents"]["billing"]["surfaces"]["ledger"].pop("backstop")
    found = loaded(dumped(values))
    assert names(found) | quarantined(found).keys() == ALL
    assert names(found) >= ALL - {"billing/identity"}


@many
@given(st.sampled_from(KEYS), VALUES)
def test_no_key_of_a_surface_disarms_another(key: str, value: Any) -> None:
    """Whatever stands in one key of a surface, the others are served and it is in scope."""
    values = document()
    values["agents"]["billing"]["surfaces"]["ledger"][key] = value
    found = loaded(dumped(values))
    assert names(found) | quarantined(found).keys() == ALL
    assert names(found) >= ALL - {"billing/ledger"}


@many
@given(st.sampled_from(["workspace", "writers", "policy", "drills", "x-any", "other"]), VALUES)
def test_no_other_section_disarms_a_surface(section: str, value: Any) -> None:
    """Whatever stands in the other sections, every surface is served."""
    values = document() | {section: value}
    assert names(loaded(dumped(values))) == ALL


@many
@given(
    st.sampled_from(["stop", "restore", "approve"]), st.sampled_from(["groups", "users", "quorum", "ttl", "x"]), VALUES
)
def test_no_policy_gives_more_than_it_says(part: str, key: str, value: Any) -> None:
    """Whatever stands in the policy, nobody may vote whom it does not name, and never fewer than two."""
    values = document()
    values["policy"][part][key] = value
    found = loaded(dumped(values))
    assert found.configuration is not None
    policy = found.configuration.policy.restore
    assert policy.quorum >= 2
    assert not found.errors or part == "stop" or (policy.frozen and not policy.groups and not policy.users)


@many
@given(
    st.sampled_from(["name", "owner", "channel", "slack_identities", "pact", "evaluations", "not_applicable", "x"]),
    VALUES,
)
def test_no_fact_of_an_agent_disarms_it(key: str, value: Any) -> None:
    """Whatever stands in an agent's facts, its surfaces are served."""
    values = document()
    values["agents"]["billing"][key] = value
    assert names(loaded(dumped(values), ENVIRON)) == ALL
