"""Do the suite's own guards hold in both runs of `make test`: the one that is spread over processes, and the other?"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MISDEEDS = """
import asyncio
import socket
import warnings

import pytest

LEFT = set()

def test_that_skips():
    pytest.skip("no server")

@pytest.mark.skip(reason="not today")
def test_that_is_marked_to_skip():
    pass

def test_that_warns():
    warnings.warn("old", DeprecationWarning, stacklevel=1)

async def test_that_leaves_a_task():
    LEFT.add(asyncio.create_task(asyncio.sleep(600)))

def test_that_calls_out():
    socket.create_connection(("192.0.2.1", 80), timeout=0.1)

def test_that_is_good():
    pass
"""


@pytest.mark.parametrize("spread", [(), ("-n", "1")], ids=["alone", "spread"])
def test_a_misdeed_fails_and_a_skip_is_one_in_ci(tmp_path: Path, spread: tuple[str, ...]) -> None:
    """A skip in CI, a warning, a task left running and a call to another machine fail, each by its own words."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_misdeeds.py").write_text(MISDEEDS)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), *spread]
    environment = {**os.environ, "CI": "true"}

    ran = subprocess.run(
        [*command, "-rfEs", str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    said = dict(re.findall(r"^(?:FAILED|ERROR) \S+::(\w+) - (.*)$", ran.stdout, re.MULTILINE))
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert sorted(said) == [
        "test_that_calls_out",
        "test_that_is_marked_to_skip",
        "test_that_leaves_a_task",
        "test_that_skips",
        "test_that_warns",
    ], ran.stdout
    assert "skipped in CI" in said["test_that_skips"]
    assert "skipped in CI" in said["test_that_is_marked_to_skip"]
    assert "DeprecationWarning" in said["test_that_warns"]
    assert "left running" in said["test_that_leaves_a_task"]
    assert "192.0.2.1" in said["test_that_calls_out"]
