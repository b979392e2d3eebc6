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


@pytest.mark.parametrize("cut", ["here", "before a restart, recorded", "here, after a restart's was given back"])
async def test_a_baseline_explains_no_change_of_a_cut_that_was_recorded(make_restore: Make, cut: str) -> None:
    """What a person took away between the last sweep and the stop is theirs, and is not given back with ours."""
    rig = make_restore(surface("billing/api"))
    rig.world("billing/api").rights["extra"] = "on"
    await rig.watch.tick()
    if cut == "here, after a restart's was given back":
        rig = await _given_back(rig, make_restore)
    rig.world("billing/api").rights["extra"] = "off"
    await rig.stop()
    await rig.until(lambda: rig.board.is_proven(KEY))
    if cut == "before a restart, recorded":
        rig = await _restarted(rig, make_restore)
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")

    assert await rig.ended(ballot) == "completed", ballot.ended
    rights = rig.world("billing/api").rights
    assert rights == {**dict.fromkeys(rights, "on"), "extra": "off"}


async def _restarted(rig: RestoreRig, make: Make) -> RestoreRig:
    """The next process, with the whole journal; it takes up what is held."""
    await rig.dispatcher.aclose()
    board = Board()
    for event in rig.journal.written:
        board.apply(event)
    again = make(surface("billing/api"), board=board, shared=rig.shared)
    again.stops.carry_on([KEY])
    await again.settled()
    return again


async def _given_back(rig: RestoreRig, make: Make) -> RestoreRig:
    """The process after a crash and a restore: the episode is over, and its lane has ended."""
    await rig.held()
    again = await _restarted(rig, make)
    ballot = await again.open()
    again.box.react("+1", "U1", "U2")
    assert await again.ended(ballot) == "completed", ballot.ended
    await again.until(lambda: again.dispatcher.lanes() == [])
    return again
