"""What does a tripped backstop record, and for whom does it trip?"""

from collections.abc import Callable

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Quarantined
from tests.unit.domain.facts import held_target, hold
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
LEDGER = "memory:billing/ledger"


def _rig(make_rig: Make, *stops: events.HoldAdded, **more: object) -> Rig:
    board = Board()
    for stop in stops:
        board.apply(stop)
    ledger = surface("billing/ledger", backstop="billing/identity")
    return make_rig(surface("billing/mail"), ledger, surface("billing/identity"), board=board, **more)


def _stop(name: str, *surfaces: str, **more: object) -> events.HoldAdded:
    return hold(name, 5.0, held_target(LEDGER, *surfaces), channel="C1", **more)


def _tripped(rig: Rig) -> list[events.HoldAdded]:
    return [stop for stop in rig.board.hold_events.values() if stop.origin == "backstop"]


async def test_a_backstop_is_a_recorded_hold_of_its_own(make_rig: Make) -> None:
    """It names what was late, the hold that it belongs to, and binds the backstop's target at the asked mode."""
    rig = _rig(make_rig, _stop("h1", "billing/ledger", mode=Mode.READ_ONLY))
    rig.stops.trip_backstops(LEDGER)
    await rig.until(lambda: rig.world("billing/identity").mode() is Mode.READ_ONLY, within=1.0)

    (tripped,) = _tripped(rig)
    assert tripped == events.HoldAdded(
        at=tripped.at,
        hold="hold-1ad3e549c4f2",
        incident="i",
        mode=Mode.READ_ONLY,
        by=events.Person(kind="bot", id="backstop"),
        reason="billing/ledger was not proven cut within its deadline",
        scope="billing/identity",
        channel="C1",
        origin="backstop",
        parent="h1",
        targets=(held_target("memory:billing/identity", "billing/identity", round_to=Mode.READ_ONLY),),
    )
    assert 0.0 <= rig.clock.now() - tripped.at < 1.0
    assert tripped in rig.journal.written
    assert rig.reporter.woken
    assert set(rig.reporter.woken) == {"i"}


async def test_a_backstop_is_held_and_told_though_no_disk_takes_it(make_rig: Make) -> None:
    """P1: a dead disk stops no backstop."""
    rig = _rig(make_rig, _stop("h1", "billing/ledger"))
    rig.journal.broken = True
    rig.stops.trip_backstops(LEDGER)
    assert rig.reporter.woken == ["i"]
    await rig.until(lambda: rig.world("billing/identity").mode() is Mode.FULL_STOP, within=1.0)
    assert len(rig.stops.unrecorded) == 1


async def test_a_backstop_trips_once_for_each_hold(make_rig: Make) -> None:
    """However often the deadline is told; every other hold of the late surface has a backstop of its own."""
    rig = _rig(make_rig, _stop("h1", "billing/ledger"), _stop("h2", "billing/ledger", mode=Mode.READ_ONLY))
    rig.stops.trip_backstops(LEDGER)
    rung = len(rig.reporter.woken)
    rig.stops.trip_backstops(LEDGER)
    assert len(rig.reporter.woken) == rung
    assert sorted((stop.parent, str(stop.mode)) for stop in _tripped(rig)) == [("h1", "full_stop"), ("h2", "read_only")]
    await rig.clock.sleep(1.0)
    assert len([entry for entry in rig.journal.written if isinstance(entry, events.HoldAdded)]) == 2


async def test_a_backstop_trips_for_every_surface_that_has_one(make_rig: Make) -> None:
    """A surface without one, one that left the configuration, and another target's trip nothing."""
    rig = _rig(make_rig, _stop("h1", "billing/gone", "billing/mail", "billing/ledger"))
    rig.stops.trip_backstops("memory:billing/mail")
    assert _tripped(rig) == []
    rig.stops.trip_backstops(LEDGER)
    assert [stop.scope for stop in _tripped(rig)] == ["billing/identity"]


async def test_the_hold_of_a_backstop_trips_nothing(make_rig: Make) -> None:
    """One level deep; and a hold beside it trips its own all the same, whichever came first."""
    for order in (("a", "b"), ("b", "a")):
        stops = {"a": _stop("a", "billing/ledger", origin="backstop"), "b": _stop("b", "billing/ledger")}
        rig = _rig(make_rig, *(stops[name] for name in order))
        rig.stops.trip_backstops(LEDGER)
        assert [stop.parent for stop in _tripped(rig) if stop.hold != "a"] == ["b"]


async def test_a_backstop_that_cannot_be_held_stands_under_what_is_left(make_rig: Make) -> None:
    """P3: its hold names it with the reason."""
    broken = Quarantined(agent="billing", id="network", why="unknown key")
    board = Board()
    board.apply(_stop("h1", "billing/ledger"))
    rig = make_rig(surface("billing/ledger", backstop="billing/network"), broken=(broken,), board=board)
    rig.stops.trip_backstops(LEDGER)
    (tripped,) = _tripped(rig)
    assert tripped.left == (events.LeftAlone(surface="billing/network", why="configuration: unknown key"),)
    assert tripped.targets == ()


async def test_a_backstop_stands_after_what_is_known_of_its_target(make_rig: Make) -> None:
    """P3: with the clock set back, what was proven of it before is no proof of it."""
    rig = _rig(make_rig, _stop("h1", "billing/ledger"))
    late = rig.clock.now() + 3600.0
    proof = events.Proof(target="memory:billing/identity", outcome="verified", asked=Mode.FULL_STOP)
    rig.board.apply(events.Outcomes(at=late, proofs=(proof,)))
    rig.stops.trip_backstops(LEDGER)
    assert not rig.board.is_proven("memory:billing/identity")
    assert _tripped(rig)[0].at > late
