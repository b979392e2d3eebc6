"""A user of a private RabbitMQ, for the suite."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import ClassVar

from adapters.base import Adapter, Change, Mode, Shared
from adapters.conformance import Session, Stopped, ticks
from adapters.errors import AdapterError
from adapters.rabbitmq_user.amqp import Channel
from adapters.rabbitmq_user.look import path
from bot.sandbox.servers import free_port
from tests.contract.rabbit_rig import VHOST, Rig, rig
from tests.contract.rabbit_server import PASSWORD
from tests.contract.rigs.running import Running

_NUMBERS = itertools.count(1)


class AgentSession:
    """One connection of the agent. It publishes in transactions, so that each effect is there when the call ends."""

    def __init__(self, there: "RabbitRig", channel: Channel) -> None:
        self._there, self._channel = there, channel
        self._rig = there.there

    async def act(self, mode: Mode) -> None:
        """A look at a queue where full_stop forbids everything, else a message."""
        what = f"{mode}-{next(_NUMBERS)}"
        try:
            if mode is Mode.FULL_STOP:
                await self._channel.depth(self._rig.work)
                return
            await self._rig.publish(what, channel=self._channel)
        except (AdapterError, OSError) as error:
            raise Stopped(str(error)) from error
        if not (await self._rig.seen())[what]:
            await self._parked(mode, what)

    async def _parked(self, mode: Mode, what: str) -> None:
        """It was parked: that is what read_only forbids, and what waits is approved where draft_only forbids that."""
        if mode is Mode.READ_ONLY:
            self._there.parked += 1
        elif mode is not Mode.DRAFT_ONLY or not await self._there.approved(what):
            raise Stopped(f"{what} was parked")

    async def begin(self) -> None:
        """Takes a job and answers it, without committing either."""
        await self._rig.pile(1)
        await self._channel.get(self._rig.work)
        self._channel.publish(self._rig.exchange, "effect", b"job done")

    async def finish(self) -> None:
        """Commits."""
        try:
            await self._channel.commit()
        except (AdapterError, OSError) as error:
            raise Stopped(str(error)) from error

    async def close(self) -> None:
        """Ends the session."""
        self._channel.close()


class RabbitRig:
    """The suite's rig: a private node, one agent, the bot with its documented rights."""

    lacks: ClassVar[Mapping[str, str]] = {
        "prepare": "a transaction ends with its connection, and so does the hold on what was delivered",
        "reload": "users, rights and bindings are in the cluster's own database: no file is read again while it runs",
        "stubborn": "the surface is the user's connections, whatever process holds them",
    }

    def __init__(self, there: Rig) -> None:
        self.there = there
        self.parked = 0  # writes of the agent that were parked, as it was told itself

    def adapter(self, *, shared: Shared | None = None) -> Adapter:
        """An adapter with a canary."""
        return self.there.adapter(shared=shared)

    def mistyped(self, name: str = "nobody") -> Adapter:
        """A user that does not exist."""
        return self.there.adapter(user=name)

    def intruder(self) -> Adapter:
        """A wrong password of the bot."""
        return self.there.adapter(password="wrong")

    def unreachable(self) -> Adapter:
        """A port that nobody listens on."""
        return self.elsewhere(free_port())

    def elsewhere(self, port: int) -> Adapter:
        """Another port."""
        return self.there.adapter(url=f"http://127.0.0.1:{port}", amqp=f"amqp://127.0.0.1:{port}")

    async def unarmed(self) -> tuple[Adapter, str]:
        """A bot that may only look."""
        self.there.server.call("PUT", path("users", self.there.bot), {"password": PASSWORD, "tags": "monitoring"})
        return self.there.adapter(), "tag administrator"

    async def session(self) -> Session:
        """The agent logs in."""
        try:
            return AgentSession(self, await self.there.login())
        except (AdapterError, OSError) as error:
            raise Stopped(str(error)) from error

    async def effects(self) -> int:
        """Messages that reached where they were for, and those that were parked."""
        return (await self.there.seen()).total() + self.parked

    async def authority(self) -> object:
        """Rights, limits, tags and ways out of its exchange."""
        return self.there.authority()

    async def loosen(self) -> None:
        """What it had, by hand."""
        self.there.give()

    async def narrow(self) -> None:
        """No work, and few connections."""
        self.there.allow(self.there.user, "", f"^{self.there.exchange}$", "")
        self.there.limit("max-connections", 7)

    async def meddle(self) -> None:
        """Few channels."""
        self.there.limit("max-channels", 5)

    async def meddled(self) -> bool:
        """Whether that stands."""
        limits = self.there.server.call("GET", path("users", self.there.user))["limits"]
        return bool(limits.get("max-channels") == 5)

    async def rotate(self) -> None:
        """Another password."""
        self.there.server.call("PUT", path("users", self.there.user), {"password": "another", "tags": ""})

    async def rotated(self) -> bool:
        """Whether only the new one lets it in."""
        try:
            (await self.there.login()).close()
        except AdapterError:
            (await self.there.login("another")).close()
            return True
        return False

    async def freeze(self) -> None:
        """Stops the node in its tracks."""
        self.there.server.freeze()

    async def thaw(self) -> None:
        """Lets it go on."""
        self.there.server.thaw()

    async def restart(self) -> None:
        """In good order, on the same ports; what the witness has not seen yet it takes before.

        A node that is killed instead loses quorum queues that were made in its last three minutes: their names are on
        its disk only then (Ra of 3.10).
        """
        await self.there.seen()
        self.there.leave()
        self.there.restarted = True
        await asyncio.to_thread(self.there.server.restart)
        await self.there.served()

    @asynccontextmanager
    async def exhaust(self) -> AsyncIterator[None]:
        """The vhost has no room for another connection, and the agent has the last ones."""
        server, where, crowd = self.there.server, path("vhost-limits", VHOST, "max-connections"), []
        server.call("PUT", where, {"value": len(server.call("GET", "/connections")) + 5})
        with suppress(AdapterError):
            while True:
                crowd.append(await self.there.login())
        try:
            yield
        finally:
            server.call("DELETE", where)
            for channel in crowd:
                channel.abort()

    async def redeliver(self) -> None:
        """The job is in its queue again, and the agent comes for it."""
        for _ in ticks():
            if await self.there.depth(self.there.work):
                break
        with suppress(Stopped):
            session = await self.session()
            await session.begin()
            await session.finish()

    def parking(self) -> Adapter:
        """The same."""
        return self.there.adapter()

    async def propose(self, what: str) -> None:
        """A message of that text, and under it as its routing key where that may be so long."""
        await self.there.propose(what)

    def shown(self, what: str) -> tuple[str, ...]:
        """Where it is published, under which key, and its text."""
        return f"publish to {self.there.to}", f"routing key {what}", what

    async def done(self) -> Mapping[str, int]:
        """What arrived where it was for, and what waits where the bot could put something too."""
        return {**await self.there.seen(), "in the queue of work": await self.there.waits(self.there.work)}

    async def steal(self, draft: str) -> None:  # noqa: ARG002  # the agent takes what it can get
        """Takes from each of the bot's queues, empties them, publishes to them, past them, and binds past them."""
        there = self.there
        for queue in there.parked:
            for way in (_take, _put, _put_past):
                with suppress(AdapterError, OSError):
                    await way(there, queue)
                    return
        raise Stopped("every way was refused")

    async def approved(self, what: str) -> bool:
        """A person approves the message of that text, where it waits for that."""
        if not await self.there.waits():
            return False
        adapter = self.there.adapter()
        try:
            waits = [it for it in (await adapter.list(limit=10_000)).items if it.waits and it.arguments == what]
            for item in waits:
                await adapter.release(draft=item.id, by="U0APPROVER", gate=_yes)
        finally:
            await adapter.aclose()
        return bool((await self.there.seen())[what])

    def queueing(self) -> Adapter:
        """The agent's queue."""
        return self.there.adapter(queues=(self.there.work,))

    async def pile(self, count: int) -> None:
        """More jobs."""
        await self.there.pile(count)

    async def waiting(self) -> int:
        """What waits in the queue."""
        return await self.there.depth(self.there.work)

    async def floor(self) -> None:
        """A limit and one call by the administrator."""
        user, call = self.there.user, self.there.server.call  # in threads, so that the agent acts meanwhile
        await asyncio.to_thread(call, "PUT", path("user-limits", user, "max-connections"), {"value": 0})
        await asyncio.to_thread(call, "DELETE", path("connections", "username", user))


@asynccontextmanager
async def _logged_in(there: Rig) -> AsyncIterator[Channel]:
    channel = await there.login()
    try:
        yield channel
    finally:
        channel.close()


async def _take(there: Rig, queue: str) -> None:
    async with _logged_in(there) as channel:
        await channel.get(queue)


async def _put(there: Rig, queue: str) -> None:
    async with _logged_in(there) as channel:
        channel.publish("", queue, b"forged")
        await channel.commit()


async def _put_past(there: Rig, _queue: str) -> None:
    async with _logged_in(there) as channel:
        channel.publish(there.to, "effect", b"stolen")
        await channel.commit()


async def _yes(_changes: tuple[Change, ...]) -> bool:
    return True


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[RabbitRig]:
    """A fresh agent."""
    there = rig(servers.rabbit)
    try:
        yield RabbitRig(there)
    finally:
        there.unmake()
