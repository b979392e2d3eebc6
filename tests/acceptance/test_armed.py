"""Is a button that does not work shown as NOT ARMED within a period, told once, and once again when it works?

Real servers, the real bot, a simulated Slack; the period is short.
"""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest
from aiohttp import ClientSession

from bot.sandbox.servers import ValkeyServer
from bot.sandbox.simulator import Simulator
from tests.acceptance.whole_bot import HEAD, Bot, rendered
from tests.acceptance.world import World
from tests.contract import redis_rig
from tests.contract.http_rig import Farm
from tests.contract.servers import Database

PERIOD = 5.0
_SLACK = 2.0  # seconds that this machine may be slow by
Act = Callable[[], Awaitable[object]]


@pytest.fixture(scope="module")
def own_valkey() -> Iterator[ValkeyServer]:
    """A Valkey that nobody else uses, since it is stopped."""
    with ValkeyServer() as server:
        yield server


@pytest.fixture
async def world(postgres_database: Database, own_valkey: ValkeyServer, receivers: Farm) -> AsyncIterator[World]:
    """An agent on three real surfaces; the users of the Valkey survive its end."""
    queue = await redis_rig.rig(own_valkey)
    await queue.acl("SAVE")
    async with ClientSession() as client:
        yield World(postgres_database, queue, receivers, client, f"armed{time.monotonic_ns()}")
    await queue.close()


@dataclass
class Stage:
    """A bot whose every part is in order."""

    bot: Bot
    slack: Simulator
    world: World

    def lost(self) -> dict[str, str]:
        """What the bot calls NOT ARMED, and why."""
        return {item["subject"]: item["why"] for item in self.bot.status().get("not_armed", [])}

    def ages(self) -> list[float]:
        """Seconds since each of those was checked; endless while there is no answer."""
        return [item["age"] for item in self.bot.status().get("not_armed", [])] or [math.inf]

    def shows(self, button: "Button") -> bool:
        """Whether the bot says what is wrong with it."""
        return button.why in self.lost().get(button.subject, "")

    def told(self, words: str = "") -> list[str]:
        """What stands in the incident channel about it."""
        said = [rendered(message) for message in self.slack.channel("incident").parents() if message.bot_id]
        return [text for text in said if ("armed" in text.lower() and f"`{words}`" in text) or not words]

    async def says(self, command: str, words: str) -> str:
        """What somebody on call is answered, whole."""
        result = await self.slack.person("oncall").slash(command, words)
        assert result.answer is not None, result.shown
        return f"{result.answer.text}\n{result.answer.blocks}"

    async def until(self, seen: Callable[[], object], within: float = PERIOD + _SLACK) -> None:
        """Waits for it, a period at the most."""
        end = time.monotonic() + within
        while not await asyncio.to_thread(seen):
            assert time.monotonic() < end, (self.bot.status().get("not_armed"), self.told(), self.bot.log[-3000:])
            await asyncio.sleep(0.05)


@pytest.fixture
async def stage(bot: Bot, world: World, sandbox: Simulator) -> Stage:
    """Started, connected, and found in order."""
    bot.environ |= world.environ()
    bot.configure(world.agents(), head=f"{HEAD}\narmed: {{period: {PERIOD:g}s}}\n")
    await bot.start()
    await sandbox.connected()
    made = Stage(bot, sandbox, world)
    await made.until(lambda: bot.status().get("surfaces") and not made.lost(), 20)
    return made


@dataclass(frozen=True)
class Button:
    """One button: whose it is, what is said when it does not work, how it is taken and given back."""

    subject: str
    why: str
    take: Act
    give: Act


def grant(stage: Stage) -> Button:
    """PostgreSQL: without the membership in the agent's role no cut could be made."""
    database = stage.world.database
    agent, bot = database.agent, database.bot
    return Button(
        "billing/ledger",
        f'GRANT "{agent}" TO "{bot}" WITH ADMIN OPTION',
        lambda: database.run(f"REVOKE {agent} FROM {bot}"),
        lambda: database.run(f"GRANT {agent} TO {bot} WITH ADMIN OPTION"),
    )


def server(stage: Stage) -> Button:
    """Valkey: nothing listens on its port any more."""
    queue = stage.world.queue

    async def away() -> None:
        await queue.witness.aclose()
        await asyncio.to_thread(queue.server.crash)

    async def back() -> None:
        await asyncio.to_thread(queue.server.restart)
        queue.witness = redis_rig.one_connection(queue.server.url())

    return Button("billing/queue", "unreachable", away, back)


def token(stage: Stage) -> Button:
    """The receiver does not take the bot's signature any more."""
    client, fault = stage.world.client, stage.world.url("fault")

    async def post(text: str) -> None:
        async with client.post(fault, data=text):
            pass

    return Button("billing/api", "refused", lambda: post("401 expired"), lambda: post(""))


def group(stage: Stage) -> Button:
    """Nobody is in the group that may stop; whoever was may still, and somebody has to hear of it."""
    admin = stage.slack.admin
    return Button(
        "slack group S0ONCALL",
        "has no members in Slack",
        _later(lambda: admin.set_members("oncall", [])),
        _later(lambda: admin.set_members("oncall", ["oncall", "second"])),
    )


def scope(stage: Stage) -> Button:
    """The app was installed again from an older manifest."""
    admin = stage.slack.admin
    return Button(
        "slack scopes",
        "the bot token lacks reactions:read",
        _later(lambda: admin.take_scope("reactions:read")),
        _later(lambda: admin.give_scope("reactions:read")),
    )


def _later(act: Callable[[], object]) -> Act:
    """What is done at once, where something is awaited."""

    async def done() -> None:
        act()

    return done


BUTTONS = (grant, server, token, group, scope)


async def test_each_shows_as_not_armed_within_a_period_and_comes_back(stage: Stage) -> None:
    """All of them at once: each is told once, each is armed again by itself, and a restart tells nothing twice."""
    buttons = [make(stage) for make in BUTTONS]
    for button in buttons:
        await button.take()
    await stage.until(lambda: all(stage.shows(it) and stage.told(it.subject) for it in buttons))
    assert set(stage.lost()) == {button.subject for button in buttons}
    planned = await stage.says("/agent-kill", "plan full_stop billing")
    assert "5 NOT ARMED" in planned
    assert "missing: GRANT" in planned

    stage.bot.stop()
    _, out, _ = await stage.bot.command("status", "--json")
    assert {item["subject"] for item in json.loads(out)["not_armed"]} >= {button.subject for button in buttons}
    await stage.bot.start()
    await stage.slack.connected()
    checked = time.monotonic()  # nothing is awaited but that everything was looked at again, and nothing was said
    await stage.until(lambda: all(age < time.monotonic() - checked for age in stage.ages()))

    for button in buttons:
        assert len(stage.told(button.subject)) == 1, stage.told()
        assert "NOT ARMED" in stage.told(button.subject)[0]
        await button.give()
    await stage.until(lambda: not stage.lost() and all(len(stage.told(it.subject)) == 2 for it in buttons))
    for button in buttons:
        assert f"{button.subject}` is armed again" in stage.told(button.subject)[1]


async def test_what_is_shared_and_what_was_never_drilled_is_told(stage: Stage) -> None:
    """Of the running bot: `/agent-status` says what goes down with the agents, and metrics tell of drills."""
    end = time.monotonic() + 20
    while "Not independent" not in (said := await stage.says("/agent-status", "billing")):
        assert time.monotonic() < end, said
        await asyncio.sleep(0.5)
    assert "run on the bot's own machine: if it goes down, so does the switch" in said
    assert said.index("no tool") < said.index("Not independent") < said.index("●")
    async with stage.world.client.get(f"http://127.0.0.1:{stage.bot.admin_port}/metrics") as answer:
        told = await answer.text()
    assert 'agent_kill_drill_overdue{surface="billing/ledger"} 1.0' in told
    assert "agent_kill_people_never_stopped 2.0" in told


@pytest.mark.long
@pytest.mark.parametrize("make", BUTTONS)
async def test_one_of_them_is_no_other(stage: Stage, make: Callable[[Stage], Button]) -> None:
    """Only what was taken is NOT ARMED, and two messages tell it all."""
    button = make(stage)
    await button.take()
    await stage.until(lambda: stage.shows(button) and len(stage.told()) == 1)
    assert set(stage.lost()) == {button.subject}
    await button.give()
    await stage.until(lambda: not stage.lost() and len(stage.told()) == 2)
    assert "is armed again" in stage.told(button.subject)[1]
