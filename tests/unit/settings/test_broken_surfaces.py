"""Does one wrong line quarantine its surface alone, with the line, the fault and what would be accepted?"""

from pathlib import Path

import pytest

from tests.unit.settings.fakes import ENVIRON, GOOD, good_but, loaded, names, quarantined

LEDGER, IDENTITY, INBOX = "billing/ledger", "billing/identity", "support/inbox"
ROLE = "role: billing_agent"

# what is replaced, by what, the line that is named, words of the message, words of the next step
FAULTS = {
    "unknown adapter": (
        "postgres_role",
        "postgres_rol",
        18,
        "no adapter 'postgres_rol'",
        "did you mean postgres_role?",
    ),
    "missing adapter": ("        adapter: postgres_role\n", "", 17, "adapter is missing", "add it"),
    "unserved class": ("class: database", "class: queue", 19, "does not serve the class queue", "database, identity"),
    "unknown class": ("class: database", "class: databse", 19, "'databse' is not accepted", "did you mean database?"),
    "unknown risk": ("risk: high", "risk: extreme", 20, "'extreme' is not accepted", "high, medium, low"),
    "bare number": ("deadline: 5s", "deadline: 5", 21, "'5' is not a duration", "60s, 5m or 2h"),
    "milliseconds": ("deadline: 5s", "deadline: 250ms", 21, "'250ms' is not a duration", "60s, 5m or 2h"),
    "no deadline": ("deadline: 5s", "deadline: 0s", 21, "must be longer than 0s", ""),
    "endless drain": ("drain: 0s", "drain: 99999h", 22, "longer than 30 days", ""),
    "unknown policy": ("unsupported: stricter", "unsupported: ignore", 23, "'ignore'", "stricter, leave"),
    "unknown key": ("drain: 0s", "drane: 0s", 22, "drane is not a known key", "did you mean drain?"),
    "unknown setting": (ROLE, "roel: billing_agent, role: x", 25, "settings.roel is not a known key", "role, port"),
    "missing setting": (", role: billing_agent", "", 25, "settings.role is missing", "The agent's role."),
    "number as text": (ROLE, "role: 12", 25, "settings.role must be text", "put it in quotes"),
    "text as number": (ROLE, "role: x, port: many", 25, "settings.port must be a whole number", "without quotes"),
    "settings as text": ('{dsn: "${LEDGER_ADMIN_DSN}", role: billing_agent}', "none", 25, "`key: value`", "indented"),
    "literal secret": (
        '"${LEDGER_ADMIN_DSN}"',
        "db://bot:s3cr3t@x",
        25,
        "settings.dsn: a secret is written out",
        "file:/",
    ),
    "half a reference": (
        '"${LEDGER_ADMIN_DSN}"',
        '"db://bot:s3cr3t@${HOST}"',
        25,
        "a secret is written out",
        "${NAME}",
    ),
    "password elsewhere": (ROLE, "role: http://a:s3cr3t@x", 25, "settings.role: a secret is written out", "rotate it"),
    "unset variable": (
        "${LEDGER_AGENT_DSN}",
        "${NO_SUCH}",
        26,
        "environment variable NO_SUCH is not set",
        "set NO_SUCH",
    ),
    "malformed reference": ("${LEDGER_AGENT_DSN}", "${A:-b}", 26, "a reference is malformed", "${NAME}"),
    "missing secret file": (
        '"${LEDGER_AGENT_DSN}"',
        "file:/no/such",
        26,
        "/no/such cannot be read: No such",
        "create it",
    ),
    "relative secret file": ('"${LEDGER_AGENT_DSN}"', "file:such", 26, "absolute path", "file:/absolute/path"),
    "endless secret file": ('"${LEDGER_AGENT_DSN}"', "file:/dev/zero", 26, "not a regular file", "point at a file"),
    "empty secret file": ('"${LEDGER_AGENT_DSN}"', "file:/dev/null", 26, "not a regular file", "point at a file"),
    "nested literal": (
        '"${LEDGER_AGENT_DSN}"',
        '"${LEDGER_AGENT_DSN}", headers: {X: s3cr3t}',
        26,
        "headers.X: a secret",
        "",
    ),
    "key twice": ("drain: 0s", "risk: low", 22, "risk stands twice, in lines 20 and 22", "keep one"),
    "unknown backstop": (
        "backstop: billing/identity",
        "backstop: billing/identty",
        24,
        "no surface billing/identty",
        "did you",
    ),
    "backstop is itself": ("backstop: billing/identity", "backstop: billing/ledger", 24, "own backstop", "another"),
    "backstop is no name": (
        "backstop: billing/identity",
        "backstop: identity",
        24,
        "not the name of a surface",
        "agent/surface",
    ),
    "surface is text": (
        GOOD[GOOD.index("        adapter: postgres") : GOOD.index("      identity")],
        "        x\n",
        18,
        "`key",
        "",
    ),
    "alias of nothing": ("deadline: 5s", "deadline: *nope", 21, "deadline: *nope names nothing", "&nope"),
    "object tag": ("drain: 0s", "drain: !!python/object/apply:os.system [x]", 22, "python/object", "remove it"),
    "value tag": (ROLE, "role: !secret x", 25, "settings.role: the tag '!secret' is not accepted", "remove it"),
    "list as key": ("drain: 0s", "? [a, b]\n        : 1", 22, "a key must be one word", "`key: value`"),
    "merge of a word": ("drain: 0s", "<<: word", 22, "<< merges a list of keys", "&name"),
    "bad id": ("      ledger:", "      Ledger!:", 17, "the surface's id is not a name", "a-z 0-9"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_the_fault_is_told_and_the_others_are_served(case: str) -> None:
    """The error has the line of the fault, says what is wrong and what to write; every other surface is served."""
    old, new, line, message, hint = FAULTS[case]
    found = loaded(good_but(old, new))
    errors = [finding for finding in found.errors if message in finding.message]
    assert [finding.where for finding in errors] == [f"agent-kill.yaml:{line}"], found.findings
    assert hint in errors[0].next
    assert {IDENTITY, INBOX} <= names(found)
    assert LEDGER not in names(found)
    assert len(quarantined(found)) == 1


@pytest.mark.parametrize("case", FAULTS)
def test_no_secret_stands_in_a_finding(case: str) -> None:
    """Neither a literal secret nor the value of a reference is repeated, whatever is wrong beside it."""
    old, new, *_ = FAULTS[case]
    found = loaded(good_but(old, new), {**ENVIRON, "HOST": "x"})
    told = repr(found.findings) + repr(found.configuration)
    assert not [word for word in ("hunter2", "swordfish", "s3cr3t") if word in told]


def test_a_value_that_the_adapter_repeats_is_taken_out() -> None:
    """An adapter's own complaint that quotes the value shows the reference instead."""
    found = loaded(GOOD, {**ENVIRON, "LEDGER_ADMIN_DSN": "mysql://bot:hunter2@x"})
    assert "(${LEDGER_ADMIN_DSN})" in found.errors[0].message
    assert "hunter2" not in repr(found.findings)


def test_an_empty_variable_is_told_apart_from_an_unset_one() -> None:
    """A variable that is set and empty is an error that says so."""
    found = loaded(GOOD, {**ENVIRON, "LEDGER_ADMIN_DSN": ""})
    assert "LEDGER_ADMIN_DSN is empty" in found.errors[0].message


def test_all_faults_of_a_file_are_told_at_once() -> None:
    """Faults in several surfaces and several keys of one are all reported, in the file's order."""
    text = (
        good_but("deadline: 5s", "deadline: soon").replace("drain: 0s", "drane: 0s").replace("class: queue", "class: x")
    )
    found = loaded(text)
    assert [finding.where.rpartition(":")[2] for finding in found.errors] == ["21", "22", "38"]
    assert "(and 1 more)" in quarantined(found)[LEDGER]


def test_the_quarantined_surface_keeps_what_is_known_of_it() -> None:
    """A quarantined surface still shows its adapter, its class and the line, for the report under NOT CUT."""
    found = loaded(good_but("deadline: 5s", "deadline: soon"))
    assert found.configuration is not None
    lost = found.configuration.agents[0].quarantined[0]
    assert (lost.name, lost.adapter, lost.surface_class, str(lost.place)) == (
        LEDGER,
        "postgres_role",
        "database",
        "agent-kill.yaml:21",
    )


def test_a_surface_that_stands_twice_is_not_guessed() -> None:
    """Two surfaces of one id are an error with both lines, and neither is taken for the right one."""
    found = loaded(good_but("      identity:", "      ledger:").replace("        backstop: billing/identity\n", "\n"))
    assert "it stands twice, in lines 17 and 27" in quarantined(found)[LEDGER]
    assert names(found) == {INBOX}


def test_backstops_do_not_chain() -> None:
    """A backstop with a backstop of its own is an error at the surface that leans on it; the last one is served."""
    found = loaded(good_but("class: identity\n", "class: identity\n        backstop: support/inbox\n"))
    assert "they do not chain" in found.errors[0].message
    assert names(found) == {IDENTITY, INBOX}


def test_a_quarantined_backstop_leaves_its_surface_armed() -> None:
    """Where only the backstop is broken, the surface is still cut; it has no backstop, and a note says so."""
    found = loaded(good_but("class: identity", "class: nonsense"))
    assert found.configuration is not None
    assert found.configuration.surfaces()[0].backstop is None
    assert [finding.message for finding in found.findings if finding.level == "note"] == [
        "billing/ledger: its backstop billing/identity is quarantined, so that it has none"
    ]


def test_a_canary_where_none_is_taken_is_an_error() -> None:
    """An adapter without a canary refuses one, so that nobody believes in a proof that is never tried."""
    found = loaded(good_but("        class: queue", "        class: queue\n        canary: {}"))
    assert "takes no canary" in found.errors[0].message
    assert names(found) == {LEDGER, IDENTITY}


def test_a_secret_file_that_all_can_write_is_an_error(tmp_path: Path) -> None:
    """A secret file that every user can replace is refused."""
    secret = tmp_path / "dsn"
    secret.write_text("db://x")
    secret.chmod(0o666)
    found = loaded(good_but('"${LEDGER_AGENT_DSN}"', f"file:{secret}"))
    assert "every user can write" in found.errors[0].message
    assert names(found) == {IDENTITY, INBOX}
