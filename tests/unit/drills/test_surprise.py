"""Does a drill that is to surprise begin in its window, at a moment that nobody can tell?"""

from collections.abc import Callable
from datetime import datetime

import pytest

from bot.domain.drill_events import DrillCalled
from bot.domain.due import chance
from bot.domain.events import ConfigurationSeen, Person
from bot.slack.blocks.drill_reminder import reminder
from tests.unit.drills.drill_rig import LEDGER, DrillRig, drill
from tests.unit.drills.test_clock import HOUR, local, missed, runs, started, ticked
from tests.unit.service.rig import surface

Make = Callable[..., DrillRig]
DAILY = drill(schedule="0 10 * * *", surprise=4 * HOUR)


def hours(rig: DrillRig) -> list[float]:
    """How far into the window each run was claimed."""
    return [(datetime.fromisoformat(at).timestamp() - local(f"{at[:10]}T10:00")) / HOUR for at in runs(rig)]


async def test_it_begins_at_moments_of_its_window(make_drills: Make) -> None:
    """Once a day, and hardly ever at its start."""
    rig = started(make_drills, "2026-06-01T00:00", DAILY)
    await ticked(rig, "2026-06-11T00:00", every=300.0)
    found = hours(rig)
    assert len(found) == 10
    assert all(0 <= at < 4.2 for at in found)
    assert len({round(at) for at in found}) > 2
    assert missed(rig) == []


async def test_a_restart_in_the_window_changes_nothing(make_drills: Make) -> None:
    """The moment is the one that the first process had drawn."""
    drawn = chance("state key", "weekly", local("2026-06-01T10:00")) * 4
    rig = started(make_drills, "2026-06-01T09:00", DAILY)
    rig.recorder.record(ConfigurationSeen(at=local("2026-05-31T09:00"), parts=(("drill weekly", "ab"),)))
    await ticked(rig, "2026-06-01T10:01")
    again = await rig.restarted(surface(LEDGER), drills=[DAILY])
    again.clock.start = rig.clock.start
    await ticked(again, "2026-06-01T15:00")
    assert hours(again) == [pytest.approx(drawn, abs=0.05)]
    await again.aclose()


async def test_one_that_is_typed_in_the_window_is_it(make_drills: Make) -> None:
    """The clock does not begin a second one."""
    rig = started(make_drills, "2026-06-01T09:50", DAILY)
    await rig.drills.tick()
    run = await rig.run()
    assert run.claimed is not None
    assert run.claimed.scheduled
    await ticked(rig, "2026-06-01T16:00")
    assert len(runs(rig)) == 1


def test_the_moment_depends_on_the_secret_the_drill_and_the_time() -> None:
    """And lies within the window."""
    found = {
        chance(secret, name, due) for secret in ("a", "b") for name in ("x", "y") for due in (1.0, 2.0, 3.0, 1e9, 2e9)
    }
    assert len(found) == 20
    assert all(0 <= it < 1 for it in found)


def test_a_reminder_names_the_window_alone() -> None:
    """From the due time to its end."""
    called = DrillCalled(
        at=0.0, drill="weekly", due=7200.0, begins=7200.0, offset=600.0, operator=Person(kind="slack", id="U0ALICE")
    )
    text = str(reminder(DAILY, called, ()))
    assert "begins at some moment between <!date^7200^" in text
    assert f"<!date^{int(7200 + 4 * HOUR)}^" in text
