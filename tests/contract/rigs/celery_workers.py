"""Celery on a private Valkey with a real worker, for the suite."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from celery import Celery
from kombu import pools
from kombu.exceptions import OperationalError
from pydantic import SecretStr
from redis import Redis, RedisError

from adapters.base import Mode, Shared
from adapters.celery_workers import CeleryWorkers, CeleryWorkersConfig
from adapters.celery_workers.manual import PERMISSIONS
from adapters.conformance import Keeper, Stopped, ticks
from adapters.conformance.agent import closing
from bot.sandbox.servers import HOST, free_port
from tests.contract.celery_worker import BOT, PASSWORD, CeleryNodes
from tests.contract.rigs.running import Running

QUEUE, LATER, OTHER, NODE = "agent", "agent-later", "other", "one@agents"
TASKS = "tests.contract.celery_jobs"
_NUMBERS: Iterator[int] = itertools.count(1)
_HELD = 0.1  # seconds after which a task that waits in a held queue is given up
_LATE = 1.0  # seconds in which what was ended would have had its effect
_ANSWERS = 5.0


@dataclass
class AgentSession:
    """The agent asks for tasks, and takes back those that nobody takes up."""

    there: "CeleryRig"
    trigger: str = ""

    async def act(self, _mode: Mode) -> None:
        """One task, and its effect."""
        await self.there.acted()

    async def begin(self) -> None:
        """A task that runs."""
        self.trigger = self.there.slow = self.there.file("trigger")
        await self.there.asked("slow", self.trigger)
        for _ in ticks():
            if Path(f"{self.trigger}.begun").exists():  # noqa: ASYNC240  # a stat
                return
            await asyncio.sleep(0.005)
        raise AssertionError("no worker took the task up")

    async def finish(self) -> None:
        """It comes to its end, or has none."""
        before = await self.there.effects()
        Path(self.trigger).touch()  # noqa: ASYNC240  # one file
        for _ in ticks(_LATE):
            if await self.there.effects() > before:
                return
            await asyncio.sleep(0.005)
        raise Stopped("the task was ended")

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class CeleryRig:
    """The suite's rig: the same worker for all, and files of its own."""

    lacks: ClassVar[Mapping[str, str]] = {
        "rotate": "what nodes take tasks from is no credential, and no cut touches one",
        "reload": "nodes read their configuration when they start, and not again",
        "parked": "tasks that wait are not released one by one: no middle mode is declared",
    }

    workers: CeleryNodes
    folder: Path
    client: "Redis"
    slow: str = ""
    trials: list[str] = field(default_factory=list)
    dirty: bool = False  # whether tasks were begun that may still run, or left something
    by_hand: bool = False  # whether the nodes were stopped without a cut

    @cached_property
    def app(self) -> Celery:
        """The agent's and the administrator's."""
        return self.workers.app()

    def adapter(self, *, shared: Shared | None = None) -> CeleryWorkers:
        """The agent's queue."""
        return self.made(shared=shared)

    def made(
        self,
        *,
        shared: Shared | None = None,
        url: str = "",
        nodes: tuple[str, ...] = (NODE,),
        queues: tuple[str, ...] = (QUEUE,),
    ) -> CeleryWorkers:
        """The same, with more to say."""
        config = CeleryWorkersConfig(url=SecretStr(url or self.url()), queues=queues, nodes=nodes)
        return CeleryWorkers(config=config, canary=None, shared=shared or Shared())

    def url(self, *, password: str = PASSWORD, port: int = 0) -> str:
        """The bot's, with other parts."""
        return f"redis://{BOT}:{password}@{HOST}:{port or self.workers.server.port}/{self.workers.database}"

    def mistyped(self, name: str = "nothing") -> CeleryWorkers:
        """A queue that there is not."""
        return self.made(queues=(name,))

    def intruder(self) -> CeleryWorkers:
        """A wrong password."""
        return self.made(url=self.url(password="wrong"))

    def unreachable(self) -> CeleryWorkers:
        """A port that nobody listens on."""
        return self.elsewhere(free_port())

    def elsewhere(self, port: int) -> CeleryWorkers:
        """Another port."""
        return self.made(url=self.url(port=port))

    async def unarmed(self) -> tuple[CeleryWorkers, str]:
        """A bot that may tell the nodes nothing."""
        await asyncio.to_thread(self.client.execute_command, "ACL", "SETUSER", BOT, "-publish")
        return self.adapter(), "+publish"

    async def session(self) -> AgentSession:
        """There is no login of its own."""
        return AgentSession(self)

    async def asked(self, task: str, *words: str, queue: str = QUEUE, priority: int = 0) -> str:
        """The agent asks for a task; returns its id."""
        self.dirty |= task != "act"

        def ask() -> str:
            args = (str(self.effect_file), *words)
            return str(self.app.send_task(f"{TASKS}.{task}", args, queue=queue, priority=priority, retry=False).id)

        try:
            return await asyncio.to_thread(ask)
        except (RedisError, OSError) as error:
            raise Stopped(str(error)) from error

    async def acted(self) -> None:
        """A task and its effect; `Stopped` where it waits while the queue is held, and could be taken back."""
        what, loop = f"act-{next(_NUMBERS)}", asyncio.get_running_loop()
        task, began = await self.asked("act", what), loop.time()
        for _ in ticks():
            if what in self.lines():
                return
            if loop.time() - began > _HELD and await asyncio.to_thread(self._taken_back, task):
                raise Stopped("the queue is held")
            if loop.time() - began > _LATE and await asyncio.to_thread(self._held):
                raise Stopped("the task was ended")
            await asyncio.sleep(0.005)
        raise AssertionError("no worker took the task up")

    def lines(self) -> list[str]:
        """The effects."""
        return self.effect_file.read_text().splitlines() if self.effect_file.exists() else []

    async def effects(self) -> int:
        """Lines of the tasks' own file."""
        return len(self.lines())

    async def authority(self) -> object:
        """What the node takes tasks from, by its own word to the administrator."""
        return await asyncio.to_thread(self.taken)

    def taken(self, node: str = NODE) -> list[str] | None:
        """The queues; None where the node does not answer."""
        told = self.app.control.inspect(destination=[node], timeout=_ANSWERS).active_queues()
        return sorted(queue["name"] for queue in told[node]) if told else None

    async def loosen(self) -> None:
        """`celery control add_consumer`."""
        await asyncio.to_thread(self.control, "add_consumer", QUEUE)

    def control(self, method: str, queue: str, node: str = NODE) -> None:
        """One order of the administrator's, and its answer."""
        self.by_hand = self.by_hand or method == "cancel_consumer"
        told = self.app.control.broadcast(
            method, arguments={"queue": queue}, destination=[node], reply=True, timeout=_ANSWERS
        )
        assert told, f"{node} did not answer {method}"
        for _ in ticks():  # it answers first
            if (queue in (self.taken(node) or [])) is (method == "add_consumer"):
                return
        raise AssertionError(f"{node} did not {method} {queue}")

    async def narrow(self) -> None:
        """`celery control cancel_consumer`."""
        await asyncio.to_thread(self.control, "cancel_consumer", QUEUE)

    async def meddle(self) -> None:
        """The node takes tasks from a further queue."""
        await asyncio.to_thread(self.control, "add_consumer", OTHER)

    async def meddled(self) -> bool:
        """Whether it does; taken away again for the next round."""
        stood = OTHER in (await asyncio.to_thread(self.taken) or [])
        await asyncio.to_thread(self.control, "cancel_consumer", OTHER)
        return stood

    async def freeze(self) -> None:
        """Stops the server in its tracks."""
        self.workers.server.freeze()

    async def thaw(self) -> None:
        """Lets it go on."""
        self.workers.server.thaw()

    async def restart(self) -> None:
        """In good order, on the same port; nodes find it again by themselves."""
        await asyncio.to_thread(self.workers.server.restart)
        self.reconnect()

    def reconnect(self) -> None:
        """Forgets the administrator's connections, which were to the server as it was."""
        pools.reset()  # type: ignore[no-untyped-call]  # the library's
        self.app.close()
        del self.app

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
        """A process that a finished task left in a session of its own."""
        trigger = self.file("late")
        await self.asked("leave", trigger)
        for _ in ticks():
            if await asyncio.to_thread(left, trigger):
                break
            await asyncio.sleep(0.02)

        async def complete() -> None:
            Path(trigger).touch()  # noqa: ASYNC240  # one file
            for _ in ticks(_LATE):
                if "late" in self.lines():
                    return
                await asyncio.sleep(0.01)
            raise Stopped("nobody was there to do it")

        return complete

    async def redeliver(self) -> None:
        """The task is in the queue again, as the broker puts it back there, and may go to its end."""
        Path(self.slow).touch()  # noqa: ASYNC240  # one file
        await self.asked("slow", self.slow)

    async def stubborn(self) -> None:
        """Both act without end."""
        await self.asked("stubborn")

    def queueing(self) -> CeleryWorkers:
        """With a queue that no node takes from, so that work waits there before the stop."""
        return self.made(queues=(QUEUE, LATER))

    async def pile(self, count: int) -> None:
        """More tasks."""
        for _ in range(count):
            await self.asked("act", "piled", queue=LATER)

    async def waiting(self) -> int:
        """The list's length."""
        return int(await asyncio.to_thread(self.client.llen, LATER))

    async def floor(self) -> None:
        """One order by hand."""
        await self.narrow()

    @property
    def effect_file(self) -> Path:
        """Where the tasks write."""
        return self.folder / "effects"

    def file(self, name: str) -> str:
        """A file of its own."""
        return str(self.folder / f"{name}-{next(_NUMBERS)}")

    def _taken_back(self, task: str) -> bool:
        with suppress(RedisError):
            if self._held():
                waiting: Any = self.client.lrange(QUEUE, 0, -1)
                return any(self.client.lrem(QUEUE, 1, one) for one in waiting if task.encode() in one)
        return False

    def _held(self) -> bool:
        with suppress(RedisError):
            return self.by_hand or bool(self.client.keys("agent-kill:celery:agent*"))
        return False

    async def clean(self) -> None:
        """Ends what runs, forgets what waits, and has the node take tasks again."""
        if self.dirty:
            async with closing(self.adapter()) as adapter:
                await Keeper(adapter).restrict(Mode.FULL_STOP)
        await asyncio.to_thread(self._emptied)
        await asyncio.to_thread(ready, self)
        self.app.close()

    def _emptied(self) -> None:
        for key in (QUEUE, LATER, OTHER, *self.client.keys("agent-kill:*")):
            self.client.delete(key)


def left(word: str) -> list[int]:
    """The processes whose command has the word in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += [int(entry.parent.name)] if word.encode() in entry.read_bytes() else []
    return found


def ready(rig: CeleryRig) -> None:
    """The node answers, and takes tasks from the agent's queue; the server may have been restarted by another test."""
    for _ in ticks(30):
        try:
            taken = rig.taken()
            if taken == [QUEUE]:
                return
            if taken is not None:
                rig.control("add_consumer", QUEUE)
        except (OSError, RedisError, OperationalError):
            rig.reconnect()
    raise AssertionError(f"{NODE} does not take tasks from {QUEUE}")


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[CeleryRig]:
    """An agent of its own, with the worker of all."""
    workers = servers.celery
    await asyncio.to_thread(workers.serve, NODE, QUEUE, "agent_kill_celery")
    with TemporaryDirectory() as folder, workers.client() as client:
        rules = [rule.replace("<queue>", QUEUE).replace("<database>", str(workers.database)) for rule in PERMISSIONS]
        rules += [rule for other in (LATER, OTHER, "nothing") for rule in (f"~{other}*", f"~_kombu.binding.{other}")]
        client.execute_command("ACL", "SETUSER", BOT, "reset", "on", f">{PASSWORD}", *rules)
        client.execute_command("ACL", "SAVE")
        rig = CeleryRig(workers, Path(folder), client)
        await asyncio.to_thread(ready, rig)
        try:
            yield rig
        finally:
            await rig.clean()
