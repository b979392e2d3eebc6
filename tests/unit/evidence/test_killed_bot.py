"""What runs for the bot, an evaluation or a drill's workload: does it end with a bot that is killed?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

RUNS = """
import sys, threading
from pathlib import Path
from bot.service.evaluate import run_command

run_command(sys.argv[2:], Path(sys.argv[1]), {"PATH": "/usr/bin:/bin"}, threading.Event())
"""
LOAD = 'echo $$ > leader; (echo $(exec sh -c "echo \\$PPID") > child; while :; do sleep 0.05; done) & wait'
_PATIENCE = 30.0  # seconds


def _until(done: Callable[[], object]) -> None:
    end = time.monotonic() + _PATIENCE
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def _said(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _runs(pid: int) -> bool:
    """Whether it runs; what is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_command_does_not_outlive_a_bot_that_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    """Nor what it started: an agent's workload that nobody ends would go on for ever."""
    with subprocess.Popen([sys.executable, "-c", RUNS, str(tmp_path), "sh", "-c", LOAD]) as bot:
        files = [tmp_path / name for name in ("leader", "child")]
        _until(lambda: all(map(_said, files)))
        pids = [int(_said(file)) for file in files]
        try:
            assert all(map(_runs, pids))
            bot.send_signal(how)
            bot.wait()
            _until(lambda: not any(map(_runs, pids)))
        finally:
            for pid in filter(_runs, pids):
                os.kill(pid, signal.SIGKILL)
