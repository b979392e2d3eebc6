"""An extension of supervisord: sees and ends every process of a program, also those that left its group and session.

    [rpcinterface:agent_kill]
    supervisor.rpcinterface_factory = agent_kill_supervisor:extension

It runs inside supervisord, stands alone, and needs Linux and Python 3.6. supervisord adopts what its programs leave
behind (PR_SET_CHILD_SUBREAPER, prctl(2)). A program's family is what descends from its process, and of what was adopted
that which shares its process group or session, carries in its environment the two names that supervisord gave it, or
was seen to belong to it before; with all their descendants. What cleared its environment, left the session and lost
its parents, all between two looks, is not told from others'.
"""

import ctypes
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

SECONDS, TICK = 1.0, 0.001
_SUBREAPER = 36
_ENDED = {"Z", "X", "x"}
_STOPPED, _STARTING, _RUNNING, _BACKOFF, _EXITED = 0, 10, 20, 30, 100  # supervisor.states


class Extension:
    """The methods of the XML-RPC namespace `agent_kill`; programs are named `group` or `group:process`.

    Args:
        supervisord: the running one.
    """

    def __init__(self, supervisord: Any) -> None:
        self._supervisord = supervisord
        self._known: dict[str, set[tuple[int, str]]] = {}
        self._spare = os.open(os.devnull, os.O_RDONLY)
        _read(f"/proc/self/task/{os.getpid()}/children")  # fails here where the system does not list them
        ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)

    def alive(self, names: Iterable[str]) -> int:
        """Returns how many processes of these programs live.

        None do, once two looks find none, and none that ended between them: a single one may miss what is born of
        another process while it reads.
        """
        programs, before = list(self._programs(names)), None
        until = time.monotonic() + SECONDS
        while True:
            found = self._families(programs)
            living = sum(map(_lives, found))
            if living or found == before:
                return living
            if time.monotonic() >= until:
                return 1  # something ends and is born from look to look
            before = found

    def end(self, names: Iterable[str]) -> int:
        """Ends these programs for good, and returns how many processes that were."""
        programs = list(self._programs(names))
        ended: set[int] = set()
        for pid in self._families(programs):  # so that none acts as it is told to end
            _signal(pid, signal.SIGSTOP)
        for _, process in programs:
            _held(process)
        before: set[int] | None = None
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            found = self._families(programs)
            living = {pid for pid in found if _lives(pid)}
            if not living and found == before:
                break
            for pid in living:
                _signal(pid, signal.SIGKILL)
            ended |= living
            before = found
            time.sleep(TICK)
        return len(ended)

    def _programs(self, names: Iterable[str]) -> Iterable[tuple[str, Any]]:
        for name in names:
            group, _, process = name.partition(":")
            if group in self._supervisord.process_groups:
                for each, there in self._supervisord.process_groups[group].processes.items():
                    if process in {"", "*", each}:
                        yield f"{group}:{each}", there

    def _families(self, programs: Iterable[tuple[str, Any]]) -> set[int]:
        """Of all the programs, the ended included that nobody has buried."""
        self._supervisord.reap()
        os.close(self._spare)  # where supervisord has no descriptor left, this one is for reading the table
        try:
            own = {process.pid for group in self._supervisord.process_groups.values() for process in _of(group)}
            adopted = set(_children(os.getpid())) - own
            return {pid for program in programs for pid in self._family(*program, adopted)}
        finally:
            self._spare = os.open(os.devnull, os.O_RDONLY)

    def _family(self, name: str, process: Any, adopted: set[int]) -> set[int]:
        found = {process.pid} if process.pid else set()
        found |= {pid for pid in adopted if self._belongs(pid, name, process)}
        fresh = found
        while fresh:
            fresh = {child for pid in fresh for child in _children(pid)} - found
            found = found | fresh
        self._known[name] = {(pid, _stat(pid)[-1]) for pid in found}
        return found

    def _belongs(self, pid: int, name: str, process: Any) -> bool:
        _, group, session, born = _stat(pid)
        if process.pid and str(process.pid) in {group, session}:
            return True
        return (pid, born) in self._known.get(name, ()) or ":".join(_names(pid)) == name


def extension(supervisord: Any, **_settings: str) -> Extension:
    """What supervisord calls as it starts."""
    return Extension(supervisord)


def _held(process: Any) -> None:
    """From here on supervisord does not start it again, be it that it has just ended by itself."""
    if process.get_state() in {_STARTING, _RUNNING, _BACKOFF}:
        process.stop()
    elif process.get_state() == _EXITED:
        process.change_state(_STOPPED)


def _of(group: Any) -> list[Any]:
    return list(group.processes.values())


def _children(pid: int) -> list[int]:
    """Of all its threads, the ended ones included (proc(5), `children`: CONFIG_PROC_CHILDREN, as is usual)."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  # one descriptor at a time
            found += map(int, _read(f"/proc/{pid}/task/{task}/children").split())
    return found


def _lives(pid: int) -> bool:
    return _stat(pid)[0] not in _ENDED


def _stat(pid: int) -> tuple[str, str, str, str]:
    """Its state, process group, session, and when it was born, which tells it from a later one of that number."""
    try:
        # A name may hold spaces and brackets, so fields count from the last bracket (proc(5)).
        words = _read(f"/proc/{pid}/stat").decode(errors="replace").rpartition(")")[2].split()
    except OSError:  # it ended meanwhile
        return "X", "", "", ""
    return words[0], words[2], words[3], words[19]


def _names(pid: int) -> tuple[str, str]:
    """The program that a process was started for, as it says itself in its first environment."""
    found = {}
    with suppress(OSError):  # it ended, or is not ours to read
        for part in _read(f"/proc/{pid}/environ").split(b"\0"):
            key, _, value = part.partition(b"=")
            found[key] = value.decode(errors="replace")
    return found.get(b"SUPERVISOR_GROUP_NAME", ""), found.get(b"SUPERVISOR_PROCESS_NAME", "")


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123  # the shortest way to one descriptor
        return file.read()


def _signal(pid: int, which: signal.Signals) -> None:
    with suppress(OSError):  # it ended meanwhile
        os.kill(pid, which)
