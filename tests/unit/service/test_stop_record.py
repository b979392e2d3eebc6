"""What does a stop record, answer and set going, whatever the disk or the caller does?"""

import asyncio
import re
from collections.abc import Callable

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Quarantined, Unsupported
from bot.domain.plan import Scope
from bot.service.ports import StopOrder
from bot.service.stop import EmptyScope
from tests.unit.domain.facts import held_target, hold
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
ALL = Scope(everything=True)
BY = events.Person(kind="http", id="pager")


def _order(**more: object) -> StopOrder:
    fields = {"mode": Mode.FULL_STOP, "scope": ALL, "by": BY, "channel": "C1", **more}
    return StopOrder(**fields)  # type: ignore[arg-type]  # as they are named


async def test_a_hold_records_everything_that_a_restart_needs(make_rig: Make) -> None:
    """Who, why, from which door, what is bound and what is left, as one event, in the journal and on the board."""
    broken = Quarantined(agent="billing", id="typo", why="unknown key")
    left = surface("billing/mail", unsupported=Unsupported.LEAVE)
    rig = make_rig(surface("billing/db", world="pg"), left, broken=(broken,))
    rig.inventory.targets["memory:billing/mail"].adapters[0].modes = frozenset({Mode.READ_ONLY})  # type: ignore[misc]  # this one

    order = _order(
        scope=Scope(agents=frozenset({"billing"})),
        reason="it leaks",
        origin="http",
        roster_age=7.5,
    )
    began = rig.clock.now()
    receipt = await rig.stops.stop(order)

    (event,) = [entry for entry in rig.journal.written if isinstance(entry, events.HoldAdded)]
    assert event == events.HoldAdded(
        at=began,
        hold=receipt.hold,
        incident=receipt.incident,
        mode=Mode.FULL_STOP,
        by=BY,
        reason="it leaks",
        scope="billing",
        channel="C1",
        origin="http",
        targets=(held_target("memory:pg", "billing/db"),),
        left=(
            events.LeftAlone(surface="billing/typo", why="configuration: unknown key"),
            events.LeftAlone(
                surface="billing/mail",
                why="left alone, as configured (unsupported: leave): memory cannot hold full_stop here",
            ),
        ),
        roster_age=7.5,
    )
    assert rig.board.hold_events == {receipt.hold: event}
    assert (receipt.recorded, receipt.repeated) == (True, False)
    assert [line.surface for line in receipt.plan.lines] == ["billing/typo", "billing/db", "billing/mail"]
    assert rig.reporter.woken.count(receipt.incident) >= 1


async def test_ids_are_random_but_for_a_delivery(make_rig: Make) -> None:
    """The same delivery has one id on every host and after any restart; without one no two stops share theirs."""
    rig, other = make_rig(surface("a/1")), make_rig(surface("a/1"))
    first, second = await rig.stops.stop(_order()), await rig.stops.stop(_order())
    assert re.fullmatch(r"hold-[0-9a-f]{12}", first.hold)
    assert re.fullmatch(r"inc-[0-9a-f]{8}", first.incident)
    assert first.hold != second.hold
    named, again = await rig.stops.stop(_order(delivery="123.456")), await other.stops.stop(_order(delivery="123.456"))
    assert named.hold == again.hold == "hold-52dad4168406"
    assert first.incident != again.incident


async def test_what_came_of_a_delivery_is_its_hold(make_rig: Make) -> None:
    """And nothing of one that never came."""
    rig = make_rig(surface("a/1"))
    receipt = await rig.stops.stop(_order(delivery="d"))
    assert rig.stops.came_of("d") == rig.board.hold_events[receipt.hold]
    assert rig.stops.came_of("another") is None


async def test_a_stop_elsewhere_opens_an_incident_of_its_own(make_rig: Make) -> None:
    """Only the open incident of the same channel is joined."""
    rig = make_rig(surface("a/1"))
    first = await rig.stops.stop(_order())
    assert (await rig.stops.stop(_order(channel="C2"))).incident != first.incident
    assert (await rig.stops.stop(_order())).incident == first.incident


async def test_a_repeated_delivery_is_answered_as_the_first_one_stands(make_rig: Make) -> None:
    """Its incident, and RECORDED only where the disk has it by now; nothing is set going again."""
    rig = make_rig(surface("a/1"))
    rig.journal.delay = 0.08
    first = await rig.stops.stop(_order(delivery="d"))
    again = await rig.stops.stop(_order(delivery="d", mode=Mode.READ_ONLY))
    later = await rig.stops.stop(_order(delivery="d"))
    assert (first.recorded, again.recorded, later.recorded) == (False, True, True)
    assert (again.incident, again.hold, again.repeated) == (first.incident, first.hold, True)
    assert again.plan.mode is Mode.READ_ONLY
    assert len([entry for entry in rig.journal.written if isinstance(entry, events.HoldAdded)]) == 1


async def test_a_repeated_delivery_that_no_disk_took_is_never_said_to_be_recorded(make_rig: Make) -> None:
    """P2: not while the write is under way, and not after it failed."""
    rig = make_rig(surface("a/1"))
    rig.journal.broken, rig.journal.delay = True, 0.08
    assert not (await rig.stops.stop(_order(delivery="d"))).recorded
    assert not (await rig.stops.stop(_order(delivery="d"))).recorded
    await rig.clock.sleep(1.0)
    assert not (await rig.stops.stop(_order(delivery="d"))).recorded


async def test_a_disk_that_answers_late_is_told_to_people(make_rig: Make) -> None:
    """NOT RECORDED is taken back as soon as the disk has the hold, and only then."""
    rig = make_rig(surface("a/1"))
    rig.journal.delay = 2.0
    receipt = await rig.stops.stop(_order())
    await rig.clock.sleep(1.0)
    rung = rig.reporter.woken.count(receipt.incident)
    assert rig.stops.unrecorded == {receipt.hold}
    await rig.clock.sleep(1.5)
    assert rig.stops.unrecorded == set()
    assert rig.reporter.woken.count(receipt.incident) == rung + 1


async def test_a_disk_that_refuses_is_not_told_as_an_answer(make_rig: Make) -> None:
    """The hold stays among those that no disk has."""
    rig = make_rig(surface("a/1"))
    rig.journal.broken, rig.journal.delay = True, 2.0
    receipt = await rig.stops.stop(_order())
    assert rig.reporter.woken == [receipt.incident]
    await rig.clock.sleep(1.0)
    rung = rig.reporter.woken.count(receipt.incident)
    await rig.clock.sleep(1.5)
    assert rig.stops.unrecorded == {receipt.hold}
    assert rig.reporter.woken.count(receipt.incident) == rung


async def test_a_write_that_was_cancelled_is_not_recorded(make_rig: Make) -> None:
    """At the end of the process, say: nothing raises, and nothing is claimed."""
    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    rig = make_rig(surface("a/1"))
    rig.journal.delay = 5.0
    receipt = await rig.stops.stop(_order(delivery="d"))
    for task in tuple(rig.journal.tasks):
        task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert rig.stops.unrecorded == {receipt.hold}
    assert not (await rig.stops.stop(_order(delivery="d"))).recorded
    assert raised == []
    await asyncio.gather(*rig.journal.tasks, return_exceptions=True)


async def test_a_caller_who_leaves_stops_nothing(make_rig: Make) -> None:
    """P1: whoever asked may be cut off while the disk is waited for; the surfaces are cut all the same."""
    rig = make_rig(surface("a/1"))
    rig.journal.delay = 5.0
    asking = asyncio.ensure_future(rig.stops.stop(_order()))
    await rig.clock.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await rig.until(lambda: rig.world("a/1").mode() is Mode.FULL_STOP, within=1.0)
    assert rig.reporter.woken


async def test_nothing_in_scope_says_where_the_names_are(make_rig: Make) -> None:
    """P5: the sentence names what was typed and the next step."""
    with pytest.raises(EmptyScope) as raised:
        await make_rig(surface("a/1")).stops.stop(_order(scope=Scope(agents=frozenset({"biling"}))))
    assert str(raised.value) == "nothing that is configured matches 'biling'; see the names with `agent-kill status`"


async def test_a_plan_touches_nothing(make_rig: Make) -> None:
    """It is what a stop of that mode and scope would hold."""
    rig = make_rig(surface("a/1"), surface("b/1"))
    made = rig.stops.plan(Mode.READ_ONLY, Scope(agents=frozenset({"b"})))
    assert [(line.surface, line.asked) for line in made.lines] == [("b/1", Mode.READ_ONLY)]
    assert not rig.journal.written
    assert not rig.board.hold_events


async def test_holds_from_another_writer_are_served_and_reported(make_rig: Make) -> None:
    """What was found in a journal is cut, and the people of each of its incidents are told."""
    board = Board()
    board.apply(hold("h1", 5.0, held_target("memory:a/1", "a/1"), incident="i1"))
    board.apply(hold("h2", 6.0, held_target("memory:a/1", "a/1"), incident="i2"))
    board.apply(hold("h3", 6.0, held_target("memory:a/2", "a/2"), incident="i3"))
    rig = make_rig(surface("a/1"), surface("a/2"), board=board)

    rig.stops.carry_on(key for key in ["memory:a/1"])
    await rig.until(lambda: rig.world("a/1").mode() is Mode.FULL_STOP, within=1.0)

    assert sorted(rig.reporter.woken) == ["i1", "i2"]
    assert rig.world("a/2").mode() is Mode.NORMAL


async def test_a_stop_after_the_clock_was_set_back_stands_after_what_it_ends(make_rig: Make) -> None:
    """P3: it is recorded just after the last proof of its targets."""
    rig = make_rig(surface("a/1"))
    await rig.stops.stop(_order())
    await rig.until(lambda: bool(rig.board.proofs))
    proven = rig.board.proof_at["memory:a/1"]
    rig.stops._clock = _Yesterday()
    second = await rig.stops.stop(_order())
    assert proven < rig.board.hold_events[second.hold].at < proven + 1.0


class _Yesterday:
    """A clock that was set back."""

    def now(self) -> float:
        """Unix time."""
        return 1.0

    def monotonic(self) -> float:
        """The loop's."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """The loop's."""
        await asyncio.sleep(seconds)
