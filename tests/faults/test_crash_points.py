"""Is an acknowledged stop carried out whatever the moment at which the program is killed?"""

from collections.abc import Callable

import pytest

from tests.faults.conftest import Make
from tests.faults.crash_points import RESTART_TO_CUT, ROUTES, plan, sample, try_points

SEED = 20
SAMPLED = 32  # of each path: 128 in all


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ROUTES)
async def test_a_kill_at_a_call_loses_nothing(make: Make, name: str, tell: Callable[[str], None]) -> None:
    """F01 to F08, P2: SIGKILL at 32 sampled system calls of each path; what was acknowledged is cut after the start."""
    points = await plan(ROUTES[name], make())
    tally = await try_points(ROUTES[name], sample(points, SAMPLED, SEED), make)

    tell(f"{tally} (of {len(points)}, seed {SEED})")
    assert tally.points == SAMPLED
    assert tally.killed >= SAMPLED * 0.8
    assert tally.recorded > 0
    assert max(tally.restart_to_cut) < RESTART_TO_CUT


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", ROUTES)
async def test_a_kill_at_any_call_loses_nothing(make: Make, name: str, tell: Callable[[str], None]) -> None:
    """F01 to F08, P2: SIGKILL at every system call of each path; what was acknowledged is cut after the start."""
    points = await plan(ROUTES[name], make())
    tally = await try_points(ROUTES[name], points, make)

    tell(str(tally))
    assert tally.killed >= tally.points * 0.8
    assert max(tally.restart_to_cut) < RESTART_TO_CUT
