"""A drill, whole: typed in Slack and at the command line, on a real database, queue and API; killed in the middle."""

import asyncio
import json
from typing import Any

from bot.sandbox.messages import Message
from bot.sandbox.simulator import Simulator
from tests.acceptance.whole_bot import Bot, rendered, texts
from tests.acceptance.world import World

SURFACES = "billing/ledger, billing/queue, billing/api"
HEAD = """
workspace: {incident_channel: C0INCIDENT}
policy:
  stop: {groups: [S0ONCALL], users: [U0SECOND]}
  restore: {groups: [S0RESTORE], quorum: 2}
drills:
  weekly: {schedule: "0 3 1 JAN *", surfaces: [SURFACES], mode: full_stop, kind: live, accept_loss: true, hold: HOLD}
"""


async def _serving(bot: Bot, world: World, sandbox: Simulator, *, hold: str = "0s") -> None:
    bot.environ |= world.environ()
    bot.configure(world.agents(), head=HEAD.replace("HOLD", hold).replace("SURFACES", SURFACES))
    await bot.start()
    await sandbox.connected()


async def _works_again(world: World) -> None:
    """Every one of the agent's effects is seen again."""
    before = await world.effects()
    async with asyncio.timeout(15):
        while not all(now > then for now, then in zip(await world.effects(), before, strict=True)):  # noqa: ASYNC110  # a count elsewhere
            await asyncio.sleep(0.05)


def _rows(bot: Bot) -> set[tuple[str, str | None]]:
    return {(row["effective"], row["outcome"]) for row in bot.status().get("surfaces", ())}


async def test_a_drill_cuts_measures_and_gives_back_whoever_asks(bot: Bot, world: World, sandbox: Simulator) -> None:
    """Typed in Slack it tells its card in its thread; at the command line it ends with 0 and the same card."""
    await _serving(bot, world, sandbox)
    refused = await sandbox.person("intruder").slash("/agent-drill", "run weekly")
    assert "Who may" in refused.text
    async with world.at_work():
        begun = await sandbox.person("oncall").slash("/agent-drill", "run weekly")
        assert "has begun" in begun.text or "waits for the database" in begun.text  # after a second, by what it knows
        await sandbox.wait_for(lambda: any("Drill passed" in it for it in texts(sandbox)), 30, what="the card")
        await _works_again(world)
        files = sandbox.workspace.files
        await sandbox.wait_for(lambda: any(it.completed for it in files.values()), 15, what="the picture")
        (picture,) = files.values()
        assert (picture.name, (picture.content or b"")[:4]) == ("drill.png", b"\x89PNG")

        code, out, errors = await bot.command("drill", "weekly", "--json")
        assert code == 0, errors
        await _works_again(world)
    told: dict[str, Any] = json.loads(out)
    assert (told["how"], told["left_held"], told["by"]["kind"]) == ("passed", [], "cli")
    scores = {score["surface"]: score for score in told["card"]["surfaces"]}
    assert {score["outcome"] for score in scores.values()} == {"verified"}
    assert all(0 < score["cut_ms"] <= score["proof_ms"] <= score["deadline_ms"] for score in scores.values())
    code, out, _ = await bot.command("drill", "--json")
    (listed,) = json.loads(out)
    assert (code, listed["drill"], listed["last"]["run"]) == (0, "weekly", told["run"])
    said = "\n".join(texts(sandbox))
    assert "DRILL" in said
    assert "given back by a vote" not in said
    code, _, errors = await bot.command("drill", "daily")
    assert (code, "there is no drill daily; there are: weekly" in errors) == (2, True)


async def test_a_bot_that_is_killed_in_the_middle_gives_back_after_its_restart(
    bot: Bot, world: World, sandbox: Simulator
) -> None:
    """While everything is cut: the next start gives it back, and the card says that it was interrupted."""
    await _serving(bot, world, sandbox, hold="20s")
    async with world.at_work():
        await sandbox.person("oncall").slash("/agent-drill", "run weekly")
        await sandbox.wait_for(lambda: _rows(bot) == {("full_stop", "verified")}, 20, what="the cut")
        bot.kill()
        assert await world.nothing_more()
        await bot.start()
        await sandbox.wait_for(lambda: _rows(bot) == {("normal", None)}, 30, what="nothing is held")
        await _works_again(world)
    await sandbox.wait_for(lambda: any("Drill failed" in it for it in texts(sandbox)), 30, what="the card")
    assert any("the bot was restarted in the middle of it" in it for it in texts(sandbox))
    bot.stop()
    code, _, errors = await bot.command("drill", "weekly")
    assert (code, "no bot is running on this state directory" in errors) == (1, True)


async def test_a_real_stop_is_told_at_once_though_a_drill_rehearses_an_outage(
    bot: Bot, world: World, sandbox: Simulator
) -> None:
    """Slack takes nothing for as long as the hung surface lasts; a stop of another surface ends that, and is told."""
    bot.environ |= world.environ()
    agents = world.agents()
    agents["billing"]["surfaces"]["ledger"]["deadline"] = "30s"  # of which it hangs for half
    head = HEAD.replace("HOLD", "0s, faults: [slack, hung]").replace("SURFACES", "billing/ledger")
    bot.configure(agents, head=head)
    await bot.start()
    await sandbox.connected()
    await sandbox.person("oncall").slash("/agent-drill", "run weekly")
    await sandbox.wait_for(lambda: "full_stop" in {mode for mode, _ in _rows(bot)}, 10, what="the drill's hold")
    assert not texts(sandbox)
    await sandbox.person("oncall").slash("/agent-kill", "full_stop billing/queue a loop")
    await sandbox.wait_for(lambda: any("a loop" in it for it in texts(sandbox)), 7, what="the real stop")
    await sandbox.wait_for(lambda: any("Drill passed" in it for it in texts(sandbox)), 20, what="the card")
    assert any("ended early, for a real incident, and proves nothing" in it for it in texts(sandbox))


async def test_people_are_reminded_and_answer_by_button_and_emoji(bot: Bot, world: World, sandbox: Simulator) -> None:
    """Who is on turn is called; they hand it over, the next one puts it off, and nothing is cut meanwhile."""
    bot.environ |= world.environ()
    soon = 'schedule: "* * * * *", by: operator, remind: [2m]'
    head = HEAD.replace("HOLD", "0s").replace("SURFACES", SURFACES).replace('schedule: "0 3 1 JAN *"', soon)
    bot.configure(world.agents(), head=head)
    await bot.start()
    await sandbox.connected()
    await sandbox.wait_for(lambda: _message(sandbox, "is on turn:"), 20, what="the reminder")
    reminder = _message(sandbox, "is on turn:")
    assert reminder is not None
    called = _user(rendered(reminder))
    people = {sandbox.person(name).id: name for name in ("oncall", "second")}
    assert called in people
    stranger = next(name for one, name in people.items() if one != called)
    refused = await sandbox.person(stranger).click(reminder, "agent_kill:drill:acknowledged")
    assert refused.ok
    await sandbox.person(people[called]).click(reminder, "agent_kill:drill:handed_over")
    await sandbox.wait_for(lambda: _message(sandbox, "handed the drill"), 15, what="the hand-over")
    sandbox.person(stranger).react(reminder, "calendar")
    await sandbox.wait_for(lambda: _message(sandbox, "postponed the drill"), 15, what="the new time")
    assert _message(sandbox, "has the drill") is None
    assert {mode for mode, _ in _rows(bot)} == {"normal"}


def _message(sandbox: Simulator, words: str) -> Message | None:
    return next((it for it in sandbox.workspace.messages("incident") if words in rendered(it)), None)


def _user(text: str) -> str:
    """The first person that a message mentions."""
    return text.partition("<@")[2].partition(">")[0]
