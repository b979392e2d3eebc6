"""A worker for RQ that ends everything its jobs started, and says so: `rq worker --worker-class agent_kill_rq.Worker`.

It stands alone and needs Linux, and RQ 3. Whatever a job starts stays below the worker in the process table, also in a
session of its own and without its parents, because the worker adopts orphans (PR_SET_CHILD_SUBREAPER, prctl(2)). While
RQ is suspended the worker ends all of them, and reports under `agent-kill:rq:NAME` how many are left and which
suspension it saw, in a key that expires by itself within seconds.
"""

import ctypes
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import redis
import rq.worker

SUSPENDED, REPORT = "rq:suspended", "agent-kill:rq:"
EXPIRES, PAUSE, ROUNDS = 5, 0.25, 20  # seconds, seconds, looks for what was born meanwhile
_SUBREAPER = 36
_ENDED = {"Z", "X", "x"}


class Worker(rq.worker.Worker):
    """As RQ's own, and besides what this module says."""

    def bootstrap(self, *args: Any, **kwargs: Any) -> None:
        """Adopts orphans from the first job on."""
        ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
        super().bootstrap(*args, **kwargs)

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Ends the work horse with all that it started.

        RQ's own kills a process group, which is the worker's and not the horse's where that is just being born.
        """
        if sig != signal.SIGKILL:
            super().kill_horse(sig)
            return
        for _ in range(100):
            if self.horse_pid:
                _end(os.getpid(), self._own())
                break
            time.sleep(0.01)

    def check_for_suspension(self, burst: bool) -> None:  # noqa: FBT001  # RQ's
        """While RQ is suspended, ends what is left of every job, and reports."""
        seen = False
        while not self._stop_requested:
            with suppress(redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):  # a server that restarts
                mark = self.connection.get(SUSPENDED)
                if mark is None:
                    break
                if burst:
                    super().check_for_suspension(burst)
                seen = True
                self.set_state("suspended")
                self.heartbeat()
                left = _end(os.getpid(), self._own())
                _bury(self._own())
                self.connection.set(
                    REPORT + self.name, f"{left} {mark.decode() if isinstance(mark, bytes) else mark}", ex=EXPIRES
                )
            time.sleep(PAUSE)
        if seen:
            self.connection.delete(REPORT + self.name)
            self.set_state("idle")

    def _own(self) -> set[int]:
        """The worker's process that moves scheduled jobs, which no job started."""
        process = getattr(self.scheduler, "_process", None)
        return {process.pid} if process is not None and process.pid else set()


def _end(top: int, spared: set[int]) -> int:
    """Ends what descends from a process; returns how much of it is left. What is spared keeps its own descendants."""
    frozen: set[int] = set()
    for _ in range(ROUNDS):  # all are frozen first, so that none can start another one while it is ended
        fresh = _below(top, spared) - frozen
        if not fresh:
            break
        for pid in fresh:
            _signal(pid, signal.SIGSTOP)
        frozen |= fresh
    for pid in frozen:
        _signal(pid, signal.SIGKILL)
    until = time.monotonic() + 1
    while (left := _below(top, spared)) and time.monotonic() < until:
        time.sleep(0.005)
    return len(left)


def _bury(spared: set[int]) -> None:
    """Takes note of adopted processes that have ended, which nobody else does."""
    for pid, parent, state in list(_table()):
        if parent == os.getpid() and state in _ENDED and pid not in spared:
            with suppress(OSError):
                os.waitpid(pid, os.WNOHANG)


def _below(top: int, spared: set[int]) -> set[int]:
    parents = {pid: parent for pid, parent, state in _table() if state not in _ENDED and pid not in spared}
    found: set[int] = set()
    while born := {pid for pid, parent in parents.items() if parent == top or parent in found} - found:
        found |= born
    return found


def _table() -> Iterable[tuple[int, int, str]]:
    """Every process, its parent and its state. A name may hold brackets, so fields count from the last (proc(5))."""
    for pid in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208  # names alone are needed
        with suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123  # many
            state, parent = file.read().rpartition(")")[2].split()[:2]
            yield int(pid), int(parent), state


def _signal(pid: int, which: signal.Signals) -> None:
    with suppress(OSError):  # it ended meanwhile
        os.kill(pid, which)
