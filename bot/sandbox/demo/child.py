"""A process of the demo: started in a session of its own, listened to, stopped by its id."""

import asyncio
import atexit
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.sandbox.processes import send

ROOT = Path(__file__).resolve().parents[3]
"""The folder that holds the package, wherever it is installed."""
_GENTLE = 8.0  # seconds to end in good order


class Ended(Exception):
    """A process ended, or said nothing, when it was expected to serve; the text names its log."""


class Child:
    """One process.

    Args:
        command: program and words; secrets go through `say` or `variables`, never here.
        log: gets its standard error, and its standard output too unless `listen`.
        variables: added to a small environment of its own.
        listen: read standard output as JSON, a line each, into `heard`.

    Attributes:
        heard: the last line, parsed.
    """

    def __init__(
        self, command: Sequence[str], *, log: Path, variables: Mapping[str, str] | None = None, listen: bool = True
    ) -> None:
        self.command, self.log, self._listen = tuple(command), log, listen
        self._variables = environment() | dict(variables or {})
        self._process: asyncio.subprocess.Process | None = None
        self._ear: asyncio.Task[None] | None = None
        self.heard: Any = None
        self._spoke = asyncio.Event()  # or will never speak

    @property
    def pid(self) -> int:
        """The process id; 0 before the start."""
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self, words: object = None) -> None:
        """Starts it; `words` become the first line of its standard input, as JSON."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE if self._listen else log,
                stderr=log,
                cwd=self.log.parent,
                env=self._variables,
                start_new_session=True,  # a Ctrl-C at the terminal is ours to pass on
            )
        atexit.register(self.kill)
        if words is not None:
            await self.tell(words)
        if self._listen:
            self._ear = asyncio.create_task(self._hear(), name=f"ear {self.log.name}")

    async def tell(self, words: object) -> None:
        """Writes a line of JSON to its standard input."""
        if self._process and self._process.stdin and self.running:
            self._process.stdin.write(json.dumps(words).encode() + b"\n")
            await self._process.stdin.drain()

    async def first(self, seconds: float = 60.0) -> Any:
        """The first thing that it says. Raises `Ended`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._spoke.wait()
        if self.heard is None:
            raise Ended(f"{self.log.stem} did not start: {last_lines(self.log)}")
        return self.heard

    async def wait(self) -> int:
        """Waits for its end; returns its exit code."""
        return await self._process.wait() if self._process else 0

    def signal(self, which: signal.Signals) -> None:
        """Signals it, if it runs."""
        if self.running:
            send(self.pid, which)

    def kill(self) -> None:
        """`kill -9`."""
        self.signal(signal.SIGKILL)

    async def stop(self) -> None:
        """Ends it in good order, else for good. Safe to repeat."""
        if self._process is None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_GENTLE):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        atexit.unregister(self.kill)
        if self._ear:
            await self._ear

    async def _hear(self) -> None:
        assert self._process is not None  # noqa: S101  # the task is made after the start
        assert self._process.stdout is not None  # noqa: S101  # it is a pipe
        async for line in self._process.stdout:
            with contextlib.suppress(ValueError):
                self.heard = json.loads(line)
                self._spoke.set()
        self._spoke.set()


def environment() -> dict[str, str]:
    """What every process of the demo gets: no secret and no setting of whoever runs the demo."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def python(module: str) -> tuple[str, ...]:
    """The command that runs a module with this interpreter."""
    return (sys.executable, "-m", module)


def last_lines(log: Path, lines: int = 3) -> str:
    """The end of a log, on one line."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return " / ".join(text.splitlines()[-lines:]) or "its log is empty"
