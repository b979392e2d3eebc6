"""The restore, whole: a ballot in the channel, votes, one mode per step, on a real database, queue and API."""

import asyncio
import json

from bot.sandbox.messages import Message
from bot.sandbox.simulator import Simulator
from tests.acceptance.whole_bot import Bot, rendered, texts
from tests.acceptance.world import World

QUICK = """
workspace: {incident_channel: C0INCIDENT}
policy:
  stop: {groups: [S0ONCALL], users: [U0SECOND]}
  restore: {groups: [S0RESTORE], quorum: 2, full_stop_quorum: 2, ttl: 10m, dwell: 1s, step: STEP}
"""
PROVEN = "Everything in scope is cut and proven"


async def _stopped(bot: Bot, world: World, sandbox: Simulator, *, step: str) -> None:
    """The bot at work, and everything cut and proven."""
    bot.environ |= world.environ()
    bot.configure(world.agents(), head=QUICK.replace("STEP", step))
    await bot.start()
    await sandbox.connected()
    done = await sandbox.person("oncall").slash("/agent-kill", "full_stop it leaks")
    assert done.ok
    await sandbox.wait_for(lambda: any(PROVEN in text for text in texts(sandbox)), 15, what="the report")


async def _ballot(sandbox: Simulator, words: str = "billing normal the leak is fixed") -> Message:
    """The ballot that was asked for."""
    asked = await sandbox.person("oncall").slash("/agent-restore", words)
    assert asked.ok
    await sandbox.wait_for(lambda: _found(sandbox), 30, what="the ballot")
    found = _found(sandbox)
    assert found
    return found


def _found(sandbox: Simulator) -> Message | None:
    messages = sandbox.workspace.messages("incident")
    return next((one for one in messages if one.text.startswith("Ballot ") and not one.thread_ts), None)


def _said(sandbox: Simulator, words: str) -> bool:
    return any(words in rendered(message) for message in sandbox.workspace.messages("incident"))


def _rows(bot: Bot) -> set[tuple[str, str | None]]:
    """Mode and outcome of every surface; the page is made anew once a second."""
    return {(row["effective"], row["outcome"]) for row in bot.status()["surfaces"]}


def _text(sandbox: Simulator) -> str:
    found = _found(sandbox)
    return rendered(found) if found else ""


async def test_a_vote_gives_authority_back(bot: Bot, world: World, sandbox: Simulator) -> None:
    """Nothing moves before the quorum; afterwards the agent works on all three, with its old credentials."""
    await _stopped(bot, world, sandbox, step="1s")
    ballot = await _ballot(sandbox)
    async with world.at_work():
        sandbox.person("approver1").react(ballot, "+1")
        sandbox.person("oncall").react(ballot, "+1")
        sandbox.person("owner").react(ballot, "+1")
        assert await world.nothing_more()
        before = await world.effects()

        sandbox.person("approver2").react(ballot, "+1::skin-tone-3")
        await sandbox.wait_for(lambda: "GIVEN BACK" in _text(sandbox), 60, what="the end of the restore")
        async with asyncio.timeout(15):
            while not all(now > then for now, then in zip(await world.effects(), before, strict=True)):  # noqa: ASYNC110  # a count elsewhere
                await asyncio.sleep(0.05)
    await sandbox.wait_for(lambda: _rows(bot) == {("normal", None)}, 5, what="nothing is held")
    await sandbox.wait_for(lambda: _said(sandbox, "*Closed*"), 15, what="the closed incident")
    await _reported(bot)


async def _reported(bot: Bot) -> None:
    """The report of it, with the bot killed: who stopped, who voted, how each surface was held."""
    bot.kill()
    code, out, errors = await bot.command("report", "inc", "--json")
    assert code == 0, errors
    told = json.loads(out)
    assert (told["open"], told["verdict"], told["not_cut"], told["not_proven"]) == (False, "intact", [], [])
    assert {row["held"] for row in told["surfaces"]} == {"full_stop"}
    assert all(0 < row["cut_and_read_back_took"] <= row["proven_after"] < 15 for row in told["surfaces"])
    assert [(vote["who"], vote["says"]) for vote in told["votes"][0]["votes"]] == [
        ("U0APPROVER1", "for"),
        ("U0APPROVER2", "for"),
    ]
    for lane in told["authority"]:
        states = [(span["mode"], span["state"]) for span in lane["spans"]]
        assert states[:2] == [("full_stop", "open"), ("full_stop", "proven")]
        assert states[-1] == ("normal", "normal")


async def test_a_stop_in_the_middle_of_it_wins(bot: Bot, world: World, sandbox: Simulator) -> None:
    """After the first step somebody stops the agent: at once nothing gets through any more, and nothing comes back."""
    await _stopped(bot, world, sandbox, step="5m")
    ballot = await _ballot(sandbox)
    async with world.at_work():
        for name in ("approver1", "approver2"):
            sandbox.person(name).react(ballot, "white_check_mark")

        def reads() -> bool:
            return any(row["effective"] == "read_only" for row in bot.status()["surfaces"])

        await sandbox.wait_for(reads, 30, what="the first step")
        done = await sandbox.person("oncall").slash("/agent-kill", "full_stop no, wait")
        assert done.ok
        await sandbox.wait_for(lambda: "HELD AGAIN" in _text(sandbox), 30, what="the end of the restore")
        assert await world.nothing_more()
    await sandbox.wait_for(lambda: _rows(bot) == {("full_stop", "verified")}, 5, what="everything stopped and proven")


async def test_a_bot_killed_in_the_middle_of_it_leaves_nothing_looser(
    bot: Bot, world: World, sandbox: Simulator
) -> None:
    """Interleaving 3: after the restart the rest of the restore is void, and nothing is looser than what holds it."""
    await _stopped(bot, world, sandbox, step="5m")
    ballot = await _ballot(sandbox)
    async with world.at_work():
        for name in ("approver1", "approver2"):
            sandbox.person(name).react(ballot, "+1")

        def begun() -> bool:
            return any(row["effective"] == "read_only" for row in bot.status()["surfaces"])

        await sandbox.wait_for(begun, 30, what="the first step")
        bot.kill()
        await bot.start()
        await sandbox.wait_for(lambda: "HELD AGAIN" in _text(sandbox), 30, what="the end of the restore")
        assert await world.nothing_more()
    assert {mode for mode, _ in _rows(bot)} <= {"full_stop", "read_only"}
