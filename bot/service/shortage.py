"""What this process lacks for the moment, and somebody may give back: descriptors, buffers, memory."""

import errno
import os

_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def is_shortage(error: OSError | ImportError) -> bool:
    """Whether to try the same again later is reasonable; the loader of shared objects says so by its text alone."""
    if isinstance(error, OSError):
        return error.errno in _SHORT
    return any(os.strerror(number) in str(error) for number in _SHORT)
