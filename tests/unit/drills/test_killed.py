"""A bot that is killed in the middle of a drill, at any step: is the surface given back, or held and reported?"""

from collections.abc import Callable

import pytest

from adapters.base import Mode
from bot.domain import drill_events, events
from bot.domain.board import Board
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
