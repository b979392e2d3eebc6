"""A stop from Slack over both of its ways: what is done, what is answered, and how soon."""

import asyncio
from pathlib import Path

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.sandbox.results import SlashResult
from bot.slack import answers, listeners
from tests.unit.slack.door_rig import Rig, rig

pytestmark = pytest.mark.parametrize("mode", ["http", "socket"])


def shown(result: SlashResult) -> str:
    """Everything that the answer shows."""
    assert result.answer is not None, result.shown
    return f"{result.answer.text} {result.answer.blocks}"


async def press(running: Rig, who: str, result: SlashResult, action: str) -> None:
    """Presses a button of an answer."""
    assert result.answer is not None
    pressed = await running.simulator.person(who).click(result.answer, action)
    assert pressed.ok


async def test_one_line_stops_and_the_acknowledgement_is_the_receipt(mode: str, tmp_path: Path) -> None:
    """Mode, scope, incident, hold, count, RECORDED, and what is NOT CUT, in the acknowledgement itself."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        done = await running.simulator.person("oncall").slash("/agent-kill", "draft_only billing it mails customers")
        [hold] = running.holds.values()
        assert hold.mode is Mode.DRAFT_ONLY
        assert (hold.scope, hold.reason, hold.channel) == ("billing", "it mails customers", "C0INCIDENT")
        assert hold.by == events.Person(kind="slack", id="U0ONCALL")
        text = shown(done)
        for word in ("draft_only", "billing", hold.incident, hold.hold, "2 surfaces", "*RECORDED*"):
            assert word in text
        assert "NOT CUT" in text
        assert "billing/broken" in text
        assert "held as read_only" in text
        assert done.ack_ms is not None
        assert done.ack_ms < 1000
        assert running.stops.orders[0].delivery == done.trigger_id
        assert running.stops.orders[0].roster_age is not None
        assert not running.simulator.violations


async def test_an_unrecorded_stop_says_so_in_words(mode: str, tmp_path: Path) -> None:
    """NOT RECORDED, and what that means."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        running.stops.recorded = False
        done = await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert "*NOT RECORDED*" in shown(done)


async def test_a_stop_without_a_reason_asks_for_it_afterwards(mode: str, tmp_path: Path) -> None:
    """The button opens a form; what is typed is recorded once, by whom."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        person = running.simulator.person("oncall")
        done = await person.slash("/agent-kill", "full_stop")
        [hold] = running.holds.values()
        await press(running, "oncall", done, answers.GIVE_REASON)
        await running.simulator.wait_for(lambda: person.view, what="the form for the reason")
        assert (await person.submit_view({"reason": "it <b>leaks</b> & more"})).ok
        assert running.holds[hold.hold].reason == "it <b>leaks</b> & more"
        assert running.woken == [hold.incident]
        await person.close_view()
        await press(running, "oncall", done, answers.GIVE_REASON)
        await running.simulator.wait_for(lambda: person.view, what="the form for the reason, again")
        await person.submit_view({"reason": "another"})
        assert "has a reason already" in str(person.view and person.view.body)
        assert running.holds[hold.hold].reason == "it <b>leaks</b> & more"
        assert not running.simulator.violations


async def test_the_same_delivery_twice_is_one_hold(mode: str, tmp_path: Path) -> None:
    """Recognised by its trigger id alone, also when it is signed anew."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        running.simulator.faults.duplicate("slash_commands")
        done = await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert done.delivery is not None
        await running.simulator.courier.redeliver(done.delivery)
        await running.simulator.courier.settle()
        assert len(running.holds) == 1


async def test_two_people_make_two_holds_of_one_incident(mode: str, tmp_path: Path) -> None:
    """Each is its own lock, even with the same words at the same time."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        people = [running.simulator.person(who) for who in ("oncall", "second")]
        await asyncio.gather(*(person.slash("/agent-kill", "full_stop it leaks") for person in people))
        assert len(running.holds) == 2
        assert len({hold.incident for hold in running.holds.values()}) == 1


@pytest.mark.alone
async def test_a_hundred_stops_are_each_answered_within_a_second(mode: str, tmp_path: Path) -> None:
    """The 99th percentile stays under a second while every receipt takes its full 50 ms."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        running.stops.delay = 0.05
        person = running.simulator.person("oncall")
        done = await asyncio.gather(*(person.slash("/agent-kill", "full_stop billing it leaks") for _ in range(100)))
        times = sorted(result.ack_ms or 1e9 for result in done)
        assert times[98] < 1000
        assert len(running.holds) == 100


async def test_a_stop_path_that_hangs_is_answered_in_time_and_again_when_it_ends(mode: str, tmp_path: Path) -> None:
    """First an honest word, then the receipt through the response_url; the stop is carried out once."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        running.stops.delay = 1.5
        person = running.simulator.person("oncall")
        done = await person.slash("/agent-kill", "full_stop it leaks")
        assert "is being carried out" in done.text
        assert done.ack_ms is not None
        assert done.ack_ms < 1000
        await running.simulator.wait_for(lambda: any("RECORDED, incident" in seen.text for seen in person.sees()))
        assert len(running.holds) == 1


async def test_a_failure_inside_is_told_and_names_the_way_out(mode: str, tmp_path: Path) -> None:
    """Never silence, never an error of Slack's own."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        running.stops.failure = RuntimeError("boom")
        done = await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert "failed inside the bot" in done.text
        assert "agent-kill stop" in done.text
        assert "boom" not in shown(done)


async def test_a_mistyped_target_stops_nothing_until_a_button_is_pressed(mode: str, tmp_path: Path) -> None:
    """The button stands for the right line, and its answer takes the question's place."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        person = running.simulator.person("oncall")
        asked = await person.slash("/agent-kill", "full_stop billng it leaks")
        assert not running.holds
        await press(running, "oncall", asked, f"{answers.CHOOSE}:0")
        [hold] = running.holds.values()
        assert (hold.scope, hold.reason) == ("billing", "it leaks")
        await running.simulator.wait_for(lambda: any("RECORDED" in seen.text for seen in person.sees()))
        assert not running.simulator.violations


async def test_an_intruder_cannot_press_the_button(mode: str, tmp_path: Path) -> None:
    """A button is authorised as the typed line is."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        asked = await running.simulator.person("oncall").slash("/agent-kill", "full_stop billng it leaks")
        await press(running, "intruder", asked, f"{answers.CHOOSE}:0")
        await running.simulator.courier.settle()
        assert not running.holds
        assert [event for event in running.recorded if isinstance(event, events.Refusal)]


async def test_usage_has_a_button_that_opens_the_form(mode: str, tmp_path: Path) -> None:
    """Picking in the form is the same stop as typing; a wrong word in it is told at its field."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        person = running.simulator.person("oncall")
        await press(running, "oncall", await person.slash("/agent-kill", ""), answers.PICK)
        await running.simulator.wait_for(lambda: person.view, what="the form")
        wrong = await person.submit_view({"mode": "read_only", "typed": "billng"})
        assert "billing" in wrong.errors["typed"]
        assert not running.holds
        values = {"mode": "read_only", "agents": ["billing"], "typed": "payroll/jobs", "reason": "it leaks"}
        assert (await person.submit_view(values)).ok
        [hold] = running.holds.values()
        assert (hold.mode, hold.scope, hold.reason) == (Mode.READ_ONLY, "billing payroll/jobs", "it leaks")
        assert "RECORDED" in str(person.view and person.view.body)
        assert not running.simulator.violations


async def test_the_shortcut_in_a_thread_stops_for_its_channel(mode: str, tmp_path: Path) -> None:
    """Where Slack takes no slash commands; with nothing picked, the channel decides."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        person = running.simulator.person("oncall")
        parent = person.say("it mails customers")
        reply = person.say("stop it", thread=parent)
        assert (await person.message_shortcut(reply, listeners.SHORTCUT)).ok
        await running.simulator.wait_for(lambda: person.view, what="the form")
        assert (await person.submit_view({"mode": "full_stop"})).ok
        [hold] = running.holds.values()
        assert (hold.scope, hold.channel) == ("all", "C0INCIDENT")
        assert not running.simulator.violations


async def test_a_form_that_slack_does_not_open_is_told(mode: str, tmp_path: Path) -> None:
    """The person learns what to type instead."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        running.simulator.faults.error("views.open", "expired_trigger_id")
        person = running.simulator.person("oncall")
        await press(running, "oncall", await person.slash("/agent-kill", ""), answers.PICK)
        await running.simulator.wait_for(lambda: any("could not be opened" in seen.text for seen in person.sees()))


async def test_a_plan_touches_nothing(mode: str, tmp_path: Path) -> None:
    """It tells what would be held, what cannot be cut, and records no hold."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        done = await running.simulator.person("oncall").slash("/agent-kill", "plan draft_only billing")
        text = shown(done)
        assert "Nothing was touched" in text
        assert "held as read_only" in text
        assert "billing/broken" in text
        assert not running.holds


async def test_status_shows_what_is_held_and_how_well(mode: str, tmp_path: Path) -> None:
    """Mode, outcome and age of the last proof for every surface that is asked about."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        person = running.simulator.person("oncall")
        await person.slash("/agent-kill", "full_stop billing it leaks")
        text = shown(await person.slash("/agent-status", "billing"))
        assert "billing/ledger" in text
        assert "PENDING" in text
        assert "payroll" not in text


async def test_closing_lists_what_stays_held_with_its_owner(mode: str, tmp_path: Path) -> None:
    """Held surfaces need an owner; then the incident closes and each is listed."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        person = running.simulator.person("oncall")
        assert "nothing to close" in (await person.slash("/agent-kill", "close")).text
        await person.slash("/agent-kill", "full_stop payroll it leaks")
        assert "payroll/jobs" in shown(await person.slash("/agent-kill", "close"))
        assert running.board.open_incident("C0INCIDENT") is not None
        incident = running.board.open_incident("C0INCIDENT")
        assert incident is not None
        pairs = tuple((hold.hold, target.key) for hold in incident.holds for target in hold.targets)
        running.board.apply(events.PairsLifted(at=0.0, ballot="b", pairs=pairs))
        await person.slash("/agent-kill", "full_stop billing it leaks")
        closed = shown(await person.slash("/agent-kill", "close"))
        assert "<@U0OWNER>" in closed
        assert "billing/ledger" in closed
        assert running.board.open_incident("C0INCIDENT") is None


async def test_no_call_to_slack_precedes_the_dispatch(mode: str, tmp_path: Path) -> None:
    """With a roster in memory a stop asks Slack for nothing at all."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        await running.simulator.wait_for(lambda: running.simulator.calls.count("auth.test"))
        before = len(running.simulator.calls)
        await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert [call.method for call in running.simulator.calls[before:] if call.method != "users.info"] == []
