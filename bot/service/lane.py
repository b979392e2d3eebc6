"""One target's lane: cut, read back, attempt, again until proven; it shares nothing with any other target's.

Calls of one target may overlap: a stricter hold never waits for the cut of a looser one, nor for one that hangs.
A call that was allowed to loosen (see `adapters.base.Gate`) is *open* until it has returned: a cut that overlapped it
runs again afterwards, and nothing is verified between.
"""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from functools import partial

from adapters.base import Change, Mode
from adapters.errors import Refused, Unreachable
from bot.domain import events
from bot.domain.drift import Recuts
from bot.domain.outcome import Outcome
from bot.domain.verdict import Evidence, Verdict, judge
from bot.service import proofs
from bot.service.bell import Bell
from bot.service.call import Call
from bot.service.desk import Desk
from bot.service.foreign import foreign
from bot.service.inventory import Target
from bot.service.loosening import Order, loosen, mode_to_hold, prove
from bot.service.sight import Sight, attempt_all, look_at
from bot.service.undo_record import UndoRecord

FIRST_RETRY = 0.2  # seconds, before jitter
LONGEST_RETRY = 30.0
SETTLED_RETRY = 10.0  # refused, or absent: a person has to act, so looking often is useless
STALE = 60.0  # seconds without a read after which a proof is no longer claimed
_INSTANT = 0.001  # seconds: less than a clock can be trusted to show
_MOST_CALLS = 4  # open calls of one target; above it only a stricter one does not wait for an abandoned one to end


class Lane:
    """Serves one target from its first hold until none is left. `serve` never raises."""

    def __init__(self, target: Target, desk: Desk) -> None:
        self.target = target
        self.proof: events.Proof | None = None
        self._desk = desk
        self._bell = Bell()
        self._gate_lock = asyncio.Lock()
        self._calls: set[Call] = set()
        self._tokens: set[str] = set()  # the marks of this lane's own cuts
        self._looks: set[asyncio.Task[Sight | None]] = set()
        self._undo = UndoRecord(lambda: self.target, desk)
        self._recuts = Recuts()
        self._check_due = False
        self._resting = False
        self._order: Order | None = None
        self._read_at = desk.clock.monotonic()
        self._ended = 0
        self._restart_clock()

    def wake(self) -> None:
        """The holds changed: one more stop wants its proof now, whatever was proven or is waited for."""
        self._check_due = True
        self._bell.ring()

    def check(self) -> None:
        """Asks for a look at a surface that rests: the drift watch's tick. One that is under way is enough."""
        if self._resting and not self._looks:
            self.wake()

    def loosen(self, order: Order) -> None:
        """Takes a restore step, as soon as what is under way has ended. A stop that comes meanwhile wins."""
        self._order = order
        self._bell.ring()

    def counted(self, proof: events.Proof) -> events.Proof:
        """The proof with the work that another process ended for the same stop, which this one found ended already.

        The larger number counts and not the sum, since both may have seen the same work. A drift begins anew.
        """
        known = self._desk.proof(self.target.key)
        if known is None or known.token is None or known.token in self._tokens or known.asked is not proof.asked:
            return proof
        if known.ended <= proof.ended or proof.outcome is Outcome.DRIFTED:
            return proof
        self._ended = max(self._ended, known.ended)
        whole = proof.model_copy(update={"ended": known.ended})
        if self.proof is proof:
            self.proof = whole
        return whole

    @property
    def is_hurried(self) -> bool:
        """Whether a cut is under way in its own time: what can wait (the armed check) waits."""
        return not self._resting and self._desk.clock.monotonic() - self._started < self._budget()

    async def serve(self) -> None:
        """Runs until the target has no live hold."""
        failures = 0
        served = await self._rest_if_proven()
        while (asked := self._asked()) > Mode.NORMAL or self._order or self._open_calls():
            if self._order is not None:
                served, failures = await self._take_step(self._order), 0
                continue
            if asked is Mode.NORMAL:  # a call that may still loosen it is not left alone: a stop may come
                await self._bell.heard(beside=[call.task for call in self._open_calls()])
                continue
            if asked is not served:
                before, served, failures = served, asked, 0
                self._restart_clock()
                if before is not None and asked < before and await self._rests_stricter(asked):
                    continue
            proof = await self._round(asked)
            if proof is None:
                continue
            self._publish(proof)
            if _at_rest(proof):
                failures = 0
                await self._until_looser(asked)
            else:
                failures += 1
                if not self._check_due and self._order is None:  # what came meanwhile waits for no backoff
                    await self._bell.heard(timeout=self._delay(proof, failures))

    async def _take_step(self, order: Order) -> Mode | None:
        """One restore step, then rest; yields the mode that is served now, None where the target must be cut again."""
        self._order = None
        self._restart_clock()
        call = self._begin(order.to, order)
        if not await self._ends_in_time(call):
            if self._asked() > order.to:  # the gate will not let it loosen any more; if it did, the cut comes after it
                asyncio.get_running_loop().call_later(self._budget(), self._give_up, call)
                order.settle(None)
                return None
            self._give_up(call)
        proof = (
            call.task.result() if call.task.done() else proofs.late(self._so_far(order.to), "the step took too long")
        )
        if self._asked() > order.to:
            order.settle(None)
            return None
        self._publish(proof)
        order.settle(proof)
        if order.to is Mode.NORMAL or not _at_rest(proof):
            return None
        await self._until_looser(order.to)
        return order.to

    async def _rest_if_proven(self) -> Mode | None:
        """After a restart: what was proven and still reads so is not cut again, which would end harmless sessions."""
        known, asked = self._desk.proof(self.target.key), self._asked()
        if known is None or known.outcome is not Outcome.VERIFIED or known.asked is not asked:
            return None
        self.proof = known
        if await self._look(asked) is not _Look.HOLDS:
            return None
        await self._until_looser(asked)
        return asked

    async def _rests_stricter(self, asked: Mode) -> bool:
        """After a lift: a surface that is stricter than asked stays so, for only a restore step may loosen it."""
        proven = self.proof if self.proof and self.proof.outcome is Outcome.VERIFIED else None
        self.proof = proven and proven.model_copy(update={"asked": asked})
        if proven is None or await self._look(asked) is not _Look.HOLDS:
            return False
        await self._until_looser(asked)
        return True

    async def aclose(self) -> None:
        """Ends every call of this target."""
        tasks = [*(call.task for call in self._calls), *self._looks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _asked(self) -> Mode:
        return self._desk.asked(self.target.key)

    def _restart_clock(self) -> None:
        self._started = self._desk.clock.monotonic()
        self._tripped = False
        self._ended = 0

    def _budget(self) -> float:
        """Seconds for one round: the deadline, and the time that work was given to end by itself."""
        return self.target.deadline + self.target.drain

    async def _round(self, asked: Mode) -> events.Proof | None:
        """One round; None where it must be repeated at once (a stricter hold came, or a loosening overlapped it)."""
        self._bell.hush()
        while self._is_crowded(asked):
            await self._bell.heard(beside=[call.task for call in self._calls])
            if self._asked() is not asked:
                return None
        self._check_due = False
        call = self._begin(asked)
        if not await self._ends_in_time(call):
            if self._asked() > asked:  # the looser call goes on beside; the gate will not let it loosen
                asyncio.get_running_loop().call_later(self._budget(), self._give_up, call)
                return None
            self._give_up(call)
            return proofs.late(self._so_far(asked), f"no answer within {self._budget():g} s")
        if self._asked() > asked:
            return None
        if call.overlapped or self._open_calls():
            return await self._after_loosenings(asked)
        return call.task.result()

    def _is_crowded(self, asked: Mode) -> bool:
        """Whether too many calls are open for one more that is no stricter than all of them."""
        return len(self._calls) >= _MOST_CALLS and any(call.mode >= asked for call in self._calls)

    def _give_up(self, call: Call) -> None:
        """Ends a call whose time is over; what it replaced is known from the snapshot only."""
        if not call.task.done():
            call.task.cancel()
            self._undo.episode().lost_reply()

    def _begin(self, asked: Mode, order: Order | None = None) -> Call:
        call = Call(mode=asked, token=secrets.token_hex(8), order=order)
        self._tokens.add(call.token)
        call.overlapped = bool(self._open_calls())
        self._calls.add(call)
        call.task = asyncio.create_task(self._carry_out(call), name=f"cut {self.target.key}")
        call.task.add_done_callback(lambda _: self._calls.discard(call))
        return call

    async def _ends_in_time(self, call: Call) -> bool:
        """Whether the call ended within the budget and before a stricter hold came."""
        end = self._desk.clock.monotonic() + self._budget()
        while not call.task.done():
            left = end - self._desk.clock.monotonic()
            if left <= _INSTANT or self._asked() > call.mode:
                return False
            await self._bell.heard(beside=(call.task,), timeout=left)
        return True

    def _open_calls(self) -> list[Call]:
        return [call for call in self._calls if call.open]

    async def _after_loosenings(self, asked: Mode) -> events.Proof | None:
        """Waits for open loosenings to end, so that the next cut comes after them; a stricter stop does not wait."""
        end = self._desk.clock.monotonic() + self._budget()
        while (calls := self._open_calls()) and self._asked() <= asked:
            left = end - self._desk.clock.monotonic()
            if left <= _INSTANT:
                return proofs.late(self._so_far(asked), "an earlier call of ours may still loosen it")
            await self._bell.heard(beside=[call.task for call in calls], timeout=left)
        return None

    async def _carry_out(self, call: Call) -> events.Proof:
        """The round itself: every error becomes a proof."""
        try:
            order = call.order
            return await foreign(self._cut_and_prove(call) if order is None else self._loosen_and_prove(call, order))
        except Refused as error:
            return proofs.proof(self._so_far(call.mode), proofs.refused(error), settled=True)
        except Unreachable as error:
            return proofs.proof(self._so_far(call.mode), _unknown(f"unreachable: {error}"))
        except Exception as error:  # noqa: BLE001  # one surface's surprise is its own outcome, never another's
            return proofs.proof(self._so_far(call.mode), _unknown(f"{type(error).__name__}: {error}"))

    async def _cut_and_prove(self, call: Call) -> events.Proof:
        adapter = self.target.adapter
        episode = self._undo.episode()
        cut = await adapter.restrict(
            mode=mode_to_hold(self.target, call.mode),
            token=call.token,
            drain=self.target.drain,
            undo=episode.changes,
            gate=self._gate_for(call),
        )
        self._ended += cut.ended
        self._undo.note(episode.add(cut.changed))
        seen = await adapter.observe()
        self._read_at = self._desk.clock.monotonic()
        self.target.remember(seen, self._read_at)
        self._undo.note(episode.recover(seen))
        attempts = await attempt_all(self.target, seen)
        evidence = Evidence(
            asked=call.mode,
            token=call.token,
            cut=cut,
            seen=seen,
            attempts=attempts,
            self_attested=adapter.attests == "self",
        )
        so_far = self._so_far(call.mode)
        return proofs.proof(so_far, judge(evidence), cut=cut, seen=seen, attempts=attempts, token=call.token)

    async def _loosen_and_prove(self, call: Call, order: Order) -> events.Proof:
        undo, gate = self._undo.episode().changes, self._gate_for(call)
        others = partial(self._desk.others, self.target, undo)
        done = await loosen(self.target, order, last=self.proof, token=call.token, undo=undo, gate=gate, others=others)
        self._read_at = self._desk.clock.monotonic()
        self.target.remember(done.seen, self._read_at)
        if order.to is Mode.NORMAL:
            self._undo.end()
        return await prove(self.target, order, self._so_far(order.to), done)

    def _gate_for(self, call: Call) -> Callable[[tuple[Change, ...]], Awaitable[bool]]:
        async def gate(changes: tuple[Change, ...]) -> bool:
            if not await self._undo.keeps(changes):
                return False
            async with self._gate_lock:
                if not self._desk.refresh() or self._asked() > call.mode:  # unread journals may hold a stop
                    return False
                call.loosening = True
                for other in self._calls - {call}:
                    other.overlapped = True
                return True

        return gate

    def _so_far(self, asked: Mode) -> proofs.Round:
        return proofs.Round(
            target=self.target.key,
            asked=asked,
            elapsed=self._desk.clock.monotonic() - self._started,
            budget=self._budget(),
            ended=self._ended,
            canary=bool(self.target.canaries),
        )

    def _publish(self, proof: events.Proof) -> None:
        if self._recuts.contested(self._desk.clock.monotonic()):
            proof = proof.model_copy(update={"outcome": Outcome.CONTESTED, "next": proofs.CONTESTED})
        self.proof = proof
        self._desk.publish(proof)
        if proof.late and not self._tripped:
            self._tripped = True
            self._desk.tripped(self.target.key)

    def _delay(self, proof: events.Proof, failures: int) -> float:
        """Jittered backoff; it ends at the deadline at the latest, so that lateness is said in time."""
        if proof.settled and not proof.late:
            return SETTLED_RETRY
        ceiling = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(failures - 1, 10))
        delay = ceiling * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
        until_late = self._budget() - (self._desk.clock.monotonic() - self._started)
        return min(delay, until_late) if until_late > _INSTANT else delay

    async def _until_looser(self, asked: Mode) -> None:
        """Rests while the surface stays as strict as asked; returns when the holds or the surface changed."""
        self._resting = True
        try:
            while self._asked() is asked and self._order is None:
                if not self._check_due:
                    await self._bell.heard()
                elif await self._look(asked) is _Look.LOOSER:
                    return
        finally:
            self._resting = False

    async def _look(self, asked: Mode) -> "_Look":
        """The drift watch's look, from the surface's side and the agent's."""
        self._check_due = False
        sight = await self._sight(asked)
        now = self._desk.clock.monotonic()
        if sight is None:
            return self._unread(asked, now - self._read_at)
        self._read_at = now
        self.target.remember(sight.seen, now)
        if sight.holds(asked):
            if self.proof:
                self._desk.publish(self.proof)
            return _Look.HOLDS
        self._recuts.add(now)
        self._restart_clock()
        self._publish(proofs.drifted(self._so_far(asked), sight))
        return _Look.LOOSER

    def _unread(self, asked: Mode, age: float) -> "_Look":
        """A short outage leaves the proof; a long one ends it, and the cut is tried until the surface answers."""
        if age < STALE or not self._resting:
            return _Look.UNREAD
        self._restart_clock()
        self._tripped = True  # it was proven in time: that it cannot be read now is no reason for a backstop
        self._publish(proofs.unread(self._so_far(asked), age))
        return _Look.LOOSER

    async def _sight(self, asked: Mode) -> Sight | None:
        """Looks at the surface; None where it fails, takes too long, or a further stop comes first."""
        looking = asyncio.create_task(look_at(self.target), name=f"look {self.target.key}")
        self._looks.add(looking)
        looking.add_done_callback(self._looks.discard)
        end = self._desk.clock.monotonic() + self._budget()
        while not looking.done():
            left = end - self._desk.clock.monotonic()
            if left <= _INSTANT or self._check_due or self._asked() is not asked:
                looking.cancel()
                return None
            await self._bell.heard(beside=(looking,), timeout=left)
        return looking.result()


class _Look(Enum):
    HOLDS = auto()
    LOOSER = auto()
    UNREAD = auto()


def _at_rest(proof: events.Proof) -> bool:
    """Whether only the drift watch has something to do. An untried canary is tried again."""
    return proof.outcome is Outcome.VERIFIED or (proof.outcome is Outcome.APPLIED and proof.attempt is None)


def _unknown(detail: str) -> Verdict:
    return Verdict(outcome=Outcome.UNKNOWN, detail=detail, next=proofs.BY_HAND)
