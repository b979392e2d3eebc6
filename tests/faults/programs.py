"""Programs of the product as the fault suite runs them: forked from a nursery, held before their first own call."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import nursery

ROOT = Path(__file__).parents[2]
_NUMBERS = itertools.count(1)  # of orders; an answer that comes too late must not be taken for another's


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
    """Starts programs through a nursery, from one event loop."""

    def __init__(self, nursery_: "subprocess.Popen[bytes]") -> None:
        self._nursery = nursery_
        self._asked: dict[int, asyncio.Future[int]] = {}  # by the id of the order
        self._codes: dict[int, asyncio.Future[int]] = {}

    async def start(
        self,
        *argv: str,
        env: Mapping[str, str],
        folder: Path,
        name: str = "program",
        held: bool = False,
        mounts: Sequence[Sequence[str]] = (),
        files: int = 0,
        clock: float | None = None,
        module: str = "bot.cli",
    ) -> Program:
        """Starts `agent-kill argv`.

        Args:
            argv: its arguments.
            env: its environment.
            folder: for its output.
            name: of the output's files.
            held: it waits for SIGCONT before its first own call.
            mounts: arguments of calls of `mount`, seen by it alone.
            files: how many descriptors it may have; 0: as many as this process.
            clock: the Unix time that its wall clock begins at; None: the true one.
            module: whose `main` is run.
        """
        out, err = folder / f"{name}.out", folder / f"{name}.err"
        number = next(_NUMBERS)
        order: dict[str, object] = {
            "id": number,
            "argv": argv,
            "env": dict(env),
            "out": str(out),
            "err": str(err),
            "held": held,
        }
        order |= {"mounts": mounts, "files": files, "clock": clock, "module": module}
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(json.dumps(order).encode() + b"\n")
        pid = await answer
        while held and not self._codes[pid].done() and not is_stopped(pid):  # noqa: ASYNC110  # another process's state
            await asyncio.sleep(0.001)  # a SIGCONT that comes before its stop would be lost
        return Program(pid, out, err, self._codes[pid])

    @staticmethod
    def _answer(asked: "asyncio.Future[int]", pid: int) -> None:
        if not asked.done():  # whoever asked gave up; the nursery ends the program
            asked.set_result(pid)

    async def listen(self) -> None:
        """Reads what the nursery tells until it is cancelled."""
        assert self._nursery.stdout is not None
        stream = asyncio.StreamReader()
        pipe = os.fdopen(os.dup(self._nursery.stdout.fileno()), "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), pipe
        )
        pids: dict[int, int] = {}
        try:
            async for line in stream:
                with contextlib.suppress(
                    ValueError
                ):  # the rest of a line that an earlier test's listener began to read
                    self._take(json.loads(line), pids)
        finally:
            transport.close()

    def _take(self, told: dict[str, int], pids: dict[int, int]) -> None:
        if "pid" in told and told["id"] not in self._asked:
            with contextlib.suppress(ProcessLookupError):  # of an earlier test, which gave up waiting for it
                os.kill(told["pid"], signal.SIGKILL)
        elif "pid" in told:
            pids[told["id"]] = told["pid"]
            self._codes[told["pid"]] = asyncio.get_running_loop().create_future()
            self._answer(self._asked.pop(told["id"]), told["pid"])
        elif told["id"] in pids:  # an earlier test's program may end late
            self._codes[pids.pop(told["id"])].set_result(told["code"])


def is_stopped(pid: int) -> bool:
    """Whether it waits for SIGCONT."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"


@contextmanager
def running_nursery() -> Iterator["subprocess.Popen[bytes]"]:
    """A nursery that has imported everything; what it started ends with it."""
    command = [sys.executable, "-m", nursery.__name__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        assert json.loads(process.stdout.readline())["id"] == 0
        yield process
        process.stdin.close()


@asynccontextmanager
async def programs(nursery_: "subprocess.Popen[bytes]") -> AsyncIterator[Programs]:
    """Starts programs for one event loop; each of them has to be ended before it ends."""
    made = Programs(nursery_)
    listening = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
