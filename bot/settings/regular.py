"""Opens regular files and nothing else: a pipe or a device would keep a stop waiting for ever."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFSOCK: "a socket",
}


class NotRegularError(OSError):
    """What the path leads to is no regular file; `strerror` says what it is."""


def open_regular(path: Path) -> BinaryIO:
    """Opens for reading, through symbolic links, without ever waiting.

    `O_NONBLOCK` lets the open of a pipe without a writer return: https://man7.org/linux/man-pages/man7/fifo.7.html

    Raises:
        NotRegularError: a pipe, a device, a folder or a socket.
        OSError: it cannot be opened.
        ValueError: the path holds a NUL byte.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    kind = stat.S_IFMT(os.fstat(fd).st_mode)
    if kind == stat.S_IFREG:
        return os.fdopen(fd, "rb")
    os.close(fd)
    raise NotRegularError(errno.EINVAL, f"it is {_KINDS.get(kind, 'something else')}, not a regular file", str(path))
