"""Is a restriction that no live hold explains found by two readings, journaled once, and taken off when it ends?"""

from collections.abc import Callable

from adapters.base import Mode
from adapters.memory import FACTS, OFF
from bot.domain import events
from bot.domain.drift import known_orphans
from bot.service.watch import CONFIRM, SNAPSHOT
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
NAME = "billing/api"


async def sweep(rig: Rig, seconds: float) -> None:
    """Ticks for so long, as the schedule does."""
    for _ in range(int(seconds) + 1):
        await rig.watch.tick()
        await rig.clock.sleep(1.0)


def told(rig: Rig) -> list[tuple[Mode, ...]]:
    """The modes of every journaled list of orphans."""
    return [
        tuple(it.mode for it in event.orphans) for event in rig.journal.written if isinstance(event, events.OrphansSeen)
    ]


async def test_it_is_told_once_after_two_readings_and_taken_off(make_rig: Make) -> None:
    """P3: one reading is not enough; what is believed is journaled once, and once more when it is gone."""
    rig = make_rig(surface(NAME))
    rig.world(NAME).rights[FACTS[Mode.FULL_STOP]] = OFF
    await rig.watch.tick()
    assert told(rig) == []

    await sweep(rig, CONFIRM)
    assert told(rig) == [(Mode.FULL_STOP,)]
    (orphan,) = known_orphans(rig.board)
    assert (orphan.target, orphan.marked) == (rig.inventory.key_of(NAME), False)
    await sweep(rig, 2 * SNAPSHOT)
    assert len(told(rig)) == 1

    rig.world(NAME).rights = dict.fromkeys(rig.world(NAME).rights, "on")
    await sweep(rig, SNAPSHOT)
    assert told(rig)[1:] == [()]
    assert known_orphans(rig.board) == ()


async def test_a_hold_explains_it_at_once(make_rig: Make) -> None:
    """What was an orphan is none from the moment of the stop, before any further sweep."""
    rig = make_rig(surface(NAME))
    rig.world(NAME).rights[FACTS[Mode.FULL_STOP]] = OFF
    await sweep(rig, CONFIRM)
    assert known_orphans(rig.board)

    await rig.stop()

    assert known_orphans(rig.board) == ()


async def test_what_a_stop_holds_is_never_one(make_rig: Make) -> None:
    """However long it is held, and while it is being cut."""
    rig = make_rig(surface(NAME))
    await rig.stop(Mode.READ_ONLY)
    await sweep(rig, 2 * SNAPSHOT)

    assert told(rig) == []
