"""What does the dispatcher start, look at, write down and leave behind?"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from adapters.base import Change, Cut, Gate, Mode, Observation
from adapters.memory import Memory
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.service.dispatch import WINDOW
from bot.service.loosening import Order
from tests.unit.domain.facts import held_target, hold, lift
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
NAME = "billing/api"
KEY = f"memory:{NAME}"


class Told(Memory):
    """A memory surface that tells of every cut."""

    tell: Callable[[tuple[Change, ...]], None]

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:
        """As its parent."""
        self.tell(undo)
        return await super().restrict(mode=mode, token=token, drain=drain, undo=undo, gate=gate)


def _tell(rig: Rig, tell: Callable[[tuple[Change, ...]], None]) -> None:
    for target in rig.inventory.targets.values():
        adapter = target.adapter
        adapter.__class__ = Told
        assert isinstance(adapter, Told)
        adapter.tell = tell


def _proof(target: str = KEY, **more: object) -> events.Proof:
    fields = {"outcome": Outcome.VERIFIED, "asked": Mode.FULL_STOP, "held": Mode.FULL_STOP, **more}
    return events.Proof(target=target, **fields)


def _lines(rig: Rig) -> list[tuple[events.Proof, ...]]:
    return [event.proofs for event in rig.journal.written if isinstance(event, events.Outcomes)]


async def test_the_first_cut_is_never_behind_the_last_start(make_rig: Make) -> None:
    """P1: of a hundred targets the first is on its way to its surface before most of the others are even started."""
    rig = make_rig(*(surface(f"billing/s{number}") for number in range(100)))
    started: list[int] = []
    _tell(rig, lambda _: started.append(len(rig.dispatcher.lanes())))
    await rig.stop()
    await rig.settled()
    assert len(started) == 100
    assert started[0] <= 2 * WINDOW
    assert started == sorted(started)
    assert started[-1] == 100


async def test_a_lane_ends_with_the_last_hold_and_starts_with_the_next(make_rig: Make) -> None:
    """Nothing is left of it: neither its place nor its task."""
    rig = make_rig(surface(NAME))
    first = await rig.stop()
    await rig.settled()
    assert rig.dispatcher.lanes() == [KEY]
    rig.recorder.record(lift(rig.clock.now(), (first.hold, KEY)))
    rig.dispatcher.check(KEY)
    await rig.until(lambda: rig.dispatcher.lanes() == [], within=1.0)
    await asyncio.sleep(0)
    assert rig.dispatcher._tasks == set()

    rig.world(NAME).loosen()
    await rig.stop()
    await rig.until(lambda: rig.world(NAME).mode() is Mode.FULL_STOP, within=1.0)
    assert rig.dispatcher.lanes() == [KEY]


async def test_a_target_that_nothing_holds_gets_no_lane(make_rig: Make) -> None:
    """A wake that comes after the lift."""
    rig = make_rig(surface(NAME))
    rig.dispatcher.wake([KEY])
    assert rig.dispatcher.lanes() == []
    rig.dispatcher.check(KEY)


async def test_a_held_target_that_no_surface_points_at_is_said_to_be_unknown(make_rig: Make) -> None:
    """P3: with what to do about it, at the mode that is asked, once recorded; nobody waits for it."""
    rig = make_rig(surface(NAME))
    rig.board.apply(hold("h", 5.0, held_target("memory:gone", "billing/gone"), mode=Mode.READ_ONLY))
    rig.dispatcher.wake(["memory:gone"])
    await rig.until(lambda: bool(_lines(rig)), within=1.0)
    expected = events.Proof(
        target="memory:gone",
        outcome=Outcome.UNKNOWN,
        asked=Mode.READ_ONLY,
        left=None,
        detail="held, but no surface of the configuration points there any more",
        next="put the surface back into the configuration, or cut it by hand",
        late=True,
        settled=True,
    )
    assert _lines(rig) == [(expected,)]
    order = Order(start=Mode.READ_ONLY, to=Mode.NORMAL)
    rig.dispatcher.loosen("memory:gone", order)
    assert await order.done == expected


async def test_a_step_is_handed_to_the_lane_of_its_target(make_rig: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """And to no other."""
    rig = make_rig(surface(NAME), surface("billing/db"))
    await rig.stop()
    await rig.settled()
    handed: list[tuple[object, Order]] = []
    monkeypatch.setattr("bot.service.lane.Lane.loosen", lambda lane, order: handed.append((lane.target.key, order)))
    order = Order(start=Mode.FULL_STOP, to=Mode.READ_ONLY)
    rig.dispatcher.loosen(KEY, order)
    assert handed == [(KEY, order)]


async def test_a_reload_without_a_held_surface_leaves_its_lane_as_it_was(make_rig: Make) -> None:
    """It goes on with the credentials that it has."""
    rig = make_rig(surface(NAME))
    await rig.stop()
    await rig.settled()
    rig.inventory = make_rig(surface("billing/other")).inventory
    rig.dispatcher.retarget()
    rig.world(NAME).loosen()
    rig.dispatcher.check(KEY)
    await rig.until(lambda: rig.world(NAME).mode() is Mode.FULL_STOP, within=5.0)


async def test_a_sweep_looks_at_what_nothing_holds(make_rig: Make) -> None:
    """So that plans and undo records are fresh; what a lane serves is the lane's to look at."""
    rig = make_rig(surface(NAME), surface("billing/db"), surface("billing/mq"))
    await rig.stop(scope=rig.inventory.likely()[0].__class__(surfaces=frozenset({NAME})))
    await rig.settled()
    for name in (NAME, "billing/db", "billing/mq"):
        rig.world(name).calls.clear()
    rig.world("billing/mq").faults.unreachable = True
    await rig.clock.sleep(3.0)

    await rig.dispatcher.look(rig.inventory.targets.values())

    assert [rig.world(name).calls for name in (NAME, "billing/db", "billing/mq")] == [
        [],
        ["observe", "note"],
        ["observe"],
    ]
    seen = rig.inventory.targets["memory:billing/db"]
    assert isinstance(seen.seen, Observation)
    assert seen.seen_at == rig.clock.monotonic()
    assert rig.inventory.targets["memory:billing/mq"].seen is None


async def test_a_sweep_waits_for_a_surface_no_longer_than_its_deadline(make_rig: Make) -> None:
    """And for all of them at once, sixty-four at a time."""
    rig = make_rig(*(surface(f"a/s{number}", deadline=2.0) for number in range(65)))
    for number in range(65):
        rig.world(f"a/s{number}").faults.hang = True
    began = rig.clock.monotonic()
    await rig.dispatcher.look(rig.inventory.targets.values())
    assert 3.9 < rig.clock.monotonic() - began < 4.5


async def test_a_sweep_plans_the_stops_that_are_likely_and_lets_others_go_on(make_rig: Make) -> None:
    """What a stop of everything, or of one agent, would hold is ready when it comes; each plan is a turn of its own."""
    rig = make_rig(surface("a/1"), surface("b/1"))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.ensure_future(count())
    await rig.dispatcher.look(())
    beside.cancel()
    likely = rig.inventory.likely()
    assert len(likely) == 3
    assert turns >= len(likely) - 1
    ready = [plan for _, plan in rig.inventory._plans.values()]
    assert [(plan.mode, plan.scope) for plan in ready] == [(Mode.FULL_STOP, scope) for scope in likely]
    assert all("held" in vars(plan) for plan in ready)


async def test_the_end_ends_everything_and_writes_what_waits(make_rig: Make) -> None:
    """When `aclose` returns no task is left, and what was found out by then is in the journal."""
    rig = make_rig(*(surface(f"a/s{number}") for number in range(40)))
    rig.world("a/s0").faults.hang = True
    before = asyncio.all_tasks()
    await rig.stop()
    await asyncio.sleep(0)
    rig.dispatcher._publish(_proof("memory:a/s1"))
    await rig.dispatcher.aclose()
    left = {task for task in asyncio.all_tasks() - before - rig.journal.tasks if not task.done()}
    assert left == set()
    await asyncio.gather(*rig.journal.tasks)
    assert [proof.target for proofs in _lines(rig) for proof in proofs] == ["memory:a/s1"]


async def test_gathered_undo_records_are_written_soon_and_once(make_rig: Make) -> None:
    """As one line, within the time of a batch, though no proof comes."""
    rig = make_rig(surface(NAME))
    began = rig.clock.now()
    rig.dispatcher._gather_undo("t1", "one")
    rig.dispatcher._gather_undo("t2", "two")
    await rig.clock.sleep(0.03)
    rig.dispatcher._gather_undo("t1", "three")
    await rig.clock.sleep(0.03)
    written = [event for event in rig.journal.written if isinstance(event, events.UndosRecorded)]
    assert [event.records for event in written] == [(("t1", "one"), ("t2", "two")), (("t1", "three"),)]
    assert [round(event.at - began, 3) for event in written] == [0.02, 0.05]


async def test_the_undo_record_of_an_episode_goes_on_after_a_restart(make_rig: Make) -> None:
    """What an earlier process replaced is ours to give back still; another target's is not."""
    rig = make_rig(surface(NAME))
    ours, theirs = Change(key="login", was="on", now="off"), Change(key="write", was="on", now="off")
    seal = rig.dispatcher._seal
    at = rig.clock.now()
    for target, change in ((KEY, ours), ("memory:other", theirs)):
        rig.board.apply(events.UndoRecorded(at=at, target=target, sealed=seal.close([change])))
    given: list[tuple[Change, ...]] = []
    _tell(rig, given.append)
    await rig.stop()
    await rig.settled()
    assert given == [(ours,)]


async def test_what_a_lost_reply_replaced_is_known_from_the_last_sweep(make_rig: Make) -> None:
    """The cut took effect and its answer never came: the record says what was there before."""
    rig = make_rig(surface(NAME, deadline=1.0))
    await rig.dispatcher.look(rig.inventory.targets.values())
    adapter: Any = rig.inventory.targets[KEY].adapter

    async def lost(**arguments: Any) -> Cut:
        adapter.restrict = restrict
        await restrict(**arguments)
        await asyncio.sleep(3600.0)
        raise AssertionError("nobody waits an hour")

    restrict: Callable[..., Awaitable[Cut]] = adapter.restrict
    adapter.restrict = lost
    await rig.stop()
    await rig.until(lambda: rig.lines()[NAME].outcome is Outcome.VERIFIED, within=10.0)
    await rig.until(lambda: KEY in rig.board.undo, within=1.0)
    assert rig.dispatcher._seal.open(rig.board.undo[KEY]) == (Change(key="login", was="on", now="off"),)


async def test_what_is_no_news_is_not_written_again(make_rig: Make) -> None:
    """A proof like the last one renews its age and costs no line; only what changed is told."""
    told: list[list[str]] = []

    def changed(keys: Iterable[str]) -> None:
        told.append(list(keys))

    rig = make_rig(surface(NAME))
    rig.dispatcher._changed = changed
    dispatcher, other = rig.dispatcher, _proof("memory:other")
    for proof in (
        _proof(token="a", elapsed_ms=5.0),
        _proof(token="b", elapsed_ms=7.0),
        _proof(token="b", detail="NOTIFY stays open"),
    ):
        dispatcher._publish(proof)
        dispatcher._publish(other)
        await rig.clock.sleep(1.0)
    lines = [[(proof.target, proof.token, proof.detail) for proof in proofs] for proofs in _lines(rig)]
    assert lines == [
        [(KEY, "a", ""), ("memory:other", None, "")],
        [(KEY, "b", "NOTIFY stays open")],
    ]
    assert told == [[KEY, "memory:other"], [], [KEY]]
    age = rig.clock.now() - rig.board.proof_at["memory:other"]
    assert 0.9 < age < 1.0


async def test_a_proof_after_a_change_of_the_holds_is_news_though_it_reads_alike(make_rig: Make) -> None:
    """P3: what was proven before says nothing of the further stop."""
    rig = make_rig(surface(NAME))
    rig.dispatcher._publish(_proof())
    await rig.clock.sleep(1.0)
    rig.board.apply(hold("h", rig.clock.now(), held_target(KEY, NAME)))
    rig.dispatcher._publish(_proof())
    await rig.clock.sleep(1.0)
    assert len(_lines(rig)) == 2
    assert rig.board.is_proven(KEY)


async def test_proofs_of_one_batch_are_one_line_and_a_drift_among_them_is_kept(make_rig: Make) -> None:
    """Of each target the last one; but that it had come back is never gathered away."""
    rig = make_rig(surface(NAME))
    dispatcher = rig.dispatcher
    dispatcher._publish(_proof("t1", outcome=Outcome.UNKNOWN))
    dispatcher._publish(_proof("t2"))
    dispatcher._publish(_proof("t1"))
    await rig.clock.sleep(0.019)
    assert _lines(rig) == []
    await rig.clock.sleep(0.002)
    assert [[(proof.target, str(proof.outcome)) for proof in proofs] for proofs in _lines(rig)] == [
        [("t1", "verified"), ("t2", "verified")]
    ]
    dispatcher._publish(_proof("t1", outcome=Outcome.DRIFTED, detail="came back"))
    dispatcher._publish(_proof("t1", detail="cut again"))
    await rig.clock.sleep(1.0)
    assert [proofs[0].detail for proofs in _lines(rig)[1:]] == ["came back", "cut again"]
    assert list(rig.board.drifts["t1"].values()) == ["came back"]


async def test_proofs_stand_after_what_is_known_of_their_targets(make_rig: Make) -> None:
    """P3: also where the clock was set back since."""
    rig = make_rig(surface(NAME))
    later = rig.clock.now() + 3600.0
    rig.board.apply(hold("h", later, held_target(KEY, NAME)))
    rig.dispatcher._publish(_proof())
    await rig.clock.sleep(1.0)
    assert rig.board.is_proven(KEY)
    assert later < rig.board.proof_at[KEY] < later + 1.0
