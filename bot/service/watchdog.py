"""A thread that notices when the event loop is blocked, says what blocks it, and ends the process if that lasts.

Adapters share one event loop. One that waits without `await` (a client library that is not asynchronous, an endless
loop, a lookup that hangs) takes every other surface with it, and no timeout of asyncio ends it. Ending the process
does: its supervisor starts it again, and what blocked it is then served after all the others.

Only the seconds count that this thread was awake for, so that a process which was frozen as a whole (SIGSTOP, a
snapshot of the machine) goes on where it was. What blocks while it holds the interpreter's own lock stops this thread
too; `faulthandler`'s timer, which needs no lock, then prints every stack and ends the process.
"""

import asyncio
import contextlib
import faulthandler
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from bot.domain import events

_log = logging.getLogger(__name__)
NOTICED_AFTER = 2.0  # seconds without a turn of the loop
ENDED_AFTER = 20.0
WITHOUT_THE_LOCK = 120.0
NOT_READY_FOR = 10.0  # seconds after it went on; while it is blocked nobody gets an answer at all
SAID_FOR = 600.0
_TICK = 0.25
_LAST_WORDS = 1.0  # seconds that the journal gets
_DEPTH = 12  # frames that are logged, the innermost ones

Blame = Callable[[Sequence[FrameType]], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds until it is said, until the process ends, and until it does where the lock is held (0: never)."""

    noticed: float = NOTICED_AFTER
    ended: float = ENDED_AFTER
    without_the_lock: float = WITHOUT_THE_LOCK


class Watchdog:
    """Watches the loop that `start` is called in.

    Args:
        blame: the target whose call is in these frames, the innermost first; None where none is.
        record: writes an event ahead of everything else, from this thread; yields whether it is on disk.
        fold: takes an event into the board; called in the loop, once it goes on.
        code: the exit code of a process that ends itself.
        end: ends the process at once; replaced in tests.
    """

    def __init__(
        self,
        *,
        blame: Blame,
        record: Callable[[events.LoopBlocked, float], bool],
        fold: Callable[[events.LoopBlocked], None],
        limits: Limits | None = None,
        code: int = os.EX_TEMPFAIL,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._blame, self._record, self._fold, self._end = blame, record, fold, end
        self._limits = limits or Limits()
        self.code = code
        self._turn = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next: asyncio.TimerHandle | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched = 0
        self._last: tuple[float, events.LoopBlocked] | None = None  # when it was over, on the monotonic clock
        self.times = 0  # that it was blocked

    def start(self) -> None:
        """Begins to watch; to be called in the loop's own thread."""
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._beat()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch."""
        self._stopping.set()
        if self._next:
            self._next.cancel()
        if self._limits.without_the_lock:
            faulthandler.cancel_dump_traceback_later()
        if self._thread:
            self._thread.join()

    def not_ready(self) -> str | None:
        """What `/readyz` says; None where the loop turned for some seconds."""
        return self._said_for(NOT_READY_FOR)

    def problem(self) -> str | None:
        """What the status says; None where it was not blocked in the last ten minutes."""
        return self._said_for(SAID_FOR)

    def _said_for(self, seconds: float) -> str | None:
        if self._last is None or time.monotonic() - self._last[0] > seconds:
            return None
        event = self._last[1]
        who = event.target or "something that is no surface's"
        return (
            f"the event loop was blocked for {event.seconds:.0f} s by a call for {who} ({event.where}): nothing else "
            "could be cut meanwhile; mend the adapter, or take the surface out and cut it by hand"
        )

    def _beat(self) -> None:
        assert self._loop is not None  # noqa: S101  # only `start` begins it
        self._turn += 1
        self._next = self._loop.call_later(_TICK, self._beat)
        if self._limits.without_the_lock:
            with contextlib.suppress(OSError, ValueError, RuntimeError):  # no standard error that it could write to
                faulthandler.dump_traceback_later(self._limits.without_the_lock, exit=True)

    def _run(self) -> None:
        seen, blocked, said, woken = self._turn, 0.0, False, time.monotonic()
        while not self._stopping.wait(_TICK):
            before, woken = woken, time.monotonic()
            if self._turn != seen:
                self._went_on(blocked if said else 0.0)
                seen, blocked, said = self._turn, 0.0, False
                continue
            blocked += min(woken - before, 2 * _TICK)  # a frozen process was not blocked
            if blocked >= self._limits.noticed and not said:
                said = True
                self._notice(blocked)
            if blocked >= self._limits.ended:
                self._give_up(blocked)
                return

    def _notice(self, seconds: float) -> None:
        self.times += 1
        event = self._event(seconds, ended=False)
        self._last = (time.monotonic(), event)
        stack = "".join(traceback.format_list(_summary(self._frames())))
        _log.error(
            "the event loop is blocked since %.0f s by a call for %s; nothing else is cut meanwhile. It stands at:\n%s",
            seconds,
            event.target or "no surface",
            stack,
        )
        self._tell(event)

    def _give_up(self, seconds: float) -> None:
        event = self._event(seconds, ended=True)
        _log.critical(
            "the event loop is blocked for %.0f s: this process ends; started again, by its supervisor or by hand, it "
            "serves all other surfaces before %s",
            seconds,
            event.target or "what blocked it",
        )
        self._tell(event)
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        self._end(self.code)

    def _went_on(self, seconds: float) -> None:
        if seconds and self._last:
            event = self._last[1].model_copy(update={"seconds": seconds})
            self._last = (time.monotonic(), event)
            _log.warning("the event loop goes on after %.1f s", seconds)

    def _tell(self, event: events.LoopBlocked) -> None:
        self._record(event, _LAST_WORDS)
        if self._loop:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._fold, event)

    def _event(self, seconds: float, *, ended: bool) -> events.LoopBlocked:
        frames = self._frames()
        return events.LoopBlocked(
            at=time.time(), target=self._blame(frames), seconds=round(seconds, 1), where=_where(frames), ended=ended
        )

    def _frames(self) -> list[FrameType]:
        """The frames of the watched thread, the innermost first."""
        frame, found = sys._current_frames().get(self._watched), []  # noqa: SLF001  # the documented way to another thread's stack
        while frame is not None:
            found.append(frame)
            frame = frame.f_back
        return found


def _summary(frames: Sequence[FrameType]) -> traceback.StackSummary:
    pairs = ((frame, frame.f_lineno) for frame in reversed(frames[:_DEPTH]))
    return traceback.StackSummary.extract(pairs)


def _where(frames: Sequence[FrameType]) -> str:
    """The innermost line that is no library's, without the folders that a machine keeps it in."""
    own = next((frame for frame in frames if "site-packages" not in frame.f_code.co_filename), None)
    frame = next((frame for frame in frames if _is_adapters(frame)), own)
    if frame is None:
        return "an unknown place"
    return f"{frame.f_globals.get('__name__', '?')}:{frame.f_lineno} in {frame.f_code.co_name}"


def _is_adapters(frame: FrameType) -> bool:
    """Whether the frame runs a method of something with a `target_key`: an adapter."""
    return hasattr(frame.f_locals.get("self"), "target_key")
