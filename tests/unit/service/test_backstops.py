"""When does a backstop trip, and what does it hold?"""

from collections.abc import Callable

from adapters.base import Mode
from bot.domain.outcome import Outcome
from bot.domain.plan import Scope
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
LEDGER = Scope(surfaces=frozenset({"billing/ledger"}))


async def test_a_late_surface_trips_its_backstop_once(make_rig: Make) -> None:
    """At the deadline the backstop is held by a hold of its own, at the asked mode, with its parent named."""
    rig = make_rig(surface("billing/ledger", deadline=2.0, backstop="billing/identity"), surface("billing/identity"))
    rig.world("billing/ledger").faults.hang = True

    receipt = await rig.stop(Mode.READ_ONLY, scope=LEDGER)
    await rig.until(lambda: rig.world("billing/identity").mode() is Mode.READ_ONLY)
    await rig.clock.sleep(60.0)

    (tripped,) = [hold for hold in rig.board.hold_events.values() if hold.origin == "backstop"]
    assert (receipt.hold, Mode.READ_ONLY, receipt.incident) == (tripped.parent, tripped.mode, tripped.incident)
    assert Outcome.VERIFIED is rig.lines()["billing/identity"].outcome


async def test_a_proven_surface_leaves_its_backstop_alone(make_rig: Make) -> None:
    """A cut that is proven in time trips nothing."""
    rig = make_rig(surface("billing/ledger", deadline=2.0, backstop="billing/identity"), surface("billing/identity"))

    await rig.stop(scope=LEDGER)
    await rig.settled()
    await rig.clock.sleep(10.0)

    assert Mode.NORMAL is rig.world("billing/identity").mode()


async def test_a_backstop_is_one_level_deep(make_rig: Make) -> None:
    """A backstop that is late itself trips no further one."""
    rig = make_rig(
        surface("billing/ledger", deadline=1.0, backstop="billing/identity"),
        surface("billing/identity", deadline=1.0, backstop="billing/network"),
        surface("billing/network"),
    )
    rig.world("billing/ledger").faults.hang = True
    rig.world("billing/identity").faults.hang = True

    await rig.stop(scope=LEDGER)
    await rig.settled()
    await rig.clock.sleep(30.0)

    assert Mode.NORMAL is rig.world("billing/network").mode()
