"""Does anything of ours that hangs ever hold up a stop, or its proof?"""

import asyncio
from collections.abc import Callable

from adapters.base import Change, Cut, Gate, Mode, Observation
from adapters.memory import Memory
from bot.domain.outcome import Outcome
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
NAME = "billing/api"
KEY = f"memory:{NAME}"
FOREVER = 1e6


class _Blind(Memory):
    """Its looks can be made to hang while its cuts work."""

    blind = False

    async def observe(self) -> Observation:
        """As its parent, unless it is blind."""
        if self.blind:
            self.world.calls.append("observe")
            await asyncio.sleep(FOREVER)
        return await super().observe()


class _HangsReopened(Memory):
    """Its read_only cut reopens and then never answers, until it is cancelled."""

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:
        """As its parent, without an answer for a reduced mode."""
        cut = await super().restrict(mode=mode, token=token, drain=drain, undo=undo, gate=gate)
        if mode is not Mode.FULL_STOP:
            await asyncio.sleep(FOREVER)
        return cut


def _adapter(rig: Rig, kind: type[Memory]) -> Memory:
    adapter = rig.inventory.targets[KEY].adapter
    adapter.__class__ = kind
    assert isinstance(adapter, Memory)
    return adapter


async def test_a_stricter_stop_does_not_wait_for_a_look_that_hangs(make_rig: Make) -> None:
    """P1: a drift look that gets no answer delays no stop."""
    rig = make_rig(surface(NAME, deadline=30.0))
    adapter = _adapter(rig, _Blind)
    await rig.stop(Mode.READ_ONLY)
    await rig.settled()
    adapter.blind = True  # type: ignore[attr-defined]  # of the class it was given
    rig.dispatcher.check(KEY)
    await rig.clock.sleep(1.0)

    await rig.stop(Mode.FULL_STOP)

    await rig.until(lambda: rig.world(NAME).mode() is Mode.FULL_STOP, within=1.0)


async def test_a_second_stop_is_looked_at_though_an_earlier_look_hangs(make_rig: Make) -> None:
    """I2: a stop of what is held already is read back at once, beside a look that gets no answer."""
    rig = make_rig(surface(NAME, deadline=30.0))
    adapter = _adapter(rig, _Blind)
    await rig.stop()
    await rig.settled()
    adapter.blind = True  # type: ignore[attr-defined]  # as above
    rig.dispatcher.check(KEY)
    await rig.clock.sleep(1.0)
    adapter.blind = False  # type: ignore[attr-defined]  # as above

    await rig.stop()

    await rig.until(lambda: rig.lines()[NAME].outcome is Outcome.VERIFIED, within=1.0)


async def test_a_looser_call_that_never_ends_is_ended(make_rig: Make) -> None:
    """A reopening that gets no answer is given up after its budget, so that the stricter cut can be proven."""
    rig = make_rig(surface(NAME, deadline=2.0))
    _adapter(rig, _HangsReopened)
    await rig.stop(Mode.READ_ONLY)
    await rig.until(lambda: rig.world(NAME).mode() is Mode.READ_ONLY)

    await rig.stop(Mode.FULL_STOP)

    await rig.until(lambda: rig.lines()[NAME].outcome is Outcome.VERIFIED, within=30.0)
    assert rig.world(NAME).mode() is Mode.FULL_STOP


async def test_a_door_that_goes_away_stops_no_stop(make_rig: Make) -> None:
    """P2: a caller that hangs up while the disk writes has asked: what is recorded is carried out."""
    rig = make_rig(surface(NAME))
    rig.journal.delay = 0.04
    door = asyncio.ensure_future(rig.stop())
    await rig.clock.sleep(0.01)

    door.cancel()

    await rig.until(lambda: rig.world(NAME).mode() is Mode.FULL_STOP, within=1.0)


async def test_a_stop_during_a_failing_cut_waits_for_no_backoff(make_rig: Make) -> None:
    """I2: a stop that is asked while an earlier cut is under way is tried at once when that one fails."""
    rig = make_rig(surface(NAME, deadline=30.0))
    world = rig.world(NAME)
    world.faults.unreachable = True
    await rig.stop()
    await rig.clock.sleep(12.0)
    world.faults.slow = 20.0
    await rig.until(lambda: world.calls[-1] == "restrict")
    await rig.until(lambda: len(world.calls) > 6, within=120.0)
    before = len(world.calls)
    await rig.stop()
    world.faults.slow, world.faults.unreachable = 0.0, False

    await rig.until(lambda: len(world.calls) > before, within=20.1)


async def test_closing_ends_the_calls_under_way(make_rig: Make) -> None:
    """A process that ends leaves no cut running behind its back."""
    rig = make_rig(surface(NAME, deadline=30.0))
    rig.world(NAME).faults.hang = True
    await rig.stop()
    await rig.clock.sleep(1.0)

    await rig.aclose()

    assert not [task for task in asyncio.all_tasks() if task.get_name() == f"cut {KEY}"]
