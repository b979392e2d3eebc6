"""One trial: a fork that runs tests until one fails, with a limit for each test and for what it may use up."""

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

_MEMORY, _FILE = 6 << 30, 64 << 20  # bytes
_TICK = 0.004  # seconds
_PAUSED = 1.0  # seconds: a tick that took longer says that the whole run was stopped meanwhile
_TIMES, _MORE = 10, 3.0
_IDLE = 15.0  # seconds of the clock beyond that: a test that waits for ever uses no processor
Work = Callable[[Callable[[str], NoReturn]], object]


def watch(work: Work) -> tuple[str, str]:
    """Runs `work` in a fork; it is given a function to call with the name of a test that failed.

    Returns:
        "killed", "time" or "alive", and the test that killed it.
    """
    while True:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            _work(work, write)
        os.close(write)
        status, paused = _wait(child)
        with os.fdopen(read) as said:
            by = said.read()
        if not (paused and os.WIFSIGNALED(status)):
            break
    if os.WIFSIGNALED(status):
        return "time", by
    return ("killed", by) if os.WEXITSTATUS(status) else ("alive", "")


def _wait(child: int) -> tuple[int, bool]:
    """The child's status, and whether the run was stopped while it ran: a clock went on that it could not follow."""
    paused = False
    while True:
        begun = time.monotonic()
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status, paused
        time.sleep(_TICK)
        paused = paused or time.monotonic() - begun > _PAUSED


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
    """Ends the process where what usually takes `seconds` takes far longer."""
    most = _TIMES * seconds + _MORE
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, most)
    signal.setitimer(signal.ITIMER_REAL, 3 * most + _IDLE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


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
