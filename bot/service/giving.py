"""What every way back shares, a vote's steps and a drill's release: durable first, then the lane, then read back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import record_id
from bot.domain.outcome import Outcome
from bot.service.loosening import Order
from bot.service.ports import Clock
from bot.service.recorder import Recorder

DURABLE = 10.0  # seconds that a lift may take to reach the disk
GRACE = 5.0  # seconds beyond a target's own budget until its step counts as lost
DONE = frozenset({Outcome.VERIFIED, Outcome.APPLIED, Outcome.PROBATION})


class Abort(Exception):
    """Nothing more is given back; the text says why."""


@dataclass(eq=False, slots=True)
class Pending:
    """A lift on its way to disk and database. What the disk has, or still takes, the next start obeys too."""

    lifted: events.AnyEvent
    written: "asyncio.Future[bool]"


class Giving:
    """The parts of a way back.

    Args:
        recorder: board and journal.
        stored: waits until the database has everything that the journal has now; why it does not, empty where it does.
        budget: seconds that a step at a target may take, by its key.
        clock: of the process.
    """

    def __init__(
        self,
        *,
        recorder: Recorder,
        stored: Callable[[], Awaitable[str]],
        budget: Callable[[str], float],
        clock: Clock,
    ) -> None:
        self._recorder = recorder
        self._stored = stored
        self._budget = budget
        self._clock = clock

    def begin(self, lifted: events.AnyEvent) -> Pending:
        """Starts to write a lift, which nothing obeys yet."""
        return Pending(lifted, asyncio.ensure_future(self._recorder.journal.append(lifted)))

    async def finish(
        self, pending: Pending, *, stopped: Callable[[], None], before: Callable[[], None] = lambda: None
    ) -> None:
        """On disk and in the database first, and only then obeyed: the opposite of a stop.

        Args:
            pending: what `begin` gave.
            stopped: raises `Abort` where a stop came meanwhile.
            before: done in the same turn, before the lift is obeyed.
        """
        done, _ = await asyncio.wait({pending.written}, timeout=DURABLE)
        if not done or not pending.written.result():
            raise Abort("the journal did not take the lift")
        why = await self._stored()
        if why:
            raise Abort(f"the database did not take the lift: {why}")
        stopped()
        before()
        self._recorder.board.apply(pending.lifted)

    def obey_later(self, pending: Pending) -> None:
        """What the disk took all the same, the next start will obey: so must this process, after it put back."""
        apply = self._recorder.board.apply
        pending.written.add_done_callback(lambda done: apply(pending.lifted) if _took(done) else None)

    async def proof(self, key: str, order: Order) -> events.Proof:
        """The proof of a step. Raises `Abort` where a stop won or no answer came."""
        try:
            async with asyncio.timeout(self._budget(key) + GRACE):
                proof = await order.done
        except TimeoutError:
            raise Abort(f"{key} did not answer in time") from None
        if proof is None:
            raise Abort("a stop came, and it wins")
        if order.to is Mode.NORMAL and proof.outcome in DONE:
            self._end_episode(key)
        return proof

    def _end_episode(self, key: str) -> None:
        """Nothing holds it any more and it was read back as normal: the next stop starts a record of its own.

        At once, and before the step counts as done: what a person takes away from now on is not ours to give back.
        """
        board = self._recorder.board
        records = tuple(record_id(sealed) for sealed in board.undo.get(key, ()))
        if records and board.effective(key) is Mode.NORMAL:
            self._recorder.record(events.EpisodeEnded(at=self._clock.now(), target=key, records=records))


def _took(written: "asyncio.Future[bool]") -> bool:
    return not written.cancelled() and written.result()
