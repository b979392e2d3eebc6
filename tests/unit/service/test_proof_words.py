"""What does a proof say of a surface that came back?"""

import pytest

from adapters.base import Mode, Observation
from bot.domain.outcome import Outcome
from bot.service.proofs import Round, drifted
from bot.service.sight import Sight

ROUND = Round(target="t", asked=Mode.FULL_STOP, elapsed=1.0, budget=5.0, ended=0, canary=False)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Observation(exists=True, mode=Mode.NORMAL, enforceable=frozenset()), "came back as normal"),
        (
            Observation(exists=True, mode=Mode.READ_ONLY, enforceable=frozenset(), by="deploy-bot"),
            "came back as read_only, changed by deploy-bot",
        ),
        (Observation(exists=False, mode=Mode.NORMAL, enforceable=frozenset()), "it disappeared"),
        (Observation(exists=True, mode=Mode.FULL_STOP, enforceable=frozenset(), in_flight=2), "2 in flight again"),
    ],
)
def test_a_drift_says_what_changed_and_who_did_it_where_the_surface_tells(seen: Observation, said: str) -> None:
    """The on-call reads the new state and, where the system knows it, the culprit."""
    proof = drifted(ROUND, Sight(seen))

    assert (proof.outcome, proof.detail) == (Outcome.DRIFTED, said)
    assert proof.next
