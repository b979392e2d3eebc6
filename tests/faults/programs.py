"""Programs of the product as the fault suite runs them: forked from a nursery, held before their first own call."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import nursery

ROOT = Path(__file__).parents[2]


@dataclass
class Program:
    """A running `agent-kill …`."""

    pid: int
    out: Path
    err: Path
    _code: "asyncio.Future[int]" = field(repr=False)

    @property
    def code(self) -> int | None:
        """Its exit code once it ended, a negative signal number after a signal."""
        return self._code.result() if self._code.done() else None

    async def ended(self) -> int:
        """Waits for the exit code; whoever gives up waiting leaves it to the others."""
        return await asyncio.shield(self._code)

    def kill(self) -> None:
        """Kill -9, and it is waited for by whoever started it."""
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Signals the program unless it ended."""
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):  # ended, and not told yet
                os.kill(self.pid, number)

    @property
    def said(self) -> str:
        """Its standard output so far."""
        return self.out.read_text() if self.out.exists() else ""

    @property
    def log(self) -> str:
        """Its standard error so far."""
        return self.err.read_text() if self.err.exists() else ""


class Programs:
    """Starts programs through one nursery process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asked: list[asyncio.Future[int]] = []
        self._codes: dict[int, asyncio.Future[int]] = {}
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read())

    async def ready(self) -> None:
        """Returns once everything is imported."""
        await self._ready

    async def start(
        self, *argv: str, env: Mapping[str, str], folder: Path, name: str = "program", held: bool = False
    ) -> Program:
        """Starts `agent-kill argv`; a `held` one waits for SIGCONT before its first own call."""
        out, err = folder / f"{name}.out", folder / f"{name}.err"
        order = {"argv": argv, "env": dict(env), "out": str(out), "err": str(err), "held": held}
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        pid = await answer
        while held and not self._codes[pid].done() and not _is_stopped(pid):  # noqa: ASYNC110  # another process's state
            await asyncio.sleep(0.001)  # a SIGCONT that comes before its stop would be lost
        return Program(pid, out, err, self._codes[pid])

    async def close(self) -> None:
        """Ends the nursery, which kills what it started."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    @staticmethod
    def _answer(asked: "asyncio.Future[int]", pid: int) -> None:
        if not asked.done():  # whoever asked gave up; the nursery ends the program
            asked.set_result(pid)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        pids: dict[int, int] = {}
        async for line in self._process.stdout:
            told = json.loads(line)
            if told["id"] == 0:
                self._ready.set_result(None)
            elif "pid" in told:
                pids[told["id"]] = told["pid"]
                self._codes[told["pid"]] = asyncio.get_running_loop().create_future()
                self._answer(self._asked.pop(0), told["pid"])
            else:
                self._codes[pids.pop(told["id"])].set_result(told["code"])


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"


@asynccontextmanager
async def programs() -> AsyncIterator[Programs]:
    """A nursery; everything that it started ends with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        nursery.__name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    made = Programs(process)
    try:
        await made.ready()
        yield made
    finally:
        await made.close()
