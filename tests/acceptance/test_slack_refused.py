"""Who may not stop from Slack: nothing is held, the person is told why and who may, and it is recorded."""

from pathlib import Path

import pytest

from bot.domain import events
from tests.unit.slack.door_rig import configuration, rig

OUTSIDERS = {
    "intruder": "not in <!subteam^S0ONCALL>",
    "guest": "guest",
    "single_guest": "guest",
    "stranger": "another workspace",
    "deactivated": "deactivated",
    "other_bot": "bot",
    "workflow": "bot",
    "agent": "identity of the agent",
}


@pytest.mark.parametrize("mode", ["http", "socket"])
@pytest.mark.parametrize("who", OUTSIDERS)
async def test_an_outsider_is_refused_with_a_sentence(who: str, mode: str, tmp_path: Path) -> None:
    """Why, who may, and what to do instead; the refusal is recorded, no hold is."""
    async with rig(tmp_path, mode=mode) as running:
        await running.roster_read()
        person = running.simulator.person(who)
        running.simulator.channel("incident").members.append(person.id)
        done = await person.slash("/agent-kill", "full_stop it leaks")
        assert OUTSIDERS[who] in done.text
        assert "<!subteam^S0ONCALL>" in done.text
        assert "agent-kill stop" in done.text
        assert done.ack_ms is not None
        assert done.ack_ms < 1000
        assert not running.holds
        [refusal] = [event for event in running.recorded if isinstance(event, events.Refusal)]
        assert refusal.by.id == person.id
        assert refusal.asked == "full_stop it leaks"


@pytest.mark.parametrize("who", ["guest", "agent", "other_bot", "deactivated"])
async def test_membership_of_the_group_does_not_help_them(who: str, tmp_path: Path) -> None:
    """The account decides before the list does."""
    async with rig(tmp_path) as running:
        person = running.simulator.person(who)
        running.simulator.channel("incident").members.append(person.id)
        running.simulator.admin.add_to_group("S0ONCALL", who)
        await running.simulator.wait_for(
            lambda: person.id in running.door.roster.snapshot().people, what="a roster that knows the new member"
        )
        await person.slash("/agent-kill", "full_stop it leaks")
        assert not running.holds


async def test_a_new_member_may_as_soon_as_slack_tells(tmp_path: Path) -> None:
    """Events renew the roster within seconds; polling would take most of a minute."""
    async with rig(tmp_path) as running:
        await running.roster_read()
        person = running.simulator.person("intruder")
        running.simulator.channel("incident").members.append(person.id)
        assert "not in" in (await person.slash("/agent-kill", "full_stop it leaks")).text
        running.simulator.admin.add_to_group("S0ONCALL", "intruder")
        await running.simulator.wait_for(
            lambda: "U0INTRUDER" in running.door.roster.snapshot().group("S0ONCALL").members, timeout=10
        )
        await person.slash("/agent-kill", "full_stop it leaks")
        assert len(running.holds) == 1


async def test_somebody_who_becomes_a_guest_is_refused_at_once(tmp_path: Path) -> None:
    """`user_change` carries the whole record, so nothing has to be asked."""
    async with rig(tmp_path) as running:
        await running.roster_read()
        running.simulator.admin.make_guest("oncall")
        await running.simulator.courier.settle()
        done = await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert "guest" in done.text
        assert not running.holds


async def test_a_member_whose_record_was_never_read_may_stop(tmp_path: Path) -> None:
    """What is unknown of a listed person neither refuses nor delays a stop."""
    async with rig(tmp_path, before=lambda slack: slack.faults.hang("users.info", times=None)) as running:
        await running.simulator.wait_for(lambda: running.door.roster.snapshot().groups, what="the groups")
        done = await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert len(running.holds) == 1
        assert done.ack_ms is not None
        assert done.ack_ms < 300


@pytest.mark.parametrize(
    ("group", "word"), [("S0EMPTY", "no members"), ("@disabled", "disabled"), ("@nobody-here", "does not exist")]
)
async def test_a_group_that_can_let_nobody_in_is_a_loud_problem(group: str, word: str, tmp_path: Path) -> None:
    """Said by name, with what to do."""
    async with rig(tmp_path, made=configuration(groups=(group,), users=("U0ONCALL",))) as running:
        await running.roster_read()
        [problem] = [problem for problem in running.door.problems() if word in problem]
        assert group in problem


async def test_a_handle_names_a_group_as_well_as_an_id(tmp_path: Path) -> None:
    """`@oncall` is what people know."""
    async with rig(tmp_path, made=configuration(groups=("@oncall",))) as running:
        await running.roster_read()
        await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        assert len(running.holds) == 1


async def test_outsiders_see_no_status(tmp_path: Path) -> None:
    """A guest or an agent learns nothing of what is held."""
    async with rig(tmp_path) as running:
        await running.roster_read()
        running.simulator.channel("incident").members.append("U0AGENT")
        done = await running.simulator.person("agent").slash("/agent-status")
        assert "billing/ledger" not in str(done.answer and done.answer.blocks)
