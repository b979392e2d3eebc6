"""Starting, listing and signalling the processes of a private server."""

import contextlib
import os
import pwd
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_PROC = Path("/proc")


def run(
    command: Sequence[str], *, user: pwd.struct_passwd | None, log: Path, folder: Path
) -> "subprocess.Popen[bytes]":
    """Starts a program in a session of its own, so that a Ctrl-C at the terminal does not reach it.

    Raises:
        OSError: the program cannot be started.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # the program comes from a pinned wheel, its words from this module
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )


def send(pid: int, which: signal.Signals) -> None:
    """Signals a process; one that is gone already is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, which)


def descendants(pid: int) -> tuple[int, ...]:
    """Returns the ids of all processes below `pid`, by the system's own process table."""
    parents = _parents_proc() if (_PROC / "self" / "stat").exists() else _parents_ps()
    return tuple(child for child in parents if pid in _ancestors(child, parents))


def _parents_proc() -> dict[int, int]:
    """Every process with its parent; a name may hold spaces and brackets, so fields count from the last bracket."""
    parents = {}
    for entry in _PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended while we looked
            parents[int(entry.parent.name)] = int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
    return parents


def _parents_ps() -> dict[int, int]:
    command = ["ps", "-A", "-o", "pid=,ppid="]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # constant words
    return {int(child): int(parent) for child, parent in (line.split() for line in table.splitlines())}


def _ancestors(pid: int, parents: Mapping[int, int]) -> Iterator[int]:
    while (pid := parents.get(pid, 0)) > 1:
        yield pid
