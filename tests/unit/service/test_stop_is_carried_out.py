"""Is a stop carried out on every surface, and acknowledged in time?"""

import asyncio
from collections.abc import Callable

import pytest

from adapters.base import Mode
from bot.domain.model import Quarantined, Risk
from bot.domain.outcome import Outcome
from bot.domain.plan import Scope
from bot.service.stop import EmptyScope
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]


async def test_every_surface_in_scope_is_cut_and_proven(make_rig: Make) -> None:
    """A full stop of everything ends with every surface verified and its world stopped."""
    rig = make_rig(surface("billing/api"), surface("billing/db"), surface("support/api"))

    receipt = await rig.stop()
    lines = await rig.settled()

    assert receipt.recorded
    assert {Outcome.VERIFIED} == {line.outcome for line in lines.values()}
    assert {Mode.FULL_STOP} == {rig.world(name).mode() for name in lines}


async def test_only_the_scope_is_cut(make_rig: Make) -> None:
    """A stop of one agent leaves the other agent's surfaces alone."""
    rig = make_rig(surface("billing/api"), surface("support/api"))

    await rig.stop(scope=Scope(agents=frozenset({"billing"})))
    await rig.settled()

    assert Mode.NORMAL is rig.world("support/api").mode()


async def test_nothing_in_scope_is_an_error(make_rig: Make) -> None:
    """A scope that matches nothing is refused with a sentence, never answered as done."""
    rig = make_rig(surface("billing/api"))

    with pytest.raises(EmptyScope, match="nothing that is configured matches 'nobody'"):
        await rig.stop(scope=Scope(agents=frozenset({"nobody"})))

    assert not rig.board.hold_events


async def test_the_same_delivery_twice_is_one_hold(make_rig: Make) -> None:
    """A delivery that is repeated answers with the first hold and adds none."""
    rig = make_rig(surface("billing/api"))

    first = await rig.stop(delivery="trigger-1")
    again = await rig.stop(delivery="trigger-1")

    assert (first.hold, first.incident, True) == (again.hold, again.incident, again.repeated)
    assert len(rig.board.hold_events) == 1


async def test_two_people_are_two_holds_in_one_incident(make_rig: Make) -> None:
    """A second stop in the channel joins the open incident with a hold of its own."""
    rig = make_rig(surface("billing/api"))

    first = await rig.stop(delivery="trigger-1")
    second = await rig.stop(delivery="trigger-2")

    assert first.incident == second.incident
    assert {first.hold, second.hold} == set(rig.board.holds.live("memory:billing/api"))


async def test_a_slow_disk_is_answered_not_recorded_after_50_ms(make_rig: Make) -> None:
    """P1: dispatch and answer wait for the disk for 50 ms at the most; the answer says NOT RECORDED."""
    rig = make_rig(surface("billing/api"))
    rig.journal.delay = 5.0
    began = rig.clock.monotonic()

    receipt = await rig.stop()

    assert not receipt.recorded
    assert 0.04 < rig.clock.monotonic() - began < 0.06
    await rig.until(lambda: rig.world("billing/api").mode() is Mode.FULL_STOP, within=1.0)
    assert receipt.hold in rig.stops.unrecorded
    await rig.until(lambda: not rig.stops.unrecorded)


async def test_a_broken_disk_does_not_stop_the_stop(make_rig: Make) -> None:
    """P1: with no disk at all every surface is still cut, and the hold stays unrecorded."""
    rig = make_rig(surface("billing/api"))
    rig.journal.broken = True

    receipt = await rig.stop()
    lines = await rig.settled()

    assert not receipt.recorded
    assert Outcome.VERIFIED is lines["billing/api"].outcome
    assert {receipt.hold} == rig.stops.unrecorded


async def test_the_hold_is_on_disk_before_the_first_surface_is_called(make_rig: Make) -> None:
    """The fsync starts first, and a disk that answers in time is waited for."""
    rig = make_rig(surface("billing/api"))
    rig.journal.delay = 0.03
    order: list[str] = []
    rig.world("billing/api").calls = _Spy(order)
    written = rig.journal.written

    stopping = asyncio.ensure_future(rig.stop())
    await rig.until(lambda: bool(order))

    assert written, "the surface was called before the hold was written"
    await stopping


async def test_high_risk_is_cut_first(make_rig: Make) -> None:
    """The order of the cut follows the risk, whatever the order of the file."""
    rig = make_rig(
        surface("billing/low", risk=Risk.LOW), surface("billing/mid"), surface("billing/high", risk=Risk.HIGH)
    )
    order: list[str] = []
    for name in ("low", "mid", "high"):
        rig.world(f"billing/{name}").calls = _Spy(order, name)

    await rig.stop()
    await rig.settled()

    assert list(dict.fromkeys(order)) == ["high", "mid", "low"]


async def test_a_quarantined_surface_is_not_cut_and_the_rest_is(make_rig: Make) -> None:
    """One bad line of configuration disarms nothing else, and is named with its reason."""
    broken = Quarantined(agent="billing", id="typo", why="unknown adapter 'postgress'")
    rig = make_rig(surface("billing/api"), broken=(broken,))

    await rig.stop()
    lines = await rig.settled()

    assert Outcome.VERIFIED is lines["billing/api"].outcome
    assert Outcome.QUARANTINED is lines["billing/typo"].outcome
    assert "unknown adapter 'postgress'" in lines["billing/typo"].detail
    assert lines["billing/typo"].next


class _Spy(list[str]):
    """Notes which world was called, in a list shared by all."""

    def __init__(self, order: list[str], name: str = "called") -> None:
        super().__init__()
        self._order, self._name = order, name

    def append(self, item: str) -> None:
        if item == "restrict":
            self._order.append(self._name)
        super().append(item)
