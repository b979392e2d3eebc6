"""What is a person told of each verdict, and what to do next?"""

from typing import Any

import pytest

from adapters.base import Attempt, Cut, Mode, Observation
from bot.domain.outcome import Outcome
from bot.domain.verdict import Evidence, Verdict, judge

AGAIN = "it is tried again by itself; cut it by hand if it cannot wait"
UNSEEN = "make sure by hand that nothing still runs"
SECOND_WAY = "look for a second way in (another account, a cache, another node); "


def told(
    *,
    held: Mode = Mode.READ_ONLY,
    left: int | None = 0,
    why: str = "",
    exists: bool = True,
    reads: Mode = Mode.READ_ONLY,
    alive: int | None = 0,
    because: str = "",
    mark: str | None = "mine",
    attempts: tuple[Attempt, ...] = (),
    own_word: bool = False,
) -> Verdict:
    """The verdict of a round that asked for read_only; `why` is the cut's word, `because` the read-back's."""
    seen = Observation(
        exists=exists, mode=reads, enforceable=frozenset({reads}), why=because, token=mark, in_flight=alive
    )
    return judge(
        Evidence(
            asked=Mode.READ_ONLY,
            token="mine",
            cut=Cut(held=held, left=left, why=why),
            seen=seen,
            attempts=attempts,
            self_attested=own_word,
        )
    )


@pytest.mark.parametrize(
    ("found", "outcome", "detail", "step"),
    [
        (
            {"exists": False},
            Outcome.ABSENT,
            "it does not exist there, so nothing was cut",
            "compare the name in the configuration with the system; if it is right, the agent has other authority",
        ),
        ({"reads": Mode.DRAFT_ONLY}, Outcome.FAILED, "reads back as draft_only", AGAIN),
        (
            {"reads": Mode.NORMAL, "why": "a lock", "because": "x"},
            Outcome.FAILED,
            "reads back as normal: a lock",
            AGAIN,
        ),
        ({"reads": Mode.NORMAL, "because": "a proxy"}, Outcome.FAILED, "reads back as normal: a proxy", AGAIN),
        (
            {"attempts": (Attempt.ALLOWED,)},
            Outcome.FAILED,
            "the agent's own credential is still allowed, whatever the surface says",
            SECOND_WAY + AGAIN,
        ),
        ({"alive": 1}, Outcome.FAILED, "1 in flight still alive", AGAIN),
        ({"left": 2, "alive": 3}, Outcome.FAILED, "3 in flight still alive", AGAIN),
        ({"left": 4, "alive": None, "why": "they hang"}, Outcome.FAILED, "4 in flight still alive: they hang", AGAIN),
        ({"left": None, "alive": 1}, Outcome.FAILED, "1 in flight still alive", AGAIN),
        ({"mark": "theirs"}, Outcome.UNKNOWN, "somebody else's mark stands where ours was set", AGAIN),
        ({"alive": None}, Outcome.APPLIED, "work in flight cannot be seen there", UNSEEN),
        ({"left": None, "why": "no list of jobs"}, Outcome.APPLIED, "no list of jobs", UNSEEN),
        (
            {"attempts": (Attempt.REFUSED, Attempt.UNTRIED)},
            Outcome.APPLIED,
            "the canary could not be tried",
            "check the canary's credential with `agent-kill check --probe`",
        ),
        (
            {"own_word": True},
            Outcome.APPLIED,
            "only the surface's own word",
            "configure a canary, so that the cut is tried from the agent's side",
        ),
        ({}, Outcome.VERIFIED, "", ""),
        ({"why": "NOTIFY stays open", "because": "x"}, Outcome.VERIFIED, "NOTIFY stays open", ""),
        ({"held": Mode.FULL_STOP, "reads": Mode.FULL_STOP}, Outcome.VERIFIED, "read_only, held as full_stop", ""),
        (
            {"held": Mode.FULL_STOP, "reads": Mode.FULL_STOP, "because": "it owns its tables"},
            Outcome.VERIFIED,
            "read_only, held as full_stop: it owns its tables",
            "",
        ),
        (
            {"held": Mode.FULL_STOP, "reads": Mode.FULL_STOP, "why": "no such grant", "because": "it owns its tables"},
            Outcome.VERIFIED,
            "read_only, held as full_stop: no such grant",
            "",
        ),
        ({"held": Mode.READ_ONLY, "reads": Mode.FULL_STOP}, Outcome.VERIFIED, "", ""),
    ],
)
def test_each_verdict_says_what_was_found_and_what_to_do(
    found: dict[str, Any], outcome: Outcome, detail: str, step: str
) -> None:
    """P5: the sentence names the finding, with the surface's own reason where it gave one, and the next step."""
    verdict = told(**found)
    assert (verdict.outcome, verdict.detail, verdict.next) == (outcome, detail, step)


def test_the_worst_news_wins() -> None:
    """P3: of everything that is wrong with one round, what is furthest from a cut is said."""
    wrong: dict[str, Any] = {
        "exists": False,
        "reads": Mode.NORMAL,
        "attempts": (Attempt.ALLOWED, Attempt.UNTRIED),
        "left": 1,
        "mark": "theirs",
        "alive": None,
        "own_word": True,
    }
    fine = {"exists": True, "reads": Mode.READ_ONLY, "attempts": (Attempt.UNTRIED,), "left": None, "mark": "mine"}
    said = [told(**wrong).detail]
    for name, value in fine.items():
        wrong[name] = value
        said.append(told(**wrong).detail)

    assert [sentence.split()[0] for sentence in said] == ["it", "reads", "the", "1", "somebody", "work"]
