"""A vote by real reactions over the real bot: whatever Slack does to the events, only a fresh reading decides."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bot.domain import events
from bot.journal.reader import Reader
from bot.sandbox.messages import Message
from bot.sandbox.simulator import Simulator
from tests.acceptance.sandbox_fixture import workspace
from tests.acceptance.whole_bot import Bot, rendered, texts

HEAD = """
workspace: {{incident_channel: C0INCIDENT}}
watch: {{fast: 1s}}
policy:
  stop: {{groups: [S0ONCALL]}}
  restore: {{groups: [S0RESTORE], quorum: 2, full_stop_quorum: 2, ttl: 10m, dwell: {dwell}, step: {step}{factor}}}
"""
DESK = {"adapter": "memory", "class": "tool", "settings": {}}
AGENTS = {
    "billing": {
        "name": "Billing agent",
        "owner": "U0OWNER",
        "slack_identities": ["U0AGENT"],
        "surfaces": {"desk": DESK, "mail": DESK | {"risk": "high"}},
    }
}
WITHIN = 45.0  # seconds: without an event the reactions are read every ten


@dataclass
class Vote:
    """A bot with everything stopped, and the ballots in its incident channel."""

    bot: Bot
    slack: Simulator

    async def opened(self, line: str = "billing read_only it is mended") -> Message:
        """Opens a ballot; yields its message."""
        before = {message.ts for message in self.ballots()}
        done = await self.slack.person("oncall").slash("/agent-restore", line)
        assert "Gathering the evidence" in done.text, done.text
        await self.until(lambda: len(self.ballots()) > len(before), "the ballot")
        return next(message for message in self.ballots() if message.ts not in before)

    def ballots(self) -> list[Message]:
        """The ballots, oldest first."""
        parents = self.slack.channel("incident").parents()
        return [message for message in parents if "Who may vote" in str(message.blocks) or "`bal-" in rendered(message)]

    def modes(self) -> dict[str, str]:
        """What is held, by surface."""
        return {row["surface"]: row["effective"] for row in self.bot.status().get("surfaces", [])}

    def is_held(self, mode: str) -> None:
        """Fails unless everything is held at this mode."""
        assert set(self.modes().values()) == {mode}

    def journal(self) -> list[events.AnyEvent]:
        """Everything that the bot recorded."""
        return [entry.event for entry in Reader([self.bot.folder / "state" / "journal"]).new()]

    async def knows_who_is_who(self) -> None:
        """Waits for the first read of the groups."""
        file = self.bot.folder / "state/cache/roster.json"
        await self.until(lambda: file.exists() and "U0ONCALL" in file.read_text(), "the roster")

    async def until(self, what: Callable[[], object], name: str, within: float = WITHIN) -> None:
        """Waits until it is so."""
        end = time.monotonic() + within
        while not what():
            assert time.monotonic() < end, f"{name}: {self.seen()}"
            await asyncio.sleep(0.05)

    async def says(self, ballot: Message, words: str) -> None:
        """Waits until the ballot says this."""
        await self.until(lambda: words in rendered(ballot), words)

    def told(self, who: str) -> list[str]:
        """What one person alone was told."""
        return [seen.text for seen in self.slack.person(who).sees()]

    def seen(self) -> str:
        """Everything that could explain a failure."""
        told = self.told("oncall")
        return "\n".join([*map(rendered, self.slack.workspace.messages("incident")), *told, self.bot.log[-3000:]])


@asynccontextmanager
async def stopped(
    tmp_path: Path,
    *,
    dwell: str = "1s",
    step: str = "1s",
    factor: str = "",
    environ: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Vote]:
    """The bot over one agent in memory, which was stopped and is proven cut; `factor` is more of the restore."""
    async with workspace() as slack:
        bot = Bot(tmp_path, {**slack.environment, **environ})
        bot.configure(AGENTS, HEAD.format(dwell=dwell, step=step, factor=factor))
        await bot.start()
        try:
            await slack.connected()
            vote = Vote(bot, slack)
            await vote.knows_who_is_who()
            await slack.person("oncall").slash("/agent-kill", "full_stop billing it refunds twice")
            await vote.until(lambda: "Everything in scope is cut and proven" in "\n".join(texts(slack)), "the report")
            yield vote
        finally:
            bot.kill()


async def test_the_vote_is_read_though_every_event_is_lost(tmp_path: Path) -> None:
    """Whoever has no say is told so and counts for nothing; skin tones are one; two people give it back."""
    async with stopped(tmp_path) as vote:
        vote.slack.faults.lose("events_api")
        ballot = await vote.opened()
        without = ("intruder", "guest", "agent", "other_bot", "workflow", "oncall", "owner")
        for who in without:
            vote.slack.person(who).react(ballot, "+1")
        one = vote.slack.person("approver1")
        for emoji in ("thumbsup", "+1::skin-tone-3", "+1::skin-tone-6", "white_check_mark"):
            one.react(ballot, emoji)
        await vote.says(ballot, "*1 of 2 votes*: <@U0APPROVER1>")
        vote.is_held("full_stop")
        vote.slack.person("approver2").react(ballot, "white_check_mark")
        await vote.says(ballot, "GIVEN BACK")
        assert vote.modes() == {"billing/desk": "read_only", "billing/mail": "read_only"}
        for who in without:
            bot = who in {"other_bot", "workflow"}
            assert len([text for text in vote.told(who) if "does not count" in text]) == (0 if bot else 1), who
        await vote.until(lambda: "*Completed*" in "\n".join(texts(vote.slack)), "the end in the thread")
        parent = vote.slack.channel("incident").parents()[0]
        await vote.says(parent, "2 given back in part by a vote")
        assert "PARTLY GIVEN BACK" in rendered(parent)
        assert "0 NOT CUT" not in rendered(parent)


async def test_what_spoils_a_vote(tmp_path: Path) -> None:
    """A deleted ballot, a voter who left the group, a vote taken back behind events in any order, a veto."""
    async with stopped(tmp_path, dwell="3s") as vote:
        for spoil in (_delete, _leave, _take_back_and_veto):
            await spoil(vote, await vote.opened())
            vote.is_held("full_stop")
            assert not [event for event in vote.journal() if isinstance(event, events.PairsLifted)], spoil


async def _delete(vote: Vote, ballot: Message) -> None:
    """The thread says so, since the ballot cannot."""
    for who in ("approver1", "approver2"):
        vote.slack.person(who).react(ballot, "+1")
    vote.slack.person("admin").delete(ballot)
    await vote.until(lambda: "Its message was deleted." in "\n".join(texts(vote.slack)), "the word in the thread")


async def _leave(vote: Vote, ballot: Message) -> None:
    """The quorum stood at the reaction, and no event tells of the change."""
    for who in ("approver1", "approver2"):
        vote.slack.person(who).react(ballot, "+1")
    await vote.says(ballot, "The quorum stands")
    vote.slack.faults.lose("events_api")
    vote.slack.admin.remove_from_group("restorers", "approver2")
    await vote.says(ballot, "VOID")
    assert "people who may vote on a restore changed" in rendered(ballot)
    vote.slack.faults.clear()
    vote.slack.admin.add_to_group("restorers", "approver2")


async def _take_back_and_veto(vote: Vote, ballot: Message) -> None:
    """Events come doubled and in another order, that of the vote last: only what stands on the message counts."""
    vote.slack.faults.duplicate("reaction_added", times=20)
    vote.slack.faults.reorder("reaction_added", count=2)
    one, two = vote.slack.person("approver1"), vote.slack.person("approver2")
    one.react(ballot, "+1")
    two.react(ballot, "+1")
    two.unreact(ballot, "+1")
    await vote.says(ballot, "*1 of 2 votes*")
    await asyncio.sleep(4.0)  # longer than the dwell: nothing may come of it
    assert "*1 of 2 votes*" in rendered(ballot)
    vote.slack.person("approver3").react(ballot, "no_entry")
    await vote.says(ballot, "VETOED")
    assert "By <@U0APPROVER3>." in rendered(ballot)


async def test_a_stop_in_the_middle_wins(tmp_path: Path) -> None:
    """At once, by one line, and both places say so."""
    async with stopped(tmp_path, step="30s") as vote:
        ballot = await vote.opened("billing normal it is mended")
        for who in ("approver1", "approver2"):
            vote.slack.person(who).react(ballot, "+1")
        await vote.says(ballot, "done, and watched until")
        vote.is_held("read_only")
        await vote.slack.person("second").slash("/agent-kill", "full_stop billing it does it again")
        await vote.says(ballot, "HELD AGAIN")
        assert "A stop came, and it wins." in rendered(ballot)
        await vote.until(lambda: set(vote.modes().values()) == {"full_stop"}, "everything stopped", within=5.0)
        await vote.until(lambda: "A stop came, and it wins." in "\n".join(texts(vote.slack)), "the thread")
