"""Are undo records gathered without a loosening ever coming before what it needs to be undone?"""

from collections.abc import Callable

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
NAMES = [f"billing/s{number}" for number in range(40)]


def _kept(journal: list[events.AnyEvent]) -> set[str]:
    """The targets whose undo record is in the journal."""
    return {target for event in journal if isinstance(event, events.UndosRecorded) for target, _ in event.records}


async def test_many_cuts_take_few_lines(make_rig: Make) -> None:
    """Every target's record is in the journal and on the board, in far fewer lines than targets."""
    rig = make_rig(*map(surface, NAMES))
    await rig.stop(Mode.FULL_STOP)
    await rig.settled()
    await rig.until(lambda: _kept(rig.journal.written) == set(rig.inventory.targets))
    lines = [event for event in rig.journal.written if isinstance(event, events.UndosRecorded)]
    assert len(lines) <= 4
    reborn = Board()
    for event in rig.journal.written:
        reborn.apply(event)
    assert reborn.undo == rig.board.undo
    assert set(reborn.undo) == set(rig.inventory.targets)


async def test_an_end_in_the_middle_loses_no_record_of_a_cut_that_was_answered(make_rig: Make) -> None:
    """What is gathered is journaled by the end at the latest."""
    rig = make_rig(*map(surface, NAMES))
    await rig.stop(Mode.FULL_STOP)
    await rig.until(lambda: any(rig.world(name).rights["login"] == "off" for name in NAMES))
    await rig.aclose()
    cut = {key for key, target in rig.inventory.targets.items() if target.seen is not None}
    assert cut
    assert cut <= _kept(rig.journal.written)


async def test_what_was_gathered_is_journaled_before_a_surface_is_reopened(make_rig: Make) -> None:
    """A reduced mode is reopened only after the record of what the cut replaced was given to the journal."""
    rig = make_rig(surface(NAMES[0]))
    rig.journal.delay = 0.2
    (key,) = rig.inventory.targets
    await rig.stop(Mode.READ_ONLY)
    await rig.until(lambda: bool(rig.journal.written))
    await rig.settled()
    await rig.until(lambda: any(event.type == "outcomes" for event in rig.journal.written))
    given = [event.type for event in rig.journal.written]
    assert given.index("undo_recorded") < given.index("outcomes"), given
    assert rig.board.undo[key]
