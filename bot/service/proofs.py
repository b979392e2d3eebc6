"""How a round's result becomes a proof: the wording and the bookkeeping, without any waiting."""

from dataclasses import dataclass

from adapters.base import Attempt, Cut, Mode, Observation
from adapters.errors import Refused
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.domain.verdict import Verdict
from bot.service.redact import redact
from bot.service.sight import Sight

PROVEN = frozenset({Outcome.VERIFIED, Outcome.APPLIED})
_INSTANT = 0.001  # seconds: a timer may wake this much early
_FINAL = PROVEN | {Outcome.ABSENT}
BY_HAND = "it is tried again by itself; cut it by hand if it cannot wait"
CONTESTED = "something keeps bringing it back: find it and stop it; the hold stays and is re-applied at a bounded rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is known of a round, however it ended.

    Args:
        target: the target's key.
        asked: the effective mode that it served.
        elapsed: seconds since the target's own start for this mode.
        budget: seconds until it is late.
        ended: work ended since that start, over all rounds.
        canary: whether any canary is configured.
    """

    target: str
    asked: Mode
    elapsed: float
    budget: float
    ended: int
    canary: bool


def proof(
    round_: Round,
    verdict: Verdict,
    *,
    cut: Cut | None = None,
    seen: Observation | None = None,
    attempts: tuple[Attempt, ...] = (),
    token: str | None = None,
    settled: bool = False,
) -> events.Proof:
    """The proof of a round that ended with a verdict."""
    late = verdict.outcome not in PROVEN and round_.elapsed >= round_.budget - _INSTANT
    return events.Proof(
        target=round_.target,
        outcome=verdict.outcome,
        asked=round_.asked,
        held=seen.mode if seen and seen.exists else None,
        attempt=_worst(attempts) if round_.canary else None,
        ended=round_.ended,
        left=_left(cut, seen),
        elapsed_ms=round(round_.elapsed * 1000, 1),
        detail=redact(verdict.detail),
        next=redact(verdict.next),
        token=token if cut else None,
        late=late,
        settled=settled or late or verdict.outcome in _FINAL,
    )


def late(round_: Round, detail: str) -> events.Proof:
    """The proof of a round that gave none in its time."""
    return events.Proof(
        target=round_.target,
        outcome=Outcome.UNKNOWN,
        asked=round_.asked,
        attempt=Attempt.UNTRIED if round_.canary else None,
        ended=round_.ended,
        left=None,
        elapsed_ms=round(round_.elapsed * 1000, 1),
        detail=redact(detail),
        next=BY_HAND,
        late=True,
        settled=True,
    )


def drifted(round_: Round, sight: Sight) -> events.Proof:
    """The proof that a surface which was cut is looser than asked, by its own word or from the agent's side."""
    seen = sight.seen
    if not seen.exists:
        detail = "it disappeared"
    elif seen.mode < round_.asked:
        detail = f"came back as {seen.mode}"
    elif seen.in_flight:
        detail = f"{seen.in_flight} in flight again"
    else:
        detail = f"the agent's own credential is allowed again, though it reads as {seen.mode}"
    if seen.by:
        detail += f", changed by {seen.by}"
    return events.Proof(
        target=round_.target,
        outcome=Outcome.DRIFTED,
        asked=round_.asked,
        held=seen.mode if seen.exists else None,
        attempt=_worst(sight.attempts) if round_.canary else None,
        detail=redact(detail),
        next="it is cut again by itself; find out who or what brought it back",
    )


def unread(round_: Round, age: float) -> events.Proof:
    """The proof of a surface that was proven and could not be read for `age` seconds since."""
    return events.Proof(
        target=round_.target,
        outcome=Outcome.UNKNOWN,
        asked=round_.asked,
        attempt=Attempt.UNTRIED if round_.canary else None,
        left=None,
        detail=f"it was proven, and cannot be read for {age:.0f} s now",
        next="make sure that it is down or still cut; it is cut again by itself as soon as it answers",
        settled=True,
    )


def refused(error: Refused) -> Verdict:
    """The verdict of a surface that answered no to the bot itself."""
    missing = f" (missing: {', '.join(error.missing)})" if error.missing else ""
    step = "give the bot what is missing, or cut it by hand" if error.missing else "cut it by hand"
    return Verdict(outcome=Outcome.FAILED, detail=f"refused: {error}{missing}", next=step)


def _left(cut: Cut | None, seen: Observation | None) -> int | None:
    if cut is None or seen is None or cut.left is None or seen.in_flight is None:
        return None
    return max(cut.left, seen.in_flight)


def _worst(attempts: tuple[Attempt, ...]) -> Attempt:
    if not attempts:
        return Attempt.UNTRIED
    order = (Attempt.ALLOWED, Attempt.UNTRIED, Attempt.REFUSED)
    return min(attempts, key=order.index)
