"""The writer: events in at once, one fsync for all that wait, in a thread of its own.

A file whose write or fsync failed, or hangs, is never trusted again (the kernel may have dropped the pages): the
events go to the next file. What no disk takes goes to syslog, and is answered "not durable".
"""

import asyncio
import contextlib
import logging
import queue
import syslog
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.events import AnyEvent, HoldAdded
from bot.journal import folders
from bot.journal.chain import Link, encode, genesis
from bot.journal.chain_file import ChainFile, RottenError, TakenError

_log = logging.getLogger(__name__)
STUCK_AFTER = 2.0  # seconds: an fsync that takes longer counts as failed
HEAD_START = 0.003  # seconds at the most that a stop lets the disk be asked first: the rest is done while it works
_FILES_TRIED = 64
_FOLDER_APART = 100  # the chains of the second folder are `name-101`, …


@dataclass(slots=True)
class _Aside:
    """An event from a thread that no loop answers: it is waited for there, or not at all."""

    event: AnyEvent
    durable: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)  # the disk was asked to keep it
    loop: None = None

    def answer(self, *, durable: bool) -> None:
        self.settle(durable=durable)

    def call(self, function: Callable[..., None], *args: object) -> None:
        """Calls back in the journal's own thread."""
        function(*args)

    def settle(self, *, durable: bool) -> None:
        self.durable = durable
        self.done.set()


@dataclass(slots=True)
class _Waiting:
    event: AnyEvent
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[bool]" = field(init=False)
    asked: threading.Event = field(default_factory=threading.Event)  # the disk was asked to keep it

    def __post_init__(self) -> None:
        self.done = self.loop.create_future()

    def answer(self, *, durable: bool) -> None:
        self.call(lambda: self.settle(durable=durable))

    def call(self, function: Callable[..., None], *args: object) -> None:
        """Calls back in the event loop that waits; nobody waits in a closed one."""
        with contextlib.suppress(RuntimeError):  # closed between a check and the call
            self.loop.call_soon_threadsafe(function, *args)

    def settle(self, *, durable: bool) -> None:
        """Sets the result; to be called in the loop that waits."""
        if not self.done.done():
            self.done.set_result(durable)


_Given = _Waiting | _Aside


class Writer:
    """This process's journal.

    Args:
        folders: where journals live, first choice first; made with mode 0700.
        name: this writer's enrolled name; the chain is `name`, or `name-2`, … where another process holds it.
    """

    def __init__(self, folders: Sequence[Path], name: str) -> None:
        self._folders = tuple(folders)
        self._name = name
        self._lane: _Lane | None = None
        self._spoiled: set[Path] = set()
        self.unkept = 0  # events that no disk took

    @property
    def chain(self) -> str | None:
        """The chain that is being written; None before the first event, and while no disk takes any."""
        return self._lane.file.chain if self._lane else None

    @property
    def head(self) -> Link | None:
        """The last link that is on disk; None while there is no chain."""
        return self._lane.file.head if self._lane else None

    @property
    def failures(self) -> int:
        """Files that were left behind since the start."""
        return len(self._spoiled)

    def append(self, event: AnyEvent) -> Awaitable[bool]:
        """Starts the durable write of an event; the awaitable yields whether it is on disk. Never raises.

        A stop's event is with the disk when this returns, or 3 ms have passed: the thread would otherwise get its turn
        only after all that is left to do for the stop, which fits into the time that the disk takes.
        """
        waiting = _Waiting(event, asyncio.get_running_loop())
        idle = self._lane is not None and self._lane.idle
        self._give(waiting)
        if idle and isinstance(event, HoldAdded):
            waiting.asked.wait(HEAD_START)
        return waiting.done

    def append_aside(self, event: AnyEvent, timeout: float) -> bool:
        """Writes an event from a thread beside a loop that is blocked; yields whether it is on disk in that time.

        It goes to the file that is open. Leaving one that failed is the loop's business, so that a dead disk takes it.
        """
        lane, waiting = self._lane, _Aside(event)
        if lane is None:
            return False
        lane.give(waiting)
        waiting.done.wait(timeout)
        return waiting.durable

    def open(self) -> None:
        """Opens the journal ahead of the first event, so that no stop pays for it."""
        if self._lane is None:
            self._lane = self._open()

    def check(self) -> None:
        """Leaves a file that failed or hangs, so that what waits there moves on; called every second or so."""
        if self._lane and (self._lane.failed or self._lane.stuck()):
            self._move_on(self._lane)

    def close(self, timeout: float = STUCK_AFTER) -> None:
        """Ends the thread once everything that was given is written, or after `timeout` seconds."""
        if self._lane:
            self._lane.close(timeout)
            self._lane = None

    def _give(self, waiting: _Waiting) -> None:
        self.check()
        self.open()
        if self._lane is None:
            self._keep_in_syslog(waiting)
        else:
            self._lane.give(waiting)

    def _move_on(self, lane: "_Lane") -> None:
        """Leaves a file behind; what waits there goes to the next that works."""
        if lane is not self._lane:
            return
        self._spoiled.add(lane.file.path)
        _log.error("the journal file %s failed; going on with the next", lane.file.path.name)
        self._lane = self._open()
        for waiting in lane.take_over():
            if self._lane:
                self._lane.give(waiting)
            else:
                self._keep_in_syslog(waiting)

    def _open(self) -> "_Lane | None":
        """The folder that failed least comes first: a disk that is full for one file is full for the next one there."""
        by_failures = sorted(self._folders, key=lambda folder: sum(path.parent == folder for path in self._spoiled))
        opened = next((file for file in map(self._open_in, by_failures) if file), None)
        return _Lane(opened, self._move_on) if opened else None

    def _open_in(self, folder: Path) -> ChainFile | None:
        try:
            folders.make(folder)
        except OSError as error:
            _log.error("no journal in %s: %s", folder, error)  # the next folder may do
            return None
        first = 1 + _FOLDER_APART * self._folders.index(folder)  # no two folders may have a chain of one name
        for number in range(first, first + _FILES_TRIED):
            path = folder / f"{self._name if number == 1 else f'{self._name}-{number}'}.jsonl"
            if path in self._spoiled:
                continue
            try:
                return ChainFile(path)
            except TakenError:
                continue
            except RottenError as error:
                _log.error("%s; it is kept and not written to", error)  # the text says it all
            except OSError as error:
                _log.error("no journal in %s: %s", folder, error)  # the next folder may do
                return None
        return None

    def _keep_in_syslog(self, waiting: _Given) -> None:
        self.unkept += 1
        try:
            line, _ = encode(waiting.event, genesis("syslog"))
            syslog.syslog(syslog.LOG_CRIT, f"agent-kill NOT RECORDED: {line.decode().strip()}")
        finally:
            waiting.answer(durable=False)


class _Lane:
    """A chain file and the thread that writes it."""

    def __init__(self, file: ChainFile, on_failure: "Callable[[_Lane], None]") -> None:
        self.file = file
        file.asking = self._asking
        self.failed = False
        self._on_failure = on_failure
        self._queue: queue.SimpleQueue[_Waiting | _Aside | None] = queue.SimpleQueue()
        self._busy_since: float | None = None
        self._in_hand: list[_Given] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"journal-{file.chain}", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether what is given now is written at once."""
        return self._busy_since is None and not self.failed

    def stuck(self) -> bool:
        """Whether a write hangs; a thread in an fsync cannot be ended, only left."""
        since = self._busy_since
        return since is not None and time.monotonic() - since > STUCK_AFTER

    def give(self, waiting: _Given) -> None:
        self._queue.put(waiting)

    def take_over(self) -> list[_Given]:
        """Takes what is not written yet away from the thread; marks the lane as failed."""
        self.failed = True
        with self._lock:
            left, self._in_hand = self._in_hand, []
        left += (item for item in self._waiting() if item)
        self._queue.put(None)
        return left

    def close(self, timeout: float) -> None:
        self._queue.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            batch = self._collect()
            if batch and not self._write(batch):
                return
            if not batch:
                self.file.close()
                return

    def _collect(self) -> list[_Given]:
        """Waits for one event and takes all others that wait with it; empty at the end."""
        first = self._queue.get()
        if first is None:
            return []
        batch = [first]
        for item in self._waiting():
            if item is None:
                self._queue.put(None)
                break
            batch.append(item)
        return batch

    def _waiting(self) -> "Iterator[_Given | None]":
        """Takes what waits, until nothing does: the thread and whoever leaves it may do so at once."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._queue.get_nowait()

    def _asking(self) -> None:
        for waiting in self._in_hand:
            waiting.asked.set()

    def _write(self, batch: list[_Given]) -> bool:
        with self._lock:
            self._in_hand = batch
        self._busy_since = time.monotonic()
        try:
            self.file.write([waiting.event for waiting in batch], at=time.time())
        except Exception as error:  # noqa: BLE001  # whatever it was, the file is not to be trusted and the events move on
            _log.error("writing %s failed: %s: %s", self.file.path.name, type(error).__name__, error)
            self.failed = True
            beside = next((waiting for waiting in batch if waiting.loop), None)
            if beside:  # else the next look at the journal finds it failed
                beside.call(self._on_failure, self)
            return False
        self._busy_since = None
        with self._lock:
            done, self._in_hand = self._in_hand, []
        _answer_all(done)
        return not self.failed


def _answer_all(done: list[_Given]) -> None:
    """One call into each loop for a whole batch: every call wakes it."""
    for loop in {waiting.loop for waiting in done}:
        own = [waiting for waiting in done if waiting.loop is loop]
        own[0].call(_settle, own)


def _settle(done: list[_Given]) -> None:
    for waiting in done:
        waiting.settle(durable=True)
