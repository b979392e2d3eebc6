"""Runs evaluations: commands and requests on realistic paths, bounded in time and number, never in the event loop.

A command is run in a thread of a pool of its own, since even starting a process may wait for a disk, and the common
pool serves the journal. It has no shell, no input, a folder, a small environment without the bot's secrets, and a
process group of its own. The group is ended before its leader is reaped, while its number cannot name another one.
"""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from adapters.base import Mode
from bot.domain.evidence import Answer, Evaluated
from bot.domain.model import Evaluation, Request
from bot.service.keeper import ended_with_us
from bot.service.ports import Clock
from bot.service.redact import redact

_log = logging.getLogger(__name__)
AT_ONCE = 4  # evaluations; more would slow each other down, and the bot's host is small
BUDGET = 120.0  # seconds for all of them, unless one alone may take longer
EXIT_ALLOWED, EXIT_REFUSED = 0, 10  # 10: no shell, interpreter or signal ends a command with it by itself
OUTPUT = 2048  # bytes that are kept of what a command prints; the rest is read and dropped
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
_HTTP_REFUSED = frozenset({401, 403, 405, 423})
_SUCCESS = range(200, 300)
_LOOK = 0.02  # seconds between two looks at a running command
_PIPE = 65_536  # bytes, what a pipe holds
_GRACE = 5.0  # seconds beyond the longest time limit of one evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One evaluation to run, with the mode that is held on its surfaces and what is expected there."""

    agent: str
    evaluation: Evaluation
    held: Mode
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is; `last` ended just now."""

    done: int
    total: int
    last: Evaluated


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a path: the answer, and why where there is none."""

    answer: Answer
    why: str = ""


class Evaluator:
    """Runs evaluations for one process.

    Args:
        folder: yields the folder of the configuration file, where commands start.
        clock: for durations.
        environ: the variables of this process; few are handed on.
        progress: told whenever one evaluation ended. Never blocks, never raises.
    """

    def __init__(
        self,
        *,
        folder: Callable[[], Path],
        clock: Clock,
        environ: Mapping[str, str],
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._environ = {name: environ[name] for name in KEPT_VARIABLES if name in environ}
        self._progress = progress
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, jobs: Sequence[Job]) -> tuple[Evaluated, ...]:
        """Runs them, at most `AT_ONCE` at the same time. Never raises; what did not end in time is unknown."""
        if not jobs:
            return ()
        budget = max(BUDGET, max(job.evaluation.timeout for job in jobs) + _GRACE)
        done: list[Evaluated] = []
        return tuple(await asyncio.gather(*(self._told(job, budget, done, len(jobs)) for job in jobs)))

    def close(self) -> None:
        """Ends the pool; running commands were ended when their runs were cancelled."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _told(self, job: Job, budget: float, done: list[Evaluated], total: int) -> Evaluated:
        found = await self._timed(job, budget)
        done.append(found)
        if self._progress is not None:
            self._progress(Progress(done=len(done), total=total, last=found))
        return found

    async def _timed(self, job: Job, budget: float) -> Evaluated:
        ran = Ran(Answer.UNKNOWN, f"all evaluations together may take {budget:.0f} s, and it was not done")
        began = self._clock.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(budget), self._slots:
                began = self._clock.monotonic()
                ran = await self._one(job)
        return Evaluated(
            agent=job.agent,
            id=job.evaluation.id,
            held=job.held,
            expected=job.expected,
            answer=ran.answer,
            seconds=self._clock.monotonic() - began,
            why=ran.why,
        )

    async def _one(self, job: Job) -> Ran:
        limit = job.evaluation.timeout
        try:
            async with asyncio.timeout(limit):
                http = job.evaluation.http
                return await (self._command(job) if http is None else _request(http))
        except TimeoutError:
            return Ran(Answer.UNKNOWN, f"no answer within {limit:g} s")
        except Exception as error:  # noqa: BLE001  # whatever it is, this evaluation proves nothing
            _log.warning("the evaluation %s/%s failed: %s", job.agent, job.evaluation.id, redact(repr(error)))
            return Ran(Answer.UNKNOWN, f"it could not be run ({type(error).__name__})")

    async def _command(self, job: Job) -> Ran:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="evaluation")
        name = f"{job.agent}/{job.evaluation.id}"
        cancelled = threading.Event()
        environ = {**self._environ, "EVALUATION": name}
        running = asyncio.get_running_loop().run_in_executor(
            self._pool, run_command, job.evaluation.command, self._folder(), environ, cancelled
        )
        try:
            exited = await running
        finally:
            cancelled.set()
        if exited.code not in (EXIT_ALLOWED, EXIT_REFUSED):
            _log.warning("the evaluation %s ended with %d and said: %s", name, exited.code, exited.output)
        return _answer(exited.code)


@dataclass(frozen=True, slots=True)
class Exited:
    """A command that ended: its exit code, negative for a signal, and the beginning of what it printed, redacted."""

    code: int
    output: str


def run_command(command: Sequence[str], folder: Path, environ: Mapping[str, str], cancelled: threading.Event) -> Exited:
    """Runs a command to its end, or until it is cancelled; then its whole process group is killed. Blocks.

    Raises:
        OSError: it cannot be started.
    """
    with subprocess.Popen(  # noqa: S603  # what the configuration's owner wrote, without a shell
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        kept = bytearray()
        try:
            with ended_with_us(process.pid):
                _follow(process, process.stdout.fileno(), kept, cancelled)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    return Exited(code, redact(bytes(kept).decode(errors="replace")))


def _follow(process: "subprocess.Popen[bytes]", output: int, kept: bytearray, cancelled: threading.Event) -> None:
    """Waits until the command ended or is not wanted any more. What it prints is read at a pace that starves nobody."""
    os.set_blocking(output, False)
    while not cancelled.wait(_LOOK):
        ended = _has_ended(process)  # asked before the pipe is read, so that nothing that it printed is missed
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(output, _PIPE)
            kept += chunk[: OUTPUT - len(kept)]
        if ended:
            return


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether the command ended, without reaping it: its number must stay its own until the group was killed."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _answer(code: int) -> Ran:
    if code == EXIT_ALLOWED:
        return Ran(Answer.ALLOWED)
    if code == EXIT_REFUSED:
        return Ran(Answer.REFUSED)
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return Ran(Answer.UNKNOWN, f"it {how}; {EXIT_ALLOWED} means allowed and {EXIT_REFUSED} refused")


async def _request(http: Request) -> Ran:
    """One request. A redirect is not followed: where it leads is not what was configured. The body is not read."""
    headers = {name: value.get_secret_value() for name, value in http.headers.items()}
    try:
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(http.method, http.url, headers=headers, allow_redirects=False) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, OSError) as error:
        return Ran(Answer.UNKNOWN, f"the request failed ({type(error).__name__})")
    if status in _SUCCESS:
        return Ran(Answer.ALLOWED)
    if status in _HTTP_REFUSED:
        return Ran(Answer.REFUSED)
    return Ran(Answer.UNKNOWN, f"it answered {status}; 2xx means allowed, and 401, 403, 405 or 423 refused")
