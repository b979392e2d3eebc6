"""Is the right person reminded in time, and does what they answer count once?"""

from collections.abc import Callable

from bot.domain import drill_events, events
from bot.domain.practice import Practice
from bot.domain.rota import last_pulls, next_operator, on_turn, unpractised_people
from tests.unit.drills.drill_rig import ALICE, LEDGER, DrillRig, drill
from tests.unit.drills.test_clock import HOUR, local, missed, runs, started, ticked

Make = Callable[..., DrillRig]
DAY = 24 * HOUR
DUE = "2026-10-19T10:00"


def person(name: str) -> events.Person:
    """A Slack user."""
    return events.Person(kind="slack", id=name)


def reminding(make: Make, at: str, **more: object) -> DrillRig:
    """A weekly drill with reminders a day and ten minutes before, and three people who may stop."""
    rig = started(make, at, drill(remind=(DAY, 600.0), **more))
    rig.people = frozenset({"U1", "U2", "U3"})
    return rig


def calls(rig: DrillRig) -> list[tuple[str, float]]:
    """Who was called, and how long before."""
    found = [it for calls in rig.board.practice.called.values() for it in calls]
    return [(it.operator.id if it.operator else "", it.offset) for it in sorted(found, key=lambda it: it.at)]


async def test_the_operator_on_turn_is_reminded_at_each_offset_once(make_drills: Make) -> None:
    """The same person each time, whatever happens meanwhile; a drill of the clock's begins by itself then."""
    rig = reminding(make_drills, "2026-10-18T08:00")
    await ticked(rig, "2026-10-19T10:30", every=120.0)
    assert calls(rig) == [("U1", DAY), ("U1", 600.0)]
    assert runs(rig) == ["2026-10-19T10:00+02:00"]


async def test_every_member_gets_their_turn_before_anybody_gets_a_second(make_drills: Make) -> None:
    """Whoever has not pulled the switch for the longest time is next, never before anybody who has not at all."""
    rig = reminding(make_drills, "2026-10-18T08:00", by="operator")
    order = []
    for day in ("10-19", "10-26", "11-02", "11-09"):
        await ticked(rig, f"2026-{day}T10:01", every=600.0)
        operator = calls(rig)[-1][0]
        order.append(operator)
        run = await rig.run(by=person(operator))
        assert run.ended is not None
    assert order == ["U1", "U2", "U3", "U1"]
    assert missed(rig) == []


def test_a_real_stop_is_a_pull_too() -> None:
    """Who stopped last week is not called before those who never did."""
    pulls = last_pulls(Practice(), [])
    assert next_operator({"U2", "U1"}, pulls) == "U1"
    stop = events.HoldAdded.model_validate(
        {"at": 5.0, "hold": "h", "incident": "i", "mode": "full_stop", "by": person("U1")}
    )
    assert next_operator({"U2", "U1"}, last_pulls(Practice(), [stop])) == "U2"
    assert next_operator({"U1"}, {}, without={"U1"}) is None
    assert unpractised_people({"U1", "U2"}, {"U1": 90.0}, period=20.0, now=100.0) == ("U2",)


async def test_an_operator_drill_is_called_at_its_time_too(make_drills: Make) -> None:
    """The last reminder says that it is to begin now."""
    rig = reminding(make_drills, "2026-10-19T09:55", by="operator")
    await ticked(rig, "2026-10-19T10:05")
    assert calls(rig) == [("U1", 600.0), ("U1", 0.0)]


async def test_what_was_missed_is_one_reminder_and_no_more(make_drills: Make) -> None:
    """A bot that comes up five minutes before calls once; without a roster nobody is called until it is read."""
    rig = reminding(make_drills, "2026-10-19T09:55")
    rig.people = None
    await ticked(rig, "2026-10-19T09:56")
    assert calls(rig) == []
    rig.people = frozenset({"U1"})
    await ticked(rig, "2026-10-19T09:59")
    assert calls(rig) == [("U1", 600.0)]


async def test_it_is_handed_over_to_the_next_and_not_back(make_drills: Make) -> None:
    """Only by who is on turn; when nobody is left the drill stays where it is."""
    rig = reminding(make_drills, "2026-10-18T08:00")
    await ticked(rig, "2026-10-18T11:00", every=120.0)
    due = local(DUE)
    answer = rig.drills.calls.answer
    assert answer("weekly", due, due, "handed_over", person("U2")).startswith("<@U1> is on turn")
    assert answer("weekly", due, due, "handed_over", person("U1")) == "Handed over to <@U2>."
    assert on_turn(rig.board.practice, "weekly", due) == "U2"
    assert answer("weekly", due, due, "handed_over", person("U2")) == "Handed over to <@U3>."
    assert "Nobody is left" in answer("weekly", due, due, "handed_over", person("U3"))
    await ticked(rig, "2026-10-19T09:55", every=120.0)
    assert calls(rig)[-1] == ("U3", 600.0)
    assert answer("weekly", due, due, "acknowledged", person("U3")) == "Acknowledged: the drill is yours."


async def test_it_is_postponed_by_a_day_once_for_each_reminder(make_drills: Make) -> None:
    """A second press under the same reminder changes nothing; the new time has reminders of its own."""
    rig = reminding(make_drills, "2026-10-18T08:00")
    await ticked(rig, "2026-10-18T11:00", every=120.0)
    due = local(DUE)
    answer = rig.drills.calls.answer
    assert answer("weekly", due, due, "postponed", person("U2")) == "Postponed by a day."
    assert "out of date" in answer("weekly", due, due, "postponed", person("U2"))
    await ticked(rig, "2026-10-20T10:30", every=120.0)
    assert runs(rig) == ["2026-10-20T10:00+02:00"]
    assert calls(rig) == [("U1", DAY), ("U1", DAY), ("U1", 600.0)]
    assert "was run, missed or taken out" in answer("weekly", due, due + DAY, "postponed", ALICE)
    assert "was run, missed or taken out" in answer("daily", due, due, "postponed", ALICE)


async def test_calls_and_answers_survive_a_restart(make_drills: Make) -> None:
    """The same person is called again for the same time, and what was postponed stays so."""
    rig = reminding(make_drills, "2026-10-18T08:00")
    await ticked(rig, "2026-10-18T11:00", every=120.0)
    rig.drills.calls.answer("weekly", local(DUE), local(DUE), "postponed", person("U1"))
    again = await rig.restarted(*rig.inventory.configuration.surfaces(), drills=rig.inventory.configuration.drills)
    again.people, again.clock.start = rig.people, rig.clock.start
    await ticked(again, "2026-10-20T10:30", every=120.0)
    assert runs(again) == ["2026-10-20T10:00+02:00"]
    assert {name for name, _ in calls(again)} == {"U1"}
    assert isinstance(again.board.practice.answers[("weekly", local(DUE))][0], drill_events.DrillAnswered)
    assert again.mode(LEDGER).value == "normal"
    await again.aclose()
