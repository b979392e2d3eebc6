"""A role of an account of a private NATS server, for the suite."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar

from adapters.base import Adapter, Mode, Shared
from adapters.conformance import Session, Stopped
from adapters.nats_user.nkeys import Credentials
from adapters.nats_user.scope import MARK
from bot.sandbox.servers import free_port
from tests.contract.nats_client import Client, Gone, heard_next
from tests.contract.nats_rig import BOT, TEMPLATE, Rig, rig
from tests.contract.nats_server import Key, creds
from tests.contract.rigs.running import Running


class AgentSession:
    """One connection of the agent: it publishes effects, listens to news, and answers a job with an effect."""

    def __init__(self, there: Rig, client: Client) -> None:
        self._there, self._client = there, client
        self._jobs: asyncio.Queue[bytes | None] | None = None

    async def act(self, mode: Mode) -> None:
        """A subscription where full_stop forbids everything, else a message; the witness counts messages."""
        try:
            if mode is Mode.FULL_STOP:
                await self._client.subscribe("news")
            else:
                await self._client.publish("effects")
        except Gone as error:
            raise Stopped(str(error)) from error

    async def begin(self) -> None:
        """Waits for a job."""
        self._jobs = await self._client.subscribe(self._subject, group="workers")

    async def finish(self) -> None:
        """The job comes; the agent does it where it still hears of it."""
        await self._there.witness.publish(self._subject)
        try:
            if self._jobs is not None:
                await heard_next(self._jobs)
            await self._client.publish("effects")
        except Gone as error:
            raise Stopped(str(error)) from error

    async def close(self) -> None:
        """Ends the session."""
        await self._client.close()

    @property
    def _subject(self) -> str:
        return f"jobs.{id(self)}"


class NatsRig:
    """The suite's rig: a private server, one account, one role, the bot with its documented rights."""

    lacks: ClassVar[Mapping[str, str]] = {
        "prepare": "a message is published or it is not; what a stream keeps is delivered to others by the server",
        "redeliver": "a role that is shut hears nothing; `test_nats_user.py` has a consumer that delivers again",
        "stubborn": "the surface is the role's connections, whatever process holds them",
        "parked": "no middle mode is declared: a message that is not published is kept by nobody",
    }

    def __init__(self, there: Rig) -> None:
        self.there = there
        self._pauser = there.pauser("WORK/agent")
        self._mover: dict[str, Any] = {}

    def movable(self, settings: dict[str, Any]) -> None:
        """What makes the consumer's work movable."""
        self._mover = settings

    def adapter(self, *, shared: Shared | None = None) -> Adapter:
        """An adapter with a canary, and a consumer of the agent's."""
        return self.there.adapter(shared=shared, **self._pauser)

    def mistyped(self, name: str | None = None) -> Adapter:
        """A role that the account has not."""
        return self.there.adapter(role=Key.new("A").public if name is None else name)

    def intruder(self) -> Adapter:
        """A user that the system account did not issue."""
        stranger = creds(Key.new("U"), Key.new("A"), account=self.there.server.operator.system.public)
        return self.there.adapter(creds=stranger)

    def unreachable(self) -> Adapter:
        """A port that nobody listens on."""
        return self.elsewhere(free_port())

    def elsewhere(self, port: int) -> Adapter:
        """Another port."""
        return self.there.adapter(url=f"nats://127.0.0.1:{port}")

    async def unarmed(self) -> tuple[Adapter, str]:
        """A bot that may not list connections."""
        allowed = [subject for subject in BOT if not subject.endswith("CONNZ")]
        return self.there.adapter(creds=self.there.server.operator.user(allowed)), "PING.CONNZ"

    async def session(self) -> Session:
        """The agent logs in."""
        try:
            return AgentSession(self.there, await self.there.login())
        except Gone as error:
            raise Stopped(str(error)) from error

    async def effects(self) -> int:
        """Messages that arrived at the witness."""
        return await self.there.effects()

    async def authority(self) -> object:
        """The account's claims as the server keeps them, without the bot's mark, and the consumer's pause."""
        claims = self.there.claims()
        nats = claims["nats"]
        tags = [tag for tag in nats.pop("tags", []) if not tag.startswith(MARK)]
        paused = await self.there.paused()
        return {**{key: claims[key] for key in ("sub", "name")}, "nats": nats, "tags": tags, "paused": paused}

    async def loosen(self) -> None:
        """Everything by hand."""
        await self.there.change(**{**TEMPLATE, "sub": {}, "allowed_connection_types": None})
        await self.there.api("CONSUMER.PAUSE.WORK.agent", {})

    async def narrow(self) -> None:
        """Some subjects less, no replies, and a consumer that is paused for a while."""
        await self.there.api("CONSUMER.PAUSE.WORK.agent", {"pause_until": "2998-01-02T03:04:05Z"})
        await self.there.change(
            pub={"allow": ["effects", "jobs.>"]}, sub={"allow": ["news", "jobs.> workers"], "deny": ["x"]}, resp=None
        )

    async def meddle(self) -> None:
        """A smaller payload."""
        await self.there.change(payload=4096)

    async def meddled(self) -> bool:
        """Whether it stands."""
        return bool(self.there.scope(self.there.claims())["template"]["payload"] == 4096)

    async def rotate(self) -> None:
        """The role issues another user; the first one is revoked."""
        claims = self.there.claims()
        claims["nats"]["revocations"] = {Credentials.of(self.there.agent).pair.public: 1 << 32}
        await self.there.store(claims)

    async def rotated(self) -> bool:
        """Whether only the new user gets in."""
        try:
            await (await self.there.login()).close()
        except Gone:
            await (await self.there.login(self.there.user())).close()
            return True
        return False

    async def freeze(self) -> None:
        """Stops the server's process in its tracks."""
        self.there.server.freeze()

    async def thaw(self) -> None:
        """Lets it go on."""
        self.there.server.thaw()

    async def restart(self) -> None:
        """In good order, on the same port; the administrator and the witness come back."""
        await self.there.effects()
        await self.there.close()
        await asyncio.to_thread(self.there.server.restart)
        await self.there.connect_admin()
        await self.there.watch()

    async def reload(self) -> None:
        """Its configuration, by signal."""
        os.kill(self.there.server.pid, signal.SIGHUP)
        await self.there.effects()

    @asynccontextmanager
    async def exhaust(self) -> AsyncIterator[None]:
        """The agent takes every connection that the server has."""
        crowd: list[Client] = []
        with suppress(Gone):
            while True:
                crowd.append(await self.there.login())
        try:
            yield
        finally:
            for client in crowd:
                await client.close()

    def queueing(self) -> Adapter:
        """The consumer of the agent's, whose work the bot may move."""
        return self.there.adapter(**self._mover)

    async def pile(self, count: int) -> None:
        """More jobs."""
        for number in range(count):
            await self.there.witness.request("work.one", f"job {number}".encode())

    async def waiting(self) -> int:
        """What the consumer has not delivered, and what was not done."""
        told = await self.there.api("CONSUMER.INFO.WORK.agent")
        return int(told["num_pending"]) + int(told["num_ack_pending"])

    async def floor(self) -> None:
        """The role's template shut by the administrator."""
        await self.there.change(
            pub={"deny": [">"]}, sub={"deny": [">"]}, resp=None, allowed_connection_types=["NOBODY"]
        )


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[NatsRig]:
    """A fresh account."""
    there = await rig(servers.nats, jetstream=True)
    await there.work()
    try:
        made = NatsRig(there)
        made.movable(await there.mover())
        yield made
    finally:
        await there.close()
