"""Is a plan that was made ahead ever an old one, and is a small stop planned from little?"""

from collections.abc import Callable

from adapters.base import Mode, Observation
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Risk
from bot.domain.plan import Plan, Scope, make_plan
from bot.service.inventory import Inventory
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
AGENT = Scope(agents=frozenset({"billing"}))


def _afresh(inventory: Inventory, mode: Mode, scope: Scope) -> Plan:
    """The plan without anything that was kept."""
    return make_plan(mode, scope, inventory.inventoried(), inventory.broken)


def _seen(*modes: Mode, why: str = "") -> Observation:
    return Observation(exists=True, mode=Mode.NORMAL, enforceable=frozenset(modes), why=why)


async def test_a_plan_is_made_once_until_something_changes(make_rig: Make) -> None:
    """The same object comes back; an observation that allows less gives another one, and one that repeats it not."""
    inventory = make_rig(surface("billing/a"), surface("billing/b")).inventory
    first = inventory.plan(Mode.READ_ONLY, AGENT)
    assert inventory.plan(Mode.READ_ONLY, AGENT) is first
    target = next(iter(inventory.targets.values()))
    target.remember(_seen(Mode.FULL_STOP, why="owns its tables"), 1.0)
    second = inventory.plan(Mode.READ_ONLY, AGENT)
    assert [line.held for line in first.lines] == [Mode.READ_ONLY, Mode.READ_ONLY]
    assert [line.held for line in second.lines] == [Mode.FULL_STOP, Mode.READ_ONLY]
    assert second.lines[0].why == "owns its tables"
    target.remember(_seen(Mode.FULL_STOP, why="owns its tables"), 2.0)
    assert inventory.plan(Mode.READ_ONLY, AGENT) is second


async def test_a_kept_plan_is_the_plan_made_afresh(make_rig: Make) -> None:
    """For every scope, with surfaces of another agent around."""
    inventory = make_rig(surface("billing/a"), surface("billing/b"), surface("mail/a")).inventory
    scopes = [AGENT, Scope(everything=True), Scope(surfaces=frozenset({"mail/a", "no/such"})), Scope()]
    for scope in scopes:
        for mode in set(Mode) - {Mode.NORMAL}:
            assert inventory.plan(mode, scope) == _afresh(inventory, mode, scope), (scope, mode)
    assert len(inventory.near(AGENT)) == 2


async def test_what_a_hold_says_of_a_target_is_what_its_lines_say(make_rig: Make) -> None:
    """Made ahead or not."""
    inventory = make_rig(surface("billing/a"), surface("billing/b")).inventory
    plan = inventory.plan(Mode.FULL_STOP, AGENT)
    expected = tuple(
        events.HeldTarget(key=key, surfaces=tuple(line.surface for line in lines), round_to=Mode.FULL_STOP)
        for key, lines in plan.targets().items()
    )
    assert plan.held == expected


async def test_high_risk_is_cut_first_and_what_nobody_knows_before_it(make_rig: Make) -> None:
    """Within a risk the order stays."""
    inventory = make_rig(surface("a/low", risk=Risk.LOW), surface("a/mid"), surface("a/high", risk=Risk.HIGH)).inventory
    low, middle, high = inventory.targets
    assert inventory.by_risk((low, middle, high, "gone")) == ["gone", high, middle, low]


def test_the_surfaces_of_a_held_target_follow_the_hold() -> None:
    """Also where a second writer names more of them later."""
    board, by = Board(), events.Person(kind="cli", id="root")

    def hold(at: float, **targets: tuple[str, ...]) -> events.HoldAdded:
        held = tuple(
            events.HeldTarget(key=key, surfaces=names, round_to=Mode.FULL_STOP) for key, names in targets.items()
        )
        return events.HoldAdded(at=at, hold="h", incident="i", mode=Mode.FULL_STOP, by=by, targets=held)

    board.apply(hold(1.0, one=("a/1",)))
    assert board.surfaces_under("h", "one") == {"a/1"}
    assert board.surfaces_under("h", "two") == frozenset()
    board.apply(hold(2.0, one=("a/2",), two=("b/1",)))
    assert board.surfaces_under("h", "one") == {"a/1", "a/2"}
    assert board.held_surfaces() == {"a/1", "a/2", "b/1"}
    assert board.surfaces_under("no such hold", "one") == frozenset()
