"""The sessions of a whole quorum, stolen: what do they restore with a second factor, over the real bot?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyotp

from bot.domain import events
from bot.sandbox.messages import Message
from bot.slack.blocks.ballot_codes import CONFIRM
from tests.acceptance.test_slack_restore import Vote, stopped

SEEDS = {"U0APPROVER1": pyotp.random_base32(), "U0APPROVER2": pyotp.random_base32()}
FACTOR = ', second_factor: {seeds: {U0APPROVER1: "${SEED_1}", U0APPROVER2: "file:%s"}}'


@asynccontextmanager
async def guarded(tmp_path: Path) -> AsyncIterator[Vote]:
    """Everything is stopped, two of the voters are enrolled, and somebody's ballot may be opened."""
    (tmp_path / "seed").write_text(SEEDS["U0APPROVER2"] + "\n")
    (tmp_path / "seed").chmod(0o600)
    environ = {"SEED_1": SEEDS["U0APPROVER1"]}
    async with stopped(tmp_path, factor=FACTOR % (tmp_path / "seed"), environ=environ) as vote:
        yield vote


async def enter(vote: Vote, who: str, ballot: Message, code: str) -> str:
    """What stands under the input after this code; empty where it was taken."""
    person = vote.slack.person(who)
    await person.click(ballot, CONFIRM)
    await vote.until(lambda: person.view, "the form")
    done = await person.submit_view({"code": code})
    assert done.ok, vote.seen()
    await person.close_view(clear=True)
    return (done.errors or {}).get("code", "")


async def test_a_stolen_quorum_restores_nothing_without_a_code(tmp_path: Path) -> None:
    """Every reaction, guesses and a code that was seen before give nothing; a voter with the app does."""
    async with guarded(tmp_path) as vote:
        ballot = await vote.opened()
        for who in ("approver1", "approver2", "approver3"):
            vote.slack.person(who).react(ballot, "+1")
        await vote.says(ballot, "*3 of 2 votes*")
        await vote.says(ballot, "*0 of 1 confirmed with a code*: nothing passes without")
        for who, why in (("approver3", "You are not enrolled"), ("oncall", "no vote"), ("agent", "no vote")):
            await vote.slack.person(who).click(ballot, CONFIRM)
            await vote.until(lambda who=who, why=why: why in "\n".join(vote.told(who)), why)  # type: ignore[misc]  # bound
            assert vote.slack.person(who).view is None
        assert "not the code of now" in await enter(vote, "approver1", ballot, "000000")
        assert "six digits" in await enter(vote, "approver1", ballot, "letmein")
        await asyncio.sleep(3.0)  # longer than the dwell: nothing may come of it
        vote.is_held("full_stop")
        assert not [event for event in vote.journal() if isinstance(event, events.PairsLifted)]

        code = pyotp.TOTP(SEEDS["U0APPROVER2"]).now()
        assert await enter(vote, "approver2", ballot, code) == ""
        await vote.says(ballot, "GIVEN BACK")
        await vote.says(ballot, "confirmed with a code by <@U0APPROVER2>")
        vote.is_held("read_only")

        again = await vote.opened("billing normal it is mended")
        for who in ("approver1", "approver2"):
            vote.slack.person(who).react(again, "+1")
        await vote.says(again, "*2 of 2 votes*")
        assert await enter(vote, "approver2", again, code)
        taken = [event.by.id for event in vote.journal() if isinstance(event, events.CodeEntered) and event.step]
        assert taken == ["U0APPROVER2"]
        vote.is_held("read_only")
        for file in (tmp_path / "state" / "journal").rglob("*"):
            assert not file.is_file() or SEEDS["U0APPROVER1"] not in file.read_text(errors="replace")
        assert SEEDS["U0APPROVER2"] not in vote.bot.log
        assert not vote.slack.violations
