"""Real Celery workers over a private Valkey, each a process with its pool."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from celery import Celery
from redis import Redis

from adapters.celery_workers.manual import EXTENSION
from bot.sandbox.processes import descendants
from tests.contract.servers import ValkeyServer

DATABASE = 8
BOT, PASSWORD = "celery_bot", "test-password"


@dataclass
class CeleryNodes:
    """Workers of one broker database, started when they are first asked for and again where one has ended."""

    server: ValkeyServer
    database: int = DATABASE
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The administrator's."""
        return self.server.url(database=self.database)

    def client(self) -> "Redis":
        """The administrator's."""
        return Redis.from_url(self.url)

    def app(self) -> Celery:
        """The administrator's, for remote control and for asking for tasks."""
        return Celery("agent", broker=self.url)

    def serve(self, name: str, queue: str, *include: str) -> int:
        """Returns the id of a worker that answers."""
        if name not in self.processes or self.processes[name].poll() is not None:
            words = [sys.executable, "-m", "tests.contract.celery_program", name, queue, *include]
            env = os.environ | {"PYTHONPATH": str(EXTENSION.parent), "AGENT_BROKER": self.url}
            with (self.server.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    words, cwd=Path(__file__).parents[2], env=env, stdout=log, stderr=log, start_new_session=True
                )
            self._ready(name)
        return self.processes[name].pid

    def _ready(self, name: str) -> None:
        until = time.monotonic() + 60
        log = self.server.folder / f"{name}.log"
        while f"{name} ready." not in log.read_text(errors="replace"):
            assert time.monotonic() < until, (
                f"the worker {name} did not start: {log.read_text(errors='replace')[-2000:]}"
            )
            time.sleep(0.02)

    def end(self, name: str) -> None:
        """Ends one, with what is below it."""
        process = self.processes.pop(name)
        family = (process.pid, *descendants(process.pid))
        for pid in family:
            signalled(pid, signal.SIGKILL)
        process.wait()
        (self.server.folder / f"{name}.log").unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.end(name)


def signalled(pid: int, which: signal.Signals) -> None:
    """Signals a process that may have ended."""
    try:
        os.kill(pid, which)
    except ProcessLookupError:
        return
