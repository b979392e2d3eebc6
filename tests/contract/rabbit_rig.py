"""An agent's user of a private RabbitMQ with its exchange, its queues and everybody's logins."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import SecretStr

from adapters.base import Shared
from adapters.conformance import ticks
from adapters.errors import AdapterError
from adapters.rabbitmq_user import RabbitmqUser, RabbitmqUserCanary, RabbitmqUserConfig
from adapters.rabbitmq_user.amqp import Channel, Login
from adapters.rabbitmq_user.facts import MARK
from adapters.rabbitmq_user.look import path
from adapters.rabbitmq_user.store import desk
from tests.contract.rabbit_server import ADMIN, PASSWORD, RabbitServer

VHOST = "agents"
QUIET = {"delivery_mode": 1}  # in memory alone: nothing waits for a disk
LONGEST_KEY = 255  # bytes of a routing key
_NUMBERS: Iterator[int] = itertools.count(1)


class Key(str):
    """A routing key of any bytes: the protocol's library writes what `encode` gives."""

    __slots__ = ("raw",)
    raw: bytes

    def __new__(cls, raw: bytes) -> Self:
        """Reads as the text that it is, as far as it is one."""
        made = super().__new__(cls, raw.decode("utf-8", "surrogateescape"))
        made.raw = raw
        return made

    def encode(self, *_how: str) -> bytes:
        """Its bytes."""
        return self.raw


@dataclass
class Rig:
    """One agent: it publishes to `exchange`, which leads to `to` and so to the witness, and takes work from `work`."""

    server: RabbitServer
    number: int = field(default_factory=lambda: next(_NUMBERS))
    real: Counter[str] = field(default_factory=Counter)  # what really arrived
    restarted: bool = False  # then a quorum queue that has no leader yet takes 5 s to go, and may as well stay
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _witness: Channel | None = None

    @property
    def user(self) -> str:
        """The agent's."""
        return f"agent{self.number}"

    @property
    def bot(self) -> str:
        """The bot's."""
        return f"bot{self.number}"

    @property
    def exchange(self) -> str:
        """The agent's own."""
        return f"out{self.number}"

    @property
    def to(self) -> str:
        """What its messages are for."""
        return f"real{self.number}"

    @property
    def work(self) -> str:
        """Where its work waits."""
        return f"work{self.number}"

    @property
    def effects(self) -> str:
        """Where what it did arrives."""
        return f"effects{self.number}"

    @property
    def parked(self) -> tuple[str, str, str]:
        """The bot's queues."""
        return tuple(f"agent-kill.{self.exchange}.{what}" for what in ("drafts", "waiting", "done"))  # type: ignore[return-value]  # three

    def make(self) -> None:
        """Everything, as the set-up says."""
        call = self.server.call
        call("PUT", path("vhosts", VHOST))
        call("PUT", path("permissions", VHOST, ADMIN), {"configure": ".*", "write": ".*", "read": ".*"})
        call("PUT", path("users", self.user), {"password": PASSWORD, "tags": ""})
        call("PUT", path("users", self.bot), {"password": PASSWORD, "tags": "administrator"})
        call("PUT", path("exchanges", VHOST, self.exchange), {"type": "fanout", "durable": True})
        call("PUT", path("exchanges", VHOST, self.to), {"type": "topic", "durable": True})
        for queue in (self.work, self.effects):
            call("PUT", path("queues", VHOST, queue), {"durable": True})
        for queue in self.parked:
            call("PUT", path("queues", VHOST, queue), {"durable": True, "arguments": {"x-queue-type": "quorum"}})
        call("POST", path("bindings", VHOST, "e", self.to, "q", self.effects), {"routing_key": "#", "arguments": {}})
        ours = "agent-kill[.]"
        write = f"^({ours}.*|amq[.]default|{self.to})$"
        self.allow(self.bot, f"^{ours}", write, f"^({ours}.*|{self.exchange}|{self.work})$")
        self.give()

    def give(self) -> None:
        """What the agent has in normal."""
        self.allow(self.user, "", f"^{self.exchange}$", f"^{self.work}$")
        self.lead({"routing_key": "", "arguments": {}}, self.to)
        self.server.call("DELETE", path("user-limits", self.user, "max-connections"))

    def allow(self, user: str, configure: str, write: str, read: str) -> None:
        """Rights in the vhost."""
        said = {"configure": configure, "write": write, "read": read}
        self.server.call("PUT", path("permissions", VHOST, user), said)

    def lead(self, binding: dict[str, Any], to: str, kind: str = "e") -> None:
        """Binds the agent's exchange."""
        self.server.call("POST", path("bindings", VHOST, "e", self.exchange, kind, to), binding)

    def limit(self, name: str, value: int) -> None:
        """A limit of the agent's."""
        self.server.call("PUT", path("user-limits", self.user, name), {"value": value})

    def authority(self) -> dict[str, Any]:
        """All that the agent may do, as the node tells it, without the bot's mark."""
        about = path("users", self.user)
        topics = [row for row in self.server.call("GET", f"{about}/topic-permissions") if row["exchange"] != MARK]
        ways = self.server.call("GET", f"{path('exchanges', VHOST, self.exchange)}/bindings/source")
        return {
            "user": self.server.call("GET", about),
            "rights": sorted(self.server.call("GET", f"{about}/permissions"), key=str),
            "topics": topics,
            "ways": sorted(ways, key=str),
        }

    async def login(self, password: str = PASSWORD, vhost: str = VHOST) -> Channel:
        """The agent logs in, with a transaction."""
        channel = await Channel.open(Login.of(self.server.amqp, self.user, password, vhost))
        try:
            await channel.begin()
        except BaseException:
            channel.abort()
            raise
        return channel

    async def publish(self, what: str, *, channel: Channel | None = None) -> None:
        """The agent publishes. Raises what the adapter's client raises."""
        mine = channel or await self.login()
        try:
            mine.publish(self.exchange, "effect", what.encode(), QUIET)
            await mine.commit()
        finally:
            if channel is None:
                mine.close()

    async def propose(self, what: str) -> None:
        """The agent publishes a text under itself as the routing key, which may be bytes that are no text."""
        said = what.encode("utf-8", "surrogateescape")
        key = said if len(said) <= LONGEST_KEY else b"long"
        mine = await self.login()
        try:
            mine.publish(self.exchange, Key(key), said, QUIET)
            await mine.commit()
        finally:
            mine.close()

    async def seen(self) -> Counter[str]:
        """What arrived, taken by the witness."""
        async with self._watching() as witness:
            while (message := await witness.get(self.effects)) is not None:
                witness.ack(message.tag)
                self.real[message.body.decode("utf-8", "surrogateescape")] += 1
            return self.real

    async def waits(self, queue: str = "") -> int:
        """How many messages wait for a decision, or in another queue, as the witness sees it."""
        async with self._watching() as witness:
            return await witness.depth(queue or self.parked[1])

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[Channel]:
        async with self._turn:
            if self._witness is None:
                self._witness = await Channel.open(Login.of(self.server.amqp, ADMIN, PASSWORD, VHOST))
            yield self._witness

    async def pile(self, count: int, **properties: Any) -> None:
        """Work for the agent."""
        admin = await Channel.open(Login.of(self.server.amqp, ADMIN, PASSWORD, VHOST))
        await admin.begin()
        for number in range(count):
            admin.publish("", self.work, f"job {number}".encode(), properties)
        await admin.commit()
        admin.close()

    async def depth(self, queue: str) -> int:
        """How much waits in a queue."""
        admin = await Channel.open(Login.of(self.server.amqp, ADMIN, PASSWORD, VHOST))
        try:
            return await admin.depth(queue)
        finally:
            admin.close()

    def config(self, **other: Any) -> RabbitmqUserConfig:
        """What the page shows, with the queues and the exchange."""
        given = {
            "url": self.server.url, "amqp": self.server.amqp, "login": self.bot, "password": PASSWORD,
            "user": self.user, "vhost": VHOST, "exchange": self.exchange, "to": self.to, **other,
        }  # fmt: skip
        return RabbitmqUserConfig.model_validate(given)

    def adapter(self, *, shared: Shared | None = None, **other: Any) -> RabbitmqUser:
        """An adapter with a canary."""
        url = f"amqp://{self.user}:{PASSWORD}@127.0.0.1:{self.server.port}/{VHOST}"
        canary = RabbitmqUserCanary(url=SecretStr(url))
        return RabbitmqUser(config=self.config(**other), canary=canary, shared=shared or Shared())

    async def served(self) -> None:
        """Returns once the bot's queues answer: after a restart each finds its leader first."""
        login = Login.of(self.server.amqp, ADMIN, PASSWORD, VHOST)
        for _ in ticks(60):
            with suppress(AdapterError):
                async with desk(login, self.parked[-1]) as task:
                    for queue in self.parked:
                        await task.take(queue)
                return
        raise AssertionError(f"the queues of {self.exchange} did not come back")

    def leave(self) -> None:
        """Closes the witness's connection."""
        if self._witness is not None:
            self._witness.abort()
            self._witness = None

    def unmake(self) -> None:
        """Removes it all."""
        self.leave()
        with suppress(AdapterError):
            for queue in (self.work, self.effects, *(() if self.restarted else self.parked)):
                self.server.call("DELETE", path("queues", VHOST, queue))
            for exchange in (self.exchange, self.to):
                self.server.call("DELETE", path("exchanges", VHOST, exchange))
            for user in (self.user, self.bot):
                self.server.call("DELETE", path("users", user))


def rig(server: RabbitServer) -> Rig:
    """A fresh one."""
    made = Rig(server)
    made.make()
    return made
