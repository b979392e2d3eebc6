"""Journal folders that nobody else may write to: a forged journal could lift a hold."""

import os
import stat
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make(folder: Path) -> None:
    """Makes the folder with mode 0700.

    Raises:
        OSError: it cannot be made, or what stands there is not ours alone.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_ours(folder):
        raise PermissionError(f"{folder} belongs to somebody else or is open to others; remove it or chmod 0700 it")


def sync(folder: Path) -> None:
    """Makes a new file's name as durable as its content will be. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def is_ours(folder: Path) -> bool:
    """Whether it is a real folder of this user that no other may enter."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & _OTHERS
