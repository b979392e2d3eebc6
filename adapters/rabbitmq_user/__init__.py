"""Stops or reduces one user of a RabbitMQ cluster.

Its limit of connections is set to 0 and its connections are closed until none is left; what a looser mode leaves is
then written as permissions, and for the modes that park as the one way out of its exchange, before the limit is given
back. What each step is for, and what it cannot do, is in `docs/adapters/rabbitmq_user.md`.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Annotated, ClassVar, Literal, Self, overload

from pydantic import AfterValidator, Field, SecretStr, model_validator

from adapters.base import (
    DIGEST,
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
from adapters.base.parked import Drafts, Released, unless_stricter
from adapters.base.record import Facts, changes, others, undone
from adapters.errors import AdapterError, Refused
from adapters.rabbitmq_user import probes
from adapters.rabbitmq_user.amqp import Login
from adapters.rabbitmq_user.backlog import Queues
from adapters.rabbitmq_user.facts import (
    LIMIT,
    MIDDLE,
    NAME,
    Way,
    alike,
    baseline,
    judged,
    leads_elsewhere,
    reduced,
    shut,
)
from adapters.rabbitmq_user.line import Address, Asker, Endpoint
from adapters.rabbitmq_user.look import Look, end, limit, mark, path, read, write
from adapters.rabbitmq_user.manual import MANUAL, PERMISSIONS
from adapters.rabbitmq_user.parking import Parking

_UPTIME = "/nodes?columns=name,running,uptime"


def _name(name: str) -> str:
    if name and not NAME.fullmatch(name):
        raise ValueError("a name here has letters, digits, and _ . : - alone, because patterns are made of it")
    return name


def _canary_url(url: SecretStr) -> SecretStr:
    Login.whole(url.get_secret_value())
    return url


Name = Annotated[str, AfterValidator(_name)]


class RabbitmqUserConfig(Config):
    """Where the bot logs in, and the user that it stops."""

    url: str = Field(description="http:// or https:// of a node's management API; several with commas, tried in order")
    login: str = Field(description="the bot's own user, with the tag administrator")
    password: SecretStr = Field(description="the bot's password")
    user: str = Field(description="the user that the agent logs in as")
    amqp: str = Field(default="", description="amqp:// or amqps:// of a node, for what is parked and for queues")
    vhost: str = Field(default="/", description="where the exchange, the queues and the streams below are")
    exchange: Name = Field(default="", description="the agent's own fanout exchange, for the modes that park")
    to: Name = Field(default="", description="the exchange that its messages are for")
    queues: tuple[Name, ...] = Field(default=(), description="queues where the agent's work waits")
    streams: tuple[Name, ...] = Field(default=(), description="streams that it may still read in read_only")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        Address.of(self.url, self.login, "")
        if bool(self.exchange) is not bool(self.to):
            raise ValueError("exchange and to belong together: give both, or none")
        if (self.exchange or self.queues) and not self.amqp:
            raise ValueError("amqp is needed with exchange or queues")
        if self.amqp:
            Login.of(self.amqp, self.login, "", self.vhost)
        return self


class RabbitmqUserCanary(Config):
    """The agent's own login."""

    url: Annotated[SecretStr, AfterValidator(_canary_url)] = Field(
        description="amqp://user:password@host:port/vhost of the agent, for the attempt"
    )
    exchange: str = Field(default="", description="an exchange that it publishes to; else the one of the settings")


class RabbitmqUser:
    """One user, in all vhosts, on all nodes of a cluster."""

    kind: ClassVar[str] = "rabbitmq_user"
    modes: ClassVar[frozenset[Mode]] = frozenset(Mode) - {Mode.NORMAL}
    classes: ClassVar[frozenset[SurfaceClass]] = frozenset({SurfaceClass.QUEUE, SurfaceClass.IDENTITY})
    permissions: ClassVar[tuple[str, ...]] = PERMISSIONS
    reversal: ClassVar[Literal["exact", "work_lost"]] = "work_lost"
    marks: ClassVar[bool] = True
    attests: ClassVar[Literal["catalogue", "self"]] = "catalogue"
    manual: ClassVar[Manual] = MANUAL
    config_type: ClassVar[type[Config]] = RabbitmqUserConfig
    canary_type: ClassVar[type[Config] | None] = RabbitmqUserCanary

    def __init__(self, *, config: RabbitmqUserConfig, canary: RabbitmqUserCanary | None, shared: Shared) -> None:
        password = config.password.get_secret_value()
        self._user, self._config = config.user, config
        self._way = Way(config.vhost, config.exchange, config.to, config.streams)
        self._address = Address.of(config.url, config.login, password)
        self._amqp = Login.of(config.amqp, config.login, password, config.vhost) if config.amqp else None
        self._canary = Login.whole(canary.url.get_secret_value()) if canary else None
        self._publishes = (canary.exchange if canary else "") or config.exchange
        digest = sha256(f"{config.login}\0{password}".encode()).hexdigest()
        self._endpoint = shared.get((self.kind, self._address.name, digest), lambda: Endpoint(self._address))
        self._endpoint.users += 1
        self._closed = False

    def target_key(self) -> str:
        """`rabbitmq_user:host:port,…/user`."""
        return f"{self.kind}:{self._address.name}/{self._user}"

    async def preflight(self) -> tuple[str, ...]:
        """Asks who the bot is, and what in the set-up leaves a door."""
        async with self._endpoint.line() as asker:
            lacks = await probes.denied(asker, self._way, self._config.queues)
            if lacks:
                return lacks
            seen = await read(asker, self._user, self._way)
            if seen.user is None:
                return (self._missing(),)
            found = [*await probes.doors(asker, seen), *probes.wide(seen)]
        _, why = probes.enforceable(seen, self.modes)
        found += [why] if why and (self._config.exchange or why != seen.problem) else []
        found += [
            f"{name} in {self._way.vhost} is no stream" for name in self._way.streams if name not in seen.way.streams
        ]
        found += await probes.unreached(self._amqp, self._config.queues) if self._amqp else ()
        found += [self._itself()] if self._user == self._address.user else []
        found += probes.canary_lacks(self._canary, seen) if self._canary else ()
        return tuple(found)

    async def observe(self) -> Observation:
        """Reads the user's rights in every vhost, its limit, its connections, and what its exchange leads to."""
        async with self._endpoint.line() as asker:
            settled = await self._endpoint.settled()
            seen = await read(asker, self._user, self._way)
        if seen.user is None:
            return Observation(exists=False, mode=Mode.NORMAL, enforceable=frozenset(), why=self._missing())
        enforceable, why = probes.enforceable(seen, self.modes)
        mode = seen.mode
        alive = seen.alive if mode is Mode.FULL_STOP else 0
        return Observation(
            exists=True,
            mode=mode,
            enforceable=frozenset() if self._user == self._address.user else enforceable,
            why=" ".join(filter(None, (why, seen.absence))),
            token=seen.mark,
            state=seen.facts,
            in_flight=None if not alive and (seen.away or not settled) and mode is not Mode.NORMAL else alive,
        )

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:
        """Stops the user fully and ends its connections; for a looser mode then asks the gate and lets it in again."""
        if self._address.user == self._user:
            raise Refused(self._itself(), missing=("a user of the bot's own",))
        async with self._endpoint.line() as asker:
            settled = await self._endpoint.settled()
            seen = await read(asker, self._user, self._way)
            if seen.user is None:
                return Cut(held=Mode.FULL_STOP, why=self._missing())
            await self._shut(asker, seen)
            await mark(asker, self._user, seen, token=token, vhost=self._way.vhost)
            ended, left = await end(asker, self._user, drain)
            base = baseline(seen.facts, undo, seen.way, marked=seen.mark is not None)
            enforceable, why = probes.enforceable(replace(seen, facts=base), self.modes)
            aim = Mode.FULL_STOP if left else min((it for it in enforceable if it >= mode), default=Mode.FULL_STOP)
            target = reduced(aim, base, seen.facts, seen.way)
            await write(asker, self._user, seen, target)
            lost = seen.mark is not None and not undo  # restricted already and no record: nobody's baseline
            planned = () if lost else changes(base, target, undo)
            held, said = await self._open(asker, seen, target, token=token, planned=planned, gate=gate)
        unsure = (seen.away or not settled) and not left
        return Cut(
            held=held,
            changed=() if lost else changes(base, shut(target) if held is Mode.FULL_STOP else target, undo),
            ended=ended,
            left=None if unsure else left,
            why=" ".join(filter(None, (why if aim is not mode else "", said, seen.absence))),
        )

    async def relax(self, *, to: Mode, expect: str, token: str, undo: tuple[Change, ...], gate: Gate) -> Relaxed:
        """Gives back what our cuts took: to normal, or what `to` leaves. The mark must be `expect`.

        Where the agent's exchange has to lead elsewhere the agent is shut out meanwhile, so that each of its messages
        goes one way.

        Raises:
            Refused: the mark is another, or somebody changed the user meanwhile: restrict again first.
        """
        async with self._endpoint.line() as asker:
            seen = await self._ours(asker, expect)
            whole, kept = undone(seen.facts, undo)
            target = reduced(to, whole, seen.facts, seen.way)
            moves = leads_elsewhere(seen.facts, target)
            planned = () if to is Mode.NORMAL else _replaced(whole, target, undo, kept, seen.way)
            if moves and (LIMIT, "0") not in {(change.key, change.now) for change in undo}:
                planned += (Change(key=LIMIT, was=whole.get(LIMIT), now="0"),)
            if not await gate(planned):
                return Relaxed(kept=kept)
            if (await self._ours(asker, expect)).facts != seen.facts:
                raise self._strange(expect)
            if moves:
                await self._silence(asker, seen)
            await write(asker, self._user, seen, target)
            await mark(asker, self._user, seen, token=None if to is Mode.NORMAL else token, vhost=self._way.vhost)
            if moves or seen.facts.get(LIMIT) != target[LIMIT]:
                await limit(asker, self._user, target[LIMIT])
        both = ((key, seen.facts.get(key), target[key]) for key in target)
        return Relaxed(changed=tuple(Change(key=k, was=w, now=n) for k, w, n in both if w != n), kept=kept)

    async def attempt(self, *, mode: Mode) -> Attempt:
        """Logs in as the agent (full_stop), or publishes without effect what `mode` forbids.

        A server tells a wrong password from a user that may not come in, so a wrong one is `untried`.
        """
        if self._canary is None or self._canary.user != self._user:
            return Attempt.UNTRIED
        if mode is Mode.READ_ONLY and not self._publishes:
            return Attempt.UNTRIED
        return await probes.attempt(self._canary, self._way, self._publishes, mode)

    @classmethod
    def parks(cls, config: Config) -> frozenset[Mode]:
        """Both middle modes, where the settings name an exchange."""
        return MIDDLE if isinstance(config, RabbitmqUserConfig) and config.exchange else frozenset()

    async def list(self, *, limit: int = 100) -> Drafts:
        """What lies in the queues of drafts and of what waits; nobody else sees them meanwhile."""
        return await self._parking().oldest(limit)

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """Publishes it to where it was for, in one transaction with its receipt and its removal."""
        return await self._parking().release(draft, by, unless_stricter(self, gate))

    @overload
    async def drop(self, *, label: str) -> Moved: ...
    @overload
    async def drop(self, *, draft: str, by: str) -> bool: ...
    async def drop(self, *, label: str = "", draft: str = "", by: str = "") -> Moved | bool:
        """Removes what waits in the queues, or one draft: the one name that two protocols have."""
        return await self._parking().drop(draft, by) if by else await self._queues().drop(label)

    @classmethod
    def policies(cls, config: Config) -> frozenset[BacklogPolicy]:
        """All of them, where the settings name queues."""
        return frozenset(BacklogPolicy) if isinstance(config, RabbitmqUserConfig) and config.queues else frozenset()

    async def count(self) -> Waiting:
        """What waits in the queues, and what lies aside of them."""
        return await self._queues().count(await self._names())

    async def hold(self, *, label: str) -> Moved:
        """Moves what waits to queues of ours, all of it in one transaction."""
        return await self._queues().hold(label)

    async def replay(self, *, label: str) -> Moved:
        """Moves it back, behind what waits by now."""
        return await self._queues().replay(label, await self._names())

    async def note(self) -> Mapping[str, str]:
        """The password, as a digest that means nothing elsewhere, and the tags."""
        async with self._endpoint.line() as asker:
            seen = await read(asker, self._user, self._way)
        if seen.user is None:
            return {}
        text = f"{self.target_key()}\n{seen.user.get('password_hash')}"
        said = f"{DIGEST}{sha256(text.encode()).hexdigest()[:32]}"
        return {"password": said, **({"tags": ", ".join(sorted(seen.tags))} if seen.tags else {})}

    def others(
        self, *, before: Mapping[str, str | None], now: Mapping[str, str | None], undo: tuple[Change, ...]
    ) -> tuple[str, ...]:
        """What others changed of its rights, its limit and the ways out of its exchange."""
        return others(before, now, undo)

    async def aclose(self) -> None:
        """Gives up this target's share of the warm connection."""
        if not self._closed:
            self._closed = True
            await self._endpoint.aclose()

    async def _shut(self, asker: Asker, seen: Look) -> None:
        if seen.facts.get(LIMIT) != "0":
            await limit(asker, self._user, "0")

    async def _silence(self, asker: Asker, seen: Look) -> None:
        """Shuts the agent out for a moment. Raises `AdapterError` where a connection stays, and leaves it shut."""
        await self._shut(asker, seen)
        _, left = await end(asker, self._user)
        if left:
            raise AdapterError(f"{left} connections of {self._user} do not end, so nothing was loosened")

    async def _open(
        self, asker: Asker, seen: Look, target: Facts, *, token: str, planned: tuple[Change, ...], gate: Gate
    ) -> tuple[Mode, str]:
        """Gives the limit back after a full stop, where the gate agrees and nobody changed the user meanwhile."""
        held = judged(target, seen.way)
        if held is Mode.FULL_STOP:
            return held, ""
        if not await gate(planned):
            return Mode.FULL_STOP, "A stricter hold stands, so the user was not let in again."
        now = await read(asker, self._user, self._way)
        if now.mark != token or not alike(now.facts, shut(target)):
            return Mode.FULL_STOP, f"{self._user} was changed while it was cut, so it was not let in again."
        await limit(asker, self._user, target[LIMIT])
        return held, ""

    async def _ours(self, asker: Asker, expect: str) -> Look:
        await self._endpoint.settled()
        seen = await read(asker, self._user, self._way)
        if seen.user is None:
            raise AdapterError(self._missing())
        if seen.mark != expect:
            raise self._strange(seen.mark)
        return seen

    def _parking(self) -> Parking:
        if self._amqp is None or not self._config.exchange:
            raise AdapterError(f"Nothing of {self._user} is parked: settings name no exchange.")
        return Parking(self._amqp, self._way, self._boots)

    def _queues(self) -> Queues:
        if self._amqp is None:
            raise AdapterError(f"No work of {self._user} is known: settings name no queues.")
        return Queues(self._amqp, self._config.queues, self._user)

    async def _names(self) -> tuple[str, ...]:
        """Every queue of the vhost."""
        async with self._endpoint.line() as asker:
            told = await asker.one("GET", f"{path('queues', self._way.vhost)}?columns=name")
        return tuple(str(row.get("name")) for row in told.data or [] if isinstance(row, dict))

    async def _boots(self) -> Mapping[str, float]:
        """When each node that runs was started, Unix seconds."""
        async with self._endpoint.line() as asker:
            told = await asker.one("GET", _UPTIME)
        rows = [row for row in told.data or [] if isinstance(row, dict) and row.get("running")]
        return {str(row.get("name")): time.time() - row.get("uptime", 0) / 1000 for row in rows}

    def _missing(self) -> str:
        return f"There is no user {self._user} on {self._address.name}: check settings.user."

    def _itself(self) -> str:
        return f"The bot logs in as {self._user} itself and will not lock itself out: give it a user of its own."

    def _strange(self, mark_: str | None) -> Refused:
        return Refused(
            f"{self._user} on {self._address.name} was changed by somebody else (its mark is {mark_ or 'gone'}): "
            "restrict again before relaxing"
        )


def _replaced(
    whole: Facts, target: Facts, undo: tuple[Change, ...], kept: tuple[str, ...], way: Way
) -> tuple[Change, ...]:
    """What a step to a reduced mode replaces; of what others changed, their choice is that."""
    return changes({**baseline(whole, undo, way, marked=True), **{key: whole[key] for key in kept}}, target, undo)
