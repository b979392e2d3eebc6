"""Confirming a vote with a code in Slack: the button, the form, what stands under its input, and who is refused."""

import dataclasses
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyotp
import pytest
from pydantic import SecretStr

from bot.domain import events
from bot.domain.model import Policy, RestorePolicy, SecondFactor
from bot.sandbox.messages import Message
from bot.service.recorder import Recorder
from bot.service.second_factor import SecondFactors
from bot.slack.blocks.ballot import ballot_message, ballot_text
from bot.slack.blocks.ballot_codes import CONFIRM
from tests.unit.service.rig import MemoryJournal
from tests.unit.slack.ballots import NOW, TinyRestores, ballot, opened, people, scene
from tests.unit.slack.door_rig import Rig, WallClock, configuration, rig
from tests.unit.slack.incidents import read

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
FACTOR = SecondFactor(seeds={"U0APPROVER1": SecretStr(SEED)})


@dataclasses.dataclass
class Vote:
    """A ballot that needs a code, posted, with two approvals counted."""

    rig: Rig
    posted: Message
    journal: MemoryJournal

    def told(self, who: str) -> str:
        """What this person alone was told."""
        return "\n".join(seen.text for seen in self.rig.simulator.person(who).sees())

    async def form(self, who: str = "approver1") -> None:
        """Presses the button, and waits for the form."""
        person = self.rig.simulator.person(who)
        assert (await person.click(self.posted, CONFIRM)).ok
        await self.rig.simulator.wait_for(lambda: person.view, what="the form")

    async def submit(self, code: str, who: str = "approver1") -> dict[str, str]:
        """What stands under the input."""
        done = await self.rig.simulator.person(who).submit_view({"code": code})
        assert done.ok
        return done.errors or {}


@asynccontextmanager
async def voted(tmp_path: Path) -> AsyncIterator[Vote]:
    """One of those who voted is enrolled."""
    made = configuration()
    restore = RestorePolicy(groups=("S0RESTORE",), second_factor=FACTOR)
    made = dataclasses.replace(made, policy=Policy(stop=made.policy.stop, restore=restore))
    async with rig(tmp_path, mode="socket", made=made) as running:
        journal = MemoryJournal()
        codes = SecondFactors(
            configuration=lambda: made,
            recorder=Recorder(running.board, journal),
            soon=lambda _: None,
            clock=WallClock(),
        )
        running.door.serve_restores(TinyRestores(running.board.apply, running.door.box.wake), codes)
        now = time.time()
        first = opened(at=now, expires_at=now + 1800, confirmations=1)
        running.board.apply(first)
        running.board.apply(events.VotesCounted(at=now, ballot="bal-1", approvals=people("U0APPROVER1", "U0APPROVER2")))
        running.door.box.wake("bal-1")
        parents = running.simulator.channel("incident").parents
        await running.simulator.wait_for(parents, what="the ballot")
        yield Vote(running, parents()[-1], journal)
        assert not running.simulator.violations


async def test_a_code_confirms_the_vote(tmp_path: Path) -> None:
    """The form says what it confirms, and that it did."""
    async with voted(tmp_path) as vote:
        await vote.form()
        view = vote.rig.simulator.person("approver1").view
        assert view is not None
        assert "It confirms your vote on ballot `bal-1`, digest `" in str(view.body)
        assert await vote.submit(pyotp.TOTP(SEED).now()) == {}
        assert "Your vote is confirmed" in str(view.body)
        assert vote.rig.board.ballots["bal-1"].confirmed() == {"U0APPROVER1"}


async def test_what_is_wrong_stands_under_the_input(tmp_path: Path) -> None:
    """The form stays open for the next try."""
    async with voted(tmp_path) as vote:
        await vote.form()
        for code, words in (("12", "six digits"), ("000000", "not the code of now"), ("000001", "3 more tries")):
            assert words in (await vote.submit(code))["code"]
        assert await vote.submit(pyotp.TOTP(SEED).now()) == {}
        assert [it.attempt for it in vote.journal.written if isinstance(it, events.CodeEntered)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("who", "why"),
    [("approver2", "not enrolled"), ("oncall", "no vote on this ballot"), ("agent", "no vote"), ("guest", "no vote")],
)
async def test_whoever_cannot_confirm_gets_no_form(tmp_path: Path, who: str, why: str) -> None:
    """A sentence for their eyes, and a line of the audit."""
    async with voted(tmp_path) as vote:
        person = vote.rig.simulator.person(who)
        await person.click(vote.posted, CONFIRM)
        await vote.rig.simulator.wait_for(lambda: why in vote.told(who), what=why)
        assert person.view is None
        assert [it.by.id for it in vote.journal.written if isinstance(it, events.Refusal)] == [person.id]


async def test_a_form_of_another_ballot_confirms_nothing(tmp_path: Path) -> None:
    """Also where what Slack keeps of the form was forged, or lost."""
    async with voted(tmp_path) as vote:
        for forged in (json.dumps({"ballot": "bal-1", "digest": "0"}), json.dumps({"ballot": "bal-2"}), "no json"):
            await vote.form()
            view = vote.rig.simulator.person("approver1").view
            assert view is not None
            view.body = {**view.body, "private_metadata": forged}
            said = (await vote.submit(pyotp.TOTP(SEED).now()))["code"]
            assert "of another ballot" in said or "not voted on any more" in said
            await vote.rig.simulator.person("approver1").close_view()
        assert not vote.rig.board.ballots["bal-1"].confirmed()


def shown(*more: events.AnyEvent) -> str:
    """A ballot that needs a code, for readers."""
    return read(ballot_message(*ballot(*more, of=opened(confirmations=1)), scene()).payload())


def test_the_ballot_says_that_a_code_is_needed_and_who_gave_one() -> None:
    """A quorum without one does not stand; whoever needs none reads nothing of it."""
    votes = events.VotesCounted(at=NOW, ballot="bal-1", approvals=people("U0A", "U0B"))
    assert "At least *1 voter* must confirm with a code" in shown()
    assert "*0 of 1 confirmed with a code*: nothing passes without" in shown(votes)
    assert "The quorum stands" not in shown(votes)
    sure = votes.model_copy(update={"at": NOW + 1, "confirmed": people("U0B")})
    assert "*1 of 1 confirmed with a code*: <@U0B>. *The quorum stands*" in shown(votes, sure)
    assert "Needs 2 votes, 1 of them confirmed with a code." in ballot_text(opened(confirmations=1))
    assert "code" not in read(ballot_message(*ballot(votes), scene()).payload())
