"""Two remote control commands for Celery workers: `celery -A … worker --include agent_kill_celery`.

`agent_kill_alive` counts what tasks left behind, `agent_kill_end` ends it. The module stands alone and needs Linux and
the prefork pool. Whatever a task starts stays below its worker in the process table, also in a session of its own and
without its parents, because the worker adopts orphans (PR_SET_CHILD_SUBREAPER, prctl(2)).
"""

import ctypes
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from celery.signals import worker_init
from celery.worker import state as worker_state
from celery.worker.control import inspect_command

SECONDS, TICK = 1.0, 0.001
_SUBREAPER = 36
_ENDED = {"Z", "X", "x"}


@worker_init.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery's
def adopt(**_: Any) -> None:
    """In the worker itself, before its pool is there. Raises `OSError` where the system does not list children."""
    _read(f"/proc/self/task/{os.getpid()}/children")
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)


@inspect_command()  # type: ignore[untyped-decorator]  # Celery's
def agent_kill_alive(state: Any, **_: Any) -> dict[str, "int | None"]:
    """How many processes there are that are not the worker's own."""
    return {"left": sum(map(_lives, _strays(_own(state))))}


@inspect_command()  # type: ignore[untyped-decorator]  # Celery's
def agent_kill_end(state: Any, **_: Any) -> dict[str, "int | None"]:
    """Ends them, unless a task runs whose they may be; says how many are left, None where that is not known."""
    return {"left": None if worker_state.active_requests else _end(_own(state))}


def _own(state: Any) -> set[int]:
    """The processes of the pool, and of a beat that is part of the worker."""
    pool = getattr(getattr(state.consumer.pool, "_pool", None), "_pool", None) or ()
    beat = getattr(getattr(state.consumer.controller, "beat", None), "pid", None)
    return {process.pid for process in pool} | ({beat} if beat else set())


def _end(own: set[int]) -> int:
    """Returns how much is left. Nothing is, once two looks find none alive, and none that ended between them.

    A single look may miss what is born of another process while it reads.
    """
    until = time.monotonic() + SECONDS
    before: set[int] | None = None
    alive: set[int] = set()
    while time.monotonic() < until:
        found = _strays(own)
        alive = {pid for pid in found if _lives(pid)}
        if not alive and found == before:
            return 0
        before = found
        for pid in alive:
            with suppress(OSError):  # it ended meanwhile
                os.kill(pid, signal.SIGKILL)
        for pid in found:
            with suppress(OSError):  # it is not a child of ours
                os.waitpid(pid, os.WNOHANG)
        time.sleep(TICK)
    return max(len(alive), 1)


def _strays(own: set[int]) -> set[int]:
    """Every descendant of the worker that is not its own."""
    found: set[int] = set()
    fresh = {os.getpid()}
    while fresh:
        fresh = {child for pid in fresh for child in _children(pid)} - found
        found |= fresh
    return found - own


def _children(pid: int) -> Iterable[int]:
    """Of all its threads, the ended ones included (proc(5), `children`: CONFIG_PROC_CHILDREN, as is usual)."""
    with suppress(OSError):  # it ended meanwhile
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  # names alone are needed
            yield from map(int, _read(f"/proc/{pid}/task/{task}/children").split())


def _lives(pid: int) -> bool:
    """A name may hold brackets, so fields count from the last one (proc(5))."""
    try:
        return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[0] not in _ENDED
    except OSError:
        return False


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123  # thousands of times a second
        return file.read()
