"""What exactly is somebody told whose line is not plainly a command, and which buttons are offered?"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from adapters.base import Config, Mode, SurfaceClass
from bot.domain.commands import (
    MAX_CHOICE,
    AskBack,
    Choice,
    Close,
    Help,
    Here,
    Refused,
    Status,
    Stop,
    Undo,
    parse_kill,
    parse_picked,
    parse_status,
)
from bot.domain.model import Agent, Configuration, Surface, Workspace
from bot.domain.names import Names
from bot.domain.plan import Scope
from tests.unit.domain.places import BARE, BOUND, CONFIGURATION, INCIDENT, here

CHOOSE = " Nothing was stopped yet: choose, or type it again."
ALL = Scope(everything=True)


def place(*agents: Agent, channel: str | None = "C1", incident: str | None = None) -> Here:
    """Another configuration's."""
    made = Configuration(workspace=Workspace(incident_channel=incident), agents=agents)
    return Here(channel=channel, configuration=made, names=Names(agents))


def asked(line: str, where: Here | None = None) -> AskBack:
    """The question."""
    found = parse_kill(line, where or here())
    assert isinstance(found, AskBack), found
    return found


def told(line: str, where: Here | None = None) -> str:
    """The refusal's sentence."""
    found = parse_kill(line, where or here())
    assert isinstance(found, Refused), found
    return found.sentence


def choices(*pairs: tuple[str, str]) -> tuple[Choice, ...]:
    """Labels with their lines."""
    return tuple(Choice(label, line) for label, line in pairs)


def stopped(line: str, where: Here | None = None) -> Stop:
    """The stop."""
    found = parse_kill(line, where or here())
    assert isinstance(found, Stop), found
    return found


def test_a_near_target_is_asked_back_with_its_buttons() -> None:
    """What was probably meant, and that it is the reason; each button says what it does."""
    assert asked("full_stop billing payrol it leaks") == AskBack(
        f"`payrol` is not quite a target here.{CHOOSE}",
        choices(
            ("full_stop billing payroll", "full_stop billing payroll it leaks"),
            ("full_stop billing, “payrol” is the reason", "full_stop billing -- payrol it leaks"),
        ),
    )
    assert asked("plan read_only billing payrol").choices == choices(
        ("plan read_only billing payroll", "plan read_only billing payroll"),
        ("plan read_only billing, “payrol” is the reason", "plan read_only billing -- payrol"),
    )


def test_two_targets_in_one_word_become_two_words() -> None:
    """`billing,payroll` and its like."""
    for typed in ("billing,payroll", "billing+payroll", "billing;payroll", ",billing,,payroll,"):
        assert asked(f"full_stop {typed}").choices[0] == Choice(
            "full_stop billing payroll", "full_stop billing payroll"
        )
        assert asked(f"full_stop {typed} x").choices[0].line == "full_stop billing payroll x"


def test_what_names_nothing_but_looks_like_a_target_is_asked_back() -> None:
    """With what exists of that kind; with no button at all where the only one would stop every agent."""
    found = asked("full_stop class:nope")
    assert found.sentence == f"`class:nope` names no target here.{CHOOSE}"
    assert asked("full_stop wibble/wobble") == AskBack(
        "`wibble/wobble` names no target here. Nothing was stopped yet: type it again, with `--` before the reason."
        " The agents are `billing`, `billing-eu`, `payroll`, `ops`.",
        (),
    )
    assert asked("full_stop ops wibble/wobble").choices == choices(
        ("full_stop ops, “wibble/wobble” is the reason", "full_stop ops -- wibble/wobble")
    )
    bound = asked("full_stop wibble/wobble", here(BOUND))
    assert bound.choices == choices(
        (
            "full_stop billing billing-eu, “wibble/wobble” is the reason",
            "full_stop billing billing-eu -- wibble/wobble",
        )
    )
    assert bound.sentence == f"`wibble/wobble` names no target here.{CHOOSE}"


def test_of_many_agents_ten_are_named() -> None:
    """And of none, none."""
    many = tuple(Agent(id=f"agent{number}", name="") for number in range(12))
    ten = ", ".join(f"`agent{number}`" for number in range(10))
    found = asked("full_stop wibble/wobble", place(*many, incident="C1"))
    assert found.sentence.endswith(f"before the reason. The agents are {ten}.")
    none = asked("full_stop wibble/wobble", place(incident="C1"))
    assert none.sentence.endswith("with `--` before the reason.")
    sentence = told("full_stop", place(*many))
    assert sentence == (
        "No agent is bound to this channel, so nothing was stopped."
        f" Name one, as in `/agent-kill full_stop agent0` ({ten})."
    )


def test_an_unbound_channel_is_told_what_to_type_where() -> None:
    """The incident channel for all of them, where there is one."""
    assert told("read_only it leaks", here(BARE)) == (
        "No agent is bound to this channel, so nothing was stopped. Name one, as in `/agent-kill read_only billing`"
        f" (`billing`, `billing-eu`, `payroll`, `ops`), or `/agent-kill read_only` in <#{INCIDENT}> for all of them."
    )
    assert told("read_only", here(None)).startswith("No agent is bound to this channel")
    assert told("read_only", place()) == (
        "No agent is configured, so nothing was stopped. Add one to the configuration, then run `agent-kill check`."
    )


def test_a_line_without_a_channel_is_bound_to_nothing() -> None:
    """An agent without a channel, and a configuration without an incident channel, are not meant by it."""
    loose = Agent(id="loose", name="")
    assert told("full_stop", place(loose, channel=None)).startswith("No agent is bound to this channel")
    assert told("full_stop all", place(loose, channel=None)).startswith("`all` is only taken once")


def test_all_elsewhere_is_told_where() -> None:
    """Or what to configure first."""
    rest = (
        "so nothing was stopped. Type `/agent-kill full_stop all` there, name the agents here,"
        " or use the command line: `agent-kill stop full_stop --all --reason …`."
    )
    assert told("full_stop all", here(BARE)) == f"`all` is only taken in <#{INCIDENT}>, {rest}"
    loose = Agent(id="loose", name="")
    assert told("full_stop all", place(loose)) == (
        f"`all` is only taken once `workspace.incident_channel` is configured, {rest}"
    )
    assert told("full_stop all billing", here(BARE)).startswith("`all` is only taken")
    assert stopped("full_stop all billing").scope == Scope(everything=True, agents=frozenset({"billing"}))


def test_authority_is_not_given_back_by_a_stop() -> None:
    """The sentence says what to type."""
    assert told("normal billing") == (
        "A stop never gives authority back. Open a vote with `/agent-restore TARGET MODE reason`. Nothing changed."
    )


def test_a_plan_without_a_mode_says_how_one_is_asked() -> None:
    """A word that is no mode is named as it was typed."""
    assert parse_kill("plan", here()) == Help("`plan` needs a mode, as in `/agent-kill plan full_stop`.")
    assert parse_kill("plan wibble", here()) == Help("`wibble` is not a mode. Nothing was stopped.")
    assert parse_kill("x" * 100, here()) == Help(f"`{'x' * 79}…` is not a mode. Nothing was stopped.")
    assert parse_kill("x" * 80, here()) == Help(f"`{'x' * 80}` is not a mode. Nothing was stopped.")


@pytest.mark.parametrize("word", ["help", "?", "-h", "--help", "h", "HELP", ""])
def test_usage_is_given_for_one_word_alone(word: str) -> None:
    """With a word after it, it is no command."""
    assert parse_kill(word, here()) == Help()
    if word:
        assert parse_kill(f"{word} wibble", here()) == Help(f"`{word}` is not a mode. Nothing was stopped.")
    assert parse_kill("Close now", here()) == Close()


def test_a_mode_that_was_mistyped_is_offered_first() -> None:
    """Every mode that is two edits away, with the rest of the line; never the one that gives authority back."""
    assert asked("ful_stop billing it leaks") == AskBack(
        f"The mode comes first.{CHOOSE}",
        choices(("full_stop billing it leaks", "full_stop billing it leaks")),
    )
    assert asked("fulstp billing").choices == choices(("full_stop billing", "full_stop billing"))
    assert parse_kill("norml billing", here()) == Help("`norml` is not a mode. Nothing was stopped.")
    assert parse_kill("fultp", here()) == Help("`fultp` is not a mode. Nothing was stopped.")
    assert asked("plan ful_stop billing").choices == choices(("plan full_stop billing", "plan full_stop billing"))


def test_a_word_for_stopping_offers_every_mode_with_the_rest() -> None:
    """The strictest first; a target in the mode's place is kept in every choice."""
    order = ("full_stop", "read_only", "draft_only", "approval_gated")
    assert asked("stop billing now").choices == choices(
        *((f"{mode} billing now", f"{mode} billing now") for mode in order)
    )
    assert asked("kill").choices == choices(*((mode, mode) for mode in order))
    for line in ("billing now", "billng now", "all now"):
        assert asked(line).choices == choices(*((f"{mode} {line}", f"{mode} {line}") for mode in order))
    long = asked(f"stop {'x' * 50}").choices[0]
    assert long == Choice(f"full_stop {'x' * 39}…", f"full_stop {'x' * 50}")


@pytest.mark.parametrize(
    "word", ["stop", "kill", "halt", "pause", "freeze", "off", "disable", "terminate", "shutdown", "Stop!", "KILL"]
)
def test_every_word_for_stopping_is_understood(word: str) -> None:
    """Nobody has to know the words of the modes."""
    assert len(asked(word).choices) == 4


def test_what_was_typed_is_shown_without_mark_up() -> None:
    """No mention and no code of somebody else's in a sentence of ours."""
    assert parse_kill("a`b&lt;c&gt;&amp;d", here()) == Help("`a'b(c)+d` is not a mode. Nothing was stopped.")


def test_an_undo_names_its_hold_or_the_newest_one() -> None:
    """What has the form of a hold and is none is never taken for the reason; `--` ends the names."""
    known = replace(here(), holds=frozenset({"hold-1"}))
    assert parse_kill("undo hold-1 a mistake", known) == Undo("hold-1", "a mistake")
    assert parse_kill("undo hold-1 -- hold on", known) == Undo("hold-1", "hold on")
    assert parse_kill("undo hold-1", known) == Undo("hold-1", "")
    assert parse_kill("undo hold-1 it was -- me", known) == Undo("hold-1", "it was -- me")
    assert parse_kill("Undo a mistake", known) == Undo(None, "a mistake")
    assert parse_kill("undo", known) == Undo(None, "")
    assert parse_kill("undo <@U1|hold-1> said so", known) == Undo(None, "@hold-1 said so")
    assert parse_kill("undo hold-9 a mistake", known) == Refused(
        "`hold-9` is not a hold that is known here: the incident's message names it."
    )


def test_a_target_that_is_exact_is_not_asked_about_twice() -> None:
    """Behind a joining word the agent of that name is meant, and not a surface that is called alike."""
    where = place(
        Agent(id="ops", name=""),
        Agent(id="one", name=""),
        Agent(id="many", name="", surfaces=tuple(_surfaces("one"))),
        incident="C1",
    )
    assert [choice.line for choice in asked("full_stop ops and one", where).choices] == [
        "full_stop ops one",
        "full_stop ops -- and one",
    ]


def test_a_joining_word_asks_about_the_target_behind_it() -> None:
    """Exact or near; without one, and before any target, it is the reason."""
    assert asked("full_stop billing and payroll fail") == AskBack(
        f"Is `payroll` to be stopped too, or is it part of the reason?{CHOOSE}",
        choices(
            ("full_stop billing payroll", "full_stop billing payroll fail"),
            ("full_stop billing, “and” is the reason", "full_stop billing -- and payroll fail"),
        ),
    )
    for joined in ("AND", "&amp;", "+", ",", "und", "plus", "and,"):
        assert asked(f"full_stop billing {joined} payrol").choices[0].line == "full_stop billing payroll"
    assert asked("full_stop billing and ops,payroll").choices[0].line == "full_stop billing ops payroll"
    assert stopped("full_stop billing and").reason == "and"
    assert stopped("full_stop billing and customers complain").reason == "and customers complain"
    assert stopped("full_stop and payroll fail").reason == "and payroll fail"
    assert stopped("full_stop billing <@U0AND|and> payroll").reason == "@and payroll"


def test_a_slip_of_all_means_what_no_target_means_in_the_incident_channel() -> None:
    """It is the reason there, and a question elsewhere, or beside another target."""
    assert stopped("full_stop ALL, it leaks") == Stop(mode=Mode.FULL_STOP, scope=ALL, reason="ALL, it leaks")
    assert asked("full_stop ALL, it leaks", here(BOUND)).choices[0].line == "full_stop all it leaks"
    assert asked("full_stop billing ALL,").choices[0].line == "full_stop billing all"


def test_a_line_drawn_by_the_person_is_never_asked_about() -> None:
    """Every word after `--` is the reason, and `--` itself is not."""
    assert stopped("full_stop billing -- payrol leaks").reason == "payrol leaks"
    assert stopped("full_stop -- billing").scope == ALL
    assert stopped("full_stop billing --").reason == ""
    assert stopped("full_stop billing -- -- x").reason == "-- x"


def test_a_mention_is_no_mode() -> None:
    """Nor is half of one."""
    assert isinstance(parse_kill("<@U1|full_stop> billing", here()), Help | AskBack)
    assert isinstance(parse_kill("full <@U1|stop> billing", here()), Help | AskBack)
    assert stopped("read only <@U1|x> said so").reason == "@x said so"
    assert stopped("full_stop").mode is Mode.FULL_STOP


def test_a_choice_reads_back_as_it_was_typed() -> None:
    """Escaped as Slack does; one that is too long for a button is cut, or not offered."""
    line = asked("full_stop billng a &lt;b&gt; &amp; c").choices[0].line
    assert line == "full_stop billing a &lt;b&gt; &amp; c"
    assert stopped(line).reason == "a <b> & c"
    cut = asked("full_stop billng " + "x" * 5000).choices[0].line
    assert cut.startswith("full_stop billing xxx")


def test_a_button_that_would_be_too_long_is_not_offered() -> None:
    """Half of what a button can carry is kept for the reason."""
    long = [Agent(id=f"{number:02}{'a' * 61}", name="") for number in range(14)]
    for more, offered in ((44, True), (45, False)):
        agents = [*long, Agent(id="b" * more, name="")]
        head = f"full_stop {' '.join(agent.id for agent in agents)}"
        assert (len(head) <= MAX_CHOICE // 2) is offered
        found = asked(f"{head} wibble/wobble", place(*agents, incident="C9"))
        assert bool(found.choices) is offered


def test_a_form_says_which_word_is_no_target() -> None:
    """With what was probably meant, or what a target is."""
    assert parse_picked("full_stop", "payroll billng", "", here()) == Refused(
        "`billng` is not a target here: did you mean `billing`? Nothing was stopped."
    )
    assert parse_picked("full_stop", "ledger", "", here()) == Refused(
        "`ledger` is not a target here: did you mean `billing/ledger`, `billing-eu/ledger`? Nothing was stopped."
    )
    assert parse_picked("full_stop", "wibble", "", here()) == Refused(
        "`wibble` is not a target here: name an agent, `agent/surface` or `class:queue`. Nothing was stopped."
    )
    assert parse_picked("full stop", "billing", "-- it leaks", here()) == Stop(
        mode=Mode.FULL_STOP, scope=Scope(agents=frozenset({"billing"})), reason="-- it leaks"
    )
    assert parse_picked("full_stop now please", "billing", "x", here()) == parse_picked(
        "full_stop now", "billing", "x", here()
    )


def test_a_status_says_which_word_is_no_agent() -> None:
    """With the command for what was meant, or for everything; several names are one scope."""
    assert parse_status("payrol", here()) == Refused("`payrol` is not an agent here. Type `/agent-status payroll`.")
    assert parse_status("billing wibble", here()) == Refused(
        "`wibble` is not an agent here. Type `/agent-status` for every agent."
    )
    near = parse_status("ledger", here())
    assert near == Refused(
        "`ledger` is not an agent here. Type `/agent-status billing/ledger` or `/agent-status billing-eu/ledger`."
    )
    both = Scope(
        agents=frozenset({"ops"}), surfaces=frozenset({"billing/ledger"}), classes=frozenset({SurfaceClass.API})
    )
    assert parse_status("ops billing/ledger class:api", here()) == Status(scope=both)
    assert parse_status("ops", here(None)) == Status(scope=Scope(agents=frozenset({"ops"})))


def _surfaces(*names: str) -> Sequence[Surface]:
    return [
        Surface(agent="many", id=name, adapter="memory", surface_class=SurfaceClass.API, settings=Config())
        for name in names
    ]


def test_what_exists_of_an_agent_is_offered_nearest_first() -> None:
    """Three surfaces and the agent itself; a path with more than one stroke is prose."""
    agent = Agent(id="many", name="", surfaces=tuple(_surfaces("one", "two", "three", "four", "five")))
    offered = asked("full_stop many/tow9x", place(agent, incident="C1")).choices
    assert [choice.line for choice in offered] == [
        "full_stop many/two",
        "full_stop many/four",
        "full_stop many/one",
        "full_stop many",
        "full_stop all -- many/tow9x",
    ]
    assert stopped("full_stop many/a/b", place(agent, incident="C1")).reason == "many/a/b"


def test_the_agents_of_a_channel_are_its_own() -> None:
    """Neither another channel's nor those without one."""
    assert here(BOUND).bound() == ("billing", "billing-eu")
    assert here(BOUND).default() == ("billing", "billing-eu")
    assert (here(INCIDENT).default(), here(BARE).default(), here(None).default()) == (("all",), (), ())
    assert (here(INCIDENT).incident, here(BARE).incident, here(None).incident) == (True, False, False)
    assert not place(channel=None).incident
    assert CONFIGURATION.agents[0].channel == BOUND


@pytest.mark.parametrize("line", ["help help", "help h", "? ?"])
def test_usage_is_asked_for_with_one_word(line: str) -> None:
    """More of them are a line like any other, whose first word is no mode."""
    assert parse_kill(line, here()) == Help(f"`{line.split(maxsplit=1)[0]}` is not a mode. Nothing was stopped.")


def test_a_word_that_is_near_a_mode_and_a_name_is_the_mode() -> None:
    """The mode comes first: one button, and the word is no part of its reason."""
    where = place(Agent(id="read-onlyx", name="Reader"))
    assert asked("read_onlx it leaks", where).choices == choices(("read_only it leaks", "read_only it leaks"))


def test_a_stop_is_no_preview_unless_it_says_so() -> None:
    """Whoever builds one."""
    assert stopped("full_stop billing") == Stop(mode=Mode.FULL_STOP, scope=Scope(agents=frozenset({"billing"})))


@pytest.mark.parametrize("line", ["", "help", "?"])
def test_usage_alone_says_nothing_of_a_mistake(line: str) -> None:
    """There was none."""
    assert parse_kill(line, here()) == Help("")


def test_where_no_hold_is_known_none_is_undone_by_its_name() -> None:
    """And nothing else in its place."""
    assert isinstance(parse_kill("undo hold-1 wrong agent", here()), Refused)
