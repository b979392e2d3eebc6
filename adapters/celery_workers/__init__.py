"""Stops the workers of a Celery app over Redis: no node takes tasks from the agent's queues, and what runs is ended.

The nodes obey remote control, and forget it when they start again; so a restore wants the mark that a cut left on the
broker, and the drift watch cuts a node again that came back. Nodes are listed, because silence is not rest. What tasks
left behind is seen by two commands of `agent_kill_celery.py`. The page is `docs/adapters/celery_workers.md`.
"""

import asyncio
import time
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr
from redis.exceptions import NoPermissionError

from adapters.base import (
    Attempt,
    BacklogPolicy,
    Change,
    Config,
    Cut,
    Gate,
    Manual,
    Mode,
    Moved,
    Observation,
    Relaxed,
    Shared,
    SurfaceClass,
    Waiting,
)
from adapters.celery_workers import backlog
from adapters.celery_workers.line import Address, Command, Endpoint, Line
from adapters.celery_workers.mailbox import Mailbox, Order, Told
from adapters.celery_workers.manual import MANUAL, PERMISSIONS
from adapters.celery_workers.nodes import END, LOOK, OFF, ON, Seen, seen, took
from adapters.errors import AdapterError, Refused, Unreachable

END_SECONDS = 6.0  # after which what is not at rest is counted as left; a look at a silent node takes a fourth of it
_TICK = 0.02
_SAMPLES = (
    "GET {mark}", "SET {mark} x", "DEL {mark}", "WATCH {mark}", "UNWATCH", "MULTI", "EXEC", "PUBLISH {channel} x",
    "BRPOP agent-kill:celery:reply:x 1", "EXPIRE agent-kill:celery:reply:x 1", "EXISTS {queue}",
    "EXISTS _kombu.binding.{queue}", "LLEN {queue}",
    "RENAME {queue} agent-kill:celery-held:x", "LMOVE agent-kill:celery-held:x {queue} LEFT RIGHT",
    "HSET agent-kill:celery-held x x", "HGETALL agent-kill:celery-held", "HDEL agent-kill:celery-held x",
    "HGETALL unacked", "HEXISTS unacked x", "HDEL unacked x", "ZREM unacked_index x", "RPUSH {queue} x",
)  # fmt: skip


def _address(url: SecretStr) -> SecretStr:
    Address.of(url.get_secret_value())
    return url


class CeleryWorkersConfig(Config):
    """One Celery app over Redis."""

    url: Annotated[SecretStr, AfterValidator(_address)] = Field(
        description="of the broker: redis://user:password@host:6379/0, rediss:// or unix://, with its database"
    )
    queues: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        min_length=1, description="the agent's queues, which no node shall take tasks from"
    )
    nodes: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = Field(
        min_length=1, description="the nodes that work for the agent alone, as celery@host; every one must answer"
    )
    mailbox: str = Field(default="celery", min_length=1, description="the app's control_exchange")


class CeleryWorkers:
    """The queues of one agent in a Celery app, and the nodes that work for it."""

    kind: ClassVar[str] = "celery_workers"
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.FULL_STOP})
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset(
        {SurfaceClass.QUEUE, SurfaceClass.WORKER, SurfaceClass.SCHEDULER}
    )
    permissions: ClassVar[tuple[str, ...]] = PERMISSIONS
    reversal: ClassVar[Literal["exact", "work_lost"]] = "work_lost"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"
    config_type: ClassVar[type[Config]] = CeleryWorkersConfig
    canary_type: ClassVar[type[Config] | None] = (
        None  # a task of the canary's would wait, and be done after the restore
    )
    manual: ClassVar[Manual] = MANUAL

    def __init__(self, *, config: CeleryWorkersConfig, canary: Config | None, shared: Shared) -> None:  # noqa: ARG002  # there is none
        self._queues, self._nodes = tuple(sorted(set(config.queues))), tuple(sorted(set(config.nodes)))
        self._address = Address.of(config.url.get_secret_value())
        self._mailbox = Mailbox(int(self._address.options.get("db") or 0), config.mailbox)
        self._channel = f"/{self._address.options.get('db') or 0}.{config.mailbox}.pidbox"
        self._mark = f"agent-kill:celery:{','.join(self._queues)}"
        self._endpoint = shared.get(Endpoint.key(self._address), lambda: Endpoint(self._address))
        self._endpoint.users += 1
        self._closed = False

    def target_key(self) -> str:
        """`celery_workers:HOST:PORT/DATABASE/queue,queue`."""
        return f"{self.kind}:{self._address.name}/{','.join(self._queues)}"

    async def preflight(self) -> tuple[str, ...]:
        """The rights, the queues and the nodes that are missing, and nodes without the two commands."""
        async with self._endpoint.line() as line:
            if lacking := await self._lacking(line):
                return lacking
            known = await self._known(line)
            found = await self._look(line)
        silent = [f"an answer of the node {name}: start it, or correct settings.nodes" for name in found.silent]
        mute = [name for name in self._nodes if name in found.nodes and found.nodes[name].alive is None]
        plain = [f"the commands of agent_kill_celery at {name}: start it with the set-up's --include" for name in mute]
        return (*(self._absent(queue) for queue in self._missing(known, found)), *silent, *plain)

    async def observe(self) -> Observation:
        """Asks every node. Raises `Unreachable` where one that is listed does not answer: silence is not rest."""
        async with self._endpoint.line() as line:
            known = await self._known(line)
            found = await self._look(line)
            mark = (await line.ask(("GET", self._mark)))[0]
        if missing := self._missing(known, found):
            return Observation(
                exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=f"{self._absent(missing[0])}."
            )
        if found.silent:
            raise Unreachable(self._silence(found))
        return Observation(
            exists=True,
            mode=Mode.FULL_STOP if found.off else Mode.NORMAL,
            enforceable=self.modes,
            why=self._why(found) if found.off else "",
            token=None if mark is None else mark.decode(),
            state=found.state(self._nodes, self._queues),
            in_flight=found.left(self._nodes) if found.off else 0,
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # nothing is reopened
        """Has no node take tasks, lets those that run end for `drain` seconds, and ends the rest."""
        async with self._endpoint.line() as line:
            known = await self._known(line)
            if not known and len(self._missing(known, await self._look(line))) == len(self._queues):
                return Cut(held=mode, why=f"{self._absent(self._queues[0])}.")
            told = await self._asked(line, *LOOK, *self._cancelled(), ahead=(("SET", self._mark, token),))
            ended, after = await self._rest(line, seen(told, self._nodes, self._queues), drain)
        return Cut(
            held=mode,
            changed=() if undo else tuple(Change(key=key, was=ON, now=OFF) for key in took(told, self._queues)),
            ended=len(ended - after.tasks),
            left=after.left(self._nodes) if after.off else max(after.left(self._nodes) or 0, 1),
            why=self._why(after),
        )

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:  # noqa: ARG002  # normal is all that is looser
        """Has nodes take tasks again where our cuts had ended that, in one step that wants our mark still there.

        Raises:
            Refused: the mark on the broker is not ours.
            AdapterError: it was changed while the gate was asked.
            Unreachable: a node does not answer.
        """
        async with self._endpoint.line() as line:
            try:
                self._ours((await line.ask(("WATCH", self._mark), ("GET", self._mark)))[1], expect)
                owed = sorted({change.key for change in undo if change.was == ON})
                if not await gate(()):
                    return Relaxed()
                told = await self._mailbox.ask(line, *map(_added, owed), ahead=(("DEL", self._mark),))
            except BaseException:
                await line.close()  # which forgets the WATCH
                raise
        if told is None:
            raise AdapterError(f"{self.target_key()} was changed by somebody else meanwhile; the bot tries again")
        if mute := [key.partition(" ")[0] for key, answers in zip(owed, told.answers, strict=True) if not answers]:
            raise Unreachable(f"{', '.join(mute)} did not answer as it was to take tasks again; start it")
        await self._taken_up(owed)
        return Relaxed(changed=tuple(Change(key=key, was=OFF, now=ON) for key in owed))

    async def attempt(self, *, mode: Mode) -> Attempt:  # noqa: ARG002  # there is no canary
        """Nothing is tried: a task that waits is no refusal."""
        return Attempt.UNTRIED

    @classmethod
    def policies(cls, config: Config) -> frozenset[BacklogPolicy]:  # noqa: ARG003  # every surface names its queues
        """All of them."""
        return frozenset(BacklogPolicy)

    async def count(self) -> Waiting:
        """What waits in the agent's queues."""
        async with self._endpoint.line() as line:
            return await backlog.count(line, self._lists)

    async def hold(self, *, label: str) -> Moved:
        """Puts it aside."""
        async with self._endpoint.line() as line:
            return await backlog.hold(line, self._lists, label)

    async def drop(self, *, label: str) -> Moved:
        """Removes it."""
        async with self._endpoint.line() as line:
            return await backlog.drop(line, self._lists, label)

    async def replay(self, *, label: str) -> Moved:
        """Gives it back."""
        async with self._endpoint.line() as line:
            return await backlog.replay(line, self._lists, label)

    async def aclose(self) -> None:
        """Gives up this target's share of the warm connection."""
        if not self._closed:
            self._closed = True
            await self._endpoint.aclose()

    @property
    def _lists(self) -> tuple[str, ...]:
        """Where Redis keeps the queues: one list per priority (kombu's default steps)."""
        return tuple(f"{queue}{step}" for queue in self._queues for step in backlog.STEPS)

    async def _look(self, line: Line, *orders: Order) -> Seen:
        """Looks, behind these orders."""
        return seen(await self._asked(line, *orders, *LOOK), self._nodes, self._queues, first=False)

    async def _asked(self, line: Line, *orders: Order, ahead: tuple[Command, ...] = ()) -> Told:
        told = await self._mailbox.ask(line, *orders, ahead=ahead)
        if told is None:
            raise AdapterError(f"{self._address.name} carried nothing out; the bot tries again")
        return told

    async def _rest(self, line: Line, found: Seen, drain: float) -> tuple[set[str], Seen]:
        """Ends tasks, and what they left, until nothing is; returns the ids that were to end, and the last look."""
        drained = time.monotonic() + drain
        ended: set[str] = set()
        orders: list[Order] = []  # to take no tasks goes ahead of the first look, which tells how it was before
        while True:
            if time.monotonic() >= drained:
                ended |= found.tasks
                orders += [_revoked(found.tasks)] if found.tasks else [END]
            found = await self._look(line, *orders)
            orders = [] if found.off else list(self._cancelled())
            if time.monotonic() >= drained + END_SECONDS or (found.off and self._resting(found)):
                return ended, found
            await asyncio.sleep(_TICK)

    async def _taken_up(self, owed: list[str]) -> None:
        """Nodes answer first and take tasks in their next turn: waits for that, for some seconds at most."""
        until = time.monotonic() + END_SECONDS
        while owed and time.monotonic() < until:
            async with self._endpoint.line() as line:
                facts = (await self._look(line)).state(self._nodes, self._queues)
            if all(facts.get(key) == ON for key in owed):
                return
            await asyncio.sleep(_TICK)

    def _resting(self, found: Seen) -> bool:
        """Nothing is left, or what is not known will not be known either."""
        alive = sum(found.nodes[name].alive or 0 for name in self._nodes if name in found.nodes)
        return not found.tasks and not alive

    def _cancelled(self) -> tuple[Order, ...]:
        return tuple(Order("cancel_consumer", {"queue": queue}) for queue in self._queues)

    async def _known(self, line: Line) -> frozenset[str]:
        """The queues that the broker has heard of, and all of them where a cut of ours stands."""
        asked = [("EXISTS", f"_kombu.binding.{queue}", queue) for queue in self._queues]
        marked, *there = await line.ask(("EXISTS", self._mark), *asked)
        if not all(isinstance(one, int) for one in (marked, *there)):
            raise AdapterError(f"{self._address.name} does not answer as a Redis does: correct settings.url")
        return frozenset(queue for queue, one in zip(self._queues, there, strict=True) if one or marked)

    async def _lacking(self, line: Line) -> tuple[str, ...]:
        named = {"mark": self._mark, "channel": self._channel}
        asked = [(queue, sample.split()) for queue in self._queues for sample in _SAMPLES]
        samples = [[word.format(queue=queue, **named) for word in words] for queue, words in asked]
        answers = await line.tried(*(("ACL", "DRYRUN", self._address.user, *words) for words in samples))
        if any(isinstance(told, NoPermissionError) for told in answers):
            return ("+acl|dryrun",)
        pairs = zip(samples, answers, strict=True)
        found = (f"+{words[0].lower()} on {words[1] if words[1:] else '*'}" for words, told in pairs if told != b"OK")
        return tuple(dict.fromkeys(found))

    def _missing(self, known: frozenset[str], found: Seen) -> list[str]:
        taken = {queue for node in found.nodes.values() for queue in node.queues}
        return [queue for queue in self._queues if queue not in known | taken]

    def _ours(self, mark: bytes | None, expect: str) -> None:
        if mark != expect.encode():
            raise Refused(f"the mark on {self.target_key()} is not ours: restrict again before relaxing")

    def _absent(self, queue: str) -> str:
        return f"{self._address.name} has no Celery queue {queue}: correct settings.url and settings.queues"

    def _silence(self, found: Seen) -> str:
        return (
            f"{', '.join(found.silent)} did not answer in time: a silent node may work; look for it, end it, "
            "or correct settings.nodes"
        )

    def _why(self, found: Seen) -> str:
        """What stands in the way of rest, in sentences."""
        said = [f"{self._silence(found)}."] if found.silent else []
        said += [f"{name} has {len(node.tasks)} tasks." for name, node in found.nodes.items() if node.tasks]
        said += [f"{name} takes tasks." for name, node in found.nodes.items() if node.queues]
        said += [f"{found.mute} other nodes heard and did not answer."] if found.mute else []
        own = {name: found.nodes[name] for name in self._nodes if name in found.nodes}
        said += [f"{node.alive} processes of ended tasks live at {name}." for name, node in own.items() if node.alive]
        if unseen := [name for name, node in own.items() if node.alive is None]:
            said.append(
                f"What the tasks of {', '.join(unseen)} left is not seen: start them as "
                "`agent-kill adapters show celery_workers --setup` says."
            )
        return " ".join(said)


def _revoked(tasks: frozenset[str]) -> Order:
    return Order("revoke", {"task_id": sorted(tasks), "terminate": True, "signal": "SIGKILL"})


def _added(key: str) -> Order:
    node, _, queue = key.partition(" ")
    return Order("add_consumer", {"queue": queue}, to=(node,))
