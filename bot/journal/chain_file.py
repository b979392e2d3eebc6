"""One file of one chain, owned by one process at a time through a lock that it never waits for."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from bot.domain.events import AnyEvent, Note
from bot.journal.chain import BrokenLineError, Link, decode, encode, genesis
from bot.journal.folders import sync


class TakenError(OSError):
    """Another live process writes this chain."""


class RottenError(OSError):
    """The file holds a line that nobody wrote so; it is kept as it is and never appended to."""


class ChainFile:
    """An append-only file opened for writing, its tail mended and its head known.

    Args:
        path: `<chain>.jsonl`; created with mode 0600.

    Raises:
        TakenError: another process holds it.
        RottenError: a line before the last is damaged.
        OSError: the disk says no.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.chain = path.stem
        self.asking: Callable[[], None] = lambda: None  # called when all that is left is to wait for the disk
        fresh = not path.exists()
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if fresh:
                sync(path.parent)
            self._lock()
            self.head, self.torn = self._mend()
        except BaseException:
            os.close(self._fd)
            raise

    def write(self, events: list[AnyEvent], *, at: float) -> None:
        """Appends events and waits until the disk has them. After any error the file must not be used again."""
        if self.torn:
            events = [Note(at=at, text=f"a torn tail of {self.torn} bytes was dropped"), *events]
            self.torn = 0
        head, lines = self.head, []
        for event in events:
            line, head = encode(event, head)
            lines.append(line)
        data = b"".join(lines)  # a single one of a megabyte is not copied
        while data:
            data = data[os.write(self._fd, data) :]
        self.asking()
        os.fdatasync(self._fd)
        self.head = head

    def close(self) -> None:
        """Gives the file, and the lock with it, back."""
        os.close(self._fd)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TakenError(f"{self.path.name} is written by another process") from error

    def _mend(self) -> tuple[Link, int]:
        """Finds the head. What follows the last newline was never acknowledged: a crash tore it off."""
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        head = genesis(self.chain)
        for line in whole.splitlines():
            try:
                _, head = decode(line.decode(), head)
            except (BrokenLineError, UnicodeDecodeError) as error:
                raise RottenError(f"{self.path.name}: {error}") from error
        torn = len(data) - len(whole)
        if torn:
            os.ftruncate(self._fd, len(whole))
        return head, torn


def is_written(path: Path) -> bool:
    """Whether a live process holds the chain."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
