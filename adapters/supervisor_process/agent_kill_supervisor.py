"""An extension of supervisord: sees and ends every process of a program, also those that left its group and session.

    [rpcinterface:agent_kill]
    supervisor.rpcinterface_factory = agent_kill_supervisor:extension

It runs inside supervisord, stands alone, and needs Linux and Python 3.6. A program's family is what descends from its
process, shares its process group or session, carries the two names that supervisord gave it in its environment, or was
seen to belong to it before. A process that cleared its environment, left the session and lost its parents, all between
two looks, is not found.
"""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

ROUNDS = 20  # looks for children that were born while their parents were being stopped
_ENDED = {"Z", "X", "x"}
_STOPPED, _STARTING, _RUNNING, _BACKOFF, _EXITED = 0, 10, 20, 30, 100  # supervisor.states


class Process(NamedTuple):
    """One line of the process table. `born` tells it from a later process with the same number."""

    pid: int
    parent: int
    group: int
    session: int
    born: str


class Extension:
    """The methods of the XML-RPC namespace `agent_kill`; programs are named `group` or `group:process`.

    Args:
        supervisord: the running one.
    """

    def __init__(self, supervisord: Any) -> None:
        self._supervisord = supervisord
        self._known: dict[str, set[tuple[int, str]]] = {}
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def alive(self, names: Iterable[str]) -> int:
        """Returns how many processes of these programs live."""
        self._supervisord.reap()
        return sum(len(self._family(*one)) for one in self._programs(names))

    def end(self, names: Iterable[str]) -> int:
        """Ends these programs for good, without waiting for them, and returns how many processes that were.

        All are frozen first, until no more are found, so that none can start another one while it is ended.
        """
        programs = list(self._programs(names))
        frozen: set[Process] = set()
        for _ in range(ROUNDS):
            fresh = {one for program in programs for one in self._family(*program)} - frozen
            if not fresh:
                break
            for one in fresh:
                _signal(one.pid, signal.SIGSTOP)
            frozen |= fresh
        for _, process in programs:
            _held(process)
        for one in frozen:
            _signal(one.pid, signal.SIGKILL)
        self._supervisord.reap()
        return len(frozen)

    def _programs(self, names: Iterable[str]) -> Iterable[tuple[str, Any]]:
        for name in names:
            group, _, process = name.partition(":")
            if group in self._supervisord.process_groups:
                for each, there in self._supervisord.process_groups[group].processes.items():
                    if process in {"", "*", each}:
                        yield f"{group}:{each}", there

    def _family(self, name: str, process: Any) -> set[Process]:
        os.close(self._spare)  # where supervisord has no descriptor left, this one is for reading the table
        try:
            table = list(_table())
            found = {one for one in table if self._belongs(one, name, process)}
            parents = {one.pid for one in found}
            while born := {one for one in table if one.parent in parents} - found:
                found |= born
                parents = {one.pid for one in born}
        finally:
            self._spare = os.open(os.devnull, os.O_RDONLY)
        self._known[name] = {(one.pid, one.born) for one in found}
        return found

    def _belongs(self, one: Process, name: str, process: Any) -> bool:
        if process.pid and process.pid in {one.pid, one.group, one.session}:
            return True
        if (one.pid, one.born) in self._known.get(name, ()):
            return True
        group, _, each = name.partition(":")
        return one.pid != os.getpid() and _names(one.pid) == (group, each)


def extension(supervisord: Any, **_settings: str) -> Extension:
    """What supervisord calls as it starts."""
    return Extension(supervisord)


def _held(process: Any) -> None:
    """From here on supervisord does not start it again, be it that it has just ended by itself."""
    if process.get_state() in {_STARTING, _RUNNING, _BACKOFF}:
        process.stop()
    elif process.get_state() == _EXITED:
        process.change_state(_STOPPED)


def _table() -> Iterable[Process]:
    for pid in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208  # one descriptor at a time
        with suppress(OSError):  # it ended while we looked
            # A name may hold spaces and brackets, so fields count from the last bracket (proc(5)).
            words = _read(f"/proc/{pid}/stat").decode(errors="replace").rpartition(")")[2].split()
            if words[0] not in _ENDED:
                yield Process(int(pid), int(words[1]), int(words[2]), int(words[3]), words[19])


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
