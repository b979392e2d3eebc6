"""What a typed line means, and what it does not."""

import pytest

from adapters.base import Mode, SurfaceClass
from bot.domain.commands import AskBack, Close, Help, Refused, Status, Stop, parse_kill, parse_picked, parse_status
from bot.domain.model import Configuration
from bot.domain.names import Names
from bot.domain.plan import Scope
from tests.unit.domain.places import BARE, BOUND, INCIDENT, here

ALL = Scope(everything=True)


def stop(line: str, channel: str = INCIDENT) -> Stop:
    """The stop that a line is; fails where it is anything else."""
    found = parse_kill(line, here(channel))
    assert isinstance(found, Stop), found
    return found


def asked(line: str, channel: str = INCIDENT) -> list[str]:
    """The lines that the question after a doubtful line offers."""
    found = parse_kill(line, here(channel))
    assert isinstance(found, AskBack), found
    assert "Nothing was stopped" in found.sentence
    return [choice.line for choice in found.choices]


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("full_stop", Mode.FULL_STOP),
        ("FULL_STOP", Mode.FULL_STOP),
        ("full-stop", Mode.FULL_STOP),
        ("full stop", Mode.FULL_STOP),
        ("fullstop", Mode.FULL_STOP),
        ("Full_Stop,", Mode.FULL_STOP),
        ("read only", Mode.READ_ONLY),
        ("draft_only", Mode.DRAFT_ONLY),
        ("approval gated", Mode.APPROVAL_GATED),
        ("\u00a0full_stop\u00a0", Mode.FULL_STOP),
        ("\u200bfull_stop\u200b", Mode.FULL_STOP),
    ],
)
def test_a_mode_in_any_spelling_that_can_mean_nothing_else_is_taken(line: str, mode: Mode) -> None:
    """Case, separators and invisible characters do not stand between a person and a stop."""
    assert stop(line) == Stop(mode=mode, scope=ALL)


@pytest.mark.parametrize("line", ["ful_stop billing", "full_stpo billing", "full_stp billing"])
def test_a_mistyped_mode_is_asked_back_with_the_rest_of_the_line(line: str) -> None:
    """The question offers the mode that was probably meant, with the targets as typed."""
    assert "full_stop billing" in asked(line)


@pytest.mark.parametrize("line", ["stop billing", "kill billing", "billing", "billing now"])
def test_a_line_without_a_mode_is_asked_back_with_every_mode(line: str) -> None:
    """Nobody has to know the word; the strictest comes first."""
    lines = asked(line)
    assert len(lines) == 4
    assert lines[0].startswith("full_stop billing")


def test_a_word_that_is_no_mode_at_all_gives_the_usage() -> None:
    """The usage says which word was not understood."""
    assert parse_kill("wibble", here()) == Help("`wibble` is not a mode. Nothing was stopped.")


@pytest.mark.parametrize("line", ["", "  ", "help", "HELP", "?", "--help"])
def test_help_is_given_for_nothing_and_for_its_names(line: str) -> None:
    """`/agent-kill` alone never stops anything."""
    assert parse_kill(line, here()) == Help()


def test_targets_are_leading_words_and_the_rest_is_the_reason() -> None:
    """Several targets of every sort are one scope."""
    found = stop("read_only billing payroll/jobs class:queue it mails customers")
    assert found.scope == Scope(
        agents=frozenset({"billing"}),
        surfaces=frozenset({"payroll/jobs"}),
        classes=frozenset({SurfaceClass.QUEUE}),
    )
    assert found.reason == "it mails customers"


def test_without_a_target_a_bound_channel_means_its_agents() -> None:
    """The agents of the channel, and no other."""
    assert stop("full_stop it leaks", BOUND).scope == Scope(agents=frozenset({"billing", "billing-eu"}))


def test_without_a_target_the_incident_channel_means_all() -> None:
    """One line in the bad hour."""
    assert stop("full_stop it leaks") == Stop(mode=Mode.FULL_STOP, scope=ALL, reason="it leaks")


def test_without_a_target_an_unbound_channel_is_refused_with_what_to_type() -> None:
    """The sentence names an agent and the incident channel."""
    found = parse_kill("full_stop it leaks", here(BARE))
    assert isinstance(found, Refused)
    assert "/agent-kill full_stop billing" in found.sentence
    assert f"<#{INCIDENT}>" in found.sentence


@pytest.mark.parametrize("channel", [BOUND, BARE])
def test_all_is_taken_in_the_incident_channel_alone(channel: str) -> None:
    """Elsewhere the sentence says where."""
    assert stop("full_stop all").scope == ALL
    found = parse_kill("full_stop all now", here(channel))
    assert isinstance(found, Refused)
    assert f"<#{INCIDENT}>" in found.sentence


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("billng", "billing"),
        ("Billing", "billing"),
        ("billing,", "billing"),
        ("@billing", "billing"),
        ("\u201cbilling\u201d", "billing"),
        ("\uff42illing", "billing"),
        ("bill", "billing"),
        ("blling", "billing"),
        ("payrol", "payroll"),
        ("opps", "ops"),
        ("billing/legder", "billing/ledger"),
        ("billing:ledger", "billing/ledger"),
        ("ledger", "billing/ledger"),
        ("queues", "class:queue"),
        ("class:quue", "class:queue"),
        ("<@U0BILLBOT|billing-bot>", "billing"),
        ("billing,payroll", "billing payroll"),
    ],
)
@pytest.mark.parametrize("channel", [INCIDENT, BOUND, BARE])
def test_a_word_that_nearly_names_a_target_is_asked_back(word: str, meant: str, channel: str) -> None:
    """A typing error neither misses an agent nor stops them all, in any channel."""
    assert f"full_stop {meant} it leaks" in asked(f"full_stop {word} it leaks", channel)


def test_a_near_word_after_a_target_is_asked_back_too() -> None:
    """The targets that were right stay in every choice."""
    lines = asked("full_stop billing payrol it leaks")
    assert lines == ["full_stop billing payroll it leaks", "full_stop billing -- payrol it leaks"]


def test_a_choice_read_back_is_a_stop() -> None:
    """What a button stands for is never asked back again."""
    for line in asked("full_stop billng it <leaks> & more"):
        assert isinstance(parse_kill(line, here()), Stop), line


def test_the_choice_that_it_is_the_reason_stops_what_no_target_would() -> None:
    """In a bound channel the agents of the channel, named one by one."""
    found = stop(asked("full_stop billng fails", BOUND)[-1], BOUND)
    assert found == Stop(
        mode=Mode.FULL_STOP, scope=Scope(agents=frozenset({"billing", "billing-eu"})), reason="billng fails"
    )


def test_in_an_unbound_channel_a_near_word_cannot_be_the_reason() -> None:
    """There is nothing else to stop there."""
    assert asked("full_stop payrol", BARE) == ["full_stop payroll"]


@pytest.mark.parametrize(
    "reason", ["the Billing, agent leaks", "data leak", "suspicious billing activity", "runaway worker", "test"]
)
def test_a_reason_that_names_things_is_still_a_reason(reason: str) -> None:
    """Only the words right after the mode are targets: a plain reason never delays a stop with a question."""
    found = parse_kill(f"full_stop {reason}", here(INCIDENT))

    assert isinstance(found, Stop)
    assert found.scope.everything
    assert found.reason == reason


def test_a_joining_word_before_another_target_is_asked_about() -> None:
    """`billing and payroll` may be two targets or a target and a reason."""
    assert asked("full_stop billing and payroll fail") == [
        "full_stop billing payroll fail",
        "full_stop billing -- and payroll fail",
    ]


@pytest.mark.parametrize(
    "reason",
    ["it leaks", "customers get wrong invoices", "<@U0ALICE|alice> saw it", "and now?", "5 mails/min", "the app fails"],
)
def test_an_ordinary_reason_is_never_asked_about(reason: str) -> None:
    """A question costs seconds."""
    assert isinstance(parse_kill(f"full_stop billing {reason}", here()), Stop)


def test_what_has_the_form_of_a_target_and_names_nothing_is_asked_back() -> None:
    """`wibble/wobble` is hardly the beginning of a reason; where only `all` could be offered, no button is."""
    found = parse_kill("full_stop wibble/wobble", here())
    assert isinstance(found, AskBack)
    assert found.choices == ()
    assert "Nothing was stopped yet" in found.sentence
    assert "`billing`, `billing-eu`, `payroll`, `ops`" in found.sentence
    assert stop("full_stop -- wibble/wobble").reason == "wibble/wobble"


def test_an_unknown_class_offers_those_that_exist() -> None:
    """Nearest first, and `all` at the very end only."""
    assert asked("full_stop class:nope") == [
        "full_stop class:api",
        "full_stop class:queue",
        "full_stop all -- class:nope",
    ]
    assert asked("full_stop billing class:quoue9x leaks")[0] == "full_stop billing class:queue leaks"


def test_an_unknown_surface_of_a_known_agent_offers_its_surfaces_and_the_agent() -> None:
    """At most four, nearest first; a quarantined one can be meant too."""
    assert asked("full_stop billing/nosuch it leaks") == [
        "full_stop billing/queue it leaks",
        "full_stop billing/broken it leaks",
        "full_stop billing/ledger it leaks",
        "full_stop billing it leaks",
        "full_stop all -- billing/nosuch it leaks",
    ]


def test_slacks_escapes_are_undone_in_the_reason() -> None:
    """The reason reads as it was typed, on one line."""
    line = "full_stop billing a &lt;b&gt; &amp; c\n<@U0ALICE|alice>\u00a0in <#C0GENERAL|general> <https://x.example|x>"
    assert stop(line).reason == "a <b> & c @alice in @general https://x.example"


def test_a_long_reason_is_cut_and_not_refused() -> None:
    """A stop is never refused for its reason."""
    assert len(stop("full_stop billing " + "x" * 5000).reason) == 1000


def test_a_plan_is_a_stop_that_touches_nothing() -> None:
    """The same words, marked as a preview; its questions stay plans."""
    assert stop("plan read_only billing").preview
    assert asked("plan read_only billng")[0] == "plan read_only billing"
    assert isinstance(parse_kill("plan", here()), Help)


def test_close_and_a_looser_mode() -> None:
    """Close closes; a looser mode is told where to ask for it."""
    assert parse_kill("close", here()) == Close()
    found = parse_kill("normal billing", here())
    assert isinstance(found, Refused)
    assert "never gives authority back" in found.sentence


def test_a_form_takes_targets_and_nothing_else() -> None:
    """A stray word in the field for targets is refused, never taken for a reason."""
    found = parse_picked("read_only", "billing payroll", "why not", here())
    assert found == Stop(mode=Mode.READ_ONLY, scope=Scope(agents=frozenset({"billing", "payroll"})), reason="why not")
    wrong = parse_picked("read_only", "billng", "", here())
    assert isinstance(wrong, Refused)
    assert "`billing`" in wrong.sentence


def test_status_takes_names_and_hints_at_near_ones() -> None:
    """Without a name, everything."""
    assert parse_status("", here()) == Status(scope=ALL)
    assert parse_status("billing", here()) == Status(scope=Scope(agents=frozenset({"billing"})))
    found = parse_status("billng", here())
    assert isinstance(found, Refused)
    assert "/agent-status billing" in found.sentence


def test_without_any_agent_the_sentence_says_so() -> None:
    """An empty configuration stops nothing, and says what to do."""
    empty = Configuration()
    found = parse_kill("full_stop", type(here())(channel="C1", configuration=empty, names=Names(())))
    assert isinstance(found, Refused)
    assert "No agent is configured" in found.sentence


def test_what_was_typed_cannot_mark_up_our_sentences() -> None:
    """A refused word shows as text: no mention, no link."""
    for line in ("&lt;!channel&gt;", "plan &lt;!channel&gt;"):
        found = parse_kill(line, here())
        assert isinstance(found, Help)
        assert "<" not in found.said
