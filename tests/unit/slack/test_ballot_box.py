"""Where people vote: what is posted, how it is kept, what is read, and what is done when Slack is unwell."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.domain import events
from bot.domain.ballot import Reading
from bot.domain.policy import Kind
from bot.sandbox.messages import Message
from bot.sandbox.people import User
from bot.sandbox.simulator import Simulator
from bot.service.ports import Gone
from tests.unit.slack.ballots import hold, opened, people, returning
from tests.unit.slack.door_rig import Rig, door_at, rig
from tests.unit.slack.test_restore_desk import voting


@dataclasses.dataclass
class Poll:
    """A posted ballot."""

    rig: Rig
    opened: events.BallotOpened

    @property
    def slack(self) -> Simulator:
        """The workspace."""
        return self.rig.simulator

    def message(self) -> Message:
        """The ballot itself."""
        found = self.slack.channel("incident").find(self.rig.board.incidents["inc-1"].posts["ballot:bal-1"].ts)
        assert found is not None
        return found

    def tell(self, event: events.AnyEvent) -> None:
        """Something happened to the ballot."""
        self.rig.board.apply(event)
        self.rig.door.box.wake("bal-1")

    async def read(self) -> Reading | Gone | None:
        """The reactions now."""
        return await self.rig.door.box.read(self.opened)

    async def until(self, words: str) -> None:
        """Waits until the ballot says this."""
        await self.slack.wait_for(lambda: words in str(self.message().blocks), what=f"“{words}”")


def thread(rig: Rig) -> None:
    """An incident whose message is there already."""
    rig.board.apply(hold(at=time.time()))
    parent = rig.simulator.person("owner").say("stands for the incident")
    rig.board.apply(
        events.Posted(at=time.time(), incident="inc-1", slot="parent", channel="C0INCIDENT", ts=parent.ts, digest="d")
    )


@asynccontextmanager
async def posted(tmp_path: Path, **other: object) -> AsyncIterator[Poll]:
    """A ballot in the incident channel, linked from the thread."""
    async with rig(tmp_path, mode="socket", made=voting()) as running:
        thread(running)
        found = opened(at=time.time(), expires_at=time.time() + 1800, **other)
        running.board.apply(found)
        running.door.box.wake("bal-1")
        slack = running.simulator
        await slack.wait_for(lambda: "ballot-link:bal-1" in running.board.incidents["inc-1"].posts, what="the link")
        yield Poll(running, found)
        assert not slack.violations


async def test_posted_once_and_linked_from_the_thread(tmp_path: Path) -> None:
    """At top level, where everybody reads; the thread leads there."""
    async with posted(tmp_path) as poll:
        message = poll.message()
        assert message.thread_ts is None
        posts = poll.rig.board.incidents["inc-1"].posts
        assert (posts["ballot:bal-1"].channel, posts["ballot:bal-1"].ts) == ("C0INCIDENT", message.ts)
        parent = poll.slack.channel("incident").find(posts["parent"].ts)
        assert parent is not None
        (reply,) = poll.slack.channel("incident").thread(parent.ts)[1:]
        assert poll.slack.workspace.permalink(message) in str(reply.blocks)


async def test_reactions_are_read_afresh_in_full(tmp_path: Path) -> None:
    """More people than Slack lists by itself; nothing is remembered of those who took theirs back."""
    async with posted(tmp_path) as poll:
        names = ("approver1", "approver2", "approver3", "owner", "oncall", "second", "intruder")
        for name in names:
            poll.slack.person(name).react(poll.message(), "+1::skin-tone-2")
        found = await poll.read()
        assert found == Reading(users={"+1::skin-tone-2": frozenset(poll.slack.person(name).id for name in names)})
        for name in names:
            poll.slack.person(name).unreact(poll.message(), "+1::skin-tone-2")
        assert await poll.read() == Reading(users={})


async def test_the_message_follows_the_vote_and_is_still_known(tmp_path: Path) -> None:
    """Blocks change, the text does not, so that no update of ours voids the ballot."""
    async with posted(tmp_path) as poll:
        text = poll.message().text
        poll.tell(events.VotesCounted(at=time.time(), ballot="bal-1", approvals=people("U0APPROVER1")))
        await poll.until("1 of 2 votes")
        assert poll.message().text == text
        assert isinstance(await poll.read(), Reading)


async def test_a_deleted_ballot_is_gone(tmp_path: Path) -> None:
    """Whoever deleted it."""
    async with posted(tmp_path) as poll:
        poll.slack.person("admin").delete(poll.message())
        assert await poll.read() == Gone("its message was deleted")


async def test_an_edited_ballot_is_gone(tmp_path: Path) -> None:
    """By whoever has the bot's token."""
    async with posted(tmp_path) as poll:
        poll.message().text = "Ballot bal-1: give billing back to normal?"
        assert await poll.read() == Gone("its message is not as it was posted")


@pytest.mark.parametrize("code", ["ratelimited", "internal_error", "channel_not_found", "missing_scope"])
async def test_what_slack_does_not_answer_is_no_reading(tmp_path: Path, code: str) -> None:
    """Neither a vote nor a reason to void it."""
    async with posted(tmp_path) as poll:
        poll.slack.faults.error("reactions.get", code)
        assert await poll.read() is None
        poll.slack.violations.clear()


async def test_a_channel_that_another_organisation_reads_is_no_place(tmp_path: Path) -> None:
    """Slack Connect: whoever is not of this workspace would read what an agent may do."""
    async with rig(tmp_path, mode="socket", made=voting()) as running:
        box = running.door.box
        assert "Slack Connect" in await box.unfit("C0SHARED")
        assert await box.unfit("C0INCIDENT") == ""


@pytest.mark.parametrize("code", ["ratelimited", "missing_scope", "channel_not_found", "unknown_method"])
async def test_what_slack_does_not_say_of_a_channel_is_not_held_against_it(
    tmp_path: Path, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Strangers have no vote anywhere; an app that was not reinstalled can still restore, and the log says why."""
    async with rig(tmp_path, mode="socket", made=voting()) as running:
        running.simulator.faults.error("conversations.info", code, times=1)
        assert await running.door.box.unfit("C0SHARED") == ""
    assert "<#C0SHARED> is shared with another organisation is not known" in caplog.text


async def test_before_it_is_posted_nothing_is_read(tmp_path: Path) -> None:
    """No place, no votes."""
    async with rig(tmp_path, mode="socket", made=voting()) as running:
        assert await running.door.box.read(opened()) is None


async def test_one_ephemeral_sentence_per_person_and_none_to_a_bot(tmp_path: Path) -> None:
    """However often somebody reacts."""
    async with posted(tmp_path) as poll:
        await poll.rig.roster_read()
        box, intruder = poll.rig.door.box, poll.slack.person("intruder")
        for _ in range(3):
            box.refuse(poll.opened, intruder.id, "You are not among those who vote.")
        bot = poll.slack.person("other_bot").id
        await poll.rig.door.roster.look_up(bot, 2.0)
        assert poll.rig.door.roster.snapshot().people[bot] is Kind.BOT
        box.refuse(poll.opened, bot, "Bots do not vote.")
        await poll.slack.wait_for(intruder.sees, what="the refusal")
        assert len(intruder.sees()) == 1
        assert "does not count on ballot bal-1. You are not among" in intruder.sees()[0].text
        assert poll.slack.calls.count("chat.postEphemeral") == 1


async def test_large_ballots_have_their_list_as_a_file(tmp_path: Path) -> None:
    """In the thread, once."""
    many = tuple(returning(f"billing/s{n}") for n in range(30))
    async with posted(tmp_path, returns=many, pairs=tuple(("hold-1", item.key) for item in many)) as poll:
        await poll.slack.wait_for(lambda: poll.slack.workspace.files, what="the file")
        (found,) = poll.slack.workspace.files.values()
        await poll.slack.wait_for(lambda: found.content and found.completed, what="its bytes")
        assert b"billing/s29" in (found.content or b"")


async def test_the_end_is_told_in_both_places(tmp_path: Path) -> None:
    """The ballot says so, with a way on; the thread too."""
    async with posted(tmp_path) as poll:
        poll.tell(events.BallotEnded(at=time.time(), ballot="bal-1", how="void", why="a stop came meanwhile"))
        await poll.slack.wait_for(lambda: "A stop came meanwhile" in str(poll.slack.workspace.messages("incident")))
        posts = poll.rig.board.incidents["inc-1"].posts
        await poll.slack.wait_for(lambda: "ballot-end:bal-1" in posts, what="the reply")
        end = poll.slack.channel("incident").find(posts["ballot-end:bal-1"].ts)
        assert end is not None
        assert end.thread_ts == posts["parent"].ts
        assert "A stop came meanwhile" in str(end.blocks)
        assert "Open a fresh ballot" in str(poll.message().blocks)


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    """Nothing is posted twice, and what changed meanwhile is told."""
    async with posted(tmp_path) as poll:
        recorded = [*poll.rig.recorded]
        await poll.rig.door.stop()
        before = poll.slack.calls.count("chat.postMessage")
        async with door_at(poll.slack, tmp_path, mode="socket", made=voting()) as again:
            for event in (hold(), poll.opened, *recorded):
                again.board.apply(event)
            again.board.apply(events.VotesCounted(at=time.time(), ballot="bal-1", approvals=people("U0APPROVER2")))
            again.door.box.wake("bal-1")
            await poll.until("1 of 2 votes")
        assert poll.slack.calls.count("chat.postMessage") == before


async def test_slack_unwell_is_tried_again_and_said(tmp_path: Path) -> None:
    """Until it takes the ballot; the status page says why it is held up."""
    async with rig(tmp_path, mode="socket", made=voting()) as running:
        running.simulator.faults.status("chat.postMessage", 503, times=2)
        running.board.apply(opened(at=time.time()))
        running.door.box.wake("bal-1")
        await running.simulator.wait_for(lambda: any("bal-1 is held up" in said for said in running.door.problems()))
        await running.simulator.wait_for(lambda: running.simulator.workspace.messages("incident"), what="the ballot")
        await running.simulator.wait_for(lambda: not any("bal-1" in said for said in running.door.problems()))


async def test_a_fresh_roster_has_groups_and_people_as_they_are_now(tmp_path: Path) -> None:
    """Events are lost; who left the group or became a guest is seen all the same, and no answer is no roster."""
    async with rig(tmp_path, mode="socket", made=voting()) as running:
        await running.roster_read()
        running.simulator.faults.lose("events_api")
        box = running.door.box
        first = await box.roster()
        assert first is not None
        assert "U0APPROVER1" in first.group("S0RESTORE").members
        running.simulator.admin.remove_from_group("restorers", "approver1")
        second = await box.roster()
        assert second is not None
        assert "U0APPROVER1" not in second.group("S0RESTORE").members
        running.simulator.faults.error("usergroups.list", "internal_error")
        assert await box.roster() is None


async def test_a_storm_of_readings_stays_within_slacks_rate(tmp_path: Path) -> None:
    """Hints can be many: the groups are then read a few seconds apart."""
    async with rig(tmp_path, mode="socket", made=voting()) as running:
        await running.roster_read()
        for _ in range(40):
            assert await running.door.box.roster() is not None
            await asyncio.sleep(0)
        assert running.simulator.calls.count("usergroups.list") <= 20


async def test_of_a_large_group_those_who_voted_are_known(tmp_path: Path) -> None:
    """More people than Slack lets anybody ask for in a minute: whoever voted was asked for, and no rate is broken."""
    async with rig(tmp_path, mode="socket", made=voting()) as running:
        slack = running.simulator
        names = [f"U0CROWD{number}" for number in range(150)]
        for name in names:
            slack.workspace.add_person(name, User(name, name.lower(), name))
        slack.admin.set_members("restorers", [*names, "U0APPROVER1"])
        thread(running)
        poll = Poll(running, opened(at=time.time(), expires_at=time.time() + 1800))
        poll.tell(poll.opened)
        await slack.wait_for(lambda: "ballot:bal-1" in running.board.incidents["inc-1"].posts, what="the ballot")
        for name in (names[-1], "approver1"):
            slack.person(name).react(poll.message(), "+1")
        assert isinstance(await poll.read(), Reading)
        found = await running.door.box.roster()
        assert found is not None
        assert len(found.group("S0RESTORE").members) == 151
        assert {found.people[names[-1]], found.people["U0APPROVER1"]} == {Kind.MEMBER}
        assert not slack.violations


async def test_a_ballot_without_an_incident_stands_alone(tmp_path: Path) -> None:
    """What no stop explains has no thread: the ballot itself tells everything."""
    async with rig(tmp_path, mode="socket", made=voting()) as running:
        poll = Poll(running, opened(at=time.time(), expires_at=time.time() + 1800, pairs=()))
        poll.tell(poll.opened)
        posts = running.board.incidents
        await poll.slack.wait_for(
            lambda: "inc-1" in posts and "ballot:bal-1" in posts["inc-1"].posts, what="the ballot"
        )
        assert "Lifts no hold" in str(poll.message().blocks)
        poll.tell(events.BallotEnded(at=time.time(), ballot="bal-1", how="expired", why="too few votes came in time"))
        await poll.until("EXPIRED")
        assert len(poll.slack.workspace.messages("incident")) == 1
