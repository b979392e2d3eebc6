"""Does the protocol hold in every interleaving of the model, and is each known-broken design still caught?"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from model.run import BROKEN, INSTALL, PROTOCOL

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not shutil.which("spin") or not shutil.which("gcc"), reason=f"needs Spin: {INSTALL}")
@pytest.mark.timeout(300)
def test_the_protocol_holds_and_broken_designs_are_caught() -> None:
    """P1, P2, P3, I4, I7: every verdict is the expected one. Where Spin is missing, CI fails and a desk skips."""
    command = [sys.executable, "-m", "model.run", "--small"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    lines = ran.stdout.splitlines()
    assert [line.split()[1] for line in lines if " violated " in line] == [name for name, _, _ in BROKEN]
    assert len(lines) == len(BROKEN) + len(PROTOCOL) + 1
    assert "one target stands for all: it lacks 0 of " in lines[-1]
