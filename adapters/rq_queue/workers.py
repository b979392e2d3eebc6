"""The workers of one RQ database: what they say of themselves, and how they are brought to a stop.

The keys are RQ's (rq/worker, rq/suspension, rq/command of versions 2 and 3). A worker that waits for a job looks for a
suspension only after that job: so each gets one of ours that does nothing, ahead of all others.
"""

import json
import pickle
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import uuid4

from adapters.errors import AdapterError
from adapters.rq_queue.line import Command, Line

SUSPENDED, REPORT = "rq:suspended", "agent-kill:rq:"
_WORKERS, _QUEUES = "rq:workers", "rq:queues"
_OURS = "agent-kill-"  # how the ids of our jobs begin
_NOTHING = zlib.compress(pickle.dumps(("time.time", None, (), {}), protocol=2))
_AGAIN = 0.3  # seconds after which a worker is told again to stop a job
_SECONDS = "120"  # after which what was forgotten of ours goes by itself


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker.

    Attributes:
        name: its own.
        state: "suspended", "idle", "busy", "started" or "".
        queues: those that it listens to.
        alive: processes that its jobs left, by its own report on this suspension; None where there is none.
    """

    name: str
    state: str
    queues: tuple[str, ...]
    alive: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One look.

    Attributes:
        mark: what stands under `rq:suspended`; None where nothing does.
        lasts: milliseconds until the suspension ends by itself, -1 where it does not.
        queues: all that RQ knows.
        workers: all that are registered and have not expired.
        running: the ids of jobs that were begun and have not ended.
    """

    mark: str | None
    lasts: int
    queues: frozenset[str]
    workers: tuple[Worker, ...]
    running: frozenset[str]

    def left(self, expected: int) -> int | None:
        """How much may still act while RQ is suspended; None where that is not known."""
        at_work = sum(worker.state != "suspended" for worker in self.workers)
        alive = [worker.alive for worker in self.workers if worker.state == "suspended"]
        known = at_work + sum(one or 0 for one in alive)
        return known or (None if len(self.workers) < expected or None in alive else 0)


async def look(line: Line) -> Seen:
    """Reads all of it. Raises as `Line.ask`."""
    mark, lasts, queues, names = await line.ask(
        ("GET", SUSPENDED), ("PTTL", SUSPENDED), ("SMEMBERS", _QUEUES), ("SMEMBERS", _WORKERS)
    )
    if not isinstance(lasts, int) or not isinstance(queues, list) or not isinstance(names, list):
        raise AdapterError(f"{line.address.name} does not answer as a Redis does: correct settings.url")
    text = None if mark is None else _text(mark)
    workers = await _workers(line, sorted(_text(name).removeprefix("rq:worker:") for name in names), text)
    heard = sorted({queue for worker in workers for queue in worker.queues})
    begun = await line.ask(*(("ZRANGE", f"rq:wip:{queue}", "0", "-1") for queue in heard)) if heard else []
    running = (_text(one).partition(":")[0] for ones in begun for one in ones)
    return Seen(
        text,
        lasts,
        frozenset(_text(queue).removeprefix("rq:queue:") for queue in queues),
        workers,
        frozenset(job for job in running if not job.startswith(_OURS)),
    )


async def _workers(line: Line, names: Sequence[str], mark: str | None) -> tuple[Worker, ...]:
    if not names:
        return ()
    asked: list[Command] = []
    for name in names:
        asked += [("HMGET", f"rq:worker:{name}", "state", "queues", "death"), ("GET", f"{REPORT}{name}")]
    answers = await line.ask(*asked)
    return tuple(
        Worker(name, _text(state or b""), tuple(_text(queues).split(",")), _alive(report, mark))
        for name, (state, queues, death), report in zip(names, answers[::2], answers[1::2], strict=True)
        if queues and not death
    )


def _alive(report: bytes | None, mark: str | None) -> int | None:
    """What the worker says counts where it was said of this very suspension."""
    number, _, of = _text(report or b"").partition(" ")
    return int(number) if number.isdigit() and of == mark else None


class Stopping:
    """Brings the workers to a stop, look by look. What it left in the queues is taken back by `clear`."""

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self._woken: dict[str, tuple[str, str]] = {}  # by worker, the queue and the job of ours
        self._before: frozenset[str] = frozenset()
        self._told: dict[tuple[str, str], float] = {}  # by worker and job, when it was told to stop it

    async def step(self, line: Line, seen: Seen, *, end: bool) -> None:
        """Wakes the workers that wait and, where told to, ends the jobs that run.

        A job is ended when it was there at two looks: RQ's own worker ends itself where its work horse is not born yet.
        """
        commands: list[Command] = []
        for worker in seen.workers:
            if worker.state in {"idle", "started", ""} and worker.name not in self._woken:
                self._woken[worker.name] = queue, job = worker.queues[0], f"{_OURS}{uuid4().hex}"
                commands += _plug(queue, job)
            elif worker.state == "busy" and end:
                for job in self._due(worker.name, seen.running & self._before):
                    commands.append(_told(worker.name, job))
                    self.ended.add(job)
        self._before = seen.running
        if commands:
            await line.ask(*commands)

    def _due(self, worker: str, jobs: Iterable[str]) -> list[str]:
        """Those that the worker was not told of lately: what it hears late it may do to another job."""
        now = time.monotonic()
        due = [job for job in jobs if now - self._told.get((worker, job), 0.0) > _AGAIN]
        self._told.update({(worker, job): now for job in due})
        return due

    async def clear(self, line: Line) -> None:
        """Takes our jobs back that nobody has taken up."""
        if self._woken:
            await line.ask(*(one for queue, job in self._woken.values() for one in _unplug(queue, job)))
            self._woken.clear()


def _plug(queue: str, job: str) -> Iterable[Command]:
    """A job that asks for the time, for whoever waits: only after a job does a worker see that RQ is suspended."""
    fields: Command = (
        "data", _NOTHING, "origin", queue, "status", "queued", "timeout", "10", "result_ttl", "0", "failure_ttl", "10",
        "description", "agent-kill: wakes a worker, does nothing",
    )  # fmt: skip
    return [
        ("HSET", f"rq:job:{job}", *fields),
        ("EXPIRE", f"rq:job:{job}", _SECONDS),
        ("LPUSH", f"rq:queue:{queue}", job),
    ]


def _unplug(queue: str, job: str) -> Iterable[Command]:
    return [("LREM", f"rq:queue:{queue}", "1", job), ("DEL", f"rq:job:{job}")]


def _told(worker: str, job: str) -> Command:
    return ("PUBLISH", f"rq:pubsub:{worker}", json.dumps({"command": "stop-job", "job_id": job}))


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
