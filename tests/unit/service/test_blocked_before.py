"""Is a target that blocked the whole process served after all others, and said to be, and its backstop at once?"""

from collections.abc import Callable

from bot.domain import events
from bot.domain.hesitation import FIRST_PAUSE
from bot.domain.model import Risk
from bot.domain.outcome import Outcome
from bot.domain.plan import Scope
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]


def blocked(rig: Rig, name: str) -> None:
    """The journal says that a call for this surface blocked the process just now."""
    key = rig.inventory.key_of(name)
    rig.board.apply(events.LoopBlocked(at=rig.clock.now(), target=key, seconds=20, where="somewhere:1", ended=True))


async def test_all_others_are_cut_first_and_it_is_cut_at_last(make_rig: Make) -> None:
    """P1 P3: though it is of high risk it waits; it is NOT CUT with the reason until its turn comes."""
    rig = make_rig(surface("billing/stuck", risk=Risk.HIGH), surface("billing/api"), surface("billing/mail"))
    blocked(rig, "billing/stuck")

    await rig.stop()
    await rig.until(lambda: rig.lines()["billing/api"].outcome is Outcome.VERIFIED, within=1.0)
    await rig.until(lambda: rig.lines()["billing/mail"].outcome is Outcome.VERIFIED, within=1.0)

    line = rig.lines()["billing/stuck"]
    assert line.not_cut
    assert "blocked the whole process" in line.detail
    assert rig.world("billing/stuck").calls == []
    await rig.until(lambda: rig.lines()["billing/stuck"].outcome is Outcome.VERIFIED, within=FIRST_PAUSE + 1.0)


async def test_its_backstop_does_not_wait(make_rig: Make) -> None:
    """P1: the process may be blocked again before any deadline passes, so the backstop is held from the start."""
    rig = make_rig(surface("billing/stuck", backstop="billing/identity"), surface("billing/identity"))
    blocked(rig, "billing/stuck")

    await rig.stop(scope=Scope(surfaces=frozenset({"billing/stuck"})))

    def backed_up() -> bool:
        line = rig.lines().get("billing/identity")
        return line is not None and line.outcome is Outcome.VERIFIED

    await rig.until(backed_up, within=1.0)


async def test_the_drift_watch_does_not_touch_it_meanwhile(make_rig: Make) -> None:
    """Nothing holds it: the sweep that keeps snapshots fresh leaves it out until its pause is over."""
    rig = make_rig(surface("billing/stuck"), surface("billing/api"))
    blocked(rig, "billing/stuck")

    await rig.watch.tick()

    assert rig.world("billing/api").calls
    assert rig.world("billing/stuck").calls == []
