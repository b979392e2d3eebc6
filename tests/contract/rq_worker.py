"""Real RQ workers over a private Valkey, each a process with its own login. As a program: CLASS URL NAME QUEUE."""

import importlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from redis import Redis

from adapters.rq_queue.manual import EXTENSION
from tests.contract.servers import ValkeyServer

DATABASE = 5
PATIENCE = 15.0  # seconds until a worker waits for a job
BOT, PASSWORD = "rq_bot", "test-password"


@dataclass
class RqWorkers:
    """Workers of one database, started when they are first asked for and again where one has ended.

    Args:
        server: where.
        database: its number.
        worker: the class, as `module.Class`.
    """

    server: ValkeyServer
    database: int = DATABASE
    worker: str = "agent_kill_rq.Worker"
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The administrator's."""
        return self.server.url(database=self.database)

    def client(self) -> "Redis":
        """The administrator's."""
        return Redis.from_url(self.url)

    def serve(self, name: str, queue: str) -> int:
        """Returns the id of a worker that is registered and waits or is suspended."""
        if name not in self.processes or self.processes[name].poll() is not None:
            words = [sys.executable, "-m", __name__, self.worker, self.url, name, queue]
            env = os.environ | {"PYTHONPATH": str(EXTENSION.parent)}
            with (self.server.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    words,
                    cwd=Path(__file__).parents[2],
                    env=env,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # RQ's own worker may kill its group, which must not be the tests'
                )
        try:
            self._ready(name)
        except TimeoutError:  # what an earlier test left it with is not for the next one
            self.end(name)
            return self.serve(name, queue)
        return self.processes[name].pid

    def _ready(self, name: str) -> None:
        until = time.monotonic() + PATIENCE
        with self.client() as client:
            while client.hget(f"rq:worker:{name}", "state") not in {b"idle", b"suspended"}:
                if time.monotonic() > until:
                    raise TimeoutError(f"the worker {name} does not wait for a job")
                time.sleep(0.005)

    def serve_pid(self, name: str) -> int:
        """Of one that runs."""
        return self.processes[name].pid

    def end(self, name: str) -> None:
        """Ends one, with what it has begun."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
        with self.client() as client:
            client.delete(f"rq:worker:{name}")
            client.srem("rq:workers", f"rq:worker:{name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.end(name)


if __name__ == "__main__":
    module, _, cls = sys.argv[1].rpartition(".")
    kind = getattr(importlib.import_module(module), cls)
    kind([sys.argv[4]], name=sys.argv[3], connection=Redis.from_url(sys.argv[2])).work(logging_level="WARNING")
