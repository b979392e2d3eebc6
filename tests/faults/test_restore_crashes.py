"""Does a kill in the middle of a restore leave anything looser than its holds, or lose a lift that was announced?"""

from collections.abc import Callable

import pytest

from tests.faults.conftest import Make
from tests.faults.restore_points import plan, sample, try_points

SEED = 20
SAMPLED = 24


async def test_a_kill_in_a_restore_loosens_and_loses_nothing(make: Make, tell: Callable[[str], None]) -> None:
    """F65, interleaving 3: SIGKILL at 24 sampled system calls of a ballot, its lift and its steps."""
    points = await plan(make())
    tally = await try_points(sample(points, SAMPLED, SEED), make)

    tell(f"{tally} (of {len(points)}, seed {SEED})")
    assert tally.points == SAMPLED
    assert tally.killed >= SAMPLED * 0.8
    assert tally.in_steps > 0
    assert tally.announced > 0


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_a_kill_anywhere_in_a_restore_loosens_and_loses_nothing(make: Make, tell: Callable[[str], None]) -> None:
    """F65, interleaving 3: SIGKILL at every system call of a ballot, its lift and its steps."""
    points = await plan(make())
    tally = await try_points(points, make)

    tell(str(tally))
    assert tally.killed >= tally.points * 0.8
