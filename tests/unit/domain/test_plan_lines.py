"""What does a plan say of each surface, and what does a hold made of it bind?"""

from typing import Any

import pytest

from adapters.base import Config, Mode, SurfaceClass
from bot.domain.model import Place, Quarantined, Risk, Surface, Unsupported
from bot.domain.plan import Inventoried, Plan, PlanLine, Scope, make_plan
from tests.unit.domain.facts import held_target

EVERY = frozenset(Mode) - {Mode.NORMAL}
ALL = Scope(everything=True)


def usable(
    name: str, target: str = "", *, able: frozenset[Mode] = EVERY, because: str | None = None, **more: Any
) -> Inventoried:
    """A surface of class api that can hold `able`, on a target of its own unless one is named."""
    agent, _, ident = name.partition("/")
    fields = {"surface_class": SurfaceClass.API, **more}
    made = Surface(agent=agent, id=ident, adapter="postgres_role", settings=Config(), **fields)
    said = {} if because is None else {"why": because}
    return Inventoried(surface=made, target=target or name, enforceable=able, **said)


def plan(*items: Inventoried, mode: Mode = Mode.READ_ONLY, scope: Scope = ALL, broken: Any = ()) -> Plan:
    """A plan of these surfaces."""
    return make_plan(mode, scope, items, broken)


def only(*items: Inventoried, **more: Any) -> PlanLine:
    """The only line of a plan."""
    (line,) = plan(*items, **more).lines
    return line


def test_a_line_says_what_the_surface_is_and_what_would_be_held() -> None:
    """Every fact that the preview, the report and the hold take from it."""
    item = usable(
        "a/db", "pg:1", surface_class=SurfaceClass.DATABASE, risk=Risk.HIGH, backstop="a/id", able=frozenset(Mode)
    )
    line = only(item)
    assert plan(item, scope=Scope(agents=frozenset({"a"}))).scope == Scope(agents=frozenset({"a"}))
    assert line == PlanLine(
        surface="a/db",
        adapter="postgres_role",
        surface_class=SurfaceClass.DATABASE,
        asked=Mode.READ_ONLY,
        held=Mode.READ_ONLY,
        target="pg:1",
        risk=Risk.HIGH,
        backstop="a/id",
        alone=held_target("pg:1", "a/db", round_to=Mode.READ_ONLY),
    )


@pytest.mark.parametrize(
    ("able", "because", "unsupported", "held", "why"),
    [
        ({Mode.READ_ONLY, Mode.FULL_STOP}, "it owns its tables", Unsupported.LEAVE, Mode.READ_ONLY, ""),
        ({Mode.FULL_STOP}, None, Unsupported.STRICTER, Mode.FULL_STOP, "postgres_role cannot hold read_only here"),
        ({Mode.FULL_STOP}, "it owns its tables", Unsupported.STRICTER, Mode.FULL_STOP, "it owns its tables"),
        (
            {Mode.FULL_STOP, Mode.DRAFT_ONLY},
            "it owns its tables",
            Unsupported.LEAVE,
            None,
            "left alone, as configured (unsupported: leave): it owns its tables",
        ),
        (
            {Mode.DRAFT_ONLY},
            None,
            Unsupported.LEAVE,
            None,
            "left alone, as configured (unsupported: leave): postgres_role cannot hold read_only here",
        ),
        (
            {Mode.DRAFT_ONLY},
            None,
            Unsupported.STRICTER,
            None,
            "cannot be cut: postgres_role cannot hold read_only here",
        ),
        (set(), "no rights", Unsupported.STRICTER, None, "cannot be cut: no rights"),
    ],
)
def test_a_mode_that_cannot_be_held_is_rounded_or_left_with_the_reason(
    able: set[Mode], because: str | None, unsupported: Unsupported, held: Mode | None, why: str
) -> None:
    """P3: rounded to the next stricter or left alone, as configured; either way the reason is said."""
    item = usable("a/db", able=frozenset(able), because=because, unsupported=unsupported)
    made = plan(item)
    (line,) = made.lines
    assert (line.held, line.why) == (held, why)
    assert made.left() == (() if held else (line,))
    assert made.held == (() if held is None else (held_target("a/db", "a/db", round_to=held),))


def test_a_quarantined_surface_has_a_line_that_names_the_place() -> None:
    """It comes with the highest risk, for nobody knows what it can do; nothing of it is held."""
    place = Place(file="agent-kill.yaml", line=7)
    broken = (
        Quarantined(agent="a", id="db", why="unset variable", place=place, adapter="x", surface_class=SurfaceClass.API),
        Quarantined(agent="a", id="mq", why="unknown key"),
    )
    made = plan(usable("a/ok", risk=Risk.MEDIUM), broken=broken)
    assert made.lines[:2] == (
        PlanLine(
            surface="a/db",
            adapter="x",
            surface_class=SurfaceClass.API,
            asked=Mode.READ_ONLY,
            held=None,
            target=None,
            why="configuration: unset variable (agent-kill.yaml:7)",
            risk=Risk.HIGH,
        ),
        PlanLine(
            surface="a/mq",
            adapter="",
            surface_class=None,
            asked=Mode.READ_ONLY,
            held=None,
            target=None,
            why="configuration: unknown key",
            risk=Risk.HIGH,
        ),
    )
    assert [line.surface for line in made.left()] == ["a/db", "a/mq"]
    assert (made.lines[0].backstop, made.lines[0].alone, made.lines[0].shared_with) == (None, None, ())
    assert [target.key for target in made.held] == ["a/ok"]


def test_the_order_of_the_cut_is_that_of_the_risk_and_then_of_the_file() -> None:
    """High first, low last."""
    items = [
        usable("a/low", risk=Risk.LOW),
        usable("a/mid"),
        usable("a/high", risk=Risk.HIGH),
        usable("b/low", risk=Risk.LOW),
        usable("b/high", risk=Risk.HIGH),
    ]
    made = plan(*items)
    assert [line.surface for line in made.lines] == ["a/high", "b/high", "a/mid", "a/low", "b/low"]
    assert [target.key for target in made.held] == ["a/high", "b/high", "a/mid", "a/low", "b/low"]


def test_a_shared_target_is_one_target_and_names_whoever_loses_authority_with_it() -> None:
    """In scope or not, each once, those in scope first; it is held at the strictest that any of them needs."""
    one = usable("a/db", "pg")
    two = usable("a/jobs", "pg", able=frozenset({Mode.FULL_STOP}))
    three, four, other = usable("b/db", "pg"), usable("c/db", "pg"), usable("c/mq")
    made = plan(one, two, three, four, other, scope=Scope(agents=frozenset({"a"})))

    assert [(line.surface, line.shared_with) for line in made.lines] == [
        ("a/db", ("b/db", "c/db")),
        ("a/jobs", ("b/db", "c/db")),
    ]
    assert made.targets() == {"pg": made.lines}
    assert made.held == (held_target("pg", "a/db", "a/jobs", "b/db", "c/db", round_to=Mode.FULL_STOP),)
    whole = plan(one, two, three, four, other)
    assert {line.shared_with for line in whole.lines} == {()}
    assert whole.held == (
        held_target("pg", "a/db", "a/jobs", "b/db", "c/db", round_to=Mode.FULL_STOP),
        held_target("c/mq", "c/mq", round_to=Mode.READ_ONLY),
    )


def test_a_surface_that_is_left_alone_on_a_shared_target_binds_nothing_itself() -> None:
    """Its neighbour's hold binds the target; the line of the one that is left stands under NOT CUT all the same."""
    left = usable("a/db", "pg", able=frozenset({Mode.FULL_STOP}), unsupported=Unsupported.LEAVE)
    made = plan(left, usable("b/db", "pg"))
    assert [line.surface for line in made.left()] == ["a/db"]
    assert made.held == (held_target("pg", "b/db", round_to=Mode.READ_ONLY),)


def test_a_line_is_made_once_for_each_mode_and_says_of_its_target_what_the_plan_does() -> None:
    """What is made ahead of a stop is what the stop would have made."""
    item = usable("a/db", "pg", able=frozenset({Mode.DRAFT_ONLY, Mode.FULL_STOP}))
    assert item.line(Mode.READ_ONLY) is item.line(Mode.READ_ONLY)
    assert only(item, mode=Mode.DRAFT_ONLY).held is Mode.DRAFT_ONLY
    assert item.line(Mode.READ_ONLY).alone == held_target("pg", "a/db")
    assert "text" in vars(item.line(Mode.READ_ONLY).alone)  # what the journal writes of it too
    assert item == usable("a/db", "pg", able=item.enforceable)
    left = usable("a/db", able=frozenset(), unsupported=Unsupported.LEAVE)
    assert left.line(Mode.READ_ONLY).alone is None


def test_a_shared_line_is_not_kept_for_a_scope_that_covers_its_neighbours() -> None:
    """The same inventory serves every scope."""
    items = [usable("a/db", "pg"), usable("b/db", "pg")]
    assert only(*items, scope=Scope(agents=frozenset({"a"}))).shared_with == ("b/db",)
    assert [line.shared_with for line in plan(*items).lines] == [(), ()]
    both = (held_target("pg", "a/db", "b/db", round_to=Mode.READ_ONLY),)
    assert plan(*items).held == plan(*items, scope=Scope(agents=frozenset({"a"}))).held == both


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope(), set()),
        (ALL, {"a/api", "a/mq", "a/typo", "b/mq"}),
        (Scope(agents=frozenset({"a"})), {"a/api", "a/mq", "a/typo"}),
        (Scope(surfaces=frozenset({"b/mq", "no/such"})), {"b/mq"}),
        (Scope(classes=frozenset({SurfaceClass.QUEUE})), {"a/mq", "b/mq", "a/typo"}),
        (Scope(classes=frozenset({SurfaceClass.WORKER})), {"a/typo"}),
        (Scope(surfaces=frozenset({"b/mq"}), classes=frozenset({SurfaceClass.API})), {"b/mq", "a/api", "a/typo"}),
    ],
)
def test_a_scope_covers_what_it_names_and_whatever_may_be_of_a_named_class(scope: Scope, covered: set[str]) -> None:
    """A quarantined surface of unknown class counts as every class: it may be the one that is meant."""
    items = [usable("a/api"), usable("a/mq", surface_class=SurfaceClass.QUEUE)]
    items.append(usable("b/mq", surface_class=SurfaceClass.QUEUE))
    typo = Quarantined(agent="a", id="typo", why="unknown key")
    made = plan(*items, scope=scope, broken=(typo,))
    assert {line.surface for line in made.lines} == covered
    known = Quarantined(agent="a", id="typo", why="unknown key", surface_class=SurfaceClass.TOOL)
    assert not Scope(classes=frozenset({SurfaceClass.API})).covers(known)
    assert Scope(classes=frozenset({SurfaceClass.TOOL})).covers(known)


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (ALL, "all"),
        (Scope(agents=frozenset({"b", "a"})), "a b"),
        (
            Scope(
                agents=frozenset({"b"}),
                surfaces=frozenset({"c/2", "a/1"}),
                classes=frozenset({SurfaceClass.QUEUE, SurfaceClass.API}),
            ),
            "b a/1 c/2 class:api class:queue",
        ),
    ],
)
def test_a_scope_reads_as_the_words_that_were_typed(scope: Scope, words: str) -> None:
    """In the record and in every message: agents, surfaces, classes, each by name."""
    assert str(scope) == words


def test_a_plan_says_what_is_held_stricter_than_asked() -> None:
    """Neither what is held as asked nor what is not held at all."""
    able = frozenset({Mode.FULL_STOP})
    made = plan(
        usable("a/exact"),
        usable("a/rounded", able=able),
        usable("a/unable", able=frozenset[Mode]()),
        usable("a/left", able=able, unsupported=Unsupported.LEAVE),
    )
    assert [line.surface for line in made.rounded] == ["a/rounded"]


def test_a_plan_says_who_loses_authority_without_being_named() -> None:
    """Through a target that is held, each once and by name; one that is left alone takes nothing from anybody."""
    scope = Scope(agents=frozenset({"a"}))
    made = plan(
        usable("z/db", "shared"),
        usable("c/db", "shared"),
        usable("a/db", "shared"),
        usable("a/second", "shared"),
        usable("a/mq", "other", able=frozenset[Mode]()),
        usable("d/mq", "other"),
        usable("e/api"),
        scope=scope,
    )
    assert made.beside == ("c/db", "z/db")
    assert plan(usable("a/db"), scope=scope).beside == ()
