"""The map file of a node: what HAProxy reads when it starts or reloads.

A line is replaced in a copy beside the file, which is synced and renamed over it, so that a HAProxy that reloads in the
middle reads the old file or the new one. The folder is locked meanwhile against other processes of ours.
"""

import asyncio
import fcntl
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LOCKED = 1.0  # seconds to wait for another process of ours that writes
_TICK = 0.005
_THREADS = 2  # of one file: a disk that hangs holds these and none that another surface needs
_LINE = re.compile(r"(?P<key>\s*(?P<name>[^\s#]\S*))(?P<gap>[ \t]*)(?P<value>.*?)(?P<end>\s*)\Z", re.DOTALL)


class MapFile:
    """One map file, from a place where it is this machine's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._threads: ThreadPoolExecutor | None = None

    async def read(self, key: str) -> str | None:
        """The value for `key`; None where there is none. Raises `OSError`."""
        return await self._beside(lambda: self._read(key))

    async def write(self, key: str, value: str | None) -> None:
        """Sets the value for `key`; None takes the line out. Does nothing where it is so already. Raises `OSError`.

        A call that is cancelled before the rename leaves the file as it was.
        """
        off = threading.Event()
        try:
            await self._beside(lambda: self._write(key, value, off))
        except asyncio.CancelledError:
            off.set()
            raise

    def lacking(self) -> str:
        """What keeps the bot from writing it, in a few words; empty where nothing does."""
        if not self.path.is_file():
            return "the file is not there"
        return "" if os.access(self.path.parent, os.W_OK | os.X_OK) else f"{self.path.parent} cannot be written to"

    def close(self) -> None:
        """Lets the threads end without waiting for them."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    async def _beside(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="haproxy_gateway")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _read(self, key: str) -> str | None:
        return _value(self.path.read_text(encoding="utf-8"), key)

    def _write(self, key: str, value: str | None, off: threading.Event) -> None:
        with _locked(self.path.parent):
            text = self.path.read_text(encoding="utf-8")
            changed = _with(text, key, value)
            if changed != text:
                _put(self.path, changed, off)


def _value(text: str, key: str) -> str | None:
    found = (_LINE.match(line) for line in text.splitlines())
    return next((line["value"] for line in found if line and line["name"] == key), None)


def _with(text: str, key: str, value: str | None) -> str:
    """The text with that value; the first line of a key counts, as in HAProxy, and others of it go."""
    made: list[str] = []
    seen = False
    for line in text.splitlines(keepends=True):
        found = _LINE.match(line)
        if not found or found["name"] != key:
            made.append(line)
        elif not seen and value is not None:
            made.append(f"{found['key']}{found['gap'] or ' '}{value}{found['end']}")
            seen = True
    if value is not None and not seen:
        made.append(("" if text.endswith("\n") or not text else "\n") + f"{key} {value}\n")
    return "".join(made)


def _put(path: Path, text: str, off: threading.Event) -> None:
    kept = path.stat()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as copy:
            copy.write(text)
            os.fchmod(copy.fileno(), kept.st_mode & 0o7777)
            with suppress(PermissionError):  # only root gives files away; the mode above lets HAProxy read it
                os.fchown(copy.fileno(), kept.st_uid, kept.st_gid)
            copy.flush()
            os.fsync(copy.fileno())
        if not off.is_set():
            Path(name).replace(path)
            _sync(path.parent)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Locks a folder; after `LOCKED` seconds goes on without: a stop must not wait for whoever holds it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        end = time.monotonic() + LOCKED
        while time.monotonic() < end:
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(_TICK)
        yield
    finally:
        os.close(handle)
