"""Is a doubt that falls between two looks of a restore still a no?"""

import asyncio
from collections.abc import Callable
from typing import ClassVar

import pytest

from adapters.base import Adapter, Mode
from adapters.memory import Canary, Memory, Settings
from bot.domain import events
from bot.domain.model import Risk, Surface
from bot.service.ports import CannotOpen
from bot.service.put_back import put_back
from tests.properties.journals import fold
from tests.unit.service.restore_rig import PROPOSER, RestoreRig
from tests.unit.service.rig import surface

Make = Callable[..., RestoreRig]
NAME = "billing/api"
KEY = f"memory:{NAME}"


async def test_a_ballot_that_ends_while_its_lift_is_on_its_way_loosens_nothing(make_restore: Make) -> None:
    """The database takes its time: who withdraws meanwhile is answered that nothing was changed, and nothing is."""
    rig = make_restore(surface(NAME), dwell=1.0)
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    rig.thawed.clear()
    await rig.until(lambda: any(e.type == "pairs_lifted" for e in rig.journal.written))

    said = rig.restores.withdraw(ballot.id, events.Person(kind="slack", id=PROPOSER))
    rig.thawed.set()
    modes = await _modes(rig, 30.0)

    assert modes == {Mode.FULL_STOP}
    assert ballot.ended
    assert "nothing was changed" in said
    assert rig.board.effective(KEY) is Mode.FULL_STOP


async def test_a_veto_while_the_lift_is_on_its_way_is_seen_before_the_first_step(make_restore: Make) -> None:
    """The database is slow: the votes are read again before anything is loosened."""
    rig = make_restore(surface(NAME), dwell=1.0)
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    rig.thawed.clear()
    await rig.until(lambda: any(e.type == "pairs_lifted" for e in rig.journal.written))
    rig.box.react("x", "U3")
    await rig.clock.sleep(20.0)
    rig.thawed.set()

    assert await _modes(rig, 30.0) == {Mode.FULL_STOP}
    assert ballot.ended
    assert "vetoed by <@U3>" in ballot.ended.why


async def test_a_ballot_that_is_withdrawn_while_slack_answers_is_not_committed(make_restore: Make) -> None:
    """A reading that was under way when the ballot ended decides nothing any more."""
    rig = make_restore(surface(NAME), dwell=0.0)
    await rig.held()
    slow, read = asyncio.Event(), rig.box.read

    async def late(opened: events.BallotOpened) -> object:
        reading = await read(opened)
        await slow.wait()
        return reading

    rig.box.read = late  # type: ignore[method-assign,assignment]  # Slack takes its time
    rig.box.react("+1", "U1", "U2")
    ballot = await rig.open()
    await rig.clock.sleep(1.0)
    rig.restores.withdraw(ballot.id, events.Person(kind="slack", id=PROPOSER))
    slow.set()
    await rig.clock.sleep(30.0)

    assert not ballot.committed


async def test_a_ballot_that_no_disk_took_is_no_ballot(make_restore: Make) -> None:
    """It was answered that nothing was opened; reactions on whatever is seen of it decide nothing."""
    rig = make_restore(surface(NAME), dwell=0.0)
    await rig.held()
    rig.journal.broken = True
    with pytest.raises(CannotOpen, match="did not take the ballot"):
        await rig.open()
    rig.journal.broken = False
    rig.box.react("+1", "U1", "U2")
    await rig.clock.sleep(60.0)

    assert not any(ballot.committed for ballot in rig.board.ballots.values())
    assert rig.world(NAME).mode() is Mode.FULL_STOP


async def test_what_drifts_while_the_audit_is_asked_is_seen(make_restore: Make) -> None:
    """The proofs are looked at after everything that takes time, not before."""
    rig = make_restore(surface(NAME), dwell=0.0)
    await rig.held()
    asked, answer = asyncio.Event(), asyncio.Event()
    ballot = await rig.open()

    async def slowly(without: frozenset[str]) -> list[str]:  # noqa: ARG001  # as the port
        asked.set()
        await answer.wait()
        return []

    rig.restores._ready = slowly
    rig.box.react("+1", "U1", "U2")
    await asked.wait()
    rig.world(NAME).faults.unreachable = True
    await rig.clock.sleep(200.0)
    answer.set()

    assert await rig.ended(ballot, within=60.0) == "void"
    assert not ballot.committed


async def test_what_drifts_while_the_database_is_slow_stops_the_first_step(make_restore: Make) -> None:
    """Somebody loosens it before the first step is handed over: no step begins on it."""
    rig = make_restore(surface(NAME), dwell=1.0)
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    rig.thawed.clear()
    await rig.until(lambda: any(e.type == "pairs_lifted" for e in rig.journal.written))
    rig.world(NAME).loosen()
    await rig.clock.sleep(10.0)
    rig.thawed.set()

    assert await rig.ended(ballot, within=60.0) == "aborted"
    assert ballot.step == 0


class TwoModes(Memory):
    """A surface that can hold two modes only."""

    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})


class Mixed(RestoreRig):
    """Surfaces named `few` hold two modes."""

    def _build(self, item: Surface) -> Adapter:
        if item.id != "few":
            return super()._build(item)
        assert isinstance(item.settings, Settings)
        return TwoModes(config=item.settings, canary=None, shared=self.shared)


async def test_a_step_that_changes_nothing_at_one_surface_is_taken_at_the_others() -> None:
    """A surface that rounds stays at its stricter mode, and is no reason to put everything back."""
    rig = Mixed(surface("billing/few"), surface("billing/all"))
    try:
        await rig.held()
        ballot = await rig.open()
        rig.box.react("+1", "U1", "U2")
        await rig.until(lambda: rig.world("billing/all").mode() is Mode.DRAFT_ONLY, within=900.0)
        assert rig.world("billing/few").mode() is Mode.READ_ONLY

        assert await rig.ended(ballot) == "completed", ballot.ended
        assert rig.world("billing/few").mode() is rig.world("billing/all").mode() is Mode.NORMAL
    finally:
        await rig.aclose()


async def test_what_somebody_takes_away_by_hand_in_probation_stays_away(make_restore: Make) -> None:
    """A right that a step gave back and a person took again is not given back by the next step."""
    rig = make_restore(surface(NAME))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.until(lambda: ballot.step == 1 and rig.world(NAME).mode() is Mode.READ_ONLY, within=200.0)
    await rig.clock.sleep(5.0)
    rig.world(NAME).rights["login"] = "off"
    await rig.ended(ballot)
    await rig.clock.sleep(60.0)

    assert rig.world(NAME).rights["login"] == "off"
    assert ballot.ended
    assert "stricter" in ballot.ended.why


async def test_what_was_given_back_whole_is_not_given_back_twice(make_restore: Make) -> None:
    """A target that is normal again has a record of its own afterwards: what a person took then is not ours."""
    rig = make_restore(surface("billing/api", risk=Risk.LOW), surface("billing/queue", risk=Risk.HIGH))
    await rig.held()
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.until(lambda: rig.world("billing/queue").mode() is Mode.NORMAL, within=7200.0)
    rig.world("billing/api").rights["write"] = "off"  # by a person, in the last probation
    await rig.stop(reason="no, wait")
    await rig.ended(ballot)
    await rig.settled()
    rig.box.users.clear()
    again = await rig.open()
    rig.box.react("+1", "U1", "U2")
    assert await rig.ended(again) == "completed", again.ended

    assert rig.world("billing/api").rights["write"] == "off"
    assert rig.world("billing/queue").mode() is Mode.NORMAL


async def test_a_step_is_taken_while_a_canary_cannot_be_tried(make_restore: Make) -> None:
    """The password was rotated while it was shut: the cut is tried again and again, and no step waits for that."""
    rig = make_restore(surface(NAME, canary=Canary(credential="first")), dwell=0.0, step=0.0)
    await rig.held()
    rig.world(NAME).credential = "rotated"
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")

    assert await rig.ended(ballot) == "completed", ballot.ended
    assert rig.world(NAME).mode() is Mode.NORMAL


async def test_a_lift_that_the_disk_refused_is_not_obeyed(make_restore: Make) -> None:
    """What the next start would still hold is held here too, whatever another ballot lifts meanwhile."""
    rig = make_restore(surface(NAME), dwell=1.0)
    await rig.held()
    (stopped,) = rig.board.holds.live(KEY)
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    rig.journal.broken = True
    assert await rig.ended(ballot) == "aborted"

    assert stopped in rig.board.holds.live(KEY)


async def test_an_end_is_not_journaled_before_what_holds_everything_again(make_restore: Make) -> None:
    """The disk takes no hold in that moment: the journal must not say that the restore is over, or a crash loses it."""
    rig = make_restore(surface(NAME), dwell=1.0)
    await rig.held()
    write = rig.journal._write

    async def poorly(event: events.AnyEvent) -> bool:
        return event.type not in {"hold_added", "step_done"} and await write(event)

    rig.journal._write = poorly  # type: ignore[method-assign]  # a disk that takes some lines
    ballot = await rig.open()
    rig.box.react("+1", "U1", "U2")
    await rig.until(lambda: rig.world(NAME).mode() is Mode.READ_ONLY)
    rig.box.react("x", "U3")
    assert await rig.ended(ballot) == "aborted"
    await rig.until(lambda: rig.world(NAME).mode() is Mode.FULL_STOP, within=2.0)

    reborn = fold(rig.journal.written)
    for event in put_back(reborn, 2e9):
        reborn.apply(event)
    assert reborn.effective(KEY) is Mode.FULL_STOP


async def test_an_agent_asks_for_nothing(make_restore: Make) -> None:
    """Whatever the door let through: an identity of an agent opens no ballot."""
    rig = make_restore(surface(NAME))
    await rig.held()

    with pytest.raises(CannotOpen, match="no agent asks for authority"):
        await rig.open(by="U0AGENT")


async def _modes(rig: RestoreRig, seconds: float) -> set[Mode]:
    """Every mode that the world is seen in."""
    seen, end = set(), rig.clock.monotonic() + seconds
    while rig.clock.monotonic() < end:
        seen.add(rig.world(NAME).mode())
        await rig.clock.sleep(0.01)
    return seen
