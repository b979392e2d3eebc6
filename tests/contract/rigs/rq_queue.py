"""RQ on a private Valkey with a real worker, for the suite."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from pydantic import SecretStr
from redis import Redis, RedisError
from rq import Queue
from rq.job import Job

from adapters.base import Mode, Shared
from adapters.conformance import Keeper, Stopped, ticks
from adapters.conformance.agent import closing
from adapters.rq_queue import RqQueue, RqQueueConfig
from adapters.rq_queue.manual import PERMISSIONS, QUEUE_RIGHTS
from bot.sandbox.servers import HOST, free_port
from tests.contract import rq_jobs
from tests.contract.rigs.running import Running
from tests.contract.rq_worker import BOT, PASSWORD, RqWorkers

QUEUE, LATER, WORKER = "agent", "agent-later", "worker-1"
_NUMBERS: Iterator[int] = itertools.count(1)
_HELD = 0.1  # seconds after which a job that waits in a suspended queue is given up
_LATE = 1.0  # seconds in which what was left behind would have had its effect


@dataclass
class AgentSession:
    """The agent asks for jobs, and takes back those that nobody takes up."""

    there: "RqRig"
    begun: "Job | None" = None
    trigger: str = ""

    async def act(self, _mode: Mode) -> None:
        """One job, and its effect."""
        await self.there.acted()

    async def begin(self) -> None:
        """A job that runs."""
        self.trigger = self.there.file("trigger")
        self.begun = await self.there.asked(rq_jobs.slow, self.trigger)
        for _ in ticks():
            if Path(f"{self.trigger}.begun").exists():  # noqa: ASYNC240  # a stat
                return
            await asyncio.sleep(0.005)
        raise AssertionError("no worker took the job up")

    async def finish(self) -> None:
        """It comes to its end, or it is told to have failed."""
        assert self.begun is not None
        Path(self.trigger).touch()  # noqa: ASYNC240  # one file
        for _ in ticks():
            status = str(await asyncio.to_thread(self.begun.get_status))
            if status.endswith(("FINISHED", "FAILED", "STOPPED")):
                break
            await asyncio.sleep(0.005)
        if not status.endswith("FINISHED"):
            raise Stopped(f"the job is {status}")

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class RqRig:
    """The suite's rig: the same worker for all, and files of its own."""

    lacks: ClassVar[Mapping[str, str]] = {
        "rotate": "the switch of RQ is no credential, and no cut touches one",
        "reload": "RQ has no configuration that a server would read again",
        "parked": "jobs that wait are not released one by one: no middle mode is declared",
    }

    workers: RqWorkers
    folder: Path
    client: "Redis"
    trials: list[str] = field(default_factory=list)
    dirty: bool = False  # whether jobs were begun that may still run, or left something

    def adapter(self, *, shared: Shared | None = None) -> RqQueue:
        """The agent's queue."""
        return self.made(shared=shared)

    def made(
        self, *, shared: Shared | None = None, url: str = "", workers: int = 1, queues: tuple[str, ...] = (QUEUE,)
    ) -> RqQueue:
        """The same, with more to say."""
        config = RqQueueConfig(url=SecretStr(url or self.url()), queues=queues, workers=workers)
        return RqQueue(config=config, canary=None, shared=shared or Shared())

    def url(self, *, user: str = BOT, password: str = PASSWORD, port: int = 0, database: int = 0) -> str:
        """The bot's, with other parts."""
        number = database or self.workers.database
        return f"redis://{user}:{password}@{HOST}:{port or self.workers.server.port}/{number}"

    def mistyped(self, name: str = "") -> RqQueue:
        """A database without RQ; or a queue that there is not."""
        return self.made(queues=(name,)) if name else self.made(url=self.url(database=7))

    def intruder(self) -> RqQueue:
        """A wrong password."""
        return self.made(url=self.url(password="wrong"))

    def unreachable(self) -> RqQueue:
        """A port that nobody listens on."""
        return self.elsewhere(free_port())

    def elsewhere(self, port: int) -> RqQueue:
        """Another port."""
        return self.made(url=self.url(port=port))

    async def unarmed(self) -> tuple[RqQueue, str]:
        """A bot that may tell the workers nothing."""
        await asyncio.to_thread(self.client.execute_command, "ACL", "SETUSER", BOT, "-publish")
        return self.adapter(), "+publish"

    async def session(self) -> AgentSession:
        """There is no login of its own."""
        return AgentSession(self)

    async def asked(self, job: Callable[..., None], *words: str, queue: str = QUEUE) -> "Job":
        """The agent asks for a job."""
        self.dirty |= job is not rq_jobs.act

        def ask() -> "Job":
            made: Job = Queue(queue, connection=self.client).enqueue(job, str(self.effect_file), *words)
            return made

        try:
            return await asyncio.to_thread(ask)
        except (RedisError, OSError) as error:
            raise Stopped(str(error)) from error

    async def acted(self) -> None:
        """A job and its effect; `Stopped` where it waits, while RQ is suspended, and could be taken back."""
        what, loop = f"act-{next(_NUMBERS)}", asyncio.get_running_loop()
        job, began = await self.asked(rq_jobs.act, what), loop.time()
        for _ in ticks():
            if what in self.lines():
                return
            if loop.time() - began > _HELD and await asyncio.to_thread(self._taken_back, job):
                raise Stopped("RQ is suspended")
            if loop.time() - began > _LATE and await asyncio.to_thread(self._suspended):
                raise Stopped("the job was ended")
            await asyncio.sleep(0.005)
        raise AssertionError("no worker took the job up")

    def lines(self) -> list[str]:
        """The effects."""
        return self.effect_file.read_text().splitlines() if self.effect_file.exists() else []

    async def effects(self) -> int:
        """Lines of the jobs' own file."""
        return len(self.lines())

    async def authority(self) -> object:
        """The switch."""
        return await asyncio.to_thread(lambda: self.client.get("rq:suspended"))

    async def loosen(self) -> None:
        """`rq resume`."""
        await asyncio.to_thread(self.client.delete, "rq:suspended")

    async def narrow(self) -> None:
        """`rq suspend`."""
        await asyncio.to_thread(self.client.set, "rq:suspended", 1)

    async def meddle(self) -> None:
        """Somebody else's job."""
        self.trials.append(f"meddled-{next(_NUMBERS)}")
        await self.asked(rq_jobs.act, self.trials[-1])

    async def meddled(self) -> bool:
        """Whether it was done."""
        for _ in ticks():
            if self.trials[-1] in self.lines():
                return True
            await asyncio.sleep(0.01)
        return False

    async def freeze(self) -> None:
        """Stops the server in its tracks."""
        self.workers.server.freeze()

    async def thaw(self) -> None:
        """Lets it go on."""
        self.workers.server.thaw()

    async def restart(self) -> None:
        """In good order, on the same port; workers find it again by themselves."""
        await asyncio.to_thread(self.workers.server.restart)

    @asynccontextmanager
    async def exhaust(self) -> AsyncIterator[None]:
        """A server with no room for another client."""
        usual: Any = await asyncio.to_thread(self.client.config_get, "maxclients")
        there: Any = await asyncio.to_thread(self.client.client_list)
        await asyncio.to_thread(self.client.config_set, "maxclients", len(there))
        try:
            yield
        finally:
            await asyncio.to_thread(self.client.config_set, "maxclients", usual["maxclients"])

    async def prepare(self) -> Callable[[], Awaitable[None]]:
        """A process that a finished job left in a session of its own."""
        trigger = self.file("late")
        job = await self.asked(rq_jobs.leave, trigger)
        for _ in ticks():
            if await asyncio.to_thread(lambda: job.is_finished):
                break
            await asyncio.sleep(0.005)

        async def complete() -> None:
            Path(trigger).touch()  # noqa: ASYNC240  # one file
            for _ in ticks(_LATE):
                if "late" in self.lines():
                    return
                await asyncio.sleep(0.01)
            raise Stopped("nobody was there to do it")

        return complete

    async def redeliver(self) -> None:
        """By hand: every job that failed is put into the queue again."""

        def again() -> None:
            queue = Queue(QUEUE, connection=self.client)
            for job in queue.failed_job_registry.get_job_ids():
                queue.failed_job_registry.requeue(job)

        await asyncio.to_thread(again)

    async def stubborn(self) -> None:
        """Both act without end."""
        await self.asked(rq_jobs.stubborn)

    def queueing(self) -> RqQueue:
        """With a queue that no worker listens to, so that work waits there before the stop."""
        return self.made(queues=(QUEUE, LATER))

    async def pile(self, count: int) -> None:
        """More jobs."""
        for _ in range(count):
            await self.asked(rq_jobs.act, "piled", queue=LATER)

    async def waiting(self) -> int:
        """The list's length."""
        return int(await asyncio.to_thread(self.client.llen, f"rq:queue:{LATER}"))

    async def floor(self) -> None:
        """What `rq suspend` does."""
        await self.narrow()

    @property
    def effect_file(self) -> Path:
        """Where the jobs write."""
        return self.folder / "effects"

    def file(self, name: str) -> str:
        """A file of its own."""
        return str(self.folder / f"{name}-{next(_NUMBERS)}")

    def _taken_back(self, job: "Job") -> bool:
        with suppress(RedisError):
            return self._suspended() and bool(self.client.lrem(f"rq:queue:{QUEUE}", 1, job.id))
        return False

    def _suspended(self) -> bool:
        with suppress(RedisError):
            return bool(self.client.exists("rq:suspended"))
        return False

    async def clean(self) -> None:
        """Ends what runs, and forgets what waits."""
        if self.dirty:
            async with closing(self.adapter()) as adapter:
                await Keeper(adapter).restrict(Mode.FULL_STOP)
        await asyncio.to_thread(self._emptied)

    def _emptied(self) -> None:
        for queue in (QUEUE, LATER):
            Queue(queue, connection=self.client).empty()  # type: ignore[no-untyped-call]  # the library's
        for key in self.client.keys("agent-kill:rq-held*"):
            self.client.delete(key)
        self.client.delete("rq:suspended", f"rq:failed:{QUEUE}")


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[RqRig]:
    """An agent of its own, with the worker of all."""
    workers = servers.rq
    await asyncio.to_thread(workers.serve, WORKER, QUEUE)
    with TemporaryDirectory() as folder, workers.client() as client:
        client.execute_command("ACL", "SETUSER", BOT, "reset", "on", f">{PASSWORD}", *PERMISSIONS, *QUEUE_RIGHTS)
        client.execute_command("ACL", "SAVE")
        rig = RqRig(workers, Path(folder), client)
        try:
            yield rig
        finally:
            await rig.clean()
