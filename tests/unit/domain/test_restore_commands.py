"""What a typed line of `/agent-restore` means, and that nothing in it is guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Mode
from bot.domain.commands import AskBack, Help, Here, Refused, Undo, parse_kill
from bot.domain.plan import Scope
from bot.domain.restore_commands import Acknowledge, NoReason, Restore, RestoreCommand, parse_restore
from tests.unit.domain.places import CONFIGURATION, INCIDENT, NAMES, here

BILLING = Scope(agents=frozenset({"billing"}))


def parse(line: str) -> RestoreCommand:
    """Reads a line in the incident channel."""
    return parse_restore(line, here(), ["billing"])


def asked(line: str) -> list[str]:
    """The lines that the question after a doubtful line offers."""
    found = parse(line)
    assert isinstance(found, AskBack), found
    assert "Nothing was changed" in found.sentence
    return [choice.line for choice in found.choices]


@pytest.mark.parametrize(
    "line",
    [
        "billing read_only the bug is fixed",
        "read_only billing the bug is fixed",
        "read only billing -- the bug is fixed",
        "billing read-only -- the bug is fixed",
    ],
)
def test_the_mode_may_stand_before_or_after_the_targets(line: str) -> None:
    """Both orders mean the same."""
    assert parse(line) == Restore(mode=Mode.READ_ONLY, scope=BILLING, reason="the bug is fixed")


def test_several_targets_are_one_scope() -> None:
    """An agent, a surface and another agent."""
    found = parse("billing payroll/jobs ops normal fixed")
    assert isinstance(found, Restore)
    assert found.scope == Scope(agents=frozenset({"billing", "ops"}), surfaces=frozenset({"payroll/jobs"}))


@pytest.mark.parametrize("line", ["", "help", " ? "])
def test_usage(line: str) -> None:
    """A bare command opens nothing."""
    assert parse(line) == Help()


@pytest.mark.parametrize("line", ["billing read_only", "read_only billing --", "read_only billing"])
def test_a_missing_reason_is_asked_for(line: str) -> None:
    """What was understood is kept for the form."""
    assert parse(line) == NoReason("read_only billing")


@pytest.mark.parametrize("line", ["billing full_stop x", "full_stop billing x"])
def test_a_full_stop_gives_nothing_back(line: str) -> None:
    """The sentence names what may be asked for."""
    found = parse(line)
    assert isinstance(found, Refused)
    assert "`normal`" in found.sentence


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("billng read_only fixed", "read_only billing -- fixed"),
        ("read_only billng fixed", "read_only billing -- fixed"),
        ("read_only billing/ledgr fixed", "read_only billing/ledger -- fixed"),
        ("billing read_only payroll fixed", "read_only billing payroll -- fixed"),
        ("read_only billing and payroll fixed", "read_only billing payroll -- fixed"),
        ("read_only billing and payrol fixed", "read_only billing payroll -- fixed"),
        ("read_only billing ops/wibble fixed", "read_only billing ops -- fixed"),
        ("billing reed_only fixed", "read_only billing -- fixed"),
        ("billing it is fixed", "read_only billing -- it is fixed"),
        ("billing", "normal billing"),
        ("read_only it is fixed", "read_only billing -- it is fixed"),
        ("read_only", "read_only billing"),
    ],
)
def test_what_is_not_plain_is_asked_back(line: str, offered: str) -> None:
    """A near miss of a target or a mode, a second target, a missing one: each has its line among the buttons."""
    assert offered in asked(line)


def test_the_doubtful_word_may_be_the_reason() -> None:
    """The last button keeps the targets that stand before it."""
    assert asked("read_only billing payrol is next")[-1] == "read_only billing -- payrol is next"


def test_an_unknown_word_is_no_target() -> None:
    """Nothing is opened for the rest of the line."""
    found = parse("wibble read_only fixed")
    assert isinstance(found, Refused)
    assert "`wibble` is neither a target nor a mode" in found.sentence


@pytest.mark.parametrize("subject", ["billing/ledger", "writer:bot"])
def test_acknowledging(subject: str) -> None:
    """A surface or an enrolled writer, with a reason."""
    assert parse(f"acknowledge {subject} its host burned") == Acknowledge(subject, "its host burned")
    assert isinstance(parse(f"acknowledge {subject}"), Refused)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("acknowledge", "What is missing?"),
        ("acknowledge billing x", "neither a surface"),
        ("acknowledge writer:bastion x", "`writer:bot`"),
        ("acknowledge billing/ledgr x", "`billing/ledger`"),
    ],
)
def test_what_cannot_be_acknowledged_is_told(line: str, said: str) -> None:
    """An agent is too much, and nothing is guessed."""
    found = parse(line)
    assert isinstance(found, Refused)
    assert said in found.sentence


def place() -> Here:
    """The incident channel, where two holds are known."""
    return Here(channel=INCIDENT, configuration=CONFIGURATION, names=NAMES, holds={"hold-1", "hold-2"})


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("undo hold-1 wrong agent", Undo("hold-1", "wrong agent")),
        ("undo hold-1 -- wrong agent", Undo("hold-1", "wrong agent")),
        ("undo wrong agent", Undo(None, "wrong agent")),
        ("undo", Undo(None, "")),
    ],
)
def test_undo(line: str, found: Undo) -> None:
    """With a hold and without."""
    assert parse_kill(line, place()) == found


def test_a_mistyped_hold_is_no_reason() -> None:
    """Another stop is never undone in its place."""
    found = parse_kill("undo hold-3 wrong agent", place())
    assert isinstance(found, Refused)
    assert "`hold-3`" in found.sentence


_WORDS = ["billing", "payrol", "read_only", "normal", "--", "and", "all", "class:queue", "ops/shell", "fixed", "<@U1>"]


@given(st.lists(st.sampled_from(_WORDS) | st.text(max_size=8), max_size=8))
def test_any_line_is_one_command_and_each_choice_is_plain(words: list[str]) -> None:
    """Nothing raises; a restore has scope and reason; whatever a button stands for is not asked back again."""
    found = parse(" ".join(words))
    if isinstance(found, Restore):
        assert found.reason
        assert str(found.scope)
        assert found.mode is not Mode.FULL_STOP
    for choice in found.choices if isinstance(found, AskBack) else ():
        assert isinstance(parse(choice.line), Restore | NoReason)
