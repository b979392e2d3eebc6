"""Is what the real bot leaves behind verifiable without it, and does another host's journal reach it?"""

import asyncio
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.journal.chain import Json
from bot.sandbox.simulator import Simulator
from tests.acceptance.whole_bot import Bot, rendered, texts
from tests.unit.journal.chains import rehashed

HEAD = """
workspace: {incident_channel: C0INCIDENT, audit_channel: C0AUDIT}
writers: [bot, bastion]
policy:
  stop: {groups: [S0ONCALL]}
"""
AGENTS = {"billing": {"owner": "U0OWNER", "surfaces": {"desk": {"adapter": "memory", "class": "tool"}}}}
SECRETS = {"AGENT_KILL_STOP_SECRETS": "bastion:its-secret,pager:another"}


@pytest.fixture
def bastion(bot: Bot, tmp_path: Path) -> Bot:
    """The command line on another host: a state directory of its own, the same configuration."""
    folder = tmp_path / "bastion"
    folder.mkdir()
    other = Bot(folder, {**bot.environ, **SECRETS, "AGENT_KILL_WRITER": "bastion", "AGENT_KILL_STATE_KEY": "shared"})
    other.configure(AGENTS, HEAD)
    other.port = bot.port
    return other


@pytest.fixture
async def serving(bot: Bot, sandbox: Simulator) -> Bot:
    """The bot, over one surface in memory."""
    bot.environ |= SECRETS | {"AGENT_KILL_STATE_KEY": "shared"}
    bot.configure(AGENTS, HEAD)
    await bot.start()
    await sandbox.connected()
    return bot


async def until(what: Callable[[], object], within: float = 20.0) -> None:
    """Waits until something is so."""
    end = time.monotonic() + within
    while not what():
        assert time.monotonic() < end, "it did not become so in time"
        await asyncio.sleep(0.05)


def _first_note(bot: Bot) -> bool:
    path = bot.folder / "state" / "anchors.txt"
    return path.exists() and "— agent-kill/bot " in path.read_text()


async def test_a_stop_is_anchored_and_a_forgery_is_found(serving: Bot, sandbox: Simulator, tmp_path: Path) -> None:
    """The export of a bot that ran verifies; rewritten whole it does not: by the file, the thread and the channel."""
    await serving.command("stop", "full_stop", "--all", "--reason", "drill of the audit")
    await until(lambda: any("anchor " in text for text in texts(sandbox)))
    await until(lambda: _first_note(serving))
    await until(lambda: sandbox.channel("audit").parents())
    posted = [rendered(message) for message in sandbox.channel("audit").parents()]
    threads = "\n".join(texts(sandbox))
    assert serving.stop() == 0
    code, command, errors = await serving.command("audit", "export", str(tmp_path / "export"))
    assert code == 0, errors
    words = command.split()[1:]
    assert (await serving.command(*words))[0] == 0

    journal = tmp_path / "export" / "journal-0" / "bot.jsonl"
    journal.write_bytes(rehashed(journal.read_bytes().splitlines(keepends=True), "bot", _forge))
    for name, text in (("slack.txt", threads), ("channel.txt", "\n".join(posted).replace("```", ""))):
        (tmp_path / name).write_text(text + "\n")
        code, out, _ = await serving.command(*words[:-1], str(tmp_path / name), "--json")
        assert (name, code, json.loads(out)["bad"][0]["chain"]) == (name, 1, "bot"), (out, text)
    assert (await serving.command(*words))[0] == 1
    assert (await serving.command(*words[:-2]))[0] == 0  # without anchors nobody can see it


def _forge(seq: int, body: Json) -> None:
    if seq == 1:
        body["at"] += 1


async def test_a_start_over_an_old_copy_is_told(serving: Bot, tmp_path: Path) -> None:
    """The last anchor names entries that are gone: a problem, no hindrance to a stop."""
    journal = serving.folder / "state" / "journal"
    shutil.copytree(journal, tmp_path / "old")
    await serving.command("stop", "full_stop", "--all", "--reason", "before the backup")
    anchors = serving.folder / "state" / "anchors.txt"
    await until(lambda: anchors.exists() and "chain bot-2 " in anchors.read_text(), within=90)  # a note a minute
    assert serving.stop() == 0
    shutil.rmtree(journal)
    shutil.copytree(tmp_path / "old", journal)
    journal.chmod(0o700)
    await serving.start()

    await until(lambda: any("which was anchored" in problem for problem in serving.status().get("problems", [])))
    code, _, errors = await serving.command("stop", "full_stop", "--all", "--reason", "all the same")
    assert code == 0, errors


async def test_a_journal_of_another_host_is_adopted(serving: Bot, bastion: Bot, sandbox: Simulator) -> None:
    """A stop made on another host is carried out and reported by the bot, once its journal was pushed."""
    await until(lambda: any("writer bastion was ever seen" in text for text in serving.status()["problems"]))
    code, out, errors = await bastion.command("stop", "full_stop", "--all", "--reason", "Slack was down")
    assert code == 0, errors
    assert "restores cannot see this hold yet" in " ".join(out.split())
    assert serving.status()["holds"] == []

    code, out, errors = await bastion.command("journal", "push", "--head", "--json")
    assert (code, json.loads(out)["chains"][0]["taken"]) == (1, 0), errors
    code, out, errors = await bastion.command("journal", "push")
    assert code == 0, errors
    assert "restores see every hold made here" in out
    await until(lambda: serving.status()["holds"])
    await until(lambda: "Slack was down" in "\n".join(texts(sandbox)))
    assert (await bastion.command("journal", "push"))[0] == 0
    await until(lambda: not [text for text in serving.status()["problems"] if "bastion" in text])


@pytest.mark.usefixtures("serving")
async def test_a_push_is_refused_with_a_reason(bastion: Bot) -> None:
    """Another caller's secret, a writer that is not enrolled, and the bot's own name are not taken."""
    await bastion.command("stop", "read_only", "--all", "--reason", "x")
    code, _, errors = await bastion.command("journal", "push", "--caller", "pager")
    assert (code, "may not push the journal bastion" in errors) == (1, True), errors
    bastion.environ["AGENT_KILL_STOP_SECRETS"] = "bastion:wrong"
    code, _, errors = await bastion.command("journal", "push")
    assert (code, "not signed by a caller known here" in errors) == (1, True), errors
    bastion.environ |= SECRETS | {"AGENT_KILL_WRITER": "bot"}
    code, _, errors = await bastion.command("journal", "push", "--caller", "bastion")
    assert (code, "is written on the bot's own host" in errors) == (1, True), errors
    code, _, errors = await bastion.command("journal", "push", "--caller", "nobody")
    assert (code, "no secret of the caller nobody" in errors) == (2, True), errors
