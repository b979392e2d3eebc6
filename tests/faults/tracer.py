"""strace at a running program: what it calls, killed or failed at the Nth call of a name.

strace counts per thread and per name. A `path` narrows it to calls on one file, which is how the threads that write the
journal or the database are struck apart from the event loop's.
"""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.programs import Program

_LINE = re.compile(r"^(\d+)\s+(\w+)\(")
# Calls that make, change or send something, or that wait for an answer; reads of memory, clocks and signals change
# nothing that another process could see.
CALLS = (
    "accept4,bind,clone3,close,connect,dup,epoll_ctl,epoll_wait,fchmod,fcntl,fdatasync,flock,fsync,ftruncate,"
    "getdents64,ioctl,link,linkat,listen,lseek,mkdir,newfstatat,openat,pipe2,pread64,pwrite64,read,recvfrom,rename,"
    "renameat,sendmsg,sendto,setsockopt,shutdown,socket,unlink,write,writev"
)


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """The Nth call of a name, of the thread that gets there first; on one file where `path` is its last part."""

    name: str
    number: int
    path: str = ""


class Strace:
    """An attached strace.

    Args:
        process: strace itself.
        file: where it writes.
    """

    def __init__(self, process: asyncio.subprocess.Process, file: Path) -> None:
        self._process, self.file = process, file

    def lines(self) -> list[str]:
        """What was traced so far."""
        return self.file.read_text(errors="replace").splitlines() if self.file.exists() else []

    async def end(self) -> None:
        """Lets the program go on alone."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
        await self._process.wait()


@asynccontextmanager
async def strace(program: Program, file: Path, *options: str) -> AsyncIterator[Strace]:
    """Attaches to a program and all its threads, lets a held one go, and detaches at the end."""
    command = ["strace", "-f", "-qq", "-y", "-o", str(file), *options, "-p", str(program.pid)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    traced = Strace(process, file)
    try:
        while program.code is None and not _is_traced(program.pid):
            assert process.returncode is None, f"strace ended with {process.returncode}: {command}"
            await asyncio.sleep(0.002)
        program.send(signal.SIGCONT)
        yield traced
    finally:
        await traced.end()


def trace_only() -> tuple[str, ...]:
    """Options that record every call of `CALLS`."""
    return ("-e", f"trace={CALLS}")


def kill_at(call: Call, folder: Path) -> tuple[str, ...]:
    """Options that kill the program as it enters a call."""
    return inject(call.name, f"signal=KILL:when={call.number}", path=folder / call.path if call.path else None)


def inject(names: str, what: str, *, path: Path | None = None) -> tuple[str, ...]:
    """Options that inject into calls of these names, on one file where a path is given."""
    narrowed = ("-P", str(path)) if path else ()
    return ("-e", f"trace={names}", "-e", f"inject={names}:{what}", *narrowed)


def planned(lines: list[str], folder: Path, files: tuple[str, ...]) -> list[Call]:
    """Every point of a recorded trace: each name up to the count of its busiest thread, and the same on each file."""
    anywhere: Counter[tuple[str, str]] = Counter()
    on_file: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        found = _LINE.match(line)
        if not found:
            continue  # the end of a call, a signal, or the end of a thread
        thread, name = found.groups()
        anywhere[name, thread] += 1
        for file in files:
            if f"{folder / file}>" in line or f'"{folder / file}"' in line:
                on_file[name, thread, file] += 1
    points = {Call(name, n) for (name, _), count in anywhere.items() for n in range(1, count + 1)}
    points |= {Call(name, n, file) for (name, _, file), count in on_file.items() for n in range(1, count + 1)}
    return sorted(points)


def _is_traced(pid: int) -> bool:
    """Whether every thread has its tracer."""
    try:
        return all(_has_tracer(task) for task in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False


def _has_tracer(task: Path) -> bool:
    status = (task / "status").read_text()
    return "TracerPid:\t0\n" not in status
