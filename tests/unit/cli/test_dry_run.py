"""Does a plan on the command line say what would not work now?"""

import json
from pathlib import Path

from bot.core import CLOCK
from bot.domain.armed_events import ArmedChanged, ArmedSeen
from bot.service import checked_file
from tests.unit.cli.conftest import Run
from tests.unit.report.incidents import write


def plan(run: Run, *words: str, width: int = 100) -> str:
    """What a dry run prints on standard output."""
    done = run("stop", "full_stop", "--all", "--reason", "x", "--dry-run", *words, width=width)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_plan_without_a_bot_says_that_nobody_checked(run: Run) -> None:
    """Nothing is called armed that nobody looked at, and nothing is asked."""
    told = json.loads(plan(run, "--json"))
    assert {one["armed"] for one in told["surfaces"]} == {"unchecked"}
    assert len(told["not_armed"]) == 4
    shown = " ".join(plan(run).split())
    assert "not checked" in shown
    assert "NOT ARMED, unchecked: b/x" in shown


def test_a_plan_names_what_the_bot_found_not_armed(run: Run, tmp_path: Path) -> None:
    """By the journal and by what a bot wrote down: one is armed, one is not, with the reason and the next step."""
    plan(run)
    state = tmp_path / "state"
    now = CLOCK.now()
    lost = ArmedSeen(subject="b/x", armed=False, why="missing: CREATEROLE", next="mend that")
    write(state, [ArmedChanged(at=now, changes=(lost,))])
    checked_file.write(
        state / checked_file.FILE,
        checked_file.Checked(at={"b/x": now, "invoice-reconciliation/watched": now}, parts=()),
    )
    told = json.loads(plan(run, "--json"))
    assert {one["surface"]: one["armed"] for one in told["surfaces"]} == {
        "b/x": "not_armed",
        "invoice-reconciliation/watched": "armed",
        "invoice-reconciliation/ledger-of-the-european-branch": "unchecked",
        "invoice-reconciliation/broken": "unchecked",
    }
    assert "NOT ARMED b/x: missing: CREATEROLE. Next: mend that" in " ".join(plan(run).split())
