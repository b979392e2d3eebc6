"""The second factor: a voter confirms their vote with a code of their authenticator app, which no Slack session knows.

TOTP as RFC 6238 has it (SHA-1, six digits, 30 seconds: what every app takes), by pyotp. Every doubt is a no.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pyotp
from pyotp.utils import strings_equal

from bot.domain import events
from bot.domain.ballot import Ballot, ballot_digest
from bot.domain.board import Board
from bot.domain.codes import TRIES
from bot.domain.model import Configuration, SecondFactor
from bot.service.ports import Clock
from bot.service.recorder import Recorder

STEP = 30  # seconds that one code is shown
WINDOW = 1  # steps that a clock may be off, or a person slow: RFC 6238, section 5.2
_DURABLE = 2.0  # seconds that the disk may take: Slack waits for the answer to a form for three
_CODE = re.compile(r"[0-9]{6}")


class SecondFactors:
    """The use case behind the ballot's button *Confirm with a code*.

    Args:
        configuration: yields the current one, with the seeds.
        recorder: board and journal.
        soon: has the reactions on a ballot read again, by its id.
    """

    def __init__(
        self,
        *,
        configuration: Callable[[], Configuration],
        recorder: Recorder,
        soon: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._configuration = configuration
        self._recorder = recorder
        self._soon = soon
        self._clock = clock
        self._checking: set[str] = set()  # people whose last attempt is on its way to the disk

    @property
    def _board(self) -> Board:
        return self._recorder.board

    def why_not(self, ballot_id: str, by: events.Person) -> str:
        """Why this person has nothing to confirm on this ballot, for the audit too; empty where a code may be asked."""
        ballot = self._board.ballots.get(ballot_id)
        why = self._why_not(ballot, by.id)
        if why:
            self._refuse(ballot_id, by, why)
        return why

    async def confirm(self, ballot_id: str, digest: str, by: events.Person, code: str) -> str:
        """Confirms the vote of `by` with a code; the sentence to answer, empty where it is confirmed.

        Args:
            ballot_id: the ballot.
            digest: of the ballot as the person saw it.
            by: whoever entered the code.
            code: as it was typed.
        """
        ballot = self._board.ballots.get(ballot_id)
        why = self._why_not(ballot, by.id) or self._unready(ballot, digest, by.id, code)
        factor = self._configuration().policy.restore.second_factor
        if why or ballot is None or factor is None:
            self._refuse(ballot_id, by, why)
            return why
        self._checking.add(by.id)
        entered = self._judged(ballot, digest, by, code, factor)
        return await self._kept(entered, ballot)

    def _why_not(self, ballot: Ballot | None, user: str) -> str:
        """By the record alone, so that the answer waits for nobody."""
        opened = ballot.opened if ballot else None
        factor = self._configuration().policy.restore.second_factor
        if ballot is None or opened is None or not ballot.voting:
            return "This ballot is not voted on any more."
        if not opened.confirmations or factor is None:
            return "This ballot needs no code: a reaction is the whole vote."
        voters = {person.id for person in opened.electorate} - {person.id for person in opened.excluded}
        if user not in voters or user == opened.by.id:
            return "You have no vote on this ballot, so there is nothing that you could confirm: see Who may vote."
        if user not in factor.seeds:
            return (
                "You are not enrolled for codes. Your reaction counts without one; somebody who is enrolled must"
                " confirm theirs. Whoever runs the bot enrols you with `agent-kill enrol`."
            )
        return self._board.codes.locked(user, ballot.id, self._clock.now())

    def _unready(self, ballot: Ballot | None, digest: str, user: str, code: str) -> str:
        """What is to be mended before the code is looked at: none of it uses the code up, or counts as an attempt."""
        if ballot is None or ballot.opened is None or ballot_digest(ballot.opened) != digest:
            return "This form is of another ballot: press the button on the ballot again."
        if ballot.votes is None or user not in {person.id for person in ballot.votes.approvals}:
            return (
                "Your vote is not counted yet: react to the ballot first. If you did, send this again in a few seconds."
            )
        if user in ballot.confirmed():
            return "Your vote is confirmed already."
        if user in self._checking:
            return "Your last code is still being recorded: send this again in a moment."
        return "" if _CODE.fullmatch(_bare(code)) else "A code has six digits, as your app shows them."

    def _judged(
        self, ballot: Ballot, digest: str, by: events.Person, code: str, factor: SecondFactor
    ) -> events.CodeEntered:
        """The attempt as it is recorded. A step that was used, or lies before one that was, is used up."""
        now = self._clock.now()
        step = matching(factor.seeds[by.id].get_secret_value(), _bare(code), now)
        used = self._board.codes.used.get(by.id)
        why = "it is not the code of now" if step is None else ""
        if step is not None and used is not None and step <= used:
            step, why = None, "the code was used before"
        attempt = 1 + sum(entered.by.id == by.id for entered in ballot.codes)
        return events.CodeEntered(
            at=ballot.stamp(now), ballot=ballot.id, digest=digest, by=by, attempt=attempt, step=step, why=why
        )

    async def _kept(self, entered: events.CodeEntered, ballot: Ballot) -> str:
        """On disk first. A wrong code counts at once, a right one only then."""
        if entered.step is None:
            written: Awaitable[bool] = self._recorder.record(entered)
        else:
            written = self._recorder.journal.append(entered)
        task = asyncio.ensure_future(written)
        task.add_done_callback(lambda done: self._written(entered, done))
        done, _ = await asyncio.wait({task}, timeout=_DURABLE)
        if entered.step is not None:
            kept = bool(done) and task.result()
            return "" if kept else "The journal did not take it in time: look at the ballot, or send the next code."
        left = TRIES - sum(code.by == entered.by and code.step is None for code in ballot.codes)
        said = "That code was used before: wait for the next one." if "used" in entered.why else _WRONG
        return f"{said} {left} more {'try' if left == 1 else 'tries'} on this ballot."

    def _written(self, entered: events.CodeEntered, done: "asyncio.Future[bool]") -> None:
        """What became durable after the answer counts all the same: the journal has it, and the next start obeys it."""
        self._checking.discard(entered.by.id)
        if entered.step is not None and not done.cancelled() and done.exception() is None and done.result():
            self._recorder.board.apply(entered)
            self._soon(entered.ballot)

    def _refuse(self, ballot_id: str, by: events.Person, why: str) -> None:
        asked = f"to confirm a vote on {ballot_id}"
        self._recorder.record(events.Refusal(at=self._clock.now(), by=by, asked=asked, why=why))


_WRONG = "That is not the code of now: take the one that the app shows, and check the clock of its device."


def matching(seed: str, code: str, now: float) -> int | None:
    """The time step whose code this is, at most one step from now; None where it is none of them.

    Each is compared, in constant time, so that how long it takes tells nothing.
    """
    totp, middle = pyotp.TOTP(seed, interval=STEP), int(now) // STEP
    steps = range(middle - WINDOW, middle + WINDOW + 1)
    found = [step for step in steps if strings_equal(totp.generate_otp(step), code)]
    return max(found, default=None)


def _bare(code: str) -> str:
    """Without the spaces that apps show between the digits."""
    return "".join(code.split())
