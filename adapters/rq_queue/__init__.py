"""Stops the workers of an RQ database: nothing is taken up, and what runs is ended with the processes that it started.

RQ has one switch for a whole Redis database (`rq:suspended`), which carries the mark. Workers that wait for a job do
not look at it until they had one, and nothing in Redis shows what a job left behind: the two get an answer in
`workers.py` and in `agent_kill_rq.py`. The page is `docs/adapters/rq_queue.md`.
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
from adapters.errors import AdapterError, Refused
from adapters.rq_queue import backlog
from adapters.rq_queue.line import Address, Command, Endpoint, Line
from adapters.rq_queue.manual import MANUAL, PERMISSIONS, QUEUE_RIGHTS
from adapters.rq_queue.workers import SUSPENDED, Seen, Stopping, look

END_SECONDS = 3.0  # after which what is not at rest is counted as left
MARK, OURS = "agent-kill:", "suspended by agent-kill"
_TICK = 0.02
_REPORTS = 1.5  # seconds in which a worker that reports has done so, once it is suspended
_SAMPLES = (
    "GET rq:suspended", "SET rq:suspended x", "DEL rq:suspended", "PTTL rq:suspended", "SMEMBERS rq:workers",
    "HMGET rq:worker:x state", "ZRANGE rq:wip:{queue} 0 -1", "PUBLISH rq:pubsub:x x", "HSET rq:job:agent-kill-x data x",
    "EXPIRE rq:job:agent-kill-x 1", "LPUSH rq:queue:{queue} x", "LREM rq:queue:{queue} 1 x", "GET agent-kill:rq:x",
    "WATCH rq:suspended", "UNWATCH", "MULTI", "EXEC", "EXISTS agent-kill:rq-held:x", "LLEN rq:queue:{queue}",
    "RENAME rq:queue:{queue} agent-kill:rq-held:x", "RENAMENX agent-kill:rq-held:x rq:queue:{queue}",
    "LMOVE agent-kill:rq-held:x rq:queue:{queue} LEFT RIGHT", "LRANGE agent-kill:rq-held:x 0 -1",
    "HGETALL agent-kill:rq-held", "HDEL agent-kill:rq-held x",
)  # fmt: skip


def _address(url: SecretStr) -> SecretStr:
    Address.of(url.get_secret_value())
    return url


class RqQueueConfig(Config):
    """One Redis database that RQ works on."""

    url: Annotated[SecretStr, AfterValidator(_address)] = Field(
        description="redis://user:password@host:6379/0, rediss:// or unix://, with the number of RQ's database"
    )
    queues: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        min_length=1, description="the agent's queues, whose waiting jobs a restore may hold, drop or replay"
    )
    workers: int = Field(ge=1, description="how many workers there are at least; fewer answers are not taken for rest")


class RqQueue:
    """RQ in one database, for all who share it."""

    kind: ClassVar[str] = "rq_queue"
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.FULL_STOP})
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset(
        {SurfaceClass.QUEUE, SurfaceClass.WORKER, SurfaceClass.SCHEDULER}
    )
    permissions: ClassVar[tuple[str, ...]] = (*PERMISSIONS, *QUEUE_RIGHTS)
    reversal: ClassVar[Literal["exact", "work_lost"]] = "work_lost"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"
    config_type: ClassVar[type[Config]] = RqQueueConfig
    canary_type: ClassVar[type[Config] | None] = None  # a job of the canary's would wait, and be done after the restore
    manual: ClassVar[Manual] = MANUAL

    def __init__(self, *, config: RqQueueConfig, canary: Config | None, shared: Shared) -> None:  # noqa: ARG002  # there is none
        self._queues, self._expected = config.queues, config.workers
        self._address = Address.of(config.url.get_secret_value())
        self._endpoint = shared.get(Endpoint.key(self._address), lambda: Endpoint(self._address))
        self._endpoint.users += 1
        self._closed = False

    def target_key(self) -> str:
        """`rq_queue:HOST:PORT/DATABASE`: RQ is suspended for all of it, whatever the queues."""
        return f"{self.kind}:{self._address.name}"

    async def preflight(self) -> tuple[str, ...]:
        """The rights, the queues, the workers and their class that are missing."""
        async with self._endpoint.line() as line:
            if lacking := await self._lacking(line):
                return lacking
            found = await look(line)
        missing = [self._absent(queue) for queue in self._missing(found)]
        if not missing and len(found.workers) < self._expected:
            missing.append(self._fewer(found))
        return tuple(missing)

    async def observe(self) -> Observation:
        """Reads the switch, and what every worker says of itself."""
        async with self._endpoint.line() as line:
            found = await look(line)
        if missing := self._missing(found):
            return Observation(
                exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=f"{self._absent(missing[0])}."
            )
        shut = found.mark is not None
        return Observation(
            exists=True,
            mode=Mode.FULL_STOP if shut else Mode.NORMAL,
            enforceable=self.modes,
            why=self._why(found) if shut else "",
            token=_token(found.mark),
            state={SUSPENDED: _fact(found)},
            in_flight=found.left(self._expected) if shut else 0,
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:  # noqa: ARG002  # nothing is reopened
        """Suspends RQ, wakes who waits, lets jobs end for `drain` seconds, and stops the rest until nothing is left."""
        async with self._endpoint.line() as line:
            before = await look(line)
            missing = self._missing(before)
            if len(missing) == len(self._queues):  # one that is mistyped spares none of the others
                return Cut(held=mode, why=f"{self._absent(missing[0])}.")
            await line.ask(("SET", SUSPENDED, f"{MARK}{token}"))
            stopping = Stopping()
            try:
                after = await self._rest(line, stopping, drain)
            finally:
                await self._cleared(line, stopping)
        left = after.left(self._expected)
        known = any(change.key == SUSPENDED for change in undo) or _token(before.mark) is not None
        return Cut(
            held=mode,
            changed=() if known else (Change(key=SUSPENDED, was=_fact(before), now=OURS),),
            ended=len(stopping.ended - after.running),
            left=left,
            why=self._why(after),
        )

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:  # noqa: ARG002  # normal is all that is looser
        """Resumes RQ, or puts back what somebody else had suspended, in one step that wants our mark still there.

        Raises:
            Refused: the switch does not carry our mark.
            AdapterError: it was changed while the gate was asked.
        """
        async with self._endpoint.line() as line:
            mark = (await line.ask(("WATCH", SUSPENDED), ("GET", SUSPENDED)))[1]
            try:
                self._ours(mark, expect)
                if not await gate(()):
                    return Relaxed()
                was = next((change.was for change in undo if change.key == SUSPENDED), None)
                back = _restored(was)
                done = (await line.ask(("MULTI",), back, ("EXEC",)))[-1]
            except BaseException:
                await line.close()  # which forgets the WATCH
                raise
        if done is None:
            raise AdapterError(f"{self.target_key()} was changed by somebody else meanwhile; the bot tries again")
        return Relaxed(changed=(Change(key=SUSPENDED, was=OURS, now=was),))

    async def attempt(self, *, mode: Mode) -> Attempt:  # noqa: ARG002  # there is no canary
        """Nothing is tried: a job that waits is no refusal."""
        return Attempt.UNTRIED

    @classmethod
    def policies(cls, config: Config) -> frozenset[BacklogPolicy]:  # noqa: ARG003  # every surface names its queues
        """All of them."""
        return frozenset(BacklogPolicy)

    async def count(self) -> Waiting:
        """What waits in the agent's queues."""
        async with self._endpoint.line() as line:
            return await backlog.count(line, self._queues)

    async def hold(self, *, label: str) -> Moved:
        """Puts it aside."""
        async with self._endpoint.line() as line:
            return await backlog.hold(line, self._queues, label)

    async def drop(self, *, label: str) -> Moved:
        """Removes it."""
        async with self._endpoint.line() as line:
            return await backlog.drop(line, self._queues, label)

    async def replay(self, *, label: str) -> Moved:
        """Gives it back."""
        async with self._endpoint.line() as line:
            return await backlog.replay(line, self._queues, label)

    async def aclose(self) -> None:
        """Gives up this target's share of the warm connection."""
        if not self._closed:
            self._closed = True
            await self._endpoint.aclose()

    async def _rest(self, line: Line, stopping: Stopping, drain: float) -> Seen:
        """Steps until every worker is at rest, or the time is over; returns the last look."""
        drained = time.monotonic() + drain
        until, silent = drained + END_SECONDS, 0.0
        while True:
            found, now = await look(line), time.monotonic()
            left = found.left(0)
            silent = 0.0 if left is not None else silent or now  # all suspended, and some do not report
            if left == 0 or now >= until or (silent and now - silent >= _REPORTS):
                return found
            await stopping.step(line, found, end=now >= drained)
            await asyncio.sleep(_TICK)

    async def _cleared(self, line: Line, stopping: Stopping) -> None:
        """Takes the jobs of ours back; what could not be reached goes by itself in two minutes, and does nothing."""
        try:
            await stopping.clear(line)
        except AdapterError:
            await line.close()

    async def _lacking(self, line: Line) -> tuple[str, ...]:
        named = [(queue, sample.split()) for queue in self._queues for sample in _SAMPLES]
        samples = [[word.format(queue=queue) for word in words] for queue, words in named]
        answers = await line.tried(*(("ACL", "DRYRUN", self._address.user, *words) for words in samples))
        if any(isinstance(told, NoPermissionError) for told in answers):
            return ("+acl|dryrun",)
        pairs = zip(samples, answers, strict=True)
        found = (f"+{words[0].lower()} on {words[1] if words[1:] else '*'}" for words, told in pairs if told != b"OK")
        return tuple(dict.fromkeys(found))

    def _ours(self, mark: bytes | None, expect: str) -> None:
        if mark != f"{MARK}{expect}".encode():
            raise Refused(f"the mark on {self.target_key()} is not ours: restrict again before relaxing")

    def _missing(self, found: Seen) -> list[str]:
        heard = {queue for worker in found.workers for queue in worker.queues}
        return [queue for queue in self._queues if queue not in found.queues | heard]

    def _absent(self, queue: str) -> str:
        return f"{self._address.name} has no RQ queue {queue}: correct settings.url and settings.queues"

    def _why(self, found: Seen) -> str:
        """What stands in the way of rest, in sentences."""
        at_work = [f"{one.name} ({one.state or 'unknown'})" for one in found.workers if one.state != "suspended"]
        silent = [one.name for one in found.workers if one.state == "suspended" and one.alive is None]
        alive = [f"{one.alive} of {one.name}" for one in found.workers if one.state == "suspended" and one.alive]
        said = [f"Workers are not at rest: {', '.join(at_work)}."] if at_work else []
        said += [f"Processes of ended jobs live: {', '.join(alive)}."] if alive else []
        said += [f"{self._fewer(found)}."] if len(found.workers) < self._expected else []
        if silent:
            said.append(
                f"What the jobs of {', '.join(silent)} left is not seen: start the workers as "
                "`agent-kill adapters show rq_queue --setup` says."
            )
        return " ".join(said)

    def _fewer(self, found: Seen) -> str:
        return (
            f"{len(found.workers)} of {self._expected} RQ workers are registered at {self._address.name}: a silent one "
            "may work; look for it, or correct settings.workers"
        )


def _token(mark: str | None) -> str | None:
    return mark.removeprefix(MARK) if mark is not None and mark.startswith(MARK) else None


def _fact(found: Seen) -> str | None:
    """What the switch says, with the moment at which it ends by itself: `value` or `value|unix milliseconds`."""
    if found.mark is None or _token(found.mark) is not None:
        return found.mark and OURS
    return found.mark if found.lasts < 0 else f"{found.mark}|{int(time.time() * 1000) + found.lasts}"


def _restored(was: str | None) -> Command:
    """The command that puts the switch back as it was; a suspension whose end has passed meanwhile is over."""
    if was is None:
        return ("DEL", SUSPENDED)
    value, _, ends = was.rpartition("|")
    if not value:
        return ("SET", SUSPENDED, was)
    return ("SET", SUSPENDED, value, "PXAT", ends) if int(ends) > time.time() * 1000 else ("DEL", SUSPENDED)
