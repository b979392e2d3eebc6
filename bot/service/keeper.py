"""Ends a process group together with this process, however this process ends."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_SCRIPT = 'read -r _; kill -s KILL -- "-$1"'


@contextmanager
def ended_with_us(group: int) -> Iterator[None]:
    """While it lasts, a kill of this process kills the group too: what runs for it must not run on without it.

    A pipe that this process alone holds open tells a small shell: its end comes with any death, a SIGKILL's too. A
    host without a shell does without.

    Args:
        group: the id of a process group that lasts as long as this does.
    """
    reading, writing = os.pipe()
    keeper = _keeper(group, reading)
    os.close(reading)
    try:
        yield
    finally:
        if keeper is not None:  # before the pipe ends, which would tell it
            keeper.kill()
            keeper.wait()
        os.close(writing)


def _keeper(group: int, reading: int) -> "subprocess.Popen[bytes] | None":
    try:
        return subprocess.Popen(  # noqa: S603  # nothing in it is anybody's text
            ("/bin/sh", "-c", _SCRIPT, "sh", str(group)),
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None
