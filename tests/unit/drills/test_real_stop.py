"""A real stop during any step of a drill: does it win, and does the drill's release never loosen it?"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import Mode, SurfaceClass
from bot.domain import events
from bot.domain.plan import Scope
from tests.unit.drills.drill_rig import ALICE, LEDGER, QUEUE, DrillRig, drill
from tests.unit.service.rig import surface
from tests.unit.service.virtual_time import VirtualLoop

Make = Callable[..., DrillRig]
CUTS = [mode for mode in Mode if mode > Mode.NORMAL]
SURFACES = (LEDGER, QUEUE)


async def _played(entry: int, delay: float, stop: Mode, rehearsed: Mode, name: str) -> None:
    """A drill of two surfaces, and a stop of one of them that comes `delay` seconds after so many journal entries."""
    rig = DrillRig(*map(surface, SURFACES), drills=[drill(surfaces=SURFACES, mode=rehearsed, hold=0.1)])
    rig.journal.delay, seen, stopping = 0.01, [0], list[asyncio.Task[object]]()
    append, ended, scope = rig.journal.append, list[bool](), Scope(surfaces=frozenset({name}))

    async def comes() -> None:
        await asyncio.sleep(delay)
        await rig.stop(stop, scope=scope)

    def appended(event: events.AnyEvent) -> Awaitable[bool]:
        seen[0] += 1
        if seen[0] == entry and not ended:
            stopping.append(asyncio.ensure_future(comes()))
        return append(event)

    rig.journal.append = appended  # type: ignore[method-assign]  # the moment of the stop
    run = await rig.drills.run("weekly", ALICE)
    await rig.ended(run)
    ended.append(True)
    await asyncio.gather(*(stopping or [asyncio.ensure_future(comes())]))
    key = rig.inventory.key_of(name) or ""
    await rig.until(lambda: rig.board.is_proven(key) and rig.board.proofs[key].asked >= stop)
    await rig.until(lambda: rig.board.proofs[key].outcome == "verified")
    for _ in range(100):
        assert rig.board.effective(key) >= stop
        assert rig.mode(name) >= stop
        await asyncio.sleep(0.01)
    (real,) = [it.hold for it in rig.board.hold_events.values() if it.origin == "slack"]
    assert real in rig.board.holds.live(key)
    lifted = {pair for released in run.released for pair in released.pairs}
    assert real not in {hold for hold, _ in lifted}
    assert run.ended is not None
    if run.ended.how != "passed":
        told = set(run.left.surfaces) if run.left else set()
        other = next(it for it in SURFACES if it != name)
        held = rig.board.effective(rig.inventory.key_of(other) or "") > Mode.NORMAL
        assert held == (other in told)  # the drill's own rest is given back, or named
    await rig.aclose()


@settings(deadline=None, max_examples=60)
@given(
    entry=st.integers(1, 14),
    delay=st.sampled_from([0.0, 0.005, 0.011, 0.02, 0.04]),
    stop=st.sampled_from(CUTS),
    rehearsed=st.sampled_from(CUTS),
    name=st.sampled_from(SURFACES),
)
def test_a_stop_at_any_moment_wins(entry: int, delay: float, stop: Mode, rehearsed: Mode, name: str) -> None:
    """Whatever is journaled, cut, measured or released at that moment."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_played(entry, delay, stop, rehearsed, name))


async def test_a_stop_ends_the_drill_and_everything_stays_held(make_drills: Make) -> None:
    """The end says whose stop it was; nothing is released, and a vote gives it back."""
    rig = make_drills(surface(LEDGER), drills=[drill(hold=20.0)])
    run = await rig.drills.run("weekly", ALICE)
    await rig.clock.sleep(5.0)
    await rig.stop(Mode.READ_ONLY)
    before = rig.clock.now()
    await rig.ended(run)
    assert rig.clock.now() - before < 1.0
    assert run.ended is not None
    assert (run.ended.how, run.released) == ("void", [])
    assert "a real stop by <@U0ONCALL> came, and it wins" in run.ended.why
    assert run.left is not None
    assert run.left.surfaces == (LEDGER,)
    assert rig.mode() is Mode.FULL_STOP


async def test_a_stop_that_was_lifted_meanwhile_makes_the_release_void_all_the_same(make_drills: Make) -> None:
    """Somebody decided about this surface since; no drill decides after them."""
    rig = make_drills(surface(LEDGER), drills=[drill(hold=20.0)])
    run = await rig.drills.run("weekly", ALICE)
    await rig.clock.sleep(5.0)
    key = rig.inventory.key_of(LEDGER) or ""
    real = events.HoldAdded(
        at=rig.clock.now(),
        hold="elsewhere",
        incident="i",
        mode=Mode.READ_ONLY,
        by=events.Person(kind="cli", id="root"),
        targets=(events.HeldTarget(key=key, surfaces=(LEDGER,), round_to=Mode.READ_ONLY),),
    )
    rig.recorder.record(real)
    rig.recorder.record(events.PairsLifted(at=rig.clock.now(), ballot="b", pairs=(("elsewhere", key),)))
    await rig.ended(run)
    assert run.ended is not None
    assert run.ended.how == "void"
    assert rig.board.effective(key) is Mode.FULL_STOP


async def test_a_stop_elsewhere_is_no_business_of_the_drill(make_drills: Make) -> None:
    """Only what touches its targets ends it."""
    rig = make_drills(surface(LEDGER), surface(QUEUE), drills=[drill(hold=5.0)])
    run = await rig.drills.run("weekly", ALICE)
    await rig.clock.sleep(1.0)
    await rig.stop(scope=Scope(surfaces=frozenset({QUEUE})))
    await rig.ended(run)
    assert run.ended is not None
    assert run.ended.how == "passed"
    assert (rig.mode(LEDGER), rig.mode(QUEUE)) == (Mode.NORMAL, Mode.FULL_STOP)


async def test_a_real_stop_is_never_taken_for_the_drills_own_hold(make_drills: Make) -> None:
    """Whatever another writer says of it later: that it is a drill's, or older than it is."""
    rig = make_drills(surface(LEDGER), drills=[drill(hold=5.0)])
    run = await rig.drills.run("weekly", ALICE)
    await rig.clock.sleep(1.0)
    receipt = await rig.stop()
    real = rig.board.hold_events[receipt.hold]
    rig.board.apply(real.model_copy(update={"at": 1.0, "origin": "drill", "parent": run.id}))
    await rig.ended(run)
    assert run.ended is not None
    assert (run.ended.how, run.released) == ("void", [])
    assert rig.mode() is Mode.FULL_STOP


@pytest.mark.parametrize(
    "scope",
    [
        Scope(everything=True),
        Scope(agents=frozenset({"billing"})),
        Scope(classes=frozenset({SurfaceClass.API})),
        Scope(surfaces=frozenset({"sales/ledger"})),
    ],
)
@pytest.mark.parametrize("mode", [Mode.APPROVAL_GATED, Mode.FULL_STOP])
async def test_a_stop_that_names_the_target_otherwise_wins_too(make_drills: Make, scope: Scope, mode: Mode) -> None:
    """A wider one, one of the agent or a class, one of another agent's surface with the same target; a looser one."""
    rig = make_drills(surface(LEDGER), surface("sales/ledger", world=LEDGER), drills=[drill(hold=5.0)])
    run = await rig.drills.run("weekly", ALICE)
    await rig.clock.sleep(1.0)
    await rig.stop(mode, scope=scope)
    await rig.ended(run)
    assert run.ended is not None
    assert (run.ended.how, run.released) == ("void", [])
    assert run.left is not None
    assert LEDGER in run.left.surfaces
    assert rig.mode() is Mode.FULL_STOP


async def test_no_fault_is_injected_while_a_real_incident_is_open(make_drills: Make) -> None:
    """Its reports and its votes need Slack and the database; the drill goes on without, and says so."""
    rig = make_drills(surface(LEDGER), surface(QUEUE), drills=[drill(faults=("slack", "ledger", "hung"))])
    receipt = await rig.stop(scope=Scope(surfaces=frozenset({QUEUE})))
    run = await rig.drills.run("weekly", ALICE)
    while run.ended is None:
        assert not rig.faults.active
        await asyncio.sleep(0.01)
    assert (run.ended.how, run.ended.card.faults) == ("passed", ())
    assert run.ended.card.remarks == ("no fault was injected, since a real incident is open",)
    rig.recorder.record(events.IncidentClosed(at=rig.clock.now(), incident=receipt.incident, by=ALICE))
    again = await rig.run()
    assert again.ended is not None
    assert len(again.ended.card.faults) == 3


@pytest.mark.parametrize("fault", ["slack", "ledger"])
async def test_a_stop_elsewhere_ends_every_injected_fault_too(make_drills: Make, fault: str) -> None:
    """It has to be told and kept; the drill goes on, and claims nothing of a fault that did not last."""
    rig = make_drills(surface(LEDGER, deadline=20.0), surface(QUEUE), drills=[drill(faults=(fault,))])
    rig.world(LEDGER).faults.slow = 3.0
    rig.reporter.wake = rig.drills.wake  # type: ignore[method-assign]  # as the bot is composed
    run = await rig.drills.run("weekly", ALICE)
    await rig.until(lambda: rig.faults.active)
    await rig.clock.sleep(1.0)
    assert rig.faults.active
    await rig.stop(scope=Scope(surfaces=frozenset({QUEUE})))
    assert not rig.faults.active
    await rig.ended(run)
    assert run.ended is not None
    assert (run.ended.how, run.ended.card.faults) == ("passed", ())
    assert run.ended.card.remarks == (f"the injected {fault} ended early, for a real incident, and proves nothing",)
    rig.world(LEDGER).faults.slow = 0.0
    (real,) = (it.id for it in rig.board.incidents.values() if not it.drill)
    rig.recorder.record(events.IncidentClosed(at=rig.clock.now(), incident=real, by=ALICE))
    again = await rig.run()
    assert again.ended is not None
    assert [(it.fault, it.survived) for it in again.ended.card.faults] == [(fault, True)]


@pytest.mark.parametrize("fault", ["slack", "ledger", "hung"])
async def test_a_stop_ends_every_injected_fault_before_its_first_cut(make_drills: Make, fault: str) -> None:
    """In the same turn as the stop; the surface that hung is cut at once."""
    rig = make_drills(surface(LEDGER, deadline=20.0), drills=[drill(faults=(fault,), hold=0.0)])
    rig.world(LEDGER).faults.slow = 3.0
    rig.reporter.wake = rig.drills.wake  # type: ignore[method-assign]  # as the bot is composed
    run = await rig.drills.run("weekly", ALICE)
    await rig.until(lambda: rig.faults.active)
    await rig.clock.sleep(1.0)
    assert rig.faults.active
    await rig.stop()
    assert not rig.faults.active
    await rig.ended(run)
    await rig.until(lambda: rig.mode() is Mode.FULL_STOP, within=10.0)


async def test_faults_are_survived_and_scored(make_drills: Make) -> None:
    """One surface that hangs delays no other, and is cut in its time all the same; nothing is left behind."""
    faults = ("slack", "ledger", "hung")
    rig = make_drills(*map(surface, SURFACES), drills=[drill(surfaces=SURFACES, faults=faults)])
    run = await rig.run()
    assert run.ended is not None
    assert run.ended.how == "passed", run.ended.why
    card = run.ended.card
    assert [(it.fault, it.survived) for it in card.faults] == [(fault, True) for fault in faults]
    cut = {score.surface: score.cut_ms or 0.0 for score in card.surfaces}
    assert cut[LEDGER] < 500
    assert 2000 < cut[QUEUE] < 5000
    assert not rig.faults.active
    assert all("restrict" not in vars(target.adapter) for target in rig.inventory.targets.values())
