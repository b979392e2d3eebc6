"""How long does a target wait that blocked the whole process?"""

import pytest

from bot.domain.hesitation import BEHIND, LONGEST_PAUSE, MEMORY, hesitation

NOW = 1_000_000.0


def test_one_that_never_did_waits_for_nothing() -> None:
    """Almost all of them."""
    assert hesitation((), NOW) == 0.0


@pytest.mark.parametrize(
    ("times", "pause"), [(1, 10.0), (2, 20.0), (5, 160.0), (6, LONGEST_PAUSE), (99, LONGEST_PAUSE)]
)
def test_the_pause_doubles_up_to_five_minutes(times: int, pause: float) -> None:
    """A process that is blocked again and again has ever more time for the other surfaces."""
    assert hesitation([NOW - number / 1000 for number in range(times)], NOW) == pytest.approx(pause)


def test_later_it_still_starts_behind_the_others() -> None:
    """An hour later it is touched last, and a day later like any other."""
    assert (MEMORY, BEHIND) == (86_400.0, 2.0)
    assert hesitation([NOW - 3600], NOW) == BEHIND
    assert hesitation([NOW - MEMORY], NOW) == 0.0


def test_a_clock_that_was_set_back_makes_no_endless_pause() -> None:
    """What lies ahead counts as just now."""
    assert hesitation([NOW + 1e6], NOW) == 10.0
