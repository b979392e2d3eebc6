"""Whatever is typed: no exception, no swallowed target, no wider stop than was named."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.commands import AskBack, Stop, parse_kill, parse_status
from bot.domain.words import MAX_REASON, Word, distance
from tests.unit.domain.places import BARE, BOUND, CONFIGURATION, INCIDENT, NAMES, here

CHANNELS = st.sampled_from([INCIDENT, BOUND, BARE, None])
MODES = ["full_stop", "read_only", "draft_only", "approval_gated", "full stop", "READ-ONLY"]
TARGETS = ["billing", "billing-eu", "payroll", "ops", "billing/ledger", "payroll/broken", "class:queue", "class:api"]
SLIPS = ["billng", "Billing", "billing,", "@payroll", "pay roll", "opps", "ledger", "queue", "all,", "ALL", "class:"]
NOISE = [
    "and",
    "&amp;",
    "--",
    "<@U0BILLBOT|x>",
    "<!channel>",
    "<#C1|g>",
    "the",
    "leaks",
    "\u200b",
    "\u00a0",
    "'",
    "/",
    ":",
]
lines = st.lists(st.sampled_from([*MODES, *TARGETS, *SLIPS, *NOISE, "all", "plan", "close"]) | st.text(max_size=12))


@settings(max_examples=500, deadline=None)
@given(line=lines.map(" ".join) | st.text(), channel=CHANNELS)
def test_no_line_raises_and_no_reason_is_too_long(line: str, channel: str | None) -> None:
    """Any text at all is a command, a question or a sentence."""
    found = parse_kill(line, here(channel))
    parse_status(line, here(channel))
    if isinstance(found, Stop):
        assert found.scope.everything or found.scope.agents or found.scope.surfaces or found.scope.classes
        assert len(found.reason) <= MAX_REASON
        assert channel == INCIDENT or not found.scope.everything


@settings(max_examples=500, deadline=None)
@given(mode=st.sampled_from(MODES), named=st.lists(st.sampled_from(TARGETS), min_size=1), rest=lines, channel=CHANNELS)
def test_leading_targets_are_all_stopped_and_nothing_else_is(
    mode: str, named: list[str], rest: list[str], channel: str | None
) -> None:
    """With targets named, a stop is exactly as wide as its leading target words."""
    found = parse_kill(" ".join([mode, *named, "--", *rest]), here(channel))
    assert isinstance(found, Stop)
    scopes = [scope for name in named if (scope := NAMES.scope(Word(name))) is not None]
    assert found.scope.agents == frozenset().union(*(scope.agents for scope in scopes))
    assert found.scope.surfaces == frozenset().union(*(scope.surfaces for scope in scopes))
    assert found.scope.classes == frozenset().union(*(scope.classes for scope in scopes))
    assert not found.scope.everything


@settings(max_examples=500, deadline=None)
@given(named=st.lists(st.sampled_from(TARGETS), min_size=1), after=st.sampled_from(TARGETS + SLIPS), rest=lines)
def test_a_target_next_to_targets_is_never_swallowed_by_the_reason(
    named: list[str], after: str, rest: list[str]
) -> None:
    """The word after the last target is a target, or a question is asked, or it is no target in any spelling."""
    found = parse_kill(" ".join(["full_stop", *named, after, *rest]), here(INCIDENT))
    if isinstance(found, Stop) and not found.scope.everything:
        words = found.reason.split()
        assert not words or (NAMES.scope(Word(words[0])) is None and not NAMES.near(Word(words[0]))) or "--" in rest


@settings(max_examples=300, deadline=None)
@given(line=lines.map(" ".join), channel=CHANNELS)
def test_every_choice_of_a_question_leads_on(line: str, channel: str | None) -> None:
    """Pressing buttons reaches a stop or a sentence within a few questions, and never the same question."""
    seen = set()
    for _ in range(12):
        found = parse_kill(line, here(channel))
        if not isinstance(found, AskBack) or not found.choices:
            return
        assert line not in seen
        seen.add(line)
        line = found.choices[0].line
    raise AssertionError(f"twelve questions, the last about {line!r}")


@settings(max_examples=300, deadline=None)
@given(channel=CHANNELS, agent=st.sampled_from([agent.id for agent in CONFIGURATION.agents]), data=st.data())
def test_one_slip_of_the_finger_never_stops_all(channel: str | None, agent: str, data: st.DataObject) -> None:
    """Each agent's name with one letter dropped, doubled or swapped names that agent, or asks."""
    at = data.draw(st.integers(0, len(agent) - 1))
    slip = data.draw(st.sampled_from(["drop", "double", "swap"]))
    typed = {
        "drop": agent[:at] + agent[at + 1 :],
        "double": agent[: at + 1] + agent[at:],
        "swap": agent[:at] + agent[at : at + 2][::-1] + agent[at + 2 :],
    }[slip]
    if len(typed) < 3:
        return  # two letters are no slip of a name that anybody could recognise
    found = parse_kill(f"full_stop {typed}", here(channel))
    if isinstance(found, Stop):
        assert found.scope == NAMES.scope(Word(typed))
    else:
        assert isinstance(found, AskBack)


@given(one=st.text("abc", max_size=7), other=st.text("abc", max_size=7))
def test_the_distance_is_symmetric_and_bounded(one: str, other: str) -> None:
    """Distance 0 is equality; the shortcut for far words never changes a near answer."""
    assert distance(one, other, 2) == distance(other, one, 2)
    assert (distance(one, other, 2) == 0) == (one == other)
