"""Runs a drill's workload: a command beside the cut, as evaluations are run, without a shell or the bot's secrets."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bot.service.evaluate import KEPT_VARIABLES, run_command


class Commands:
    """Implements `drill_ports.Workload`.

    Args:
        folder: yields the folder of the configuration file, where the command starts.
        environ: the variables of this process; few are handed on.
    """

    def __init__(self, *, folder: Callable[[], Path], environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = {name: environ[name] for name in KEPT_VARIABLES if name in environ}

    async def run(self, command: Sequence[str]) -> str:
        """Runs it to its end, or until cancelled: then its whole process group is killed. How it ended, in words."""
        cancelled, pool = threading.Event(), ThreadPoolExecutor(1, thread_name_prefix="workload")
        loop = asyncio.get_running_loop()
        try:
            done = await loop.run_in_executor(
                pool, run_command, command, self._folder(), {**self._environ, "DRILL": "load"}, cancelled
            )
        except OSError as error:
            return f"it could not be started ({error})"
        finally:
            cancelled.set()
            pool.shutdown(wait=False)
        return f"it ended with exit code {done.code}"
