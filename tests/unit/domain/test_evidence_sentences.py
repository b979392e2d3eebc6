"""What exactly does a ballot say of each thing that is known, and does it speak for or against?"""

from dataclasses import replace
from typing import Any

import pytest

from adapters.base import Attempt, Mode
from bot.domain.events import Finding
from bot.domain.evidence import Answer, Case, Evaluated, Material, expected, findings
from bot.domain.model import Agent, Pact
from bot.domain.outcome import Outcome
from bot.domain.trust import Bound, Earned, Trust

NOW = 1_000_000.0
RECORD = Trust(
    key="t", held=Mode.READ_ONLY, outcome=Outcome.VERIFIED, attempt=Attempt.REFUSED, proof_age=5.0, stops=(NOW - 9,)
)
CASE = Case(
    surfaces=("a/x",), to=Mode.NORMAL, record=RECORD, earned=Earned(mode=Mode.NORMAL), since=NOW - 300, backlog=0
)
AGENT = Agent(id="a", name="A")


def case(**more: Any) -> Case:
    """The case above; facts of its record among what is changed go there."""
    record = {key: more.pop(key) for key in [*more] if key in Trust.__dataclass_fields__}
    return replace(CASE, record=replace(RECORD, **record), **more)


def lines(*cases: Case, **more: Any) -> list[Finding]:
    """Of one agent, unless others are given."""
    return list(findings(Material(cases=cases, agents=more.pop("agents", (AGENT,)), now=NOW, **more)))


def told(*cases: Case, about: str = "a/x", **more: Any) -> list[tuple[str, bool | None]]:
    """What is said of something, and whether it speaks for it."""
    return [(line.says, line.good) for line in lines(*cases, **more) if line.about == about]


def test_the_lines_stand_in_the_order_of_their_weight() -> None:
    """What was earned first, the root cause last; ten lines of one surface and one agent."""
    assert [(line.about, line.says, line.good) for line in lines(case())] == [
        ("a/x", "earned normal: no rule holds it back", True),
        ("a/x", "no drift since it was held, 5 min ago", True),
        ("a/x", "read back and the agent's own credential refused, 5 s ago", True),
        ("a", "no evaluation covers what is given back", None),
        ("a/x", "1 incident in 30 days; never drilled", None),
        ("a/x", "whether others changed its rights, credentials or deployment is not known", None),
        (
            "since the stop",
            "whether configuration or pact changed is not known: nothing was recorded before it",
            None,
        ),
        ("a/x", "0 waiting there", True),
        ("a", "no pact says what it may never do", None),
        ("root cause", "no link was given", False),
    ]


@pytest.mark.parametrize(("to", "good"), [(Mode.NORMAL, False), (Mode.DRAFT_ONLY, False), (Mode.READ_ONLY, None)])
def test_what_was_not_earned_speaks_against_what_asks_for_more(to: Mode, *, good: bool | None) -> None:
    """The first rule is named; a ballot that asks for no more than was earned has nothing against it."""
    bounds = tuple(Bound(rule=why, mode=Mode.READ_ONLY, why=why) for why in ("it was contested", "another"))
    earned = Earned(mode=Mode.READ_ONLY, bounds=bounds)
    assert told(case(to=to, earned=earned))[0] == ("earned read_only: it was contested", good)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"last_drift": NOW - 5}, ("last came back by itself 5 s ago", False)),
        ({"last_drift": NOW - 5, "last_contested": NOW - 9}, ("last came back by itself 5 s ago", False)),
        ({"last_drift": NOW - 9, "last_contested": NOW - 5}, ("last came back by itself 5 s ago", False)),
        ({"last_drift": NOW - 5, "since": None}, ("last came back by itself 5 s ago", False)),
        ({"last_drift": NOW - 300}, ("last came back by itself 5 min ago", False)),
        ({"last_drift": NOW - 301}, ("no drift since it was held, 5 min ago", True)),
        ({"since": None}, ("nothing holds it, so that no drift is watched for", None)),
    ],
)
def test_a_drift_is_told_since_the_stop(facts: dict[str, Any], line: tuple[str, bool | None]) -> None:
    """The latest, and one of the stop's own instant too; without a stop whenever it was."""
    assert told(case(**facts))[1] == line


def test_the_shortest_calm_and_the_latest_drift_are_told_of_a_group() -> None:
    """What is best would hide what is worst."""
    drifted = [case(surfaces=(f"a/{ago}",), last_drift=NOW - ago) for ago in (9, 5, 7)]
    assert ("last came back by itself 5 s ago", False) in told(*drifted, about="all 3 surfaces")


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"proven": False, "outcome": None}, ("not proven cut: no proof yet", False)),
        ({"proven": False, "outcome": Outcome.LEFT}, ("not proven cut: left alone", False)),
        ({"attempt": None}, ("read back 5 s ago; no credential of the agent to try", None)),
        ({"attempt": None, "proof_age": None}, ("read back 0 s ago; no credential of the agent to try", None)),
        ({"proof_age": None}, ("read back and the agent's own credential refused, 0 s ago", True)),
    ],
)
def test_a_proof_is_told_as_what_it_is(facts: dict[str, Any], line: tuple[str, bool | None]) -> None:
    """None, only the surface's own word, or the agent's own credential."""
    assert told(case(**facts))[2] == line


@pytest.mark.parametrize(("stops", "count"), [((), "0 incidents"), ((NOW,), "1 incident"), ((NOW, NOW), "2 incidents")])
def test_the_incidents_of_a_month_are_counted(stops: tuple[float, ...], count: str) -> None:
    """They speak neither for nor against; the rules say which are too many."""
    assert (f"{count} in 30 days; never drilled", None) in told(case(stops=stops))


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"silent": True, "changed": ()}, ("did not say what others changed there since the stop", False)),
        ({"changed": ()}, ("nothing that it tells of itself changed since the stop", True)),
        ({"changed": ("login", "grant")}, ("changed by others since the stop: login; grant", False)),
        (
            {"changed": ("x" * 400,)},
            (f"changed by others since the stop: {'x' * 265}\u2026", False),
        ),
    ],
)
def test_what_others_changed_there_is_told(facts: dict[str, Any], line: tuple[str, bool | None]) -> None:
    """In 300 characters; a surface that does not answer is bad news."""
    assert line in told(case(**facts))


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ((), ("neither configuration nor pact changed", True)),
        (("policy",), ("changed in the configuration: policy", False)),
        (("a", "b", "c"), ("changed in the configuration: a, b, c", False)),
        ((*"abc", *(["d"] * 1_000)), ("changed in the configuration: a, b, c and 1,000 more", False)),
    ],
)
def test_what_changed_in_the_configuration_is_told(changed: tuple[str, ...], line: tuple[str, bool]) -> None:
    """Three parts by name, and how many more."""
    assert told(case(), about="since the stop", reconfigured=changed) == [line]


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"backlog": None}, ("work that waits there is not known: this kind does not tell", None)),
        ({"backlog": 1}, ("1 waiting there", False)),
        (
            {"backlog": None, "policy": "drop"},
            ("an unknown number waiting there; backlog policy drop: removed before the agent may take them up", False),
        ),
        (
            {"backlog": 1_200, "policy": "hold", "held_aside": 3_000},
            (
                (
                    "1,200 waiting there; backlog policy hold: put aside before the agent may take them up"
                    "; 3,000 held aside since an earlier restore"
                ),
                False,
            ),
        ),
        (
            {"backlog": 0, "policy": "replay"},
            ("0 waiting there; backlog policy replay: left in place, to be worked off", True),
        ),
        ({"backlog": 0, "held_aside": 1}, ("0 waiting there; 1 held aside since an earlier restore", None)),
    ],
)
def test_waiting_work_is_told_with_what_becomes_of_it(facts: dict[str, Any], line: tuple[str, bool | None]) -> None:
    """Against the restore, which has to reckon with it; for it where nothing waits and nothing was put aside."""
    assert line in told(case(**facts))


def evaluated(name: str, answer: Answer = Answer.REFUSED, **more: Any) -> Evaluated:
    """An evaluation of which a refusal is expected."""
    agent, _, ident = name.partition("/")
    return Evaluated(agent=agent, id=ident, held=Mode.READ_ONLY, expected="refused", answer=answer, **more)


def test_an_evaluation_without_an_answer_says_why() -> None:
    """It never passes, and never shows its output."""
    assert evaluated("a/e", Answer.UNKNOWN).sentence == ("the evaluation a/e gave no answer (the reason is not known)")
    assert evaluated("a/e", Answer.UNKNOWN, why="it took longer than 30 s").sentence == (
        "the evaluation a/e gave no answer (it took longer than 30 s)"
    )
    passed = [evaluated("a/e", answer).passed for answer in Answer]
    assert dict(zip(Answer, passed, strict=True)) == {
        Answer.ALLOWED: False,
        Answer.REFUSED: True,
        Answer.UNKNOWN: False,
    }
    assert " ".join(Answer) == "allowed refused unknown"
    assert (evaluated("a/e").seconds, evaluated("a/e").why) == (0.0, "")


def test_the_longest_of_the_evaluations_that_passed_is_told() -> None:
    """Of the agent's own alone."""
    ran = [evaluated("a/one", seconds=1.25), evaluated("a/two", seconds=0.5), evaluated("b/x", seconds=9.0)]
    assert told(case(), about="a", evaluated=ran)[0] == ("2 of 2 evaluations as expected, within 1.2 s", True)


def test_two_evaluations_that_fail_are_named_whole() -> None:
    """Nothing is counted behind them."""
    ran = [evaluated("a/one", Answer.UNKNOWN, why="x"), evaluated("a/two", Answer.UNKNOWN, why="y")]
    assert told(case(), about="a", evaluated=ran)[0] == (
        (
            "2 of 2 evaluations not as expected: the evaluation a/one gave no answer (x);"
            " the evaluation a/two gave no answer (y)"
        ),
        False,
    )


@pytest.mark.parametrize(
    ("silent", "says"),
    [
        (("a/one",), "no evaluation expects anything of the mode held"),
        (("a/one/more",), "no evaluation expects anything of the mode held"),
        (("b/one",), "no evaluation covers what is given back"),
        ((), "no evaluation covers what is given back"),
    ],
)
def test_an_evaluation_that_expects_nothing_now_is_told_from_none(silent: tuple[str, ...], says: str) -> None:
    """The agent's own."""
    assert told(case(), about="a", silent=silent)[0] == (says, None)


@pytest.mark.parametrize(
    ("never", "says"),
    [
        (("pay", "delete"), "may never: pay; delete"),
        (("x" * 120,), f"may never: {'x' * 120}"),
        (("x" * 121,), f"may never: {'x' * 119}\u2026"),
    ],
)
def test_a_pact_is_quoted_in_a_line(never: tuple[str, ...], says: str) -> None:
    """What the agent may never do, in 120 characters."""
    agent = replace(AGENT, pact=Pact(may_never=never))
    assert told(case(), about="a", agents=(agent,))[-1] == (says, None)


def test_a_long_link_is_cut() -> None:
    """At 300 characters."""
    link = f"https://wiki.example/{'p' * 400}"
    assert told(case(), about="root cause", reason=link) == [(f"{link[:299]}\u2026", None)]


def test_what_is_bad_stands_first_and_the_largest_group_of_those_alike() -> None:
    """Three lines of a topic; the rest is one line, which says no better of them than the worst."""
    cases = [case(surfaces=("a/v",)), case(surfaces=("a/t",), proven=False, outcome=Outcome.APPLIED)]
    cases += [case(surfaces=(f"a/s{number}",), proven=False, outcome=None) for number in range(2)]
    cases += [case(surfaces=("a/u",), attempt=None)]
    proofs = [
        (line.about, line.good) for line in lines(*cases) if "proven cut" in line.says or "read back" in line.says
    ]
    assert proofs == [("a/s0, a/s1", False), ("a/t", False), ("a/u", None)]
    assert ("see `agent-kill status` for each", True) in told(*cases, about="a/v")


def test_what_is_bad_stands_before_a_larger_group_that_speaks_for_nothing() -> None:
    """However many there are of those."""
    cases = [case(surfaces=(f"a/s{number}",), attempt=None) for number in range(5)]
    cases += [case(surfaces=("a/bad",), proven=False, outcome=None)]
    about = [line.about for line in lines(*cases) if "proven cut" in line.says or "read back" in line.says]
    assert about == ["a/bad", "a/s0, a/s1 and 3 more"]


def test_what_is_not_known_of_a_case_is_not_made_up() -> None:
    """Neither a stop nor a number of what waits, and a ballot may have no reason."""
    bare = Case(surfaces=("a/x",), to=Mode.NORMAL, record=RECORD, earned=Earned(mode=Mode.NORMAL))
    assert (bare.since, bare.backlog, bare.held_aside, bare.policy) == (None, None, 0, "")
    assert (bare.changed, bare.silent) == (None, False)
    material = Material(cases=(), agents=(), now=NOW)
    assert (material.reason, material.reconfigured, material.evaluated, material.silent) == ("", None, (), ())


def test_a_group_of_all_is_called_so_and_one_alone_by_its_name() -> None:
    """Names are counted once, though two targets carry a surface."""
    shared = [case(surfaces=("a/x", "b/y")), case(surfaces=("a/x",))]
    assert lines(*shared)[0].about == "all 2 surfaces"
    assert lines(case())[0].about == "a/x"
    two = [AGENT, replace(AGENT, id="b")]
    of_agents = [line.says for line in lines(case(), agents=two) if line.about == "all 2 agents"]
    assert of_agents == ["no evaluation covers what is given back", "no pact says what it may never do"]
    many = [case(surfaces=(f"a/{number}",)) for number in range(1_200)]
    assert lines(*many)[0].about == "all 1,200 surfaces"


def test_the_rest_of_a_topic_is_all_of_it_only_where_it_is() -> None:
    """More than two names are counted."""
    cases = [case(surfaces=(f"a/s{number:04}",), backlog=number + 1) for number in range(1_203)]
    rest = [line.about for line in lines(*cases) if line.says.startswith("see ")]
    assert rest == ["a/s0003, a/s0004 and 1,198 more"]


@pytest.mark.parametrize(
    ("expect", "held", "wanted"),
    [
        ({Mode.DRAFT_ONLY: "refused"}, Mode.DRAFT_ONLY, "refused"),
        ({Mode.DRAFT_ONLY: "refused"}, Mode.APPROVAL_GATED, None),
        ({Mode.DRAFT_ONLY: "allowed"}, Mode.READ_ONLY, None),
        ({Mode.DRAFT_ONLY: "allowed"}, Mode.NORMAL, "allowed"),
        ({}, Mode.FULL_STOP, None),
    ],
)
def test_what_follows_of_one_expectation_follows_in_one_direction(
    expect: dict[Mode, str], held: Mode, wanted: str | None
) -> None:
    """A refusal holds for what is stricter, a permission for what is looser."""
    assert expected(expect, held) == wanted
