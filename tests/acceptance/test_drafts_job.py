"""What agents propose while they are held: cards in the thread, decided on once, on a real database and cache."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator

import pytest

from bot.sandbox.messages import Message
from bot.sandbox.servers import ValkeyServer
from bot.sandbox.simulator import Simulator
from tests.acceptance.drafts_world import Proposer, button, card, cards
from tests.acceptance.whole_bot import Bot, rendered
from tests.contract.servers import Database


@pytest.fixture
async def proposer(postgres_database: Database, valkey_server: ValkeyServer) -> AsyncIterator[Proposer]:
    """The agent and its two surfaces."""
    made = await Proposer.made(postgres_database, valkey_server)
    yield made
    await made.cache.close()


async def test_people_decide_in_the_thread(bot: Bot, proposer: Proposer, sandbox: Simulator) -> None:
    """One card per write; an approval does it once, a denial never; nobody else decides, and nothing is done twice."""
    await proposer.served(bot, sandbox)
    await proposer.proposes(41)
    await proposer.sets("orders:7", "refund password=hunter2")
    ledger, cache = await card(sandbox, "INSERT INTO public.effects"), await card(sandbox, "orders:7")
    assert '"n": 41' in rendered(ledger)
    assert "hunter2" not in rendered(cache)
    stale = copy.deepcopy(ledger)  # as somebody's screen may still show it, or as it is replayed

    forged = copy.deepcopy(ledger)
    _forge(forged, "0" * 32)
    await sandbox.person("approver1").click(forged, button("release"))
    await _told(sandbox, "approver1", "cannot be decided on yet")
    _forge(forged, _digest(cache))
    await sandbox.person("approver2").click(forged, button("release"))
    await _told(sandbox, "approver2", "cannot be decided on yet")

    for name in ("agent", "oncall", "guest", "intruder"):
        await sandbox.person(name).click(ledger, button("release"))
    sandbox.person("oncall").react(ledger, "+1")
    sandbox.person("agent").react(ledger, "white_check_mark")
    told = ["no agent decides", "not among those", "not among those", "not among those"]
    for name, words in zip(("agent", "oncall", "guest", "intruder"), told, strict=True):
        await _told(sandbox, name, words)
    assert await proposer.rows() == 0

    approver = sandbox.person("approver1")
    await asyncio.gather(*(approver.click(ledger, button("release")) for _ in range(3)))
    sandbox.person("approver2").react(ledger, "+1")
    sandbox.person("approver2").react(cache, "-1")
    await proposer.until_rows(1)
    await card(sandbox, "Released by <@U0APPROVER1>")
    await card(sandbox, "Denied by <@U0APPROVER2>")
    await sandbox.person("approver3").click(stale, button("release"))
    await _told(sandbox, "approver3", "was decided before")
    assert await proposer.rows() == 1
    assert await proposer.cache.witness.exists("orders:7") == 0
    released = await proposer.database.value("SELECT released_by FROM agent_kill.drafts")
    assert str(released).startswith("slack:U0APPROVER1 (")


async def test_a_stricter_hold_and_a_crash_leave_nothing_done(bot: Bot, proposer: Proposer, sandbox: Simulator) -> None:
    """Kill -9 and a full stop between card and approval: the card stays, nothing is done under the stricter hold."""
    await proposer.served(bot, sandbox, "approval_gated")
    await proposer.proposes(41)
    ledger = await card(sandbox, "Waits for a decision")
    await sandbox.wait_for(lambda: _recorded(bot), what="the record that the card is posted")
    bot.kill()
    await bot.start()
    await sandbox.connected()
    assert (await sandbox.person("oncall").slash("/agent-kill", "full_stop billing/ledger worse")).ok
    await card(sandbox, "full_stop is held there, and nothing is released under it")
    await sandbox.person("approver1").click(ledger, button("drop"))
    await card(sandbox, "Denied by <@U0APPROVER1>")
    assert len(cards(sandbox)) == 1
    assert await proposer.rows() == 0


async def test_a_bot_that_dies_in_a_release_does_it_at_most_once(
    bot: Bot, proposer: Proposer, sandbox: Simulator
) -> None:
    """Kill -9 while the surface is asked: nobody knows what came of it, the card says so, and people decide again."""
    await proposer.served(bot, sandbox)
    await proposer.sets("orders:7", "refund")
    cache = await card(sandbox, "orders:7")
    await proposer.cache.witness.execute_command("CLIENT", "PAUSE", "60000", "WRITE")  # type: ignore[no-untyped-call]  # the library's
    await sandbox.person("approver1").click(cache, button("release"))
    await card(sandbox, "Releasing it")
    bot.kill()
    await proposer.cache.witness.execute_command("CLIENT", "UNPAUSE")  # type: ignore[no-untyped-call]  # the library's
    assert await proposer.cache.witness.get("orders:7") in {None, b"refund"}
    await bot.start()
    await sandbox.connected()
    unknown = await card(sandbox, "was carried out is not known")
    assert "the bot ended before it was known what came of it" in rendered(unknown)
    assert await proposer.cache.witness.get("orders:7") is None
    await sandbox.person("approver2").click(unknown, button("release"))
    await card(sandbox, "Released by <@U0APPROVER2>")
    assert await proposer.cache.witness.get("orders:7") == b"refund"


def _recorded(bot: Bot) -> bool:
    """Whether the bot knows its card again after a restart; killed before, it may post it twice."""
    return any('"slot":"draft:' in file.read_text() for file in (bot.folder / "state" / "journal").glob("*.jsonl"))


def _forge(message: Message, digest: str) -> None:
    """The same card, with buttons that name another digest."""
    for block in message.blocks:
        for element in block.get("elements", []) if block["type"] == "actions" else []:
            element["value"] = f"{element['value'].partition('|')[0]}|{digest}"


def _digest(message: Message) -> str:
    (row,) = (block for block in message.blocks if block["type"] == "actions")
    return str(row["elements"][0]["value"]).partition("|")[2]


async def _told(sandbox: Simulator, name: str, words: str) -> None:
    person = sandbox.person(name)
    await sandbox.wait_for(
        lambda: any(words in json.dumps(it.blocks) + it.text for it in person.sees()), 10, what=f"{name} told {words!r}"
    )
