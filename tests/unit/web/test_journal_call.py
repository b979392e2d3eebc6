"""Does `POST /v1/journal` take exactly what an enrolled writer hands over, and answer everything else with a reason?"""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from bot.journal.chain import genesis
from bot.journal.pushed import FOLDER, Pushed
from bot.service.pushes import Pushes
from bot.web.listener import Listener
from bot.web.public import build_public
from bot.web.signed import CALLER, SIGNATURE, sign
from tests.unit.journal.chains import Chains, make
from tests.unit.web.conftest import KNOWN, Asked, Watch

SECRETS = {"bastion": "one", "desk": "two", "pager": "three"}


@dataclass
class Bot:
    """The receiving bot, and the journals of another host."""

    theirs: Chains
    home: Path
    watch: Watch = field(default_factory=Watch)
    writers: list[str] = field(default_factory=lambda: ["bot", "bastion", "desk"])
    adopted: int = 0
    url: str = ""

    def __post_init__(self) -> None:
        (self.home / "journal").mkdir(mode=0o700)
        self.pushes = self.fresh()

    def fresh(self) -> Pushes:
        """The use case, as after a restart."""
        return Pushes(
            pushed=Pushed(self.home / FOLDER),
            local=[self.home / "journal"],
            own="bot",
            writers=lambda: self.writers,
            adopt=self._adopt,
            clock=self.watch,
        )

    def body(self, *lines: int, chain: str = "bastion", **more: Any) -> dict[str, Any]:
        """A call that hands over these entries of `bastion`."""
        head = self.theirs.heads()["bastion"]
        texts = [self.theirs.lines("bastion")[seq - 1].decode().rstrip("\n") for seq in lines]
        return {"chain": chain, "head": {"seq": head.seq, "digest": head.digest}, "lines": texts, **more}

    async def push(self, body: object, caller: str = "bastion", **headers: str) -> tuple[int, dict[str, Any]]:
        """Signed as that caller; returns status and JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.watch.at += 1
        signed = {CALLER: caller, SIGNATURE: sign(SECRETS.get(caller, "x"), raw, self.watch.at)} | headers
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/v1/journal", data=io.BytesIO(raw), headers=signed) as answer,
        ):
            return answer.status, await answer.json()

    def _adopt(self) -> None:
        self.adopted += 1


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """Listens on a free loopback port."""
    made = Bot(make(tmp_path / "theirs", 8), tmp_path)
    app = build_public(
        slack_events=None,
        stops=Asked(),
        known=lambda: KNOWN,
        callers={name: SecretStr(secret) for name, secret in SECRETS.items()},
        clock=made.watch,
        state_dir=tmp_path,
        channel=lambda: None,
        pushes=made.pushes,
    )
    listener = Listener(app, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{await listener.start()}"
    yield made
    await listener.stop()


async def test_entries_are_kept_and_adopted_at_once(bot: Bot) -> None:
    """200 with the last entry that is here; the same again changes nothing."""
    assert await bot.push(bot.body(1, 2)) == (200, {"chain": "bastion", "seq": 2})
    assert await bot.push(bot.body(1, 2, 3, 4, 5)) == (200, {"chain": "bastion", "seq": 5})
    assert await bot.push(bot.body(4, 5)) == (200, {"chain": "bastion", "seq": 5})

    assert (bot.home / FOLDER / "bastion.jsonl").read_bytes() == bot.theirs.path("bastion").read_bytes()
    assert bot.adopted == 3


async def test_a_gap_is_answered_with_the_entry_that_is_wanted(bot: Bot) -> None:
    """409, so that the sender begins there."""
    status, answer = await bot.push(bot.body(3))
    assert (status, answer["next"]) == (409, 1)


async def test_another_history_is_a_conflict_and_a_problem(bot: Bot) -> None:
    """409 with the entry; it is told until somebody has looked, also after a restart."""
    await bot.push(bot.body(1, 2, 3, 4, 5))
    forged = bot.body()
    forged["head"] = {"seq": 5, "digest": "00" * 32}
    status, answer = await bot.push(forged)
    assert (status, answer["conflict"]) == (409, 5)

    again = make(bot.home / "again", 8)
    lines = [line.decode().rstrip("\n") for line in again.lines("bastion")]
    assert (await bot.push(bot.body() | {"lines": lines}))[0] == 409
    assert any("was pushed with another history" in problem for problem in bot.pushes.problems())
    assert any("was pushed with another history" in problem for problem in bot.fresh().problems())


@pytest.mark.parametrize(
    ("caller", "chain", "words"),
    [
        ("pager", "bastion", "the caller pager may not push the journal bastion"),
        ("desk", "bastion", "the caller desk may not push the journal bastion"),
        (
            "bastion",
            "laptop",
            "nobody called laptop is enrolled: add it to `writers` (enrolled are bot, bas",
        ),
        ("bastion", "bot", "is written on the bot's own host"),
        ("bastion", "bot-2", "is written on the bot's own host"),
        ("bastion", "bastion-7", "is written on the bot's own host"),
    ],
)
async def test_only_an_enrolled_writer_pushes_its_own_journal(bot: Bot, caller: str, chain: str, words: str) -> None:
    """403; a stop's caller is no writer, and nobody speaks for another."""
    (bot.home / "journal" / "bastion-7.jsonl").touch()
    status, answer = await bot.push(bot.body(1, chain=chain), caller)

    assert (status, bot.adopted) == (403, 0)
    assert words in answer["error"]
    assert not (bot.home / FOLDER).exists()


async def test_a_writer_may_be_called_like_anothers_second_chain(bot: Bot) -> None:
    """An exact name goes before a name with a number."""
    bot.writers = ["bot", "bastion", "bot-2"]
    assert (await bot.push(bot.body(1, chain="bot-2")))[1]["error"].startswith("the caller bastion may not push")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "Invalid JSON"),
        (b"[" * 60_000, 400, "Invalid JSON"),
        ({}, 400, "chain: Field required"),
        ({"chain": "../x"}, 400, "chain: "),
        ({"chain": "bastion", "head": {"seq": -1, "digest": "00" * 32}}, 400, "head.seq: "),
        ({"chain": "bastion", "head": {"seq": 1, "digest": "x"}}, 400, "head.digest: "),
        ({"chain": "bastion", "head": {"seq": 1, "digest": "00" * 32}, "lines": [{}]}, 400, "lines.0: "),
        ({"chain": "bastion", "head": {"seq": 1, "digest": "00" * 32}, "lines": ["{}"]}, 422, "not a journal line"),
        ({"chain": "bastion", "head": {"seq": 1, "digest": "00" * 32}, "force": 1}, 400, "force: Extra inputs"),
    ],
)
async def test_what_is_no_journal_is_refused(bot: Bot, body: object, status: int, words: str) -> None:
    """It names what is wrong; nothing is kept."""
    found, answer = await bot.push(body)
    assert (found, bot.adopted) == (status, 0)
    assert words in answer["error"]


async def test_a_call_must_be_signed_and_is_good_once(bot: Bot) -> None:
    """As for a stop."""
    raw = json.dumps(bot.body(1)).encode()
    wrong = {SIGNATURE: sign("wrong", raw, bot.watch.at)}
    assert (await bot.push(raw, **wrong))[0] == 401
    assert (await bot.push(raw, "nobody"))[0] == 401
    right = {SIGNATURE: sign("one", raw, bot.watch.at)}
    assert (await bot.push(raw, **right))[0] == 200
    status, answer = await bot.push(raw, **right)
    assert (status, "used already" in answer["error"]) == (401, True)


async def test_an_entry_about_many_surfaces_fits(bot: Bot) -> None:
    """8 MiB are taken here, and still only 256 KiB elsewhere."""
    filler = {"nonce": "x" * 3_000_000}
    assert (await bot.push(bot.body(1, **filler)))[0] == 200
    assert (await bot.push(bot.body(1, nonce="x" * 9_000_000)))[0] == 413
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{bot.url}/v1/stop", data=io.BytesIO(b"x" * 300_000)) as answer,
    ):
        assert answer.status == 413


async def test_many_large_bodies_at_once_are_sent_away(bot: Bot) -> None:
    """Two are in memory at the most; the others are told to come again, and a stop's call is not among them."""
    raw = json.dumps(bot.body(1)).encode()

    release, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def slow() -> AsyncIterator[bytes]:
        yield raw[:10]
        begun.release()
        await release.wait()
        yield raw[10:]

    async with aiohttp.ClientSession() as session:
        held = [asyncio.create_task(_status(session, bot, slow())) for _ in range(2)]
        await asyncio.gather(begun.acquire(), begun.acquire())
        while (await bot.push(bot.body(1)))[0] != 503:
            assert not any(task.done() for task in held)
        async with session.post(f"{bot.url}/v1/stop", data=b"{}") as answer:
            assert answer.status == 401
        release.set()
        assert await asyncio.gather(*held) == [401, 401]
    assert (await bot.push(bot.body(1)))[0] == 200


async def _status(session: aiohttp.ClientSession, bot: Bot, body: AsyncIterator[bytes]) -> int:
    async with session.post(f"{bot.url}/v1/journal", data=body) as answer:
        return answer.status


async def test_a_full_disk_is_told_and_the_same_call_is_good_again(bot: Bot) -> None:
    """507; nothing was acknowledged."""
    (bot.home / FOLDER).write_text("in the way")
    raw = json.dumps(bot.body(1)).encode()
    signed = {SIGNATURE: sign("one", raw, bot.watch.at)}
    assert (await bot.push(raw, **signed))[0] == 507
    (bot.home / FOLDER).unlink()
    assert (await bot.push(raw, **signed))[0] == 200


async def test_writers_that_are_missing_behind_or_silent_are_told(bot: Bot) -> None:
    """Until they push; a host that has nothing says so with its head."""
    assert [state.how for state in bot.pushes.writers()] == ["own", "missing", "missing"]
    assert bot.pushes.problems()[0].startswith("no journal of the writer bastion was ever seen here: run `agent-kill")

    await bot.push(bot.body(1, 2))
    await bot.push({**bot.body(chain="desk"), "head": {"seq": 0, "digest": genesis("desk").digest}}, "desk")
    (problem,) = bot.pushes.problems()
    assert problem.startswith("3 entries of the writer bastion are not here yet")

    await bot.push(bot.body(3, 4, 5))
    assert bot.pushes.problems() == []
    bot.watch.at += 25 * 3600
    assert [problem.partition(":")[0] for problem in bot.fresh().problems()] == [
        "the writer bastion was last heard of 25 h ago",
        "the writer desk was last heard of 25 h ago",
    ]
    (bot.home / "journal" / "desk.jsonl").touch()
    bot.writers = ["bot", "laptop"]
    (bot.home / "journal" / "laptop.jsonl").touch()
    assert [state.how for state in bot.fresh().writers()] == ["own", "here"]
