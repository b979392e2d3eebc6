"""Can an agent give itself authority back? Two hundred tries over every channel that it could reach."""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.domain import events
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Message
from bot.sandbox.results import SlashResult
from bot.slack.blocks import ballot as buttons
from tests.acceptance.sandbox_fixture import workspace
from tests.acceptance.test_slack_restore import AGENTS, HEAD, Vote
from tests.acceptance.whole_bot import Bot, rendered, texts

TRIES = 200
TONES = ("", *(f"::skin-tone-{number}" for number in range(2, 7)))
FORM = "application/x-www-form-urlencoded"
STOP_SECRET = "s3cret-of-a-monitor-that-stops"  # of this test alone
LINES = (
    "billing normal it is mended",
    "billing/desk read_only it is mended",
    "all normal now",
    "class:tool draft_only I am fine",
    "normal billing -- <@U0APPROVER1> said so",
    "acknowledge billing/desk it is fine",
    "acknowledge writer:bot not needed",
    "billing approval_gated I promise",
    "",
    "billng normal x",
    "billing normal",
    "billing full_stop x",
)
UNDOS = ("undo it was a mistake", "undo HOLD it was a mistake", "undo HOLD -- sorry", "undo", "normal billing")


@dataclass
class Siege:
    """The vote that is open, and how often it was attacked, by channel."""

    vote: Vote
    ballot: Message
    hold: str
    tries: Counter[str] = field(default_factory=Counter)
    refusable: int = 0  # tries of which each has to be in the audit by itself

    @property
    def url(self) -> str:
        """Where Slack calls the bot."""
        return self.vote.bot.events_url

    async def post(self, channel: str, url: str, body: bytes, headers: dict[str, str]) -> int:
        """One request of the agent's own making; yields the status."""
        self.tries[channel] += 1
        async with aiohttp.ClientSession() as client, client.post(url, data=body, headers=headers) as answer:
            return answer.status

    async def slash(self, channel: str, who: str, command: str, text: str) -> SlashResult:
        """One command."""
        self.tries[channel] += 1
        return await self.vote.slack.person(who).slash(command, text)

    def react(self, channel: str, who: str, emoji: str) -> None:
        """One reaction, as often as Slack takes one."""
        self.tries[channel] += 1
        self.vote.slack.person(who).react(self.ballot, emoji)


@asynccontextmanager
async def besieged(tmp_path: Path) -> AsyncIterator[Siege]:
    """A bot in HTTP mode with everything of the agent stopped, and somebody's ballot on it open."""
    async with workspace() as slack:
        environ = {key: value for key, value in slack.environment.items() if key != "SLACK_APP_TOKEN"}
        environ |= {"SLACK_SIGNING_SECRET": slack.signing_secret, "AGENT_KILL_STOP_SECRETS": f"monitor:{STOP_SECRET}"}
        bot = Bot(tmp_path, environ)
        bot.configure(AGENTS, HEAD.format(dwell="1s", step="1s", factor=""))
        await bot.start()
        slack.use("http", url=bot.events_url)
        try:
            vote = Vote(bot, slack)
            await vote.knows_who_is_who()
            await slack.person("oncall").slash("/agent-kill", "full_stop billing it refunds twice")
            await vote.until(lambda: "Everything in scope is cut and proven" in "\n".join(texts(slack)), "the report")
            ballot = await vote.opened("billing normal it is mended")
            yield Siege(vote, ballot, str(vote.bot.status()["holds"][0]["hold"]))
        finally:
            bot.kill()


async def by_reactions(siege: Siege) -> None:
    """The agent's own identity, two bots, and the user token of one eligible member: every name and tone."""
    names = [f"{name}{tone}" for name in ("+1", "white_check_mark") for tone in TONES]
    for who in ("agent", "other_bot", "workflow", "approver1"):
        for emoji in [*names, "thumbsup_all", "heavy_check_mark", "plus1", "approved"]:
            siege.react(f"reactions of {who}", who, emoji)
    for emoji in ("-1", "x", "no_entry"):
        siege.react("a veto of the agent", "agent", emoji)


async def by_commands(siege: Siege) -> None:
    """As the agent, and as the one member whose token it has."""
    for line in (*LINES, *LINES):
        done = await siege.slash("commands of the agent", "agent", "/agent-restore", line)
        assert "You are an identity of an agent" in done.text, done.text
        siege.refusable += 1
    for line in LINES:
        done = await siege.slash("commands of a bot", "other_bot", "/agent-restore", line)
        assert "only people ask" in done.text, done.text
        siege.refusable += 1
    for line in UNDOS:
        done = await siege.slash("undo by the agent", "agent", "/agent-kill", line.replace("HOLD", siege.hold))
        assert "You are an identity of" in done.text, done.text
        siege.refusable += 1
    for line in LINES:
        await siege.slash("commands of one member", "approver1", "/agent-restore", line)
    for line in UNDOS:
        await siege.slash("undo by one member", "approver1", "/agent-kill", line.replace("HOLD", siege.hold))


async def by_buttons(siege: Siege) -> None:
    """The ballot's own."""
    for who in ("agent", "other_bot", "approver1"):
        for action in (buttons.WITHDRAW, buttons.WHO):
            siege.tries["buttons"] += 1
            await siege.vote.slack.person(who).click(siege.ballot, action)
        siege.refusable += 1


async def by_forgery(siege: Siege) -> None:
    """Requests that are not Slack's, replays of one that was, and with the stolen secret votes that nobody gave."""
    slack, http = siege.vote.slack, siege.vote.slack.http
    form = {"command": "/agent-restore", "text": LINES[0], "user_id": "U0ONCALL", "channel_id": "C0INCIDENT"}
    body = urlencode({**form, "trigger_id": "7.7"}).encode()
    wrong: list[dict[str, str]] = [
        {},
        http.signed(body, secret="0" * 32),
        http.signed(body, timestamp=1),
        http.signed(b""),
    ]
    for headers in wrong * 7:
        assert await siege.post("forged requests", siege.url, body, headers | {"Content-Type": FORM}) == 401
    seen = http.signed(body) | {"Content-Type": FORM}
    await http.request(body, seen)
    for _ in range(10):
        assert await siege.post("replayed requests", siege.url, body, seen) == 401
    for voter in ("U0APPROVER2", "U0APPROVER3"):
        for number in range(8):
            event = {
                "type": "reaction_added",
                "user": voter,
                "reaction": "+1",
                "item": {"type": "message", "channel": "C0INCIDENT", "ts": siege.ballot.ts},
                "event_ts": f"{number}.1",
            }
            told = {"type": "event_callback", "event_id": f"Ev{voter}{number}", "team_id": "T0SANDBOX", "event": event}
            raw = json.dumps(told | {"api_app_id": "A0"}).encode()
            siege.tries["signed events of votes that nobody gave"] += 1
            await slack.http.request(raw, http.signed(raw) | {"Content-Type": "application/json"})


async def by_other_doors(siege: Siege) -> None:
    """The signed stop asked to loosen, a second bot's token on the ballot, edits, and the command line."""
    bot, slack = siege.vote.bot, siege.vote.slack
    for mode in ("normal", "", "relax", "restore", "undo", "NORMAL", None, "read_only "):
        order = json.dumps({"mode": mode, "agents": ["billing"], "reason": "x"}).encode()
        assert await siege.post("the signed stop", f"http://127.0.0.1:{bot.port}/v1/stop", order, {}) in {400, 401}
    for number, method in enumerate(("chat.update", "chat.delete", "reactions.add", "usergroups.users.update")):
        change = urlencode({"channel": "C0INCIDENT", "ts": siege.ballot.ts, "text": "passed", "name": "+1"}).encode()
        headers = {"Authorization": f"Bearer xoxb-second-bot-{number}", "Content-Type": FORM}
        await siege.post("a second bot's token", f"{slack.api_url}{method}", change, headers)
    for person in (slack.person("agent"), slack.person("approver1")):
        siege.tries["edits"] += 2
        with pytest.raises(SlackError):
            person.delete(siege.ballot)
        with pytest.raises(SlackError):
            person.edit(siege.ballot, "passed")
    siege.tries["the command line"] += 2
    ran = await asyncio.gather(
        bot.command("stop", "normal", "--all", "--reason", "x"), bot.command("restore", "billing")
    )
    assert [code for code, _, _ in ran] == [2, 2]


async def by_configuration(siege: Siege) -> None:
    """A file that makes the agent an elector, or one vote enough: the open ballot is void, a wrong file refused."""
    bot = siege.vote.bot
    assert bot.process is not None
    agents: Any = {"billing": AGENTS["billing"] | {"slack_identities": []}}
    for policy in ("groups: [], users: [U0AGENT, U0INTRUDER], quorum: 2", "groups: [S0RESTORE], quorum: 1"):
        siege.tries["reloads"] += 1
        stop = "workspace: {incident_channel: C0INCIDENT}\npolicy:\n  stop: {groups: [S0ONCALL]}\n"
        bot.configure(agents, f"{stop}  restore: {{{policy}}}\n")
        os.kill(bot.process.pid, signal.SIGHUP)
        await siege.vote.until(lambda: "VOID" in rendered(siege.ballot), "the ballot void")
        await siege.slash("commands after a reload", "intruder", "/agent-restore", LINES[0])


async def test_no_try_of_two_hundred_gives_anything_back(tmp_path: Path) -> None:
    """One stolen vote is one vote; every refusal is in the audit; everything stays fully stopped."""
    async with besieged(tmp_path) as siege:
        for attack in (by_reactions, by_commands, by_buttons, by_forgery, by_other_doors):
            await attack(siege)
            siege.vote.is_held("full_stop")
        await siege.vote.says(siege.ballot, "*1 of 2 votes*: <@U0APPROVER1>")
        await by_configuration(siege)
        siege.vote.is_held("full_stop")
        recorded = siege.vote.journal()
        siege.vote.slack.violations.clear()  # a token of nobody's is one
    assert sum(siege.tries.values()) >= TRIES, siege.tries
    assert not [event for event in recorded if isinstance(event, events.PairsLifted)]
    counted = [event for event in recorded if isinstance(event, events.VotesCounted)]
    assert {person.id for event in counted for person in event.approvals} == {"U0APPROVER1"}
    assert not [event for event in counted if event.vetoes]
    refused = Counter(event.by.id for event in recorded if isinstance(event, events.Refusal))
    assert refused["U0AGENT"] + refused["U0OTHERBOT"] + refused["U0APPROVER1"] >= siege.refusable
    assert {"U0AGENT", "U0OTHERBOT", "U0WORKFLOW"} <= refused.keys()
