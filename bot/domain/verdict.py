"""From a cut and its read-back to an outcome: never more than is proven."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.base import Attempt, Cut, Mode, Observation
from bot.domain.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one round of cut, read-back and attempts gave.

    Args:
        asked: the effective mode when the round began.
        token: the mark that this round set.
        cut: the restriction's own answer.
        seen: the read-back.
        attempts: one answer per configured canary; empty without any.
        self_attested: whether the read-back is only the surface's own word.
    """

    asked: Mode
    token: str
    cut: Cut
    seen: Observation
    attempts: Sequence[Attempt] = ()
    self_attested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome, why, and what a person should do next (empty where nothing is to be done)."""

    outcome: Outcome
    detail: str
    next: str = ""


_AGAIN = "it is tried again by itself; cut it by hand if it cannot wait"


def judge(evidence: Evidence) -> Verdict:
    """Judges a round; pure. The first rule that applies wins, the worst news first."""
    for rule in (_absent, _looser, _still_allowed, _still_alive, _overwritten, _unseen, _untried, _own_word):
        verdict = rule(evidence)
        if verdict:
            return verdict
    return Verdict(outcome=Outcome.VERIFIED, detail=_remark(evidence))


def _absent(evidence: Evidence) -> Verdict | None:
    if evidence.seen.exists:
        return None
    return Verdict(
        outcome=Outcome.ABSENT,
        detail=evidence.seen.why or "it does not exist there, so nothing was cut",
        next="compare the name in the configuration with the system; if it is right, the agent has other authority",
    )


def _looser(evidence: Evidence) -> Verdict | None:
    if evidence.seen.mode >= evidence.asked:
        return None
    why = evidence.cut.why or evidence.seen.why
    detail = f"reads back as {evidence.seen.mode}" + (f": {why}" if why else "")
    return Verdict(outcome=Outcome.FAILED, detail=detail, next=_AGAIN)


def _still_allowed(evidence: Evidence) -> Verdict | None:
    if Attempt.ALLOWED not in evidence.attempts:
        return None
    return Verdict(
        outcome=Outcome.FAILED,
        detail="the agent's own credential is still allowed, whatever the surface says",
        next="look for a second way in (another account, a cache, another node); " + _AGAIN,
    )


def _still_alive(evidence: Evidence) -> Verdict | None:
    alive = max(evidence.cut.left or 0, evidence.seen.in_flight or 0)
    if not alive:
        return None
    why = f": {evidence.cut.why}" if evidence.cut.why else ""
    return Verdict(outcome=Outcome.FAILED, detail=f"{alive} in flight still alive{why}", next=_AGAIN)


def _overwritten(evidence: Evidence) -> Verdict | None:
    if evidence.seen.token in (None, evidence.token):
        return None
    return Verdict(outcome=Outcome.UNKNOWN, detail="somebody else's mark stands where ours was set", next=_AGAIN)


def _unseen(evidence: Evidence) -> Verdict | None:
    if evidence.cut.left is not None and evidence.seen.in_flight is not None:
        return None
    return Verdict(
        outcome=Outcome.APPLIED,
        detail=evidence.cut.why or "work in flight cannot be seen there",
        next="make sure by hand that nothing still runs",
    )


def _untried(evidence: Evidence) -> Verdict | None:
    if Attempt.UNTRIED not in evidence.attempts:
        return None
    return Verdict(
        outcome=Outcome.APPLIED,
        detail="the canary could not be tried",
        next="check the canary's credential with `agent-kill check --probe`",
    )


def _own_word(evidence: Evidence) -> Verdict | None:
    if not evidence.self_attested or evidence.attempts:
        return None
    return Verdict(
        outcome=Outcome.APPLIED,
        detail="only the surface's own word",
        next="configure a canary, so that the cut is tried from the agent's side",
    )


def _remark(evidence: Evidence) -> str:
    """What a person must know of a proven cut: that it is stricter than asked, or what the mode leaves open there."""
    held = min(evidence.cut.held, evidence.seen.mode)
    if held <= evidence.asked:
        return evidence.cut.why
    why = evidence.cut.why or evidence.seen.why
    return f"{evidence.asked}, held as {held}" + (f": {why}" if why else "")
