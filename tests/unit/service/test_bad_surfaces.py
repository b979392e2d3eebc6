"""What becomes of surfaces that hang, refuse, lie, half-apply, vanish or come back?"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from adapters.base import Attempt, Mode
from adapters.errors import Unreachable
from adapters.memory import Canary
from bot.domain.model import Unsupported
from bot.domain.outcome import Outcome
from bot.domain.plan import Scope
from bot.service.lane import STALE
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]


async def test_a_hanging_surface_delays_no_other(make_rig: Make) -> None:
    """P1: 15 of 100 surfaces never answer; the others are proven at once, the 15 stand under NOT CUT when late."""
    names = [f"billing/s{number}" for number in range(100)]
    rig = make_rig(*(surface(name, deadline=5.0) for name in names))
    for name in names[:15]:
        rig.world(name).faults.hang = True

    await rig.stop()
    healthy = set(names[15:])
    await rig.until(lambda: all(rig.lines()[name].outcome is Outcome.VERIFIED for name in healthy), within=1.0)
    lines = await rig.settled()

    assert set(names[:15]) == {name for name, line in lines.items() if line.not_cut}
    assert all(lines[name].late and lines[name].next for name in names[:15])


async def test_a_surface_that_answers_at_last_is_cut(make_rig: Make) -> None:
    """What is not verified keeps being retried: a surface that wakes up after its deadline is cut and proven."""
    rig = make_rig(surface("billing/api", deadline=2.0))
    rig.world("billing/api").faults.hang = True
    await rig.stop()
    await rig.until(lambda: rig.lines()["billing/api"].late)

    rig.world("billing/api").faults.hang = False

    await rig.until(lambda: rig.lines()["billing/api"].outcome is Outcome.VERIFIED, within=90.0)


@pytest.mark.parametrize("leaked", [asyncio.CancelledError, SystemExit])
@pytest.mark.parametrize("verb", ["restrict", "observe", "attempt"])
async def test_what_an_adapter_lets_out_does_not_end_its_cut(
    make_rig: Make, verb: str, leaked: type[BaseException]
) -> None:
    """P2: a cancellation that a client library raises by itself, or its wish to end the process, is tried again."""
    rig = make_rig(surface("billing/api", canary=Canary()))
    (target,) = rig.inventory.targets.values()
    call, left = getattr(target.adapter, verb), [3]

    async def leaking(**order: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise leaked
        return await call(**order)

    vars(target.adapter)[verb] = leaking
    await rig.stop()
    await rig.until(lambda: rig.lines()["billing/api"].outcome is Outcome.VERIFIED)
    assert left[0] < 0
    assert rig.world("billing/api").mode() is Mode.FULL_STOP


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (asyncio.CancelledError(), "LeakedError: its adapter cancelled the call by itself"),
        (SystemExit(), "LeakedError: its adapter asked the whole process to end"),
        (KeyError("x"), "KeyError: 'x'"),
        (Unreachable("no route"), "unreachable: no route"),
    ],
)
async def test_what_ends_a_call_is_said(make_rig: Make, error: BaseException, detail: str) -> None:
    """UNKNOWN, with what it was: nothing that a surface does goes by without a word."""
    rig = make_rig(surface("billing/api"))
    (target,) = rig.inventory.targets.values()

    async def failing(**_: Any) -> Any:
        raise error

    vars(target.adapter)["restrict"] = failing
    await rig.stop()
    await rig.until(lambda: rig.lines()["billing/api"].outcome is Outcome.UNKNOWN)
    assert rig.lines()["billing/api"].detail == detail


async def test_what_an_adapter_lets_out_ends_no_sweep(make_rig: Make) -> None:
    """The others are read all the same, and what cannot be read stays as it was last seen."""
    rig = make_rig(surface("billing/api"), surface("billing/queue"), surface("billing/flag"))

    async def leaking() -> Any:
        raise asyncio.CancelledError

    bad, worse, good = rig.inventory.targets.values()
    vars(bad.adapter)["observe"] = vars(worse.adapter)["note"] = leaking
    await rig.watch.tick()
    assert (bad.seen, good.seen is None) == (None, False)
    assert worse.seen is not None
    assert (worse.noted, bool(good.noted)) == ({}, True)


async def test_a_refusal_is_said_with_what_is_missing(make_rig: Make) -> None:
    """A surface that refuses the bot is NOT CUT at once and names the missing permission."""
    rig = make_rig(surface("billing/api"))
    rig.world("billing/api").faults.refuse = True

    await rig.stop()
    lines = await rig.settled(within=1.0)

    assert Outcome.FAILED is lines["billing/api"].outcome
    assert "missing: credential" in lines["billing/api"].detail


async def test_a_lying_surface_is_caught_by_the_canary(make_rig: Make) -> None:
    """P3: a surface that confirms the cut while the agent still acts is failed, whatever it says."""
    rig = make_rig(surface("billing/api", canary=Canary(), deadline=1.0))
    rig.world("billing/api").faults.lie = True

    await rig.stop()
    lines = await rig.settled()

    assert Outcome.FAILED is lines["billing/api"].outcome
    assert Attempt.ALLOWED is lines["billing/api"].attempt
    assert lines["billing/api"].not_cut


async def test_open_sessions_that_survive_are_not_cut(make_rig: Make) -> None:
    """P3: a fence without a cut leaves work in flight alive, and that is said."""
    rig = make_rig(surface("billing/api", deadline=1.0))
    world = rig.world("billing/api")
    session = world.login()
    world.begin(session)
    world.faults.half_apply = True

    await rig.stop()
    lines = await rig.settled()

    assert Outcome.FAILED is lines["billing/api"].outcome
    assert "1 in flight still alive" in lines["billing/api"].detail


async def test_work_in_flight_is_ended_and_counted(make_rig: Make) -> None:
    """A session that was open before the stop is ended, and the report counts it."""
    rig = make_rig(surface("billing/api"))
    world = rig.world("billing/api")
    world.begin(world.login())

    await rig.stop()
    lines = await rig.settled()

    assert lines["billing/api"].ended == 1
    assert world.effects == 0


async def test_a_mistyped_target_is_absent(make_rig: Make) -> None:
    """A target that does not exist is never green, and is said at once."""
    rig = make_rig(surface("billing/api"))
    rig.world("billing/api").faults.absent = True

    await rig.stop()
    lines = await rig.settled(within=1.0)

    assert Outcome.ABSENT is lines["billing/api"].outcome
    assert lines["billing/api"].not_cut


async def test_a_surface_that_comes_back_is_cut_again(make_rig: Make) -> None:
    """The drift watch sees a surface loosened by hand, says so, and cuts it again within a period."""
    rig = make_rig(surface("billing/api"))
    await rig.stop()
    await rig.settled()
    rig.world("billing/api").loosen()

    seen = []
    for _ in range(7):
        await rig.clock.sleep(1.0)
        await rig.watch.tick()
        await rig.clock.sleep(0.1)
        seen.append(rig.world("billing/api").mode())

    assert Mode.FULL_STOP is seen[-1]
    drifts = [e for e in rig.journal.written if e.type == "outcomes" and e.proofs[0].outcome is Outcome.DRIFTED]
    assert len(drifts) == 1
    assert "came back as normal" in drifts[0].proofs[0].detail


async def test_a_surface_that_keeps_coming_back_is_contested(make_rig: Make) -> None:
    """More than three re-cuts in ten minutes: the hold stays and the outcome says that somebody fights it."""
    rig = make_rig(surface("billing/api"))
    await rig.stop()
    await rig.settled()

    for _ in range(5):
        rig.world("billing/api").loosen()
        for _ in range(12):
            await rig.clock.sleep(1.0)
            await rig.watch.tick()

    line = rig.lines()["billing/api"]
    assert Outcome.CONTESTED is line.outcome
    assert line.not_cut
    assert Mode.FULL_STOP is rig.board.effective("memory:billing/api")


async def test_a_second_way_in_is_found_after_the_proof(make_rig: Make) -> None:
    """The surface goes on reading as cut, and the agent's own credential works again: the watch says so, once."""
    rig = make_rig(surface("billing/api", canary=Canary()))
    await rig.stop()
    assert (await rig.settled())["billing/api"].outcome is Outcome.VERIFIED
    rig.world("billing/api").faults.lie = True

    await _watched(rig, 7.0)

    line = rig.lines()["billing/api"]
    assert line.not_cut
    (drift,) = [p for e in rig.journal.written if e.type == "outcomes" for p in e.proofs if p.outcome == "drifted"]
    assert (drift.attempt, drift.held) == (Attempt.ALLOWED, Mode.FULL_STOP)
    assert "the agent's own credential is allowed again" in drift.detail

    rig.world("billing/api").faults.lie = False
    await rig.until(lambda: rig.lines()["billing/api"].outcome is Outcome.VERIFIED)


async def test_a_proof_ends_when_the_surface_cannot_be_read_any_more(make_rig: Make) -> None:
    """A short outage changes nothing; after a minute nothing is claimed, no backstop trips, and it is cut again."""
    rig = make_rig(surface("billing/api", backstop="billing/key"), surface("billing/key"))
    await rig.stop(scope=Scope(surfaces=frozenset({"billing/api"})))
    await rig.settled()
    world = rig.world("billing/api")
    world.faults.unreachable = True

    await _watched(rig, STALE - 10)
    assert rig.lines()["billing/api"].outcome is Outcome.VERIFIED
    await _watched(rig, 20)
    line = rig.lines()["billing/api"]
    assert line.not_cut
    assert len(rig.board.hold_events) == 1

    world.loosen()
    world.faults.unreachable = False
    await rig.until(lambda: rig.lines()["billing/api"].outcome is Outcome.VERIFIED)
    assert world.mode() is Mode.FULL_STOP


async def _watched(rig: Rig, seconds: float) -> None:
    """Lets time pass under the drift watch."""
    for _ in range(round(seconds)):
        await rig.clock.sleep(1.0)
        await rig.watch.tick()


async def test_unsupported_leave_is_left_alone_and_not_cut(make_rig: Make) -> None:
    """A surface that is configured to be left alone is not touched, and stands under NOT CUT with the reason."""
    rig = make_rig(surface("billing/api", unsupported=Unsupported.LEAVE))
    target = rig.inventory.targets["memory:billing/api"]
    target.adapter.__class__ = _only_full_stop(type(target.adapter))

    await rig.stop(Mode.READ_ONLY)
    lines = rig.lines()

    assert Outcome.LEFT is lines["billing/api"].outcome
    assert Mode.NORMAL is rig.world("billing/api").mode()


async def test_rounding_is_to_the_next_stricter_mode_and_said(make_rig: Make) -> None:
    """A mode that the surface cannot hold becomes the next stricter one, in words."""
    rig = make_rig(surface("billing/api"))
    target = rig.inventory.targets["memory:billing/api"]
    target.adapter.__class__ = _only_full_stop(type(target.adapter))

    await rig.stop(Mode.READ_ONLY)
    lines = await rig.settled()

    assert Outcome.VERIFIED is lines["billing/api"].outcome
    assert (lines["billing/api"].asked, lines["billing/api"].held) == (Mode.READ_ONLY, Mode.FULL_STOP)
    assert "read_only, held as full_stop" in lines["billing/api"].detail


def _only_full_stop(kind: type) -> type:
    return type("OnlyFullStop", (kind,), {"modes": frozenset({Mode.FULL_STOP})})
