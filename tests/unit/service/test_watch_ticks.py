"""Does a tick of the drift watch ask for one look at a surface that rests, and for nothing anywhere else?"""

from collections.abc import Callable

from bot.domain.outcome import Outcome
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
NAME = "billing/api"
KEY = f"memory:{NAME}"


async def test_a_tick_during_a_look_begins_no_other(make_rig: Make) -> None:
    """A surface that answers more slowly than the watch ticks would never be looked at to the end."""
    rig = make_rig(surface(NAME))
    await rig.stop()
    await rig.settled()
    world = rig.world(NAME)
    world.faults.slow = 0.5
    world.calls.clear()
    for _ in range(4):
        rig.dispatcher.check(KEY)
        await rig.clock.sleep(0.1)
    await rig.clock.sleep(2.0)
    assert world.calls.count("observe") == 1
    rig.dispatcher.check(KEY)
    await rig.clock.sleep(2.0)
    assert world.calls.count("observe") == 2


async def test_a_tick_during_a_cut_asks_for_nothing_more(make_rig: Make) -> None:
    """The cut reads the surface back by itself; once it is proven nobody has to look again."""
    rig = make_rig(surface(NAME))
    world = rig.world(NAME)
    world.faults.slow = 0.2
    await rig.stop()
    await rig.clock.sleep(0.1)
    rig.dispatcher.check(KEY)
    await rig.until(lambda: rig.lines()[NAME].outcome is Outcome.VERIFIED)
    await rig.clock.sleep(3.0)
    assert world.calls.count("observe") == 1
