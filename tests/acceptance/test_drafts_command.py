"""`agent-kill drafts` beside the bot and without it, on real surfaces: lists, shows, asks, drops."""

import json
from collections.abc import AsyncIterator

import pytest

from bot.sandbox.servers import ValkeyServer
from bot.sandbox.simulator import Simulator
from tests.acceptance.drafts_world import Proposer, button, card, cards, listed
from tests.acceptance.whole_bot import Bot, rendered
from tests.contract.servers import Database


@pytest.fixture
async def proposer(postgres_database: Database, valkey_server: ValkeyServer) -> AsyncIterator[Proposer]:
    """The agent and its two surfaces."""
    made = await Proposer.made(postgres_database, valkey_server)
    yield made
    await made.cache.close()


async def test_it_works_with_slack_and_the_bot_down(bot: Bot, proposer: Proposer) -> None:
    """The surfaces themselves are read, secrets are starred; a drop is carried out, a release only asked for."""
    proposer.configure(bot)
    code, _, errors = await bot.command("stop", "draft_only", "--all", "--reason", "it overpays")
    assert code == 0, errors
    await proposer.proposes(41)
    await proposer.sets("orders:7", "refund\npassword=hunter2\x1b[2J")
    found = {item["what"]: item for item in await listed(bot)}
    ledger, cache = found["INSERT INTO public.effects"], found["create orders:7 (string)"]
    assert (ledger["surfaces"], ledger["held"], ledger["state"]) == (["billing/ledger"], "draft_only", "draft")
    _, out, _ = await bot.command("drafts")
    assert f"{ledger['id']}" in out
    _, out, _ = await bot.command("drafts", "show", cache["id"])
    assert "password=***" in out
    assert "\x1b[2J" not in out
    code, _, errors = await bot.command("drafts", "show", "d0")
    assert (code, errors.splitlines()[-1]) == (
        1,
        "agent-kill: nothing of the name d0 is parked: see `agent-kill drafts`",
    )
    code, out, errors = await bot.command("drafts", "drop", cache["surface_id"])
    assert (code, out) == (0, f"{cache['id']}: It was dropped: it will not be done.\n"), errors
    code, _, errors = await bot.command("drafts", "drop", cache["id"])
    assert (code, "It was dropped" in errors) == (1, True)
    assert [item["id"] for item in await listed(bot)] == [ledger["id"]]
    code, out, errors = await bot.command("drafts", "release", ledger["id"])
    assert (code, "its next start posts the card" in out) == (0, True), errors
    assert await proposer.rows() == 0
    await proposer.cache.acl("SETUSER", proposer.cache.bot, "off")
    code, out, _ = await bot.command("drafts", "--json")
    told = json.loads(out)
    assert (code, [item["state"] for item in told["drafts"]]) == (1, ["asked for"])
    assert [problem["surface"] for problem in told["problems"]] == ["billing/cache"]


async def test_a_burst_is_one_message_and_one_may_be_asked_for(
    bot: Bot, proposer: Proposer, sandbox: Simulator
) -> None:
    """Of a thousand proposals at once a few get cards; what the command line asks for gets one, and is done once."""
    await proposer.served(bot, sandbox)
    await proposer.proposes(1, upto=1000)
    await sandbox.wait_for(lambda: _burst(sandbox), 30, what="the message about the rest")
    assert "995 more writes are parked" in _burst(sandbox)
    assert len(cards(sandbox)) == 5
    last = (await listed(bot))[-1]
    assert '"n": 1000' in last["arguments"]
    code, out, errors = await bot.command("drafts", "release", last["id"])
    assert (code, "its card is in the incident's thread" in out) == (0, True), errors
    asked = await card(sandbox, '"n": 1000')
    assert "a release was asked for by" in rendered(asked)
    await sandbox.person("approver1").click(asked, button("release"))
    await proposer.until_rows(1)
    assert await proposer.database.value("SELECT n FROM effects") == 1000
    await card(sandbox, "Released by <@U0APPROVER1>")
    assert len(cards(sandbox)) == 6


def _burst(sandbox: Simulator) -> str:
    messages = sandbox.workspace.messages("incident")
    return next((rendered(it) for it in messages if "more writes" in it.text), "")
