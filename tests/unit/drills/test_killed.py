"""A bot that is killed in the middle of a drill, at any step: is the surface given back, or held and reported?"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from adapters.base import Mode
from bot.domain import drill_events, events
from bot.domain.board import Board
from bot.domain.model import Drill
from bot.domain.plan import Scope
from bot.domain.practice import Run
from bot.service.put_back import put_back
from tests.unit.drills.drill_rig import ALICE, LEDGER, QUEUE, DrillRig, drill
from tests.unit.service.rig import surface

Make = Callable[..., DrillRig]
SURFACES = (surface(LEDGER), surface(QUEUE))
DRILL = drill(surfaces=(LEDGER, QUEUE), hold=0.5)


async def killed_after(make: Make, entries: int) -> tuple[DrillRig, bool]:
    """A process whose disk took so many entries and no more; says whether that was in the middle of the drill."""
    rig = make(*SURFACES, drills=[DRILL])
    await rig.watch.tick()  # as it did while nothing was held: what the surfaces were like is known
    rig.journal.delay = 0.01
    await rig.drills.run("weekly", by=ALICE)
    await rig.until(lambda: len(rig.journal.written) >= entries or not rig.drills._running)
    rig.journal.broken = True
    return rig, bool(rig.drills._running)


@pytest.mark.parametrize("entries", range(1, 16))
async def test_after_a_restart_everything_is_given_back_or_held_and_told(make_drills: Make, entries: int) -> None:
    """Whatever the disk had: never a surface that is cut and that nothing holds, nor one held without a word."""
    rig, _ = await killed_after(make_drills, entries)
    again = await rig.restarted(*SURFACES, drills=[DRILL])
    for _ in range(60):
        await again.drills.tick()
        await again.watch.tick()
        await again.clock.sleep(1.0)
    for run in again.board.practice.runs.values():
        assert run.ended is not None, run
        told = set(run.left.surfaces) if run.left else set()
        for name in (LEDGER, QUEUE):
            held = again.board.effective(again.inventory.key_of(name) or "") > Mode.NORMAL
            assert held == (name in told)
            assert (again.mode(name) > Mode.NORMAL) == held, (name, run)
    for name in (LEDGER, QUEUE):
        assert again.mode(name) is Mode.NORMAL  # nothing stood in the way, so that all of it came back
    await again.aclose()


async def after(rig: DrillRig, entries: int) -> DrillRig:
    """The next process, of whose journal the disk took so many entries; what the world suffered is over."""
    written = (await rig.written())[:entries]
    await rig.drills.aclose()
    await rig.dispatcher.aclose()
    rig.journal.written[:] = written
    return await rig.restarted(*SURFACES, drills=[DRILL])


async def test_an_incident_that_was_not_closed_yet_is_closed(make_drills: Make) -> None:
    """Nobody is reminded of a drill that is over; one that left something held stays open for its vote."""
    for refusing in (False, True):
        rig = make_drills(*SURFACES, drills=[DRILL])
        await rig.watch.tick()
        run = await rig.drills.run("weekly", ALICE)
        await rig.until(lambda run=run: run.measured is not None)  # type: ignore[misc]  # bound at once
        rig.world(LEDGER).faults.refuse = refusing
        await rig.ended(run)
        rig.world(LEDGER).faults.refuse = False
        written = await rig.written()
        again = await after(rig, 1 + next(place for place, it in enumerate(written) if it.type == "drill_ended"))
        await over(again)
        (incident,) = (it for it in again.board.incidents.values() if it.holds)
        assert (incident.closed is None) == refusing
        assert again.board.held_surfaces() == ({LEDGER} if refusing else set())
        await again.aclose()


async def test_what_was_told_as_held_stays_held(make_drills: Make) -> None:
    """A restart between the word and the end of the run gives nothing back that people think is held."""
    rig = make_drills(*SURFACES, drills=[DRILL])
    await rig.watch.tick()
    run = await rig.drills.run("weekly", ALICE)
    await rig.until(lambda: run.measured is not None)
    rig.world(LEDGER).faults.refuse = True
    await rig.ended(run)
    rig.world(LEDGER).faults.refuse = False
    written = await rig.written()
    again = await after(rig, 1 + next(place for place, it in enumerate(written) if it.type == "drill_left_held"))
    left = await over(again)
    assert left.left is not None
    assert left.left.surfaces == (LEDGER,)
    assert left.ended is not None
    assert left.ended.why.startswith(left.left.why)
    assert again.board.held_surfaces() == {LEDGER}
    assert again.mode(LEDGER) is Mode.FULL_STOP
    assert [event.type for event in await again.written()].count("drill_left_held") == 0
    await again.aclose()


async def cut_unrecorded(make: Make, *surfaces: str) -> DrillRig:
    """A process that cut, and whose disk never took the hold, nor what was found."""
    rig = make(*SURFACES, drills=[drill(surfaces=surfaces or (LEDGER,))])
    await rig.watch.tick()
    append = rig.journal.append
    never = asyncio.get_running_loop().create_future()

    def drills_alone(event: events.AnyEvent) -> Awaitable[bool]:
        return append(event) if event.type.startswith("drill_") else asyncio.shield(never)

    rig.journal.append = drills_alone  # type: ignore[method-assign]  # what the disk takes
    await rig.drills.run("weekly", by=ALICE)
    await rig.until(lambda: rig.mode() is Mode.FULL_STOP)
    rig.journal.append = append  # type: ignore[method-assign]
    return rig


async def over(rig: DrillRig) -> Run:
    """The only run, after a minute."""
    for _ in range(60):
        await rig.drills.tick()
        await rig.watch.tick()
        await rig.clock.sleep(1.0)
    (run,) = rig.board.practice.runs.values()
    assert run.ended is not None
    return run


@pytest.mark.parametrize("drills", [[drill()], [drill(id="another")], [drill(surfaces=(QUEUE,), mode=Mode.READ_ONLY)]])
async def test_what_was_cut_without_its_hold_is_given_back_whatever_became_of_the_drill(
    make_drills: Make, drills: list[Drill]
) -> None:
    """By the plan in the journal: a drill that was taken out or changed since cuts nothing else, and leaves nothing."""
    rig = await cut_unrecorded(make_drills)
    again = await rig.restarted(*SURFACES, drills=drills)
    run = await over(again)
    assert run.ended is not None
    assert (run.ended.how, run.ended.card.mode, run.left) == ("failed", Mode.FULL_STOP, None)
    assert (again.mode(LEDGER), again.mode(QUEUE)) == (Mode.NORMAL, Mode.NORMAL)
    assert "restrict" not in again.world(QUEUE).calls
    assert not again.board.held_surfaces()
    await again.aclose()


async def test_what_cannot_be_seen_after_the_restart_stays_held_and_is_told(make_drills: Make) -> None:
    """Nobody knows whether it was cut: that is no reason to forget it."""
    rig = await cut_unrecorded(make_drills)
    rig.world(LEDGER).faults.unreachable = True
    again = await rig.restarted(*SURFACES, drills=[drill()])
    run = await over(again)
    assert run.left is not None
    assert run.left.surfaces == (LEDGER,)
    assert again.board.held_surfaces() == {LEDGER}
    rig.world(LEDGER).faults.unreachable = False
    await again.aclose()


async def test_what_left_the_configuration_before_it_could_be_seen_is_told(make_drills: Make) -> None:
    """Nothing can look there any more, nor give it back."""
    rig = await cut_unrecorded(make_drills)
    again = await rig.restarted(surface(QUEUE), drills=[drill(surfaces=(QUEUE,))])
    run = await over(again)
    assert run.ended is not None
    assert f"{LEDGER} may be cut still, and the configuration has no such target any more" in run.ended.why
    await again.aclose()


async def test_a_stop_that_came_meanwhile_keeps_its_own_and_the_rest_is_held_and_told(make_drills: Make) -> None:
    """The release is void: what the drill cut beside it is not forgotten."""
    rig = await cut_unrecorded(make_drills, LEDGER, QUEUE)
    await rig.until(lambda: rig.mode(QUEUE) is Mode.FULL_STOP)
    await rig.stop(scope=Scope(surfaces=frozenset({LEDGER})))
    again = await rig.restarted(*SURFACES, drills=[drill(surfaces=(LEDGER, QUEUE))])
    run = await over(again)
    assert run.left is not None
    assert (run.left.surfaces, run.released) == ((QUEUE,), [])
    assert (again.mode(LEDGER), again.mode(QUEUE)) == (Mode.FULL_STOP, Mode.FULL_STOP)
    assert again.board.held_surfaces() == {LEDGER, QUEUE}
    await again.aclose()


async def test_a_release_that_was_begun_is_held_again_before_anything_else(make_drills: Make) -> None:
    """The first thing after a restart is a hold of the run's own; its release goes on from there."""
    rig = make_drills(*SURFACES, drills=[DRILL])
    run = await rig.run()
    released = next(place for place, it in enumerate(await rig.written()) if it.type == "drill_released")
    known = Board()
    for event in rig.journal.written[: released + 1]:
        known.apply(event)
    (hold,) = put_back(known, rig.clock.now())
    assert hold.type == "hold_added"
    assert (hold.origin, hold.parent, hold.mode) == ("drill", run.id, Mode.FULL_STOP)
    assert {target.key for target in hold.targets} == {rig.inventory.key_of(LEDGER), rig.inventory.key_of(QUEUE)}


async def test_a_release_that_is_interrupted_twice_is_held_again_both_times(make_drills: Make) -> None:
    """The id of each such hold is a new one: what was tombstoned once never binds again."""
    rig = make_drills(*SURFACES, drills=[DRILL])
    await rig.run()
    written = await rig.written()
    end = next(place for place, it in enumerate(written) if it.type == "drill_released")
    known = Board()
    for event in written[: end + 1]:
        known.apply(event)
    first = [event for event in put_back(known, rig.clock.now()) if isinstance(event, events.HoldAdded)]
    for hold in first:
        known.apply(hold)
    (run,) = known.practice.runs.values()
    pairs = tuple((hold.hold, target.key) for hold in first for target in hold.targets)
    again = drill_events.DrillReleased(at=rig.clock.now() + 1, run=run.id, pairs=pairs)
    known.apply(again)
    assert all(known.effective(key) is Mode.NORMAL for key in run.targets())
    (second,) = put_back(known, rig.clock.now() + 2)
    known.apply(second)
    assert all(known.effective(key) is Mode.FULL_STOP for key in run.targets())
