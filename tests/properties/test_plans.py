"""Does a plan ever leave out a surface, loosen a request, or hide that something is not held?"""

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import Config, Mode, SurfaceClass
from bot.domain.model import Quarantined, Risk, Surface, Unsupported
from bot.domain.plan import Inventoried, Scope, make_plan, round_mode

HELD = st.sampled_from([mode for mode in Mode if mode is not Mode.NORMAL])
MODES = st.frozensets(HELD)
_NAMES = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["one", "two", "three"]))
_ORDER = [Risk.HIGH, Risk.MEDIUM, Risk.LOW]


@st.composite
def _inventories(draw: st.DrawFn) -> tuple[list[Inventoried], list[Quarantined]]:
    names = draw(st.lists(_NAMES, unique=True, max_size=6))
    usable, broken = [], []
    for agent, name in names:
        if draw(st.integers(0, 4)) == 0:
            surface_class = draw(st.sampled_from([None, SurfaceClass.QUEUE, SurfaceClass.API]))
            broken.append(Quarantined(agent=agent, id=name, why="typo", surface_class=surface_class))
            continue
        surface = Surface(
            agent=agent,
            id=name,
            adapter="memory",
            surface_class=draw(st.sampled_from([SurfaceClass.QUEUE, SurfaceClass.API])),
            settings=Config(),
            risk=draw(st.sampled_from(Risk)),
            unsupported=draw(st.sampled_from(Unsupported)),
        )
        target = draw(st.sampled_from(["t1", "t2", "t3"]))
        usable.append(Inventoried(surface=surface, target=target, enforceable=draw(MODES)))
    return usable, broken


@st.composite
def _scopes(draw: st.DrawFn) -> Scope:
    return Scope(
        agents=draw(st.frozensets(st.sampled_from(["a", "b"]))),
        surfaces=draw(st.frozensets(st.sampled_from(["a/one", "b/two"]))),
        classes=draw(st.frozensets(st.sampled_from([SurfaceClass.QUEUE, SurfaceClass.API]))),
        everything=draw(st.booleans()),
    )


@settings(max_examples=250, deadline=None)
@given(mode=HELD, scope=_scopes(), inventory=_inventories())
def test_every_surface_in_scope_has_one_line(
    mode: Mode, scope: Scope, inventory: tuple[list[Inventoried], list[Quarantined]]
) -> None:
    """Nothing in scope is left out, nothing out of scope gets a line, and the order is that of the risk."""
    usable, broken = inventory
    plan = make_plan(mode, scope, usable, broken)
    covered = [item.surface.name for item in usable if scope.covers(item.surface)]
    covered += [item.name for item in broken if scope.covers(item)]

    assert sorted(line.surface for line in plan.lines) == sorted(covered)
    risks = [_ORDER.index(line.risk) for line in plan.lines]
    assert risks == sorted(risks)


@settings(max_examples=250, deadline=None)
@given(mode=HELD, scope=_scopes(), inventory=_inventories())
def test_no_line_is_held_looser_than_asked(
    mode: Mode, scope: Scope, inventory: tuple[list[Inventoried], list[Quarantined]]
) -> None:
    """Rounding is only ever to the next stricter mode, and whatever is not held as asked says why."""
    usable, broken = inventory
    enforceable = {item.surface.name: item.enforceable for item in usable}
    for line in make_plan(mode, scope, usable, broken).lines:
        assert line.held is None or line.held >= mode
        assert line.held is mode or line.why
        if line.held is not None:
            able = enforceable[line.surface]
            assert line.held in able
            assert not [other for other in able if mode <= other < line.held]


@settings(max_examples=250, deadline=None)
@given(mode=HELD, scope=_scopes(), inventory=_inventories())
def test_left_and_targets_share_the_lines_out(
    mode: Mode, scope: Scope, inventory: tuple[list[Inventoried], list[Quarantined]]
) -> None:
    """Each line is either cut through its target or left with a reason; whoever shares a target is named."""
    usable, broken = inventory
    plan = make_plan(mode, scope, usable, broken)
    cut = [line for lines in plan.targets().values() for line in lines]

    assert sorted(line.surface for line in (*cut, *plan.left())) == sorted(line.surface for line in plan.lines)
    for target, lines in plan.targets().items():
        carried = {item.surface.name for item in usable if item.target == target}
        out_of_scope = {
            item.surface.name for item in usable if item.target == target and not scope.covers(item.surface)
        }
        assert {line.surface for line in lines} <= carried
        assert all(set(line.shared_with) == out_of_scope for line in lines)


@given(mode=HELD, able=MODES)
def test_rounding_takes_the_loosest_that_is_strict_enough(mode: Mode, able: frozenset[Mode]) -> None:
    """`round_mode` never returns what cannot be held, nor what is looser than asked."""
    held = round_mode(mode, able)
    stricter = sorted(other for other in able if other >= mode)
    assert held is (stricter[0] if stricter else None)
