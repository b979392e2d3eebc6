"""Do the words stay that stand in journals, caches, configuration files and JSON?"""

from enum import StrEnum

import pytest

from bot.domain.model import Risk, Unsupported
from bot.domain.outcome import NOT_CUT, Outcome
from bot.domain.policy import GroupState, Kind

WORDS = "pending verified applied failed absent unknown drifted contested"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            Outcome,
            f"{WORDS} relaxing probation restored quarantined left_alone",
        ),
        (Kind, "member guest stranger bot deactivated"),
        (GroupState, "read empty disabled missing unread"),
        (Risk, "high medium low"),
        (Unsupported, "stricter leave"),
    ],
)
def test_a_word_that_was_written_once_is_read_for_ever(kind: type[StrEnum], words: str) -> None:
    """A journal outlives every version of the bot: a word may be added, and none may change."""
    assert " ".join(kind) == words


def test_what_still_acts_or_may_stands_under_not_cut() -> None:
    """P3: every outcome without a proof, by name."""
    words = "pending failed absent unknown drifted contested quarantined left_alone"
    assert {Outcome(word) for word in words.split()} == NOT_CUT
