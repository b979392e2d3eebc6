"""A private supervisord, and a group of programs in it that is an agent's."""

import itertools
import os
import shutil
import signal
import sys
import time
import xmlrpc.client
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.supervisor_process.manual import EXTENSION
from bot.sandbox.servers import HOST, Server

PASSWORD = "test-password"
_NUMBERS: Iterator[int] = itertools.count(1)
_PROGRAM = Path(__file__).with_name("worker_program.py")
_MAIN = """\
[supervisord]
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid
[inet_http_server]
port = {host}:{port}
username = agent_kill
password = {password}
[unix_http_server]
file = {folder}/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[include]
files = {folder}/conf.d/*.conf
"""
_EXTENSION = """\
[rpcinterface:agent_kill]
supervisor.rpcinterface_factory = agent_kill_supervisor:extension
"""
_GROUP = """\
[group:{name}]
programs = {name}-main,{name}-helper,{name}-spare
[program:{name}-main]
process_name = main
command = {python} -S {program} {folder}/{name}.sock {folder}/{name}.effects
startsecs = 0
stopwaitsecs = 2
autorestart = true
[program:{name}-helper]
process_name = helper
command = sleep 100000
startsecs = 0
priority = 1
[program:{name}-spare]
process_name = spare
command = sleep 100000
startsecs = 0
autostart = false
"""


class SupervisorServer(Server):
    """A supervisord.

    Args:
        extension: whether agent-kill's extension is installed in it, as the set-up says.
    """

    name = "supervisord"

    def __init__(self, *, extension: bool = True) -> None:
        super().__init__()
        self._extension = extension

    def freeze(self) -> None:
        """Stops supervisord alone: its programs go on."""
        os.kill(self.pid, signal.SIGSTOP)

    def call(self, method: str, *params: object) -> Any:
        """One call of the administrator."""
        with xmlrpc.client.ServerProxy(f"http://agent_kill:{PASSWORD}@{HOST}:{self.port}/RPC2") as proxy:
            return getattr(proxy.supervisor, method)(*params)

    def _prepare(self) -> None:
        (self.folder / "conf.d").mkdir()
        shutil.copy(EXTENSION, self.folder)

    def _command(self) -> Sequence[str]:
        main = _MAIN.format(folder=self.folder, host=HOST, port=self.port, password=PASSWORD)
        file = self.folder / "supervisord.conf"
        file.write_text(main + (_EXTENSION if self._extension else ""))
        program = (sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(file))
        return ("/usr/bin/env", f"PYTHONPATH={self.folder}", *program)


@dataclass
class Group:
    """One agent: a program that takes orders, a helper, and a spare that does not run."""

    server: SupervisorServer
    name: str

    @property
    def socket(self) -> Path:
        """Where the agent takes its orders."""
        return self.server.folder / f"{self.name}.sock"

    @property
    def effects(self) -> list[str]:
        """What it did."""
        file = self.server.folder / f"{self.name}.effects"
        return file.read_text().splitlines() if file.exists() else []

    def states(self) -> dict[str, str]:
        """What supervisord says."""
        told = self.server.call("getAllProcessInfo")
        return {one["name"]: one["statename"] for one in told if one["group"] == self.name}

    def start(self, process: str = "main") -> None:
        """By hand."""
        self.server.call("startProcess", f"{self.name}:{process}", False)

    def stop(self, process: str) -> None:
        """By hand. A process that was forked and not yet executed loses a SIGTERM, and no SIGKILL."""
        self.server.call("stopProcess", f"{self.name}:{process}", False)
        with suppress(xmlrpc.client.Fault):  # it has ended
            self.server.call("signalProcess", f"{self.name}:{process}", "KILL")
        while self.states()[process] != "STOPPED":
            time.sleep(0.005)

    def pid(self, process: str = "main") -> int:
        """0 where it does not run."""
        return int(self.server.call("getProcessInfo", f"{self.name}:{process}")["pid"])

    def remove(self) -> None:
        """Leaves nothing of it."""
        for process, state in self.states().items():
            if state != "STOPPED":
                self.stop(process)
        self.server.call("removeProcessGroup", self.name)
        self._file.unlink()
        for pid in self.left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.call("reloadConfig")

    def left(self) -> list[int]:
        """The processes of the agent's program, and what it left, wherever they are: their words have its files."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = entry.read_bytes()
                ours = any(f"{self.server.folder}/{self.name}{end}".encode() in words for end in ".-")
                found += [int(entry.parent.name)] if ours else []
        return found

    @property
    def _file(self) -> Path:
        return self.server.folder / "conf.d" / f"{self.name}.conf"


def group(server: SupervisorServer) -> Group:
    """A fresh agent that runs."""
    made = Group(server, f"agent{next(_NUMBERS)}")
    text = _GROUP.format(name=made.name, python=sys.executable, program=_PROGRAM, folder=server.folder)
    made._file.write_text(text)
    server.call("reloadConfig")
    server.call("addProcessGroup", made.name)
    return made
