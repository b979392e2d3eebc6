"""One restore step at one target: the only work here that makes a surface looser, and only by a committed ballot."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from adapters.base import BacklogPolicy, Change, Cut, Gate, Mode, Observation
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.domain.verdict import Evidence, Verdict, judge
from bot.service import proofs
from bot.service.backlog import carry_out, takes_up_work
from bot.service.inventory import Target
from bot.service.others import together
from bot.service.sight import attempt_all

_BY_SOMEBODY = "somebody restricted it since: ask who, then open a ballot again"
_AGAIN = "it stays held; open a ballot again once the reason is gone"


@dataclass(eq=False, slots=True)
class Order:
    """A step that was committed and journaled. `done` yields its proof, or None where a stop won.

    Args:
        start: what the target was held at before the step.
        to: the mode of the step.
        backlog: what becomes of the work that waits there; None where none is told.
        label: names what is done with it, the same in every repetition.
        moved: what became of it, in this step or an earlier one.
    """

    start: Mode
    to: Mode
    backlog: BacklogPolicy | None = None
    label: str = ""
    moved: str = ""
    done: "asyncio.Future[events.Proof | None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def settle(self, proof: events.Proof | None) -> None:
        """Answers whoever waits for the step."""
        if not self.done.done():
            self.done.set_result(proof)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loosened:
    """What a step did. `kept` is what others changed meanwhile, which stays; `mark` is the one that stands there now.

    `refused` says why nothing was loosened.
    """

    seen: Observation
    mark: str | None
    kept: tuple[str, ...] = ()
    refused: str = ""


async def loosen(
    target: Target,
    order: Order,
    *,
    last: events.Proof | None,
    token: str,
    undo: tuple[Change, ...],
    gate: Gate,
    others: Callable[[Observation], Awaitable[tuple[str, ...]]],
) -> Loosened:
    """Loosens the target by one step and reads it back. Raises what the adapter raises.

    What `others` changed is read before the step, which may give back what they left. What becomes of waiting work is
    carried out and read back before anything is given back that could take it up; where that fails, nothing is.

    A mark that is missing or strange means that somebody else was there: it is cut again first, under a mark of ours.
    A surface that is stricter than it was left was restricted by somebody else since, who gives it back.
    """
    adapter, seen = target.adapter, await target.adapter.observe()
    to, start = mode_to_hold(target, order.to), mode_to_hold(target, order.start)
    expect, theirs = last.token if last else None, await others(seen)
    if seen.mode <= to:
        return Loosened(seen=seen, mark=expect, kept=theirs)
    left = max(start, last.held) if last and last.held else start
    if seen.mode > left:
        return Loosened(seen=seen, mark=expect, refused=f"it reads {seen.mode}, stricter than {left} as it was left")
    if expect is None or (adapter.marks and seen.token != expect):
        expect = secrets.token_hex(8)
        await adapter.restrict(mode=start, token=expect, drain=0.0, undo=undo, gate=gate)
    if takes_up_work(start, to):
        order.moved = await carry_out(target, order.backlog, order.label)
    relaxed = await adapter.relax(to=to, expect=expect, token=token, undo=undo, gate=gate)
    return Loosened(seen=await adapter.observe(), mark=token, kept=together(relaxed.kept, theirs))


def mode_to_hold(target: Target, asked: Mode) -> Mode:
    """The next stricter mode that the surface can hold; the strictest of the technique where none is known."""
    enforceable = target.enforceable()
    if asked is Mode.NORMAL or asked in enforceable:
        return asked
    able = [mode for mode in enforceable if mode >= asked]
    return min(able, default=max(target.adapter.modes, default=asked))


async def prove(target: Target, order: Order, round_: proofs.Round, done: Loosened) -> events.Proof:
    """The proof of a step: read back as strict as the step still asks, and tried where a canary is configured."""
    seen, kept = done.seen, "; ".join(done.kept)
    if done.refused:
        verdict = Verdict(outcome=Outcome.FAILED, detail=done.refused, next=_BY_SOMEBODY)
        return proofs.proof(round_, verdict, cut=Cut(held=seen.mode), seen=seen, token=done.mark, settled=True)
    if order.to is Mode.NORMAL:
        return _given_back(target, order, round_, done)
    attempts = await attempt_all(target, seen)
    evidence = Evidence(
        asked=order.to,
        token=done.mark or "",
        cut=Cut(held=mode_to_hold(target, order.to), why="; ".join(part for part in (order.moved, kept) if part)),
        seen=seen,
        attempts=attempts,
        self_attested=target.adapter.attests == "self",
    )
    return proofs.proof(round_, judge(evidence), cut=evidence.cut, seen=seen, attempts=attempts, token=seen.token)


def _given_back(target: Target, order: Order, round_: proofs.Round, done: Loosened) -> events.Proof:
    """Nothing is asked any more; what is still stricter there is not ours, and stays."""
    seen, kept = done.seen, "; ".join(done.kept)
    if not seen.exists:
        verdict = Verdict(outcome=Outcome.ABSENT, detail="it does not exist there any more", next="look for it by hand")
        return proofs.proof(round_, verdict, settled=True)
    if seen.token is not None and target.adapter.marks:
        verdict = Verdict(outcome=Outcome.FAILED, detail="it did not loosen: our mark still stands there", next=_AGAIN)
        return proofs.proof(round_, verdict, seen=seen, settled=True)
    rest = f"it still reads as {seen.mode}" if seen.mode > Mode.NORMAL else ""
    detail = "; ".join(part for part in (rest, order.moved, kept) if part)
    by_hand = "give it back by hand, if it is to work again: what is not known to be ours is not given back"
    step = by_hand if rest or kept else ""
    verdict = Verdict(outcome=Outcome.PROBATION, detail=detail, next=step)
    return proofs.proof(round_, verdict, seen=seen, settled=True)
