"""Can what a stop took be given back, though the bot died before it recorded what that was?"""

from collections.abc import Callable

import pytest

from adapters.base import Mode
from bot.domain.board import Board
from tests.unit.service.restore_rig import RestoreRig
from tests.unit.service.rig import surface

Make = Callable[..., RestoreRig]
KEY = "memory:billing/api"


async def _crashed(rig: RestoreRig, *, looked: bool) -> Board:
    """The board of the journal that a bot leaves which dies right after its cut."""
    if looked:
        await rig.watch.tick()
    await rig.stop()
    await rig.until(lambda: rig.world("billing/api").mode() is Mode.FULL_STOP)
    board = Board()
    for event in rig.journal.written:
        if event.type in {"baselines_taken", "hold_added"}:
            board.apply(event)
    await rig.dispatcher.aclose()
    return board


async def test_the_baseline_stands_in_for_the_record(make_restore: Make) -> None:
    """After the restart the cut replaces nothing any more: what was there before is known from the last sweep."""
    first = make_restore(surface("billing/api"))
    before = dict(first.world("billing/api").rights)
    board = await _crashed(first, looked=True)
    again = make_restore(surface("billing/api"), board=board, shared=first.shared)
    again.stops.carry_on([KEY])
    await again.settled()
    ballot = await again.open()
    again.box.react("+1", "U1", "U2")

    assert await again.ended(ballot) == "completed", ballot.ended
    assert again.world("billing/api").rights == before


async def test_without_any_baseline_nothing_is_made_up(make_restore: Make) -> None:
    """A target that was never seen before its cut: its restore ends, and says what a person must look at."""
    first = make_restore(surface("billing/api"))
    board = await _crashed(first, looked=False)
    again = make_restore(surface("billing/api"), board=board, shared=first.shared)
    again.stops.carry_on([KEY])
    await again.settled()
    ballot = await again.open()
    again.box.react("+1", "U1", "U2")
    await again.ended(ballot)

    assert again.world("billing/api").rights["login"] == "off"


@pytest.mark.parametrize("change", ["none", "right"])
async def test_a_baseline_is_written_when_it_changes(make_restore: Make, change: str) -> None:
    """One line at the first sweep, none while nothing changes, one when somebody changes a right; never of a cut."""
    rig = make_restore(surface("billing/api"))
    await rig.watch.tick()
    if change == "right":
        rig.world("billing/api").rights["extra"] = "on"
    for _ in range(3):
        await rig.clock.sleep(31.0)
        await rig.watch.tick()
    await rig.held()
    for _ in range(3):
        await rig.clock.sleep(31.0)
        await rig.watch.tick()

    taken = [event for event in rig.journal.written if event.type == "baselines_taken"]
    assert len(taken) == (2 if change == "right" else 1)
