"""Evaluations that are really run, in a folder of the test's own."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.base import Mode
from bot.domain.evidence import Evaluated
from bot.domain.model import Evaluation
from bot.service.evaluate import Evaluator, Job


class MachineClock:
    """The machine's own."""

    def now(self) -> float:
        """Unix time."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only rise."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


def evaluator(folder: Path, environ: Mapping[str, str] | None = None, **more: Any) -> Evaluator:
    """An evaluator whose commands start in `folder`."""
    known = {"PATH": os.environ["PATH"]} if environ is None else environ
    return Evaluator(folder=lambda: folder, clock=MachineClock(), environ=known, **more)


def job(wanted: str = "refused", held: Mode = Mode.READ_ONLY, **more: Any) -> Job:
    """One evaluation of `billing`."""
    evaluation = Evaluation(id=more.pop("id", "refund"), surfaces=("ledger",), expect={held: wanted}, **more)
    return Job(agent="billing", evaluation=evaluation, held=held, expected=wanted)


def python(source: str) -> tuple[str, ...]:
    """A command that runs this Python."""
    return (sys.executable, "-c", source)


async def only(running: Evaluator, item: Job) -> Evaluated:
    """Runs one evaluation."""
    (found,) = await running.run([item])
    return found


async def gone(pid: int, within: float = 5.0) -> bool:
    """Whether a process ends in time; one that waits to be reaped by its parent has ended."""
    async with asyncio.timeout(within):
        while _lives(pid):  # noqa: ASYNC110  # nobody here is told of its end
            await asyncio.sleep(0.01)
    return True


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
