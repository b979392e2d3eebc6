"""Does a kill in the middle of a drill leave a surface half, or held without a word?"""

from collections.abc import Callable

import pytest

from tests.faults.conftest import Make
from tests.faults.drill_points import plan, sample, try_points

SEED = 7
SAMPLED = 6
MANY = 400  # of some 2,500: each waits for a start, a drill and what comes of it


async def test_a_kill_in_a_drill_leaves_nothing_half(make: Make, tell: Callable[[str], None]) -> None:
    """SIGKILL at sampled system calls of the bot: given back by the drill, or held and told."""
    points = await plan(make())
    tally = await try_points(sample(points, SAMPLED, SEED), make)

    tell(f"{tally} (of {len(points)}, seed {SEED})")
    assert tally.points == SAMPLED
    assert tally.killed >= SAMPLED / 2
    assert tally.in_the_middle > 0


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_a_kill_anywhere_in_a_drill_leaves_nothing_half(make: Make, tell: Callable[[str], None]) -> None:
    """SIGKILL at every durable write of the drill, and at many other system calls from before it is asked."""
    points = await plan(make())
    tally = await try_points(sample(points, MANY, SEED), make)

    tell(f"{tally} (of {len(points)}, seed {SEED})")
    assert tally.killed >= MANY / 2
    assert tally.cut > 0
