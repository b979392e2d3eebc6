"""Remembers which signatures were used, across a restart, so that each is good for one call."""

import logging
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

_log = logging.getLogger(__name__)
_REWRITE_AFTER = 10_000  # lines appended before the file is written anew without the expired ones


class Used:
    """Used signatures, in memory and in a file that a thread of its own writes, so that a hung disk delays nothing.

    Args:
        path: one line per signature, `expiry digest`; made with mode 0600. One that cannot be read or written is
            logged, and the memory alone serves: a lost line costs a repeated call, which adds no second hold.
        now: Unix time in seconds.
    """

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self._path, self._now = path, now
        self._until = self._load()
        self._lines = 0
        self._queue: queue.SimpleQueue[tuple[str, Future[bool]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="used-signatures", daemon=True)
        self._rewrite()
        self._thread.start()

    def take(self, digest: str, until: float) -> Future[bool] | None:
        """Marks a signature as used until that Unix time.

        Returns:
            None where it was used before, else what says when the file has it (false: it could not be written).
        """
        self._prune()
        if digest in self._until:
            return None
        self._until[digest] = until
        written: Future[bool] = Future()
        self._queue.put((f"{until:.0f} {digest}\n", written))
        return written

    def forget(self, digest: str) -> None:
        """Makes a signature good again, in this process: its call failed before anything was done."""
        self._until.pop(digest, None)

    def close(self, timeout: float = 2.0) -> None:
        """Ends the thread once everything is written, or after `timeout` seconds."""
        self._queue.put(None)
        self._thread.join(timeout)

    def _prune(self) -> None:
        """Signatures come nearly in the order of their expiry, so that the oldest stand in front."""
        now = self._now()
        while self._until:
            first = next(iter(self._until))
            if self._until[first] >= now:
                return
            del self._until[first]

    def _load(self) -> dict[str, float]:
        found: dict[str, float] = {}
        try:
            text = self._path.read_text("ascii", "replace")
        except FileNotFoundError:
            return found
        except OSError as error:
            _log.error("the used signatures in %s cannot be read: %s", self._path.name, error)  # memory alone serves
            return found
        for line in text.splitlines():
            until, _, digest = line.partition(" ")
            with suppress(ValueError):  # a torn line
                found[digest] = float(until)
        return {digest: until for digest, until in sorted(found.items(), key=_expiry) if until >= self._now()}

    def _run(self) -> None:
        while item := self._queue.get():
            line, written = item
            written.set_result(self._append(line))

    def _append(self, line: str) -> bool:
        self._lines += 1
        if self._lines >= _REWRITE_AFTER and self._rewrite():
            return True
        return self._write(self._path, line, os.O_APPEND)

    def _rewrite(self) -> bool:
        """Writes the file anew and swaps it in whole."""
        fresh = self._path.with_suffix(".new")
        text = "".join(f"{until:.0f} {digest}\n" for digest, until in self._until.copy().items())
        if not self._write(fresh, text, os.O_TRUNC):
            return False
        self._lines = 0
        try:
            fresh.replace(self._path)
        except OSError as error:
            _log.error("the used signatures cannot be kept in %s: %s", self._path.name, error)  # memory serves
            return False
        return True

    def _write(self, path: Path, text: str, how: int) -> bool:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o600)
            try:
                os.write(fd, text.encode())
                os.fdatasync(fd)
            finally:
                os.close(fd)
        except OSError as error:
            _log.error("a used signature cannot be kept in %s: %s", path.name, error)  # memory serves
            return False
        return True


def _expiry(item: tuple[str, float]) -> float:
    return item[1]
