"""What exactly is asked or told after a doubtful line of `/agent-restore`, and what does each button stand for?"""

from collections.abc import Sequence

import pytest

from adapters.base import Mode
from bot.domain.commands import AskBack, Choice, Help, Here, Refused
from bot.domain.model import Configuration
from bot.domain.names import Names
from bot.domain.plan import Scope
from bot.domain.restore_commands import Acknowledge, NoReason, Restore, RestoreCommand, parse_restore
from tests.unit.domain.places import INCIDENT, agent, here

YET = "Nothing was changed yet: choose, or type it again."
MODES = "`normal`, `approval_gated`, `draft_only`, `read_only`"
USAGE = "Type `/agent-restore acknowledge agent/surface reason`, or `writer:NAME` for a journal"


def parse(line: str, held: Sequence[str] = ("ops", "payroll"), place: Here | None = None) -> RestoreCommand:
    """Reads a line in the incident channel; two agents are held."""
    return parse_restore(line, place or here(), held)


def asked(sentence: str, *choices: tuple[str, str] | str) -> AskBack:
    """The question with its buttons: label and line, or one text that is both."""
    both = ((item, item) if isinstance(item, str) else item for item in choices)
    return AskBack(sentence=f"{sentence} {YET}", choices=tuple(Choice(label=label, line=line) for label, line in both))


def button(label: str, reason: str) -> tuple[str, str]:
    """A button whose line has a reason."""
    return label, f"{label} -- {reason}"


def own_reason(label: str, reason: str) -> tuple[str, str]:
    """The last button: the doubtful word is the reason's first."""
    return f"{label}, “{reason.split(maxsplit=1)[0]}” is the reason", f"{label} -- {reason}"


@pytest.mark.parametrize(
    ("line", "question"),
    [
        (
            "billing read_only payroll is next",
            asked(
                "Is `payroll` to come back too?",
                button("read_only billing payroll", "is next"),
                own_reason("read_only billing", "payroll is next"),
            ),
        ),
        (
            "billing read_only payrol is next",
            asked(
                "`payrol` is not quite a target here.",
                button("read_only billing payroll", "is next"),
                own_reason("read_only billing", "payrol is next"),
            ),
        ),
        (
            "read_only billing ops/wibble",
            asked(
                "`ops/wibble` is not quite a target here.",
                "read_only billing ops/shell",
                "read_only billing ops/broken",
                "read_only billing ops",
                own_reason("read_only billing", "ops/wibble"),
            ),
        ),
        (
            "read_only payrol is next",
            asked("`payrol` is not quite a target here.", button("read_only payroll", "is next")),
        ),
        (
            "read_only billing and payroll fixed",
            asked(
                "Is `payroll` to come back too, or is it part of the reason?",
                button("read_only billing payroll", "fixed"),
                own_reason("read_only billing", "and payroll fixed"),
            ),
        ),
        (
            "read_only billing &amp; payrol",
            asked(
                "Is `payrol` to come back too, or is it part of the reason?",
                "read_only billing payroll",
                ("read_only billing, “+” is the reason", "read_only billing -- &amp; payrol"),
            ),
        ),
        (
            "read_only billing , payroll",
            asked(
                "Is `payroll` to come back too, or is it part of the reason?",
                "read_only billing payroll",
                own_reason("read_only billing", ", payroll"),
            ),
        ),
        (
            "read_only billing AND ops.",
            asked(
                "Is `ops.` to come back too, or is it part of the reason?",
                "read_only billing ops",
                own_reason("read_only billing", "AND ops."),
            ),
        ),
        (
            "billing reed_only it is fixed",
            asked("To which mode?", button("read_only billing", "it is fixed")),
        ),
        (
            "billing norm it is fixed",
            asked("To which mode?", button("normal billing", "it is fixed")),
        ),
        (
            "billing norxxx it is fixed",
            asked(
                "To which mode?",
                *(button(f"{mode} billing", "norxxx it is fixed") for mode in Mode if mode is not Mode.FULL_STOP),
            ),
        ),
        (
            "billing ops -- it is fixed",
            asked(
                "To which mode?",
                *(button(f"{mode} billing ops", "it is fixed") for mode in Mode if mode is not Mode.FULL_STOP),
            ),
        ),
        (
            "billing it is fixed",
            asked(
                "To which mode?",
                *(button(f"{mode} billing", "it is fixed") for mode in Mode if mode is not Mode.FULL_STOP),
            ),
        ),
        (
            "ops billng draft_only it is fixed",
            asked("`billng` is not quite a target here.", button("draft_only ops billing", "it is fixed")),
        ),
        (
            "read_only it is fixed",
            asked(
                "What is to come back to read_only? Name an agent or `agent/surface`.",
                button("read_only ops", "it is fixed"),
                button("read_only payroll", "it is fixed"),
            ),
        ),
        (
            "read_only and payroll are fixed",
            asked(
                "What is to come back to read_only? Name an agent or `agent/surface`.",
                button("read_only ops", "and payroll are fixed"),
                button("read_only payroll", "and payroll are fixed"),
            ),
        ),
    ],
)
def test_a_doubtful_line_is_asked_back(line: str, question: AskBack) -> None:
    """P4: the question names the doubt, and each button one way to read the line; nothing else is offered."""
    assert parse(line) == question


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("read_only billing -- payroll is next", "payroll is next"),
        ("billing read_only -- payroll is next", "payroll is next"),
        ("billing read_only -- -- and payroll", "-- and payroll"),
        ("read_only billing and", "and"),
        ("read_only billing and it is fixed", "and it is fixed"),
        ("billing read_only and it is fixed", "and it is fixed"),
    ],
)
def test_what_can_only_be_the_reason_is_not_asked_about(line: str, why: str) -> None:
    """Prose, and every word after the mark."""
    assert parse(line) == Restore(mode=Mode.READ_ONLY, scope=Scope(agents=frozenset({"billing"})), reason=why)


@pytest.mark.parametrize("why", ["normal again", "reed_only was too much", "payrol is next", ""])
def test_a_word_after_the_mark_is_no_mode(why: str) -> None:
    """P4: a reason that begins like a mode gives nothing back; every mode is offered, with the whole reason."""
    offered = [f"{mode} billing" for mode in Mode if mode is not Mode.FULL_STOP]
    choices = [button(label, why) if why else label for label in offered]
    assert parse(f"billing -- {why}") == asked("To which mode?", *choices)
    assert parse(f"-- {why}") == Help()


def test_the_form_gets_what_was_understood() -> None:
    """Every target, in the order of the line."""
    assert parse("billing payroll/jobs normal") == NoReason("normal billing payroll/jobs")


def test_agents_that_are_not_held_are_offered_where_none_is() -> None:
    """Four at the most, in the file's order; else those that are held."""
    agents = tuple(agent(name, "api") for name in ("a1", "a2", "a3", "a4", "a5"))
    place = Here(channel=INCIDENT, configuration=Configuration(agents=agents), names=Names(agents))
    said = "What is to come back to normal? Name an agent or `agent/surface`."
    assert parse("normal", (), place) == asked(said, "normal a1", "normal a2", "normal a3", "normal a4")
    assert parse("normal", ("a5", "a4", "a3", "a2", "a1"), place) == asked(
        said, "normal a5", "normal a4", "normal a3", "normal a2"
    )


def test_a_button_that_slack_would_cut_is_not_offered() -> None:
    """A line of which the targets alone fill half a button's value: what is cut off would not come back."""
    fits, long = "x" * 943, "y" * 944
    assert parse("normal", (long, fits)) == asked(
        "What is to come back to normal? Name an agent or `agent/surface`.", f"normal {fits}"
    )
    agents = (agent("z" * 936, "api"), agent("billing", "api"), agent("payroll", "api"))
    place = Here(channel=INCIDENT, configuration=Configuration(agents=agents), names=Names(agents))
    assert parse(f"normal {'z' * 936} billng", (), place) == asked(
        "`billng` is not quite a target here.",
        own_reason(f"normal {'z' * 936}", "billng"),
    )
    assert parse(f"normal {'z' * 936} billing payrol", (), place) == asked("`payrol` is not quite a target here.")


def test_a_word_that_is_near_a_mode_and_a_name_is_the_mode() -> None:
    """After a target; a mode that follows it does not make it a target."""
    agents = (agent("normale", "api"), agent("ops", "shell"))
    place = Here(channel=INCIDENT, configuration=Configuration(agents=agents), names=Names(agents))
    assert parse("ops normall read_only fixed", (), place) == asked(
        "To which mode?", button("normal ops", "read_only fixed")
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("billing full_stop x", f"`full_stop` gives nothing back: name {MODES}. Nothing was changed."),
        ("full_stop x", f"`full_stop` gives nothing back: name {MODES}. Nothing was changed."),
        (
            "wibble read_only fixed",
            (
                "`wibble` is neither a target nor a mode here."
                f" Type `/agent-restore TARGET MODE reason` with {MODES}. Nothing was changed."
            ),
        ),
        (
            "payrol is fixed",
            "`payrol` is neither a target nor a mode here. Did you mean `payroll`? Nothing was changed.",
        ),
        (
            "payrol full_stop fixed",
            "`payrol` is neither a target nor a mode here. Did you mean `payroll`? Nothing was changed.",
        ),
        ("acknowledge", f"What is missing? {USAGE}. Nothing was changed."),
        (
            "acknowledge wibble/x burned",
            f"`wibble/x` is neither a surface nor an enrolled writer. {USAGE}. Nothing was changed.",
        ),
        (
            "acknowledge bot burned",
            f"`bot` is neither a surface nor an enrolled writer. {USAGE}. Nothing was changed.",
        ),
        (
            "acknowledge billing/ledgr burned",
            (
                "`billing/ledgr` is neither a surface nor an enrolled writer."
                " Did you mean `billing/ledger`? Nothing was changed."
            ),
        ),
        (
            "acknowledge <@U1|writer:bot> burned",
            (
                "`@writer:bot` is neither a surface nor an enrolled writer."
                " Did you mean `writer:bot`? Nothing was changed."
            ),
        ),
        (
            "acknowledge billing/ledger --",
            ("Say why it may be missing: `/agent-restore acknowledge billing/ledger WHY`. Nothing was changed."),
        ),
    ],
)
def test_a_line_that_means_nothing_is_answered_with_what_to_type(line: str, sentence: str) -> None:
    """P5: what was not understood, and the next step."""
    assert parse(line) == Refused(sentence)


@pytest.mark.parametrize("line", ["billing/ledger -- -- burned", "billing/ledger -- burned", "billing/ledger burned"])
def test_the_mark_is_no_part_of_an_acknowledgements_reason(line: str) -> None:
    """What follows it is, whatever it reads like."""
    why = "-- burned" if line.count("--") > 1 else "burned"
    assert parse(f"acknowledge {line}") == Acknowledge("billing/ledger", why)
