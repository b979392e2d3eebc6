"""What runs for the bot, an evaluation or a drill's workload: does it end with a bot that is killed?"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

RUNS = """
import sys, threading
from pathlib import Path
from bot.service.evaluate import run_command

run_command(sys.argv[2:], Path(sys.argv[1]), {"PATH": "/usr/bin:/bin"}, threading.Event())
"""
LOAD = 'echo $$ > leader; (echo $(exec sh -c "echo \\$PPID") > child; while :; do sleep 0.05; done) & wait'


async def _started(path: Path) -> int:
    async with asyncio.timeout(20):
        while not (path.exists() and path.read_text().strip()):  # noqa: ASYNC110  # another process's file
            await asyncio.sleep(0.01)
    return int(path.read_text())


def _runs(pid: int) -> bool:
    """Whether it runs; what is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGABRT])
async def test_a_command_does_not_outlive_a_bot_that_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    """Nor what it started: an agent's workload that nobody ends would go on for ever."""
    bot = await asyncio.create_subprocess_exec(sys.executable, "-c", RUNS, str(tmp_path), "sh", "-c", LOAD)
    pids = [await _started(tmp_path / name) for name in ("leader", "child")]
    assert all(map(_runs, pids))
    os.kill(bot.pid, how)
    await bot.wait()
    try:
        async with asyncio.timeout(5):
            while any(map(_runs, pids)):
                await asyncio.sleep(0.01)
    finally:
        for pid in filter(_runs, pids):
            os.kill(pid, signal.SIGKILL)
