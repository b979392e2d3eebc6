"""The farm as a process: compiled where there is a C compiler, else the slower one in Python."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.places import FARM_CORE, on_core

HERE = Path(__file__).parent
BUILD = HERE / "build"


@dataclass(frozen=True, slots=True)
class Seen:
    """One surface by the farm's own clock (monotonic nanoseconds, 0 for never)."""

    number: int
    hung: bool
    first_cut: int
    last_cut: int
    read_back: int
    cuts: int


@dataclass(frozen=True, slots=True)
class Count:
    """Answered GETs, surfaces cut, those of them that were read back as cut, answered POSTs."""

    gets: int
    cut: int
    read_back: int
    posts: int


def compiler() -> str | None:
    """A C compiler, where there is one."""
    return next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)


def compiled(name: str) -> Path | None:
    """The compiled program of that name; None without a compiler."""
    cc, source, made = compiler(), HERE / f"{name}.c", BUILD / name
    if cc is None:
        return None
    if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(exist_ok=True)
        subprocess.run([cc, "-O2", "-o", str(made), str(source)], check=True)  # noqa: S603  # our own source
    return made


class Farm:
    """A running farm. Every command is answered before the next one is given."""

    def __init__(self, *, pinned: bool = True) -> None:
        made = compiled("farm")
        command = [str(made)] if made else [sys.executable, str(HERE / "farm.py")]
        self.language = "C" if made else "Python"
        self.process = subprocess.Popen(  # noqa: S603  # our own program
            on_core(FARM_CORE, command) if pinned else command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.port = int(self._line())
        with suppress(PermissionError):  # its clock must not wait for the driver, which shares its core
            os.sched_setscheduler(self.process.pid, os.SCHED_FIFO, os.sched_param(1))

    def reset(self, *, latency: float, hung_per_mille: int, seed: int, surfaces: int) -> None:
        """Forgets everything. `latency` in seconds; which surfaces hang depends on seed and number alone."""
        self._ask(f"reset {round(latency * 1e6)} {hung_per_mille} {seed} {surfaces}")

    def count(self) -> Count:
        """How far it is."""
        return Count(*map(int, self._ask("count").split()))

    def table(self, path: Path) -> Sequence[Seen]:
        """Every surface."""
        self._ask(f"table {path}")
        rows = (map(int, line.split()) for line in path.read_text().splitlines())
        return [Seen(number, bool(hung), *rest) for number, hung, *rest in rows]

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def _ask(self, command: str) -> str:
        assert self.process.stdin is not None  # noqa: S101  # for the type checker
        self.process.stdin.write(command + "\n")
        return self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None  # noqa: S101  # for the type checker
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the farm ended: run it by hand to see why")
        return line.strip()
