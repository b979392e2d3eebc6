"""Does a stop need a disk?"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.core import journal_folders

_ROOT = Path(__file__).parents[2]
_CONFIG = "agents: {a: {name: A, surfaces: {x: {adapter: memory, class: api, settings: {}}}}}\n"
_SCRIPT = """
set -e
mount -t tmpfs -o size=64k,mode=0700 none "$STATE"
if [ "$HOW" = full ]; then head -c 1000000 /dev/zero > "$STATE/filler" 2>/dev/null || true; fi
if [ "$HOW" = readonly ]; then mount -o remount,ro "$STATE"; fi
exec "$PYTHON" -m bot stop full_stop --all --reason "no disk" --json
"""


@pytest.mark.parametrize("how", ["full", "readonly"])
def test_a_first_stop_on_a_dead_disk_still_cuts(tmp_path: Path, how: str) -> None:
    """F23, F62, P1: with no state key yet and a disk that is full or read-only, everything is cut and proven."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("mounting a small disk needs root and unshare: run as root")
    (tmp_path / "agent-kill.yaml").write_text(_CONFIG)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    variables = {
        "AGENT_KILL_CONFIG": str(tmp_path / "agent-kill.yaml"),
        "AGENT_KILL_STATE_DIR": str(state),
        "STATE": str(state),
        "HOW": how,
        "PYTHON": sys.executable,
    }

    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", _SCRIPT],
        env=os.environ | variables,
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    elsewhere = journal_folders(state)[1]
    shutil.rmtree(elsewhere, ignore_errors=True)

    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["not_cut"] == []
    assert told["recorded"] == "journal", "the second folder takes the hold"
    assert "Traceback" not in ran.stderr


def test_two_installations_share_no_journal(tmp_path: Path) -> None:
    """Holds of one installation are never adopted by another whose state directory has the same last name."""
    one, two = (journal_folders(tmp_path / name / "state")[1] for name in "ab")

    assert one != two
