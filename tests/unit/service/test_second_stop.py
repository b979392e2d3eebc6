"""Does a second stop get a proof of its own?"""

from collections.abc import Callable

from adapters.base import Mode
from bot.domain import events
from bot.domain.outcome import Outcome
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
NAME = "billing/api"
KEY = f"memory:{NAME}"


async def test_a_proof_from_before_a_lift_proves_nothing(make_rig: Make) -> None:
    """P3: stop, prove, lift, stop again: the second stop is pending until it was read back anew."""
    rig = make_rig(surface(NAME))
    first = await rig.stop()
    await rig.settled()
    rig.recorder.record(events.PairsLifted(at=rig.clock.now(), ballot="b", pairs=((first.hold, KEY),)))
    rig.world(NAME).loosen()
    await rig.clock.sleep(1.0)

    rig.world(NAME).faults.hang = True
    await rig.stop()
    before = rig.lines()[NAME].outcome
    rig.world(NAME).faults.hang = False
    lines = await rig.settled()

    assert before is Outcome.PENDING
    assert lines[NAME].outcome is Outcome.VERIFIED


async def test_a_second_stop_of_a_held_surface_is_read_back_again(make_rig: Make) -> None:
    """A surface that rests is looked at for the second stop, without being cut again."""
    rig = make_rig(surface(NAME))
    await rig.stop()
    await rig.settled()
    rig.world(NAME).calls.clear()

    await rig.stop()
    pending = rig.lines()[NAME].outcome
    lines = await rig.settled(within=2.0)

    assert pending is Outcome.PENDING
    assert lines[NAME].outcome is Outcome.VERIFIED
    assert rig.world(NAME).calls == ["observe"]


async def test_a_second_stop_does_not_wait_for_the_backoff(make_rig: Make) -> None:
    """A stop that is typed again tries a failing surface at once."""
    rig = make_rig(surface(NAME, deadline=1.0))
    rig.world(NAME).faults.refuse = True
    await rig.stop()
    await rig.settled()
    rig.world(NAME).faults.refuse = False

    await rig.stop()

    await rig.until(lambda: rig.lines()[NAME].outcome is Outcome.VERIFIED, within=1.0)


async def test_a_lift_alone_never_loosens_a_surface(make_rig: Make) -> None:
    """With the stricter of two holds lifted the surface stays as it is: only a restore step may loosen it."""
    rig = make_rig(surface(NAME))
    strict = await rig.stop(Mode.FULL_STOP)
    await rig.stop(Mode.READ_ONLY)
    await rig.settled()
    rig.world(NAME).calls.clear()

    rig.recorder.record(events.PairsLifted(at=rig.clock.now(), ballot="b", pairs=((strict.hold, KEY),)))
    rig.dispatcher.wake([KEY])
    await rig.clock.sleep(5.0)

    assert rig.world(NAME).mode() is Mode.FULL_STOP
    assert "restrict" not in rig.world(NAME).calls
    assert rig.board.proofs[KEY].asked is Mode.READ_ONLY


async def test_a_reload_gives_a_lane_its_new_adapter(make_rig: Make) -> None:
    """What is held goes on being served with the credentials of the new configuration."""
    rig = make_rig(surface(NAME, deadline=1.0))
    rig.world(NAME).faults.hang = True
    await rig.stop()
    await rig.until(lambda: rig.lines()[NAME].late)

    other = make_rig(surface(NAME, deadline=1.0))
    rig.inventory = other.inventory
    rig.dispatcher.retarget()

    await rig.until(lambda: rig.lines()[NAME].outcome is Outcome.VERIFIED)
    assert other.world(NAME).mode() is Mode.FULL_STOP
