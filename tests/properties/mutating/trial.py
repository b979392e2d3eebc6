"""One trial: a fork that runs tests until one fails, with a limit for each test and for what it may use up."""

import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

_MEMORY, _FILE = 6 << 30, 64 << 20  # bytes
_TIMES, _MORE = 10, 3.0  # of the processor's time
_SLICE, _IDLE = 1.0, 8.0  # seconds of the clock: a test that waits for ever uses no processor
Work = Callable[[Callable[[str], NoReturn]], object]


def watch(work: Work) -> tuple[str, str]:
    """Runs `work` in a fork; it is given a function to call with the name of a test that failed.

    Returns:
        "killed", "time" or "alive", and the test that killed it.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _work(work, write)
    os.close(write)
    with os.fdopen(read) as said:
        by = said.read()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return "time", by
    return ("killed", by) if os.WEXITSTATUS(status) else ("alive", "")


def _work(work: Work, write: int) -> NoReturn:
    def say(test: str) -> NoReturn:
        os.write(write, test.encode())
        os._exit(1)

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE, _FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        work(say)
    except BaseException:  # noqa: BLE001  # a mutant may break anything, at its import for one
        os._exit(2)
    os._exit(0)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Ends the process where what usually takes `seconds` takes far longer.

    Only the processor's time counts, and time in which nothing here wanted it: on a machine that others use too, the
    clock says little of what a mutant did.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, _Idle().note)
    signal.setitimer(signal.ITIMER_PROF, _TIMES * seconds + _MORE)
    signal.setitimer(signal.ITIMER_REAL, _SLICE, _SLICE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


class _Idle:
    """Sums up, slice by slice, the time in which no thread ran or waited for a processor."""

    def __init__(self) -> None:
        self._busy = _busy()
        self._idle = 0.0

    def note(self, *_: object) -> None:
        """One slice is over; a run that was stopped for long meanwhile counts as one."""
        busy = _busy()
        self._idle += max(0.0, _SLICE - (busy - self._busy))
        self._busy = busy
        if self._idle > _IDLE:
            os.kill(os.getpid(), signal.SIGKILL)


def _busy() -> float:
    """Seconds that the threads ran or waited for a processor, of what Linux tells of each in `schedstat`."""
    told = [path.read_text().split() for path in Path("/proc/self/task").glob("*/schedstat")]
    return sum(int(ran) + int(waited) for ran, waited, _ in told) / 1e9


def in_fork(work: Callable[[], int]) -> int:
    """Runs `work` in a fork that leaves nothing in this process; its exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            code = work()
        except BaseException:  # noqa: BLE001  # nothing may go on in the fork
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
