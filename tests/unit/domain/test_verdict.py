"""What may a cut be called, given what was read back?"""

from typing import Any

import pytest

from adapters.base import Attempt, Cut, Mode, Observation
from bot.domain.outcome import Outcome
from bot.domain.verdict import Evidence, judge


def _evidence(*, cut: dict[str, Any] | None = None, seen: dict[str, Any] | None = None, **more: Any) -> Evidence:
    """A round that proves a read_only, but for what is given."""
    return Evidence(
        **{
            "asked": Mode.READ_ONLY,
            "token": "mine",
            "cut": Cut(**{"held": Mode.READ_ONLY, **(cut or {})}),
            "seen": Observation(
                **{
                    "exists": True,
                    "mode": Mode.READ_ONLY,
                    "enforceable": frozenset({Mode.READ_ONLY}),
                    "token": "mine",
                    "in_flight": 0,
                    **(seen or {}),
                }
            ),
            "attempts": (Attempt.REFUSED,),
            **more,
        }
    )


@pytest.mark.parametrize(
    ("evidence", "outcome", "words"),
    [
        (_evidence(), Outcome.VERIFIED, ""),
        (_evidence(cut={"why": "NOTIFY stays open"}), Outcome.VERIFIED, "NOTIFY stays open"),
        (
            _evidence(cut={"held": Mode.FULL_STOP, "why": "it owns t"}, seen={"mode": Mode.FULL_STOP}),
            Outcome.VERIFIED,
            "read_only, held as full_stop: it owns t",
        ),
        (_evidence(seen={"exists": False, "why": "no such role"}), Outcome.ABSENT, "no such role"),
        (_evidence(seen={"mode": Mode.NORMAL}), Outcome.FAILED, "reads back as normal"),
        (_evidence(attempts=(Attempt.REFUSED, Attempt.ALLOWED)), Outcome.FAILED, "still allowed"),
        (_evidence(cut={"left": 2}), Outcome.FAILED, "2 in flight still alive"),
        (_evidence(seen={"in_flight": 3}), Outcome.FAILED, "3 in flight still alive"),
        (_evidence(seen={"token": "other"}), Outcome.UNKNOWN, "somebody else's mark"),
        (_evidence(seen={"token": None}), Outcome.VERIFIED, ""),
        (_evidence(cut={"left": None}), Outcome.APPLIED, "cannot be seen"),
        (_evidence(seen={"in_flight": None}), Outcome.APPLIED, "cannot be seen"),
        (_evidence(attempts=(Attempt.UNTRIED,)), Outcome.APPLIED, "canary could not be tried"),
        (_evidence(attempts=(), self_attested=True), Outcome.APPLIED, "only the surface's own word"),
        (_evidence(attempts=()), Outcome.VERIFIED, ""),
        (_evidence(self_attested=True), Outcome.VERIFIED, ""),
    ],
)
def test_a_cut_is_never_called_more_than_is_proven(evidence: Evidence, outcome: Outcome, words: str) -> None:
    """P3: the worst news wins, and the detail says what a person must know."""
    verdict = judge(evidence)

    assert verdict.outcome is outcome
    assert words in verdict.detail
    assert bool(verdict.next) is (outcome is not Outcome.VERIFIED)
