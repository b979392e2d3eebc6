"""A process that has the bot imported and forks it: a program starts in milliseconds, from its first own system call.

Each child runs the real entry point with an argument list, environment and output of its own. What is left out is the
interpreter's start and the imports, before which nothing is recorded, sent or acknowledged. Forking an interpreter
that has loaded everything is what the standard library's `multiprocessing.forkserver` does with preloaded modules.

Lines of JSON on standard input start a program each: `id` (the caller's), `argv`, `env`, the files `out` and `err`;
`held` stops it by SIGSTOP before its first own call; `mounts` are arguments of calls of `mount` in a mount namespace of
its own; `files` is its limit of descriptors (0: none), `clock` the Unix time that it begins at (null: the true one);
`module` has the entry point `main`. `{"id", "pid"}` comes back, and later `{"id", "code"}`, where a negative code is a
signal.
"""

import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from typing import Any, NoReturn

import time_machine

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x00020000
_PR_SET_PDEATHSIG = 1
MODULES = (
    "adapters.http_control",
    "adapters.memory",
    "adapters.registry",
    "aiosqlite",
    "alembic.command",
    "alembic.runtime.migration",
    "bot.app",
    "bot.cli.check",
    "bot.cli.serve",
    "bot.cli.status",
    "bot.cli.stop",
    "bot.store.upgrade",
    "encodings.idna",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "tests.faults.restoring",
)


class Nursery:
    """Starts programs and tells how they ended."""

    def __init__(self) -> None:
        self._children: dict[int, int] = {}
        self._wake, self._bell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._bell, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Runs until its input ends, then kills what it started and still runs."""
        rest = b""
        while True:
            readable, _, _ = select.select([0, self._wake], [], [])
            if self._wake in readable:
                os.read(self._wake, 4096)
                self._reap()
            if 0 in readable:
                data = os.read(0, 65536)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._start(json.loads(line))
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _start(self, order: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            _be(order)
        self._children[pid] = order["id"]
        _say({"id": order["id"], "pid": pid})

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _say({"id": self._children.pop(pid), "code": os.waitstatus_to_exitcode(status)})


def _say(line: dict[str, int]) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


def _be(order: dict[str, Any]) -> NoReturn:
    """The child: becomes the program."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # whatever ends the nursery ends the program
    for number, path in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
        fd = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(fd, number)
        os.close(fd)
    os.environ.clear()
    os.environ.update(order["env"])
    tempfile.tempdir = None  # asked again, of the new environment
    sys.argv = ["agent-kill", *order["argv"]]
    for mount in _own_mounts(order["mounts"]):
        subprocess.run(["mount", *mount], check=True)
    if order["files"]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (order["files"], order["files"]))
    if order["clock"] is not None:
        time_machine.travel(order["clock"]).start()
    if order["held"]:
        os.kill(os.getpid(), signal.SIGSTOP)
    code = 1
    try:
        importlib.import_module(order["module"]).main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001  # as the interpreter would
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _own_mounts(mounts: list[list[str]]) -> list[list[str]]:
    """Leaves the mount namespace of everybody else, where anything is to be mounted."""
    if not mounts:
        return []
    if _LIBC.unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "no mount namespace: the fault suite needs root")
    return [["--make-rprivate", "/"], *mounts]


if __name__ == "__main__":
    for name in MODULES:
        importlib.import_module(name)
    gc.freeze()
    _say({"id": 0, "pid": os.getpid()})
    Nursery().serve()
