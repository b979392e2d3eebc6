"""What this process lacks for the moment, and somebody may give back: descriptors, buffers, memory."""

import contextlib
import errno
import os
import resource

_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def is_shortage(error: OSError | ImportError) -> bool:
    """Whether to try the same again later is reasonable; the loader of shared objects says so by its text alone."""
    if isinstance(error, OSError):
        return error.errno in _SHORT
    return any(os.strerror(number) in str(error) for number in _SHORT)


def take_descriptors() -> None:
    """Lets this process have as many as the system allows it: the usual 1,024 are fewer than the surfaces may be."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
