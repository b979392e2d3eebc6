"""Who lives in a process group, by the system's own process table."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_DEAD = frozenset("ZX")  # ended, and not yet taken note of by whoever started them


def members(group: int) -> tuple[int, ...]:
    """The ids of the living processes of a group, also where its leader is gone."""
    table = _proc() if (_PROC / "self" / "stat").exists() else _ps()
    return tuple(pid for pid, of, state in table if of == group and state[:1] not in _DEAD)


def _proc() -> Iterator[tuple[int, int, str]]:
    """Process, group, state; a name may hold spaces and brackets, so fields count from the last bracket."""
    for entry in _PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended while we looked
            state, _, of = entry.read_text(errors="replace").rpartition(")")[2].split()[:3]
            yield int(entry.parent.name), int(of), state


def _ps() -> Iterator[tuple[int, int, str]]:
    command = ["ps", "-A", "-o", "pid=,pgid=,stat="]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # constant words
    for line in table.splitlines():
        pid, of, state = line.split()
        yield int(pid), int(of), state
