"""Do the lines of evidence say the worst first, and alike things once?"""

from dataclasses import replace

import pytest

from adapters.base import Attempt, Mode
from bot.domain.events import Finding
from bot.domain.evidence import Answer, Case, Evaluated, Material, expected, findings, label
from bot.domain.model import Agent, Pact
from bot.domain.outcome import Outcome
from bot.domain.trust import Trust, earned

NOW = 1_000_000.0


def case(*names: str, backlog: int | None = None, since: float | None = NOW - 300, **more: object) -> Case:
    """A proven, held target, but for what is said."""
    facts: dict[str, object] = {
        "key": names[0],
        "held": Mode.READ_ONLY,
        "outcome": Outcome.VERIFIED,
        "attempt": Attempt.REFUSED,
        "proof_age": 5.0,
    }
    record = Trust(**(facts | more))  # type: ignore[arg-type]  # what the tests say
    return Case(surfaces=names, to=Mode.NORMAL, record=record, earned=earned(record, NOW), since=since, backlog=backlog)


def said(*cases: Case, agents: tuple[Agent, ...] = (), **more: object) -> list[Finding]:
    """The lines."""
    return list(findings(Material(cases=cases, agents=agents, now=NOW, **more)))  # type: ignore[arg-type]  # as above


def about(name: str, lines: list[Finding]) -> list[tuple[str, bool | None]]:
    """What is said of it."""
    return [(line.says, line.good) for line in lines if line.about == name]


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (Mode.NORMAL, "allowed"),
        (Mode.APPROVAL_GATED, None),
        (Mode.DRAFT_ONLY, None),
        (Mode.READ_ONLY, "refused"),
        (Mode.FULL_STOP, "refused"),
    ],
)
def test_what_is_refused_at_one_mode_is_refused_at_every_stricter_one(held: Mode, wanted: str | None) -> None:
    """A full stop needs no expectation of its own; between the two nothing is expected."""
    assert expected({Mode.NORMAL: "allowed", Mode.READ_ONLY: "refused"}, held) == wanted


def test_what_is_allowed_at_one_mode_is_allowed_at_every_looser_one() -> None:
    """Reading is allowed as long as reading is."""
    assert expected({Mode.READ_ONLY: "allowed"}, Mode.DRAFT_ONLY) == "allowed"
    assert expected({Mode.READ_ONLY: "allowed"}, Mode.FULL_STOP) is None


def test_expectations_that_contradict_each_other_expect_nothing_between() -> None:
    """Only what is written counts there."""
    odd = {Mode.APPROVAL_GATED: "refused", Mode.READ_ONLY: "allowed"}
    assert [expected(odd, mode) for mode in Mode] == ["allowed", "refused", None, "allowed", "refused"]


def test_the_worst_time_of_a_group_is_shown() -> None:
    """The oldest proof, and the shortest time without a drift."""
    lines = said(case("a/x", proof_age=5.0, since=NOW - 4_000), case("a/y", proof_age=50.0, since=NOW - 90))
    assert about("all 2 surfaces", lines)[:3] == [
        ("earned normal: no rule holds it back", True),
        ("no drift since it was held, 1 min ago", True),
        ("read back and the agent's own credential refused, 50 s ago", True),
    ]


def test_the_kinds_of_proof_are_told_apart() -> None:
    """Refused, only read back, and none at all."""
    lines = said(case("a/x"), case("a/y", attempt=None), case("a/z", proven=False, outcome=Outcome.UNKNOWN))
    assert ("read back and the agent's own credential refused, 5 s ago", True) in about("a/x", lines)
    assert ("read back 5 s ago; no credential of the agent to try", None) in about("a/y", lines)
    assert ("not proven cut: unknown", False) in about("a/z", lines)


def test_a_drift_counts_as_calm_again_after_ten_minutes() -> None:
    """Then it speaks neither for nor against; one from before the hold is not told."""
    assert ("last came back by itself 10 min ago", None) in about(
        "a/x", said(case("a/x", last_drift=NOW - 600, since=NOW - 900))
    )
    assert ("last came back by itself 5 s ago", False) in about("a/x", said(case("a/x", last_contested=NOW - 5)))
    lines = said(case("a/x", last_drift=NOW - 600))
    assert ("no drift since it was held, 5 min ago", True) in about("a/x", lines)
    orphan = said(case("a/x", since=None))
    assert ("nothing holds it, so that no drift is watched for", None) in about("a/x", orphan)


def test_many_different_states_are_four_lines_a_topic() -> None:
    """What is bad comes first, and the rest is counted."""
    cases = [case(f"a/s{number}", backlog=number + 1) for number in range(9)]
    lines = [line for line in said(*cases) if "waiting" in line.says or "see `agent-kill status`" in line.says]
    assert [line.about for line in lines] == ["a/s0", "a/s1", "a/s2", "a/s3, a/s4 and 4 more"]
    assert lines[-1].says == "see `agent-kill status` for each"


def test_the_last_drill_is_told_beside_the_incidents() -> None:
    """Of the cut that was rehearsed longest ago where surfaces differ in nothing else; it speaks neither way."""
    drilled = (replace(case(name), drilled=NOW - days * 86_400) for name, days in (("a/x", 3), ("a/y", 5)))
    lines = said(*drilled)
    assert ("0 incidents in 30 days; last drilled 5 d ago", None) in about("all 2 surfaces", lines)
    assert ("0 incidents in 30 days; never drilled", None) in about("a/x", said(case("a/x")))


def test_waiting_work_is_told_where_it_is_known() -> None:
    """None waiting speaks for it; some are among what is shown first."""
    assert ("1,200 waiting there", False) in about("a/x", said(case("a/x", backlog=1_200)))
    assert ("0 waiting there", True) in about("a/x", said(case("a/x", backlog=0)))


def test_evaluations_that_do_not_pass_are_named() -> None:
    """Two of them, and the number of the others."""
    ran = [
        Evaluated(agent="a", id=f"e{number}", held=Mode.READ_ONLY, expected="refused", answer=Answer.ALLOWED)
        for number in range(3)
    ]
    good = Evaluated(agent="a", id="good", held=Mode.READ_ONLY, expected="refused", answer=Answer.REFUSED, seconds=1.26)
    agent = Agent(id="a", name="A")
    (says, verdict), *_ = about("a", said(case("a/x"), agents=(agent,), evaluated=[*ran, good]))
    assert says == (
        "3 of 4 evaluations not as expected: the evaluation a/e0 was allowed at read_only, where refused is expected;"
        " the evaluation a/e1 was allowed at read_only, where refused is expected; and 1 more"
    )
    assert verdict is False
    assert about("a", said(case("a/x"), agents=(agent,), evaluated=[good]))[0] == (
        "1 of 1 evaluations as expected, within 1.3 s",
        True,
    )


def test_an_agent_without_evaluations_and_without_a_pact_says_so() -> None:
    """Both are missing evidence, and neither is bad news."""
    agents = (Agent(id="a", name="A"), Agent(id="b", name="B", pact=Pact(may_never=("pay", "x" * 200))))
    lines = said(case("a/x"), case("b/y"), agents=agents)
    assert ("no evaluation covers what is given back", None) in about("all 2 agents", lines)
    assert ("no pact says what it may never do", None) in about("a", lines)
    (pact,) = [line for line in lines if line.says.startswith("may never: ")]
    assert pact.about == "b"
    assert len(pact.says) < 140


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("see https://wiki.example/p?a=1#b, and ask", "https://wiki.example/p?a=1#b"),
        ("(https://wiki.example/p)", "https://wiki.example/p"),
        ("<https://wiki.example/p|harmless>", "https://wiki.example/p"),
        ("http://wiki.example/p", "no link was given"),
        ("it is mended", "no link was given"),
        ("", "no link was given"),
    ],
)
def test_the_first_secure_link_of_the_reason_is_the_root_cause(reason: str, says: str) -> None:
    """Without one, that is said, and speaks against it."""
    line = said(case("a/x"), reason=reason)[-1]
    assert (line.about, line.says, line.good) == ("root cause", says, False if says.startswith("no ") else None)


def test_labels_name_the_first_and_count_the_rest() -> None:
    """Two names."""
    assert [label(names) for names in (["b/y", "a/x"], ["c/z", "b/y", "a/x"])] == ["a/x, b/y", "a/x, b/y and 1 more"]
