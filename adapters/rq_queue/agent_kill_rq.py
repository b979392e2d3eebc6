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
EXPIRES, PAUSE, SECONDS, TICK = 5, 0.25, 1.0, 0.001
_SUBREAPER = 36
_ENDED = {"Z", "X", "x"}


class Worker(rq.worker.Worker):
    """As RQ's own, and besides what this module says."""

    def bootstrap(self, *args: Any, **kwargs: Any) -> None:
        """Adopts orphans from the first job on. Raises `OSError` where the system does not list children."""
        _read(f"/proc/self/task/{os.getpid()}/children")
        ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
        super().bootstrap(*args, **kwargs)

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Ends the work horse with all that it started, where it is still the one that was meant.

        RQ's own kills a process group, which is the worker's where the horse is just being born; and what it is told
        late it does to the next job.
        """
        if sig != signal.SIGKILL:
            super().kill_horse(sig)
            return
        until = time.monotonic() + SECONDS
        while self._meant() and time.monotonic() < until:
            if self.horse_pid:
                _end(self._own())
                return
            time.sleep(TICK)

    def _meant(self) -> bool:
        """Whether the job that is to be stopped is the one that was begun."""
        begun = {execution.job_id for execution in list(self.executions.values())}
        return self._stopped_job_id in begun if self._stopped_job_id else bool(begun)

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
                left = _end(self._own(), bury=True)
                of = mark.decode() if isinstance(mark, bytes) else mark
                self.connection.set(REPORT + self.name, f"{left} {of}", ex=EXPIRES)
            time.sleep(PAUSE)
        if seen:
            self.connection.delete(REPORT + self.name)
            self.set_state("idle")

    def _own(self) -> set[int]:
        """The worker's process that moves scheduled jobs, which no job started."""
        process = getattr(self.scheduler, "_process", None)
        return {process.pid} if process is not None and process.pid else set()


def _end(spared: set[int], *, bury: bool = False) -> int:
    """Ends what descends from this process; returns how much of it is left.

    Where the ended are buried too, 0 means that there is no child of any kind, and so no descendant: a child that has
    ended is there until it is buried, and what it leaves is ours in the same instant. A list of living processes alone
    would miss one that is born of another while the list is read.
    """
    until = time.monotonic() + SECONDS
    while (found := _below(os.getpid(), spared)) and time.monotonic() < until:
        alive = {pid for pid in found if _lives(pid)}
        if not alive and not bury:
            return 0
        for pid in alive:
            with suppress(OSError):  # it ended meanwhile
                os.kill(pid, signal.SIGKILL)
        for pid in found if bury else ():
            with suppress(OSError):  # it is not a child of ours, or not yet
                os.waitpid(pid, os.WNOHANG)
        time.sleep(TICK)
    return len(found)


def _below(top: int, spared: set[int]) -> set[int]:
    found: set[int] = set()
    fresh = {top}
    while fresh:
        fresh = {child for pid in fresh for child in _children(pid)} - found - spared
        found |= fresh
    return found


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
