"""Does a drill run at its time, once, and is one told that did not run?"""

import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from adapters.base import Mode
from bot.domain import drill_events, events
from bot.domain.model import Drill
from tests.unit.drills.drill_rig import ALICE, LEDGER, DrillRig, drill
from tests.unit.service.rig import surface

Make = Callable[..., DrillRig]
BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = 3600.0, 86_400.0


def local(text: str) -> float:
    """A time in Berlin as Unix seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def started(make: Make, at: str, *drills: Drill) -> DrillRig:
    """A rig whose clock starts at a time in Berlin."""
    rig = make(surface(LEDGER), drills=drills)
    rig.clock.start = local(at) - rig.clock.monotonic()
    rig.drills._since = rig.clock.now()
    return rig


async def ticked(rig: DrillRig, until: str, every: float = 60.0) -> None:
    """Ticks as the schedule does, only more rarely, until a time in Berlin."""
    while rig.clock.now() < local(until):
        await rig.drills.tick()
        await rig.clock.sleep(every)


def runs(rig: DrillRig) -> list[str]:
    """When each run was claimed, in local time."""
    found = [run.claimed.at for run in rig.board.practice.of("weekly") if run.claimed]
    return [datetime.fromtimestamp(at, BERLIN).isoformat(timespec="minutes") for at in found]


def missed(rig: DrillRig) -> list[str]:
    """Why drills were missed."""
    return [it.why for it in rig.board.practice.missed.values()]


async def test_it_runs_at_its_local_time_across_the_change_of_clocks(make_drills: Make) -> None:
    """Ten in the morning on both sides of it, once each."""
    rig = started(make_drills, "2026-10-18T00:00", drill())
    await ticked(rig, "2026-10-27T00:00", every=300.0)
    assert runs(rig) == ["2026-10-19T10:00+02:00", "2026-10-26T10:00+01:00"]
    assert [run.ended.how for run in rig.board.practice.of("weekly") if run.ended] == ["passed", "passed"]


async def test_a_time_that_exists_twice_or_never_runs_once(make_drills: Make) -> None:
    """On the nights of the change, with many ticks in both hours."""
    rig = started(make_drills, "2026-10-25T00:00", drill(schedule="30 2 * * *"))
    await ticked(rig, "2026-10-25T06:00")
    assert runs(rig) == ["2026-10-25T02:30+02:00"]
    spring = started(make_drills, "2026-03-29T00:00", drill(schedule="30 2 * * *"))
    await ticked(spring, "2026-03-29T06:00")
    assert runs(spring) == ["2026-03-29T03:30+02:00"]


async def test_a_restart_runs_nothing_twice(make_drills: Make) -> None:
    """What was run is known from the journal, and the claim from the database."""
    rig = started(make_drills, "2026-10-19T09:59", drill())
    await ticked(rig, "2026-10-19T10:05")
    again = await rig.restarted(surface(LEDGER), drills=[drill()])
    again.clock.start = rig.clock.start
    await ticked(again, "2026-10-19T10:20")
    assert len(runs(again)) == 1
    assert missed(again) == []
    await again.aclose()


async def test_a_due_time_that_another_took_is_told_and_not_run(make_drills: Make) -> None:
    """The row is unique, whoever asks."""
    rig = started(make_drills, "2026-10-19T09:59", drill())
    rig.claims.rows["weekly", local("2026-10-19T10:00")] = "drill-other"
    await ticked(rig, "2026-10-19T10:05")
    assert (runs(rig), missed(rig)) == ([], ["it was taken by drill-other"])


async def test_without_the_database_nothing_runs_and_that_is_told(make_drills: Make) -> None:
    """It is tried for as long as the drill may wait, and runs as soon as the database is back."""
    rig = started(make_drills, "2026-10-19T09:59", drill(wait=600.0))
    rig.claims.why = "it is down"
    await ticked(rig, "2026-10-19T10:05")
    assert any("does not begin: it is down" in why for why in rig.drills.problems())
    rig.claims.why = ""
    await ticked(rig, "2026-10-19T10:06")
    assert len(runs(rig)) == 1
    assert rig.drills.problems() == []
    rig.claims.why = "it is down"
    await ticked(rig, "2026-10-26T10:15", every=300.0)
    assert len(runs(rig)) == 1
    (why,) = missed(rig)
    assert "it is down; without the database no drill runs" in why


async def test_a_bot_that_was_down_tells_the_last_missed_one_and_how_many_more(make_drills: Make) -> None:
    """Once, though it was down for weeks."""
    rig = started(make_drills, "2026-10-19T09:59", drill())
    await ticked(rig, "2026-10-19T10:05")
    again = await rig.restarted(surface(LEDGER), drills=[drill()])
    again.clock.start = rig.clock.start + 22 * DAY
    for _ in range(3):
        await again.drills.tick()
    assert missed(again) == ["the bot did not run at that time; 2 before it were missed too"]
    await again.aclose()


async def test_an_answered_reminder_is_missed_with_the_rest_and_not_told_by_itself(make_drills: Make) -> None:
    """A week without the bot is one message, whoever had taken over the first of its drills."""
    rig = started(make_drills, "2026-10-19T09:30", drill(schedule="0 * * * *", remind=(HOUR,)))
    rig.people = frozenset({ALICE.id})
    await rig.drills.tick()
    (called,) = [it for calls in rig.board.practice.called.values() for it in calls]
    rig.drills.calls.answer("weekly", called.due, called.begins, "acknowledged", ALICE)
    rig.clock.start += 7 * DAY + HOUR / 2
    for _ in range(3):
        await rig.drills.tick()
    assert len(missed(rig)) == 1


async def test_a_clock_that_was_ahead_for_a_while_silences_nothing(make_drills: Make) -> None:
    """What was missed in a year that has not come yet is told, and the next drill is the one of this week."""
    rig = started(make_drills, "2026-10-16T09:00", drill())
    await rig.drills.tick()
    rig.clock.start += 365 * DAY
    await rig.drills.tick()
    assert len(missed(rig)) == 1
    rig.clock.start -= 365 * DAY
    await ticked(rig, "2026-10-19T10:30", every=300.0)
    assert runs(rig) == ["2026-10-19T10:00+02:00"]


async def test_an_operator_is_waited_for_and_what_is_typed_answers_the_due_time(make_drills: Make) -> None:
    """The clock does not begin it; typed a little early or late it is the one that is due, and not run again."""
    rig = started(make_drills, "2026-10-19T09:00", drill(by="operator"))
    await ticked(rig, "2026-10-19T10:10")
    assert runs(rig) == []
    run = await rig.run()
    assert run.claimed is not None
    assert (run.claimed.due, run.claimed.scheduled, run.claimed.by) == (local("2026-10-19T10:00"), True, ALICE)
    await ticked(rig, "2026-10-26T09:50", every=300.0)
    early = await rig.run()
    assert early.claimed is not None
    assert early.claimed.due == local("2026-10-26T10:00")
    await ticked(rig, "2026-11-02T11:00", every=300.0)
    assert missed(rig) == ["nobody ran it in time"]


async def test_a_postponed_drill_runs_at_its_new_time(make_drills: Make) -> None:
    """And not at the old one; the due time that it answers stays the schedule's."""
    rig = started(make_drills, "2026-10-19T09:00", drill())
    due = local("2026-10-19T10:00")
    rig.recorder.record(
        drill_events.DrillAnswered(
            at=rig.clock.now(), drill="weekly", due=due, answer="postponed", by=ALICE, until=due + 2 * HOUR
        )
    )
    await ticked(rig, "2026-10-19T13:00")
    assert runs(rig) == ["2026-10-19T12:00+02:00"]
    assert rig.board.practice.known_due("weekly") == due


async def test_a_reload_is_picked_up_with_the_next_tick(make_drills: Make) -> None:
    """Another time, another drill; what is gone does not run."""
    rig = started(make_drills, "2026-10-19T09:00", drill())
    await ticked(rig, "2026-10-19T09:30")
    rig.configure(drill(schedule="0 11 * * MON"))
    await ticked(rig, "2026-10-19T11:30")
    assert runs(rig) == ["2026-10-19T11:00+02:00"]
    rig.configure(drill(id="other", schedule="0 12 * * MON"))
    await ticked(rig, "2026-10-26T13:00", every=300.0)
    assert len(runs(rig)) == 1
    assert len(rig.board.practice.of("other")) == 2


async def test_a_time_before_it_was_configured_so_is_not_due(make_drills: Make) -> None:
    """A reload with a time that has just passed runs nothing, and misses nothing."""
    rig = started(make_drills, "2026-10-19T09:00", drill(schedule="0 12 * * MON"))
    await ticked(rig, "2026-10-19T10:10")
    rig.configure(drill(schedule="0 10 * * MON"))
    await ticked(rig, "2026-10-19T11:00")
    assert (runs(rig), missed(rig)) == ([], [])
    await ticked(rig, "2026-10-26T11:00", every=300.0)
    assert runs(rig) == ["2026-10-26T10:00+01:00"]


async def test_one_that_never_ran_is_missed_too_by_a_bot_that_was_down(make_drills: Make) -> None:
    """That it was configured is in the journal."""
    rig = make_drills(surface(LEDGER), drills=[drill()])
    rig.clock.start = local("2026-10-21T09:00") - rig.clock.monotonic()
    rig.drills._since = rig.clock.now()
    seen = events.ConfigurationSeen(at=local("2026-10-16T09:00"), parts=(("drill weekly", "ab"),))
    rig.recorder.record(seen)
    await rig.drills.tick()
    assert missed(rig) == ["the bot did not run at that time"]


async def test_a_long_absence_costs_little(make_drills: Make) -> None:
    """A drill of every minute, and a bot that was down for a year: one is told, and the loop is not held up."""
    rig = make_drills(surface(LEDGER), drills=[drill(schedule="* * * * *", wait=1.0)])
    rig.clock.start = local("2026-10-21T09:00:30") - rig.clock.monotonic()
    rig.drills._since = rig.clock.now()
    rig.recorder.record(events.ConfigurationSeen(at=local("2025-10-16T09:00"), parts=(("drill weekly", "ab"),)))
    began = time.process_time()
    await rig.drills.tick()
    assert time.process_time() - began < 2.0
    (why,) = missed(rig)
    assert why.startswith("the bot did not run at that time; ")


async def test_what_a_command_line_asks_for_is_run_once_and_only_while_it_waits(make_drills: Make) -> None:
    """Found in its journal; an old one, or one that is refused, is not taken up again."""
    rig = started(make_drills, "2026-10-20T09:00", drill())
    by = events.Person(kind="cli", id="root@host")
    rig.recorder.record(drill_events.DrillAsked(at=rig.clock.now() - 120, ask="old", drill="weekly", by=by))
    rig.recorder.record(drill_events.DrillAsked(at=rig.clock.now(), ask="new", drill="weekly", by=by))
    rig.recorder.record(drill_events.DrillAsked(at=rig.clock.now(), ask="wrong", drill="daily", by=by))
    await ticked(rig, "2026-10-20T09:05", every=1.0)
    (run,) = rig.board.practice.runs.values()
    assert run.claimed is not None
    assert (run.claimed.ask, run.claimed.by, run.claimed.scheduled) == ("new", by, False)
    refusals = [event for event in await rig.written() if isinstance(event, events.Refusal)]
    assert [(it.asked, it.by) for it in refusals] == [("drill daily wrong", by)]
    assert rig.mode() is Mode.NORMAL
