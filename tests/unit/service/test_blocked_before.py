"""Is a target that blocked the whole process served after all others, and said to be, and its backstop at once?"""

from collections.abc import Callable

from adapters.base import Mode
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


def told(rig: Rig) -> list[events.Proof]:
    """What the journal says of surfaces that are made to wait."""
    written = [event for event in rig.journal.written if isinstance(event, events.Outcomes)]
    return [proof for event in written for proof in event.proofs if "blocked" in proof.detail]


def waits(rig: Rig, name: str, seconds: int) -> events.Proof:
    """What is to be said of it."""
    return events.Proof(
        target=rig.inventory.key_of(name),
        outcome=Outcome.UNKNOWN,
        asked=Mode.FULL_STOP,
        left=None,
        detail=f"a call for it blocked the whole process; it is tried again in {seconds} s, after all others",
        next=(
            "it is tried again by itself; cut it by hand if it cannot wait; "
            "the log names the line of the adapter that did not give way"
        ),
        late=True,
        settled=True,
    )


async def test_all_others_are_cut_first_and_it_is_cut_at_last(make_rig: Make) -> None:
    """P1 P3: though it is of high risk it waits; it is NOT CUT with the reason until its turn comes."""
    rig = make_rig(surface("billing/stuck", risk=Risk.HIGH), surface("billing/api"), surface("billing/mail"))
    rig.world("billing/mail").faults.slow = 0.1  # so that nothing else is said of it for a while
    blocked(rig, "billing/stuck")

    await rig.stop()
    await rig.until(lambda: rig.lines()["billing/api"].outcome is Outcome.VERIFIED, within=1.0)
    await rig.until(lambda: rig.lines()["billing/mail"].outcome is Outcome.VERIFIED, within=1.0)

    assert rig.lines()["billing/stuck"].not_cut
    await rig.until(lambda: bool(told(rig)), within=1.0)
    assert told(rig) == [waits(rig, "billing/stuck", 10)]
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


async def test_a_further_stop_meanwhile_is_told_the_same_and_has_a_backstop_too(make_rig: Make) -> None:
    """P3 P5: whoever stops second does not read for minutes that the cut is under way."""
    rig = make_rig(surface("billing/stuck", backstop="billing/identity"), surface("billing/identity"))
    blocked(rig, "billing/stuck")
    scope = Scope(surfaces=frozenset({"billing/stuck"}))
    first = await rig.stop(scope=scope)
    await rig.clock.sleep(3.0)

    second = await rig.stop(scope=scope)

    await rig.until(lambda: rig.lines()["billing/stuck"].not_cut, within=1.0)
    await rig.until(lambda: len(told(rig)) > 1, within=1.0)
    assert told(rig) == [waits(rig, "billing/stuck", seconds) for seconds in (10, 7)]
    backed = {it.parent for it in rig.board.hold_events.values() if it.origin == "backstop"}
    assert backed == {first.hold, second.hold}
    assert rig.world("billing/stuck").calls == []
    await rig.until(lambda: rig.lines()["billing/stuck"].outcome is Outcome.VERIFIED, within=FIRST_PAUSE)


async def test_one_that_blocked_and_that_nothing_holds_is_left_alone(make_rig: Make) -> None:
    """A wake that comes after the lift says nothing of it."""
    rig = make_rig(surface("billing/stuck"))
    blocked(rig, "billing/stuck")

    rig.dispatcher.wake(["memory:billing/stuck"])

    await rig.clock.sleep(2 * FIRST_PAUSE)
    assert (told(rig), rig.dispatcher.lanes(), rig.world("billing/stuck").calls) == ([], [], [])


async def test_the_drift_watch_does_not_touch_it_meanwhile(make_rig: Make) -> None:
    """Nothing holds it: the sweep that keeps snapshots fresh leaves it out until its pause is over."""
    rig = make_rig(surface("billing/stuck"), surface("billing/api"))
    blocked(rig, "billing/stuck")

    await rig.watch.tick()

    assert rig.world("billing/api").calls
    assert rig.world("billing/stuck").calls == []
