"""Asking for a restore in Slack: who may, where, and what is answered; the vote itself is somebody else's."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.base import Mode
from bot.domain import events
from bot.domain.model import Configuration, Policy, RestorePolicy
from bot.sandbox.results import SlashResult
from bot.slack import restore_answers
from bot.slack.blocks import ballot
from tests.unit.slack.ballots import REFUSED, TinyRestores
from tests.unit.slack.door_rig import Rig, configuration, rig

COMMAND = "/agent-restore"
LINE = "billing/ledger read_only the bug is fixed"


def voting() -> Configuration:
    """As the rig's own, with people who restore."""
    made = configuration()
    restore = RestorePolicy(groups=("S0RESTORE",))
    return dataclasses.replace(made, policy=Policy(stop=made.policy.stop, restore=restore))


@dataclasses.dataclass
class Vote:
    """A rig with something held, and the use case behind the desk."""

    rig: Rig
    restores: TinyRestores

    async def ask(self, who: str, text: str = LINE, channel: str = "incident") -> SlashResult:
        """Types the command."""
        return await self.rig.simulator.person(who).slash(COMMAND, text, channel=channel)

    def refusals(self) -> list[str]:
        """Who was refused, by the record."""
        return [event.by.id for event in self.rig.recorded if isinstance(event, events.Refusal)]

    async def settled(self) -> None:
        """Waits until everything that was asked has been done."""
        await self.rig.simulator.courier.settle()


@asynccontextmanager
async def held(tmp_path: Path) -> AsyncIterator[Vote]:
    """Somebody on call stopped everything."""
    async with rig(tmp_path, mode="socket", made=voting()) as running:
        await running.roster_read()
        await running.simulator.person("oncall").slash("/agent-kill", "full_stop it leaks")
        restores = TinyRestores(running.board.apply, running.door.box.wake)
        running.door.serve_restores(restores)
        yield Vote(running, restores)
        assert not running.simulator.violations


async def test_the_answer_comes_at_once_and_the_ballot_later(tmp_path: Path) -> None:
    """However long the evidence takes, the acknowledgement does not wait for it."""
    async with held(tmp_path) as vote:
        vote.restores.delay = 1.2
        done = await vote.ask("oncall")
        assert done.ack_ms is not None
        assert done.ack_ms < 1000
        assert "Gathering the evidence" in done.text
        assert not vote.rig.board.ballots
        await vote.rig.simulator.wait_for(lambda: vote.rig.board.ballots, what="the ballot")
        (order,) = vote.restores.orders
        assert (order.mode, str(order.scope), order.reason) == (Mode.READ_ONLY, "billing/ledger", "the bug is fixed")
        assert (order.by.id, order.channel, order.kind) == ("U0ONCALL", "C0INCIDENT", "restore")
        assert order.delivery


async def test_what_is_in_the_way_is_listed(tmp_path: Path) -> None:
    """Each reason in a line, with its next step, and no mark-up that is not ours."""
    async with held(tmp_path) as vote:
        vote.restores.failure = REFUSED
        await vote.ask("oncall")
        person = vote.rig.simulator.person("oncall")
        await vote.rig.simulator.wait_for(lambda: any("2 things in the way" in seen.text for seen in person.sees()))
        shown = str(person.sees()[-1].blocks)
        assert "`/agent-restore acknowledge billing/ledger REASON`" in shown
        assert "&lt;b&gt; &amp; c" in shown


async def test_a_failure_inside_is_told(tmp_path: Path) -> None:
    """Never silence."""
    async with held(tmp_path) as vote:
        vote.restores.failure = RuntimeError("boom")
        await vote.ask("oncall")
        person = vote.rig.simulator.person("oncall")
        await vote.rig.simulator.wait_for(lambda: any("failed inside the bot" in seen.text for seen in person.sees()))


@pytest.mark.parametrize("who", ["intruder", "guest", "single_guest", "agent", "other_bot"])
async def test_whoever_may_not_ask_is_refused_and_recorded(tmp_path: Path, who: str) -> None:
    """Strangers to the policy, guests, bots and the agents themselves."""
    async with held(tmp_path) as vote:
        for line in (LINE, "acknowledge billing/ledger it burned", "billing", "billng normal x", "wibble"):
            done = await vote.ask(who, line)
            assert "may not" in done.text or "You are" in done.text, done.text
        await vote.settled()
        assert not vote.restores.orders
        assert not vote.restores.acknowledged
        assert vote.refusals() == [vote.rig.simulator.person(who).id] * 5


@pytest.mark.parametrize("who", ["oncall", "approver1", "owner"])
async def test_who_may_ask(tmp_path: Path, who: str) -> None:
    """Who may stop, who may vote, and the agent's owner."""
    async with held(tmp_path) as vote:
        await vote.ask(who)
        await vote.settled()
        assert [order.by.id for order in vote.restores.orders] == [vote.rig.simulator.person(who).id]


async def test_only_where_the_incident_is(tmp_path: Path) -> None:
    """Elsewhere the sentence says where."""
    async with held(tmp_path) as vote:
        done = await vote.ask("oncall", channel="shared")
        assert "<#C0INCIDENT>" in done.text
        await vote.settled()
        assert not vote.restores.orders


async def test_usage_shows_what_is_held(tmp_path: Path) -> None:
    """And how to type it."""
    async with held(tmp_path) as vote:
        done = await vote.ask("oncall", "")
        assert done.answer is not None
        shown = str(done.answer.blocks)
        assert "`billing/ledger`: full_stop" in shown
        assert "/agent-restore TARGET" in shown
        assert "You are a guest" in (await vote.ask("guest", "")).text


async def test_a_near_miss_is_asked_back_with_a_button(tmp_path: Path) -> None:
    """The button stands for the right line of this command."""
    async with held(tmp_path) as vote:
        asked = await vote.ask("oncall", "billng read_only fixed")
        assert asked.answer is not None
        await vote.rig.simulator.person("oncall").click(asked.answer, f"{restore_answers.CHOOSE}:0")
        await vote.rig.simulator.wait_for(lambda: vote.restores.orders, what="the order")
        assert str(vote.restores.orders[0].scope) == "billing"


async def test_a_missing_reason_is_asked_in_a_form(tmp_path: Path) -> None:
    """What is typed there is the reason, to the letter."""
    async with held(tmp_path) as vote:
        person = vote.rig.simulator.person("oncall")
        asked = await vote.ask("oncall", "billing read_only")
        assert asked.answer is not None
        await person.click(asked.answer, restore_answers.GIVE_REASON)
        await vote.rig.simulator.wait_for(lambda: person.view, what="the form")
        assert (await person.submit_view({"reason": "it is <fixed> & payroll too"})).ok
        await vote.rig.simulator.wait_for(lambda: vote.restores.orders, what="the order")
        (order,) = vote.restores.orders
        assert (str(order.scope), order.reason) == ("billing", "it is <fixed> & payroll too")


async def test_acknowledging_is_for_those_who_vote(tmp_path: Path) -> None:
    """Not for the owner, nor for whoever may only stop."""
    async with held(tmp_path) as vote:
        line = "acknowledge billing/ledger its host burned"
        assert "Recorded" in (await vote.ask("approver1", line)).text
        for who in ("oncall", "owner"):
            assert "You" in (await vote.ask(who, line)).text
        assert [person for _, person, _ in vote.restores.acknowledged] == ["U0APPROVER1"]
        assert vote.refusals() == ["U0ONCALL", "U0OWNER"]


async def test_undo_is_for_who_made_the_stop(tmp_path: Path) -> None:
    """The hold is named or the only one; a second stop is asked about."""
    async with held(tmp_path) as vote:
        slack = vote.rig.simulator
        (first,) = vote.rig.holds
        assert "Only who made a stop" in (await slack.person("approver1").slash("/agent-kill", f"undo {first} x")).text
        assert "Say why" in (await slack.person("oncall").slash("/agent-kill", "undo")).text
        await slack.person("oncall").slash("/agent-kill", "undo it was the wrong agent")
        await slack.wait_for(lambda: vote.restores.orders, what="the order")
        (order,) = vote.restores.orders
        assert (order.kind, order.hold, order.mode) == ("undo", first, Mode.NORMAL)
        assert order.reason == "it was the wrong agent"
        assert "nothing to undo" in (await slack.person("approver1").slash("/agent-kill", "undo x")).text
        await slack.person("oncall").slash("/agent-kill", "read_only billing once more")
        asked = await slack.person("oncall").slash("/agent-kill", "undo oops")
        assert "Which of your stops" in asked.text
        assert asked.answer is not None
        await slack.person("oncall").click(asked.answer, "agent_kill:choose:1")
        await slack.wait_for(lambda: len(vote.restores.orders) > 1, what="the order")
        assert vote.restores.orders[1].hold == first


async def test_the_buttons_of_a_ballot(tmp_path: Path) -> None:
    """Who may vote is told to who asks; only the proposer withdraws; a fresh one starts with its reason."""
    async with held(tmp_path) as vote:
        slack = vote.rig.simulator
        await vote.ask("oncall")
        await slack.wait_for(lambda: slack.workspace.messages("incident"), what="the ballot")
        posted = slack.person("approver1").find("Ballot bal-1")
        await slack.person("guest").click(posted, ballot.WHO)
        await slack.wait_for(lambda: any("<@U0APPROVER1>" in it.text for it in slack.person("guest").sees()))
        await slack.person("approver1").click(posted, ballot.WITHDRAW)
        await slack.wait_for(lambda: any("Only who opened" in it.text for it in slack.person("approver1").sees()))
        assert not vote.restores.withdrawn
        await slack.person("oncall").click(posted, ballot.WITHDRAW)
        await slack.wait_for(lambda: "WITHDRAWN" in str(posted.blocks), what="the end")
        await slack.person("approver1").click(posted, ballot.AGAIN)
        person = slack.person("approver1")
        await slack.wait_for(lambda: person.view, what="the form")
        await person.submit_view({"reason": "now it is"})
        await slack.wait_for(lambda: len(vote.restores.orders) > 1, what="the second order")
        again = vote.restores.orders[1]
        assert (again.by.id, again.mode, str(again.scope)) == ("U0APPROVER1", Mode.READ_ONLY, "billing/ledger")


async def test_reactions_are_hints(tmp_path: Path) -> None:
    """To messages, with their place; nothing is counted here."""
    async with held(tmp_path) as vote:
        slack = vote.rig.simulator
        message = slack.person("owner").say("anything")
        slack.person("owner").react(message, "+1")
        slack.person("owner").unreact(message, "+1")
        await slack.courier.settle()
        assert vote.restores.hints == [("C0INCIDENT", message.ts)] * 2


async def test_before_the_use_case_is_there_nothing_is_given_back(tmp_path: Path) -> None:
    """A sentence, and no error."""
    async with rig(tmp_path, mode="socket", made=voting()) as running:
        await running.roster_read()
        done = await running.simulator.person("oncall").slash(COMMAND, LINE)
        assert "not ready yet" in done.text
