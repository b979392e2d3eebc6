"""Decisions on what is parked: the first one on a draft is recorded, then carried out once, and its end is recorded.

An approval is bound to what its card showed (a digest), to the mode that was held then, and to a minute. Nothing is
repeated by itself once a release was sent: what nobody answered for is unknown, and people look.
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Literal

from adapters.base import Change
from adapters.errors import AdapterError, Refused
from bot.domain import draft_events as drafts
from bot.domain import events
from bot.domain.drafts import Proposal, why_no_release, why_void
from bot.domain.model import ApprovePolicy
from bot.service.lots import Found, Lot, find
from bot.service.ports import Clock
from bot.service.recorder import Recorder
from bot.service.redact import redact

_LOG = logging.getLogger(__name__)
_TAKEN_UP = 30.0  # seconds after which a drop that another process began is carried out here
_AGAIN = 60.0  # seconds until what expired and could not be dropped is tried again
_GRACE = 3.0  # seconds that decisions under way are given at the end
ANSWER = 2.0  # seconds that whoever decided waits for what came of it
BOT = events.Person(kind="bot", id="expiry")
_UNREAD = "a journal cannot be read, and a stop may stand there"
_Came = tuple[drafts.Settled, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An authorised decision on exactly what `digest` names. `roster_age` is in seconds."""

    draft: str
    digest: str
    verdict: Literal["release", "drop"]
    by: events.Person
    roster_age: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an order: `taken` tells whether it was recorded as a decision."""

    taken: bool
    sentence: str


class Decisions:
    """One for the whole bot.

    Args:
        lots: what parks at a target.
        recorder: records events.
        policy: yields `policy.approve`.
        refresh: reads other writers' journals, without waiting; whether all could be read.
        clock: time.
        patience: seconds that whoever decided waits for what came of it.

    Attributes:
        locks: one call at a time reads or changes what a target parks.
    """

    def __init__(
        self,
        *,
        lots: Callable[[str], tuple[Lot, ...]],
        recorder: Recorder,
        policy: Callable[[], ApprovePolicy],
        refresh: Callable[[], bool],
        clock: Clock,
        patience: float = ANSWER,
    ) -> None:
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._lots = lots
        self._recorder = recorder
        self._board = recorder.board
        self._policy = policy
        self._refresh = refresh
        self._clock = clock
        self._patience = patience
        self._tasks: set[asyncio.Task[object]] = set()
        self._running: set[str] = set()  # decisions that this process is carrying out

    async def aclose(self) -> None:
        """Lets what is under way end for a moment, then ends it; the next start calls such a release unknown."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def decide(self, order: Order) -> Answer:
        """Records the decision, then carries it out; the first one on a draft counts, and no other is taken beside it.

        Between the look at what was decided before and the record nothing waits, so that two clicks are one decision.
        """
        proposal = self._board.proposals.all.get(order.draft)
        why = self._why_not(proposal, order)
        if why or proposal is None:
            return Answer(taken=False, sentence=why)
        decided = self._decided(proposal, order.digest, order.verdict, order.by, order.roster_age)
        work = self._begin(decided)
        await asyncio.wait({work}, timeout=self._patience)
        settled = proposal.settled.get(decided.decision)
        return Answer(taken=True, sentence=came_of(settled) if settled else "It is under way: its card tells the rest.")

    def _why_not(self, proposal: Proposal | None, order: Order) -> str:
        """Why an order is not taken at all; empty where it is. A drop has no effect, so no card is needed for one."""
        known = proposal.shown if proposal and order.verdict == "release" else proposal.seen if proposal else ()
        if proposal is None or order.digest not in known:
            return "Nothing was done: nobody was shown what this would decide on. Look at the newest card."
        ended, standing = proposal.ended(), proposal.standing()
        if ended is not None:
            return f"Nothing was done, for it was decided before. {came_of(ended)}"
        if standing is not None:
            return f"Nothing was done, for somebody decided to {standing.verdict} it just before: its card tells more."
        if proposal.vanished:
            return "Nothing was done: it is not parked any more."
        if order.verdict == "drop":
            return ""
        why = why_no_release(self._board.effective(_seen(proposal, order.digest).target))
        expires_at = proposal.expires_at(order.digest, self._policy())
        if not why and (expires_at is None or expires_at <= self._clock.now()):
            why = "it has expired"
        return f"Nothing was released: {why}." if why else ""

    def _decided(
        self,
        proposal: Proposal,
        digest: str,
        verdict: drafts.Verdict,
        by: events.Person,
        roster_age: float | None = None,
    ) -> drafts.DraftDecided:
        return drafts.DraftDecided(
            at=self._clock.now(),
            decision=secrets.token_hex(6),
            draft=proposal.name,
            digest=digest,
            verdict=verdict,
            by=by,
            mode=self._board.effective(_seen(proposal, digest).target),
            roster_age=roster_age,
        )

    def expire(self, proposal: Proposal, digest: str) -> bool:
        """Drops what nobody decided on in time; whether it begins now."""
        at, last, now = proposal.expires_at(digest, self._policy()), proposal.last(), self._clock.now()
        tried = last is not None and now - last.at < _AGAIN
        if not proposal.open or tried or at is None or now < at:
            return False
        self._begin(self._decided(proposal, digest, "expire", BOT))
        return True

    def _begin(self, decided: drafts.DraftDecided) -> "asyncio.Task[object]":
        self._running.add(decided.decision)
        return self._spawn(self._carry_out(decided, self._recorder.record(decided)))

    def take_up(self, proposal: Proposal) -> None:
        """What an earlier process left: of a release nobody knows, and a drop is carried out to its end."""
        for decided in list(proposal.decided.values()):
            if decided.decision in self._running or decided.decision in proposal.settled:
                continue
            if decided.verdict == "release":
                self._settle(decided, "unknown", "the bot ended before it was known what came of it")
            elif self._clock.now() - decided.at > _TAKEN_UP:
                self._running.add(decided.decision)
                self._spawn(self._carry_out(decided, _yes()))

    async def _carry_out(self, decided: drafts.DraftDecided, recorded: Awaitable[bool]) -> None:
        try:
            if await recorded:
                how, why = await self._came_of(decided)
            else:
                how, why = "void", "no disk takes the record, and nothing is decided without one"
            self._settle(decided, how, why)
        finally:
            self._running.discard(decided.decision)

    def _settle(self, decided: drafts.DraftDecided, how: drafts.Settled, why: str) -> None:
        at = self._clock.now()
        self._recorder.record(
            drafts.DraftSettled(at=at, decision=decided.decision, draft=decided.draft, how=how, why=why)
        )

    async def _came_of(self, decided: drafts.DraftDecided) -> _Came:
        proposal = self._board.proposals.all[decided.draft]
        seen = _seen(proposal, decided.digest)
        lot = next((it for it in self._lots(seen.target) if set(it.names) & set(seen.surfaces)), None)
        if lot is None:
            return "failed", "no surface of the configuration parks there any more: put it back"
        async with self.locks[seen.target]:
            try:
                found = await find(lot, seen.id)
            except (AdapterError, TimeoutError) as error:
                return "failed", f"the surface could not be read, and nothing was done: {_said(error, lot)}"
            if decided.verdict == "release":
                return await self._release(decided, lot, seen.id, found)
            return await self._drop(decided, lot, seen.id, found)

    async def _release(self, decided: drafts.DraftDecided, lot: Lot, draft: str, found: Found | None) -> _Came:
        why = self._void(decided, found.digest if found else None)
        if why:
            return "void", why
        stopped: list[str] = []

        async def gate(_: tuple[Change, ...]) -> bool:
            unread = "" if self._refresh() else _UNREAD
            stopped.append(unread or self._void(decided, decided.digest))
            return not stopped[-1]

        try:
            async with asyncio.timeout(lot.patience):
                released = await lot.adapter.release(draft=draft, by=_by(decided), gate=gate)
        except Refused as error:
            return "failed", _said(error, lot)
        except Exception as error:  # noqa: BLE001  # whatever it is: the call was sent, and nobody answered for it
            return "unknown", f"the release was sent, and no answer came: {_said(error, lot)}"
        if released.done:
            return "released", redact(released.why)
        voided = next(filter(None, stopped), "")
        return ("void", voided) if voided else ("failed", redact(released.why))

    async def _drop(self, decided: drafts.DraftDecided, lot: Lot, draft: str, found: Found | None) -> _Came:
        if found is None:
            return "gone", "it was not parked any more"
        if found.digest != decided.digest:
            return "void", "what is parked is not what was shown: it changed since"
        try:
            async with asyncio.timeout(lot.patience):
                dropped = await lot.adapter.drop(draft=draft, by=_by(decided))
        except Exception as error:  # noqa: BLE001  # a drop has no effect, and may be repeated
            return "failed", _said(error, lot)
        return ("dropped", "") if dropped else ("gone", "it was not parked any more")

    def _void(self, decided: drafts.DraftDecided, listed: str | None) -> str:
        proposal = self._board.proposals.all[decided.draft]
        return why_void(
            decided,
            effective=self._board.effective(_seen(proposal, decided.digest).target),
            listed=listed,
            expires_at=proposal.expires_at(decided.digest, self._policy()),
            now=self._clock.now(),
        )

    def _spawn(self, work: Coroutine[object, object, object]) -> "asyncio.Task[object]":
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("what is parked could not be dealt with", exc_info=error)


def came_of(settled: drafts.DraftSettled) -> str:
    """What came of a decision, in a sentence with the next step."""
    why = f": {settled.why}" if settled.why else ""
    match settled.how:
        case "released":
            return f"It was released, and done once{why}."
        case "dropped":
            return "It was dropped: it will not be done."
        case "gone":
            return f"Nothing was done{why}."
        case "void":
            return f"Nothing was done, and the decision is void{why}."
        case "failed":
            return f"Nothing was done{why}. It stays parked; decide again once that is mended."
        case _:
            return (
                f"Whether it was done is not known{why}. It is never repeated by itself: look at the surface first, and"
                " decide again only where it is still parked."
            )


def _seen(proposal: Proposal, digest: str) -> drafts.DraftSeen:
    """As it was seen under that digest; of a name, the target and the surfaces are always the same."""
    return (proposal.seen.get(digest) or next(iter(proposal.seen.values())))[1]


def _by(decided: drafts.DraftDecided) -> str:
    """For the surface's own record. A decision of its own each: what one released, another never claims to have."""
    return f"{decided.by.kind}:{decided.by.id}"[:80] + f" ({decided.decision})"


def _said(error: BaseException, lot: Lot) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {lot.patience:.0f} s"
    text = str(error) if isinstance(error, AdapterError) else f"{type(error).__name__}: {error}"
    return redact(text)


async def _yes() -> bool:
    """It is on disk: it was read from there."""
    return True
