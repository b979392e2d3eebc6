"""Does the list of drills say what comes next, and what stands behind it?"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.cli.conftest import CONFIG, Run

DRILLS = """drills:
  weekly: {schedule: "0 10 * * MON", surfaces: [b/x], mode: read_only, kind: live}
  never: {schedule: "0 0 30 FEB *", surfaces: [b/y], mode: read_only, kind: tabletop}
"""
SURFACES = "b: {surfaces: {x: {adapter: memory, class: tool, backstop: b/y}, y: {adapter: memory, class: tool}}}"


def test_the_list_tells_the_next_time_and_the_backstops(run: Run, tmp_path: Path) -> None:
    """Of one that never ran too; in the table and in the document."""
    written = CONFIG.replace("b: {surfaces: {x: {adapter: memory, class: tool}}}", SURFACES) + DRILLS
    (tmp_path / "c.yaml").write_text(written)
    weekly, never = sorted(json.loads(run("drill", "--json").stdout), key=lambda it: it["drill"], reverse=True)
    due = datetime.fromisoformat(weekly["next_due"])
    assert (due.weekday(), due.hour, due > datetime.now(UTC)) == (0, 10, True)
    assert (weekly["last"], weekly["backstops"]) == (None, ["b/y"])
    assert (never["next_due"], never["backstops"]) == (None, [])


@pytest.mark.parametrize("width", [60, 120])
def test_the_table_fits(run: Run, tmp_path: Path, width: int) -> None:
    """Narrow or wide."""
    (tmp_path / "c.yaml").write_text(CONFIG + DRILLS.replace("b/y", "b/x"))
    shown = run("drill", width=width).stdout
    assert max(map(len, shown.splitlines())) <= width
    for word in ("weekly", "never run", "next (UTC)", "b/x"):
        assert word in " ".join(shown.split())
