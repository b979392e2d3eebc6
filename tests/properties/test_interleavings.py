"""Interleavings 3 to 6: crashes within a restore, offline stops, old backups, starts without a database.

The ballot is not in these tests: a harness commits what a passed ballot would, as events, on the real board and
dispatcher. Interleavings 1 and 2 are in tests/unit/service/test_overlapping_calls.py.
"""

from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.drift import orphans
from bot.domain.outcome import Outcome
from tests.properties.journals import BOT, fold, held_targets
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
NAME = "billing/api"
KEY = f"memory:{NAME}"


def _restore_hold(at: float, step: int, mode: Mode, parent: str | None = None) -> events.HoldAdded:
    """The hold that a ballot's step leaves in place of the one before."""
    return events.HoldAdded(
        at=at,
        hold=f"ballot-1/{step}",
        incident="i",
        mode=mode,
        by=BOT,
        parent=parent,
        targets=(events.HeldTarget(key=KEY, surfaces=(NAME,), round_to=mode),),
    )


def _commit(rig: Rig, named: Sequence[str]) -> None:
    """One transaction: tombstones for what the ballot named, and a restore hold at the current mode."""
    now, current = rig.clock.now(), rig.board.effective(KEY)
    rig.recorder.record(_restore_hold(now, 0, current))
    rig.recorder.record(events.PairsLifted(at=now, ballot="ballot-1", pairs=tuple((hold, KEY) for hold in named)))


def _step(rig: Rig, step: int, to: Mode) -> None:
    """Replaces the restore hold by one a mode lower: durable before anything is loosened."""
    now, before = rig.clock.now(), f"ballot-1/{step - 1}"
    rig.recorder.record(_restore_hold(now, step, to, parent=before))
    rig.recorder.record(events.PairsLifted(at=now, ballot="ballot-1", pairs=((before, KEY),)))


def _void_unproven_steps(rig: Rig) -> None:
    """At start: a step that was never read back is void, and its target goes back to the mode that it left."""
    for hold in list(rig.board.hold_events.values()):
        left = rig.board.hold_events.get(hold.parent or "")
        proof = rig.board.proofs.get(KEY)
        read_back = proof is not None and proof.asked is hold.mode and rig.board.is_proven(KEY)
        if left is not None and not read_back:
            rig.recorder.record(_restore_hold(rig.clock.now(), 99, left.mode))


async def test_a_crash_between_relax_and_read_back_restricts_again(make_rig: Make) -> None:
    """Interleaving 3: the start restricts the target to the mode that the unfinished step left."""
    dead = make_rig(surface(NAME))
    stop = await dead.stop()
    await dead.settled()
    _commit(dead, [stop.hold])
    _step(dead, 1, Mode.READ_ONLY)
    dead.world(NAME).loosen()  # the relax landed; nothing was read back
    await dead.dispatcher.aclose()

    reborn = make_rig(surface(NAME), board=fold(dead.journal.written))
    reborn.world(NAME).loosen()
    _void_unproven_steps(reborn)
    reborn.stops.carry_on([KEY])

    assert reborn.board.effective(KEY) is Mode.FULL_STOP
    await reborn.until(lambda: reborn.world(NAME).mode() is Mode.FULL_STOP, within=1.0)


async def test_a_stop_during_a_step_stays_after_the_step(make_rig: Make) -> None:
    """Interleaving 3, and stop wins: what is stopped within a restore is held by a hold that no step names."""
    rig = make_rig(surface(NAME))
    first = await rig.stop(Mode.READ_ONLY)
    await rig.settled()
    _commit(rig, [first.hold])
    _step(rig, 1, Mode.DRAFT_ONLY)
    second = await rig.stop(Mode.FULL_STOP, delivery="again")
    _step(rig, 2, Mode.APPROVAL_GATED)

    assert rig.board.holds.live(KEY)[second.hold] is Mode.FULL_STOP
    await rig.until(lambda: rig.world(NAME).mode() is Mode.FULL_STOP, within=1.0)


def _offline(hold: str, mode: Mode, at: float) -> events.HoldAdded:
    return events.HoldAdded(
        at=at, hold=hold, incident="offline", mode=mode, by=BOT, origin="cli", targets=held_targets(["t1"])
    )


@settings(max_examples=100, deadline=None)
@given(mode=st.sampled_from([mode for mode in Mode if mode is not Mode.NORMAL]), data=st.data())
def test_an_offline_stop_survives_a_lift_of_another_hold(mode: Mode, data: st.DataObject) -> None:
    """Interleaving 4: the journal of another writer is adopted after the lift committed; the new hold stays."""
    bot = _offline("seen", Mode.FULL_STOP, 1.0)
    offline = _offline("unseen", mode, data.draw(st.floats(0.5, 3.0)))
    lift = events.PairsLifted(at=2.0, ballot="b", pairs=(("seen", "t1"),))

    board = fold(data.draw(st.permutations([bot, offline, lift])))

    assert board.holds.live("t1") == {"unseen": mode}


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_an_old_backup_neither_revives_nor_loses(data: st.DataObject) -> None:
    """Interleaving 5: whatever the database of yesterday says, effective is the union of holds minus tombstones."""
    journal: list[events.AnyEvent] = [
        _offline("lifted", Mode.FULL_STOP, 1.0),
        _offline("live", Mode.READ_ONLY, 2.0),
        events.PairsLifted(at=3.0, ballot="b", pairs=(("lifted", "t1"),)),
    ]
    yesterday = journal[: data.draw(st.integers(0, 2))]
    order = data.draw(st.permutations([*yesterday, *journal]))

    assert fold(order).holds.live("t1") == {"live": Mode.READ_ONLY}


async def test_a_start_without_a_database_holds_what_the_journals_hold(make_rig: Make) -> None:
    """Interleaving 6: no database is needed to know, to cut and to prove what is held."""
    first = make_rig(surface(NAME))
    first.world(NAME).faults.hang = True
    await first.stop(Mode.READ_ONLY)
    await first.aclose()

    reborn = make_rig(surface(NAME), board=fold(first.journal.written))
    reborn.stops.carry_on(list(reborn.board.holds.targets()))
    lines = await reborn.settled()

    assert lines[NAME].outcome is Outcome.VERIFIED


async def test_a_restriction_that_no_hold_explains_is_an_orphan(make_rig: Make) -> None:
    """Interleaving 6: with the journals gone too, what is still restricted under our mark stays and is reported."""
    first = make_rig(surface(NAME), surface("billing/db"))
    await first.stop(Mode.READ_ONLY)
    await first.settled()
    seen = {target.key: target.seen for target in first.inventory.targets.values()}

    found = orphans(Board(), seen)

    assert {orphan.target: orphan.mode for orphan in found} == dict.fromkeys(seen, Mode.READ_ONLY)
    assert all("agent-kill" in orphan.next for orphan in found)
    assert not orphans(first.board, seen), "a live hold explains it"
    assert first.world(NAME).mode() is Mode.READ_ONLY, "it stays"


async def test_what_is_stricter_than_its_holds_is_an_orphan_too(make_rig: Make) -> None:
    """A hold explains what is as strict as itself, after rounding; anything stricter is somebody's to look at."""
    rig = make_rig(surface(NAME))
    await rig.stop(Mode.FULL_STOP)
    await rig.settled()
    seen = {KEY: rig.inventory.targets[KEY].seen}
    looser = fold([_restore_hold(1.0, 0, Mode.DRAFT_ONLY)])

    (orphan,) = orphans(looser, seen)

    assert (orphan.target, orphan.mode, orphan.held) == (KEY, Mode.FULL_STOP, Mode.DRAFT_ONLY)


async def test_what_a_refused_gate_left_stricter_is_no_orphan(make_rig: Make) -> None:
    """A read_only stop that stayed fully stopped is explained by its own proof."""
    rig = make_rig(surface(NAME))
    rig.journal.broken = True
    await rig.stop(Mode.READ_ONLY)
    await rig.settled()

    assert rig.world(NAME).mode() is Mode.FULL_STOP
    assert not orphans(rig.board, {KEY: rig.inventory.targets[KEY].seen})
