"""What if the machine's clock is set back while something is held?"""

from collections.abc import Callable

from bot.domain.outcome import Outcome
from tests.unit.service.rig import LoopClock, Rig, surface

Make = Callable[..., Rig]
NAME = "billing/api"


class _SetBack(LoopClock):
    """A wall clock that somebody moves; durations are not touched."""

    offset = 0.0

    def now(self) -> float:
        """Unix time, moved."""
        return super().now() + self.offset


def _rig(make_rig: Make) -> tuple[Rig, _SetBack]:
    rig = make_rig(surface(NAME))
    clock = _SetBack()
    rig.clock = clock
    rig.dispatcher._clock = rig.stops._clock = rig.watch._clock = clock  # the rig builds them at once
    return rig, clock


async def test_a_drift_after_the_clock_was_set_back_is_said(make_rig: Make) -> None:
    """P3: an hour back, a surface that came loose is not shown as verified by the proof from before."""
    rig, clock = _rig(make_rig)
    await rig.stop()
    await rig.settled()

    clock.offset = -3600.0
    rig.world(NAME).loosen()
    rig.world(NAME).faults.half_apply = True
    rig.world(NAME).login()
    for _ in range(7):
        await rig.clock.sleep(1.0)
        await rig.watch.tick()

    assert rig.lines()[NAME].outcome is not Outcome.VERIFIED


async def test_a_stop_after_the_clock_was_set_back_is_pending_until_proven(make_rig: Make) -> None:
    """P3: an hour back, a further stop is not green by an earlier proof, and becomes green by its own."""
    rig, clock = _rig(make_rig)
    await rig.stop()
    await rig.settled()

    clock.offset = -3600.0
    await rig.stop()
    pending = rig.lines()[NAME].outcome
    lines = await rig.settled(within=2.0)

    assert pending is Outcome.PENDING
    assert lines[NAME].outcome is Outcome.VERIFIED
