"""A plain control endpoint, which knows the contract alone, with an agent behind it in another process."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from aiohttp import ClientSession

from adapters.base import Adapter, Mode, Shared
from adapters.conformance import Session, Stopped
from bot.sandbox.servers import free_port
from tests.contract.http_rig import Rig
from tests.contract.rigs.running import Running

REFUSED = 403
# The receiver's rule per mode, as its agent meets it: what each mode forbids and the next looser one allows.
ACTIONS = {Mode.FULL_STOP: "read", Mode.READ_ONLY: "draft", Mode.DRAFT_ONLY: "ask", Mode.APPROVAL_GATED: "write"}


@dataclass
class AgentSession:
    """The agent's client, with its own credential."""

    there: Rig
    slow: "asyncio.Task[int] | None" = None

    async def act(self, mode: Mode) -> None:
        """The action that `mode` is the first to forbid."""
        if await self.there.act(action=ACTIONS[mode]) == REFUSED:
            raise Stopped(ACTIONS[mode])

    async def begin(self) -> None:
        """A call that takes longer than a stop."""
        self.slow = asyncio.ensure_future(self._slow())
        for _ in range(500):
            if (await self.there.witness())["slow"]:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the agent's slow call never arrived")

    async def finish(self) -> None:
        """Lets it end."""
        await self.there.tell("finish")
        if self.slow is None or await self.slow != 200:
            raise Stopped("slow")

    async def close(self) -> None:
        """Nothing stays open but a slow call."""
        if self.slow is not None:
            self.slow.cancel()
            await asyncio.wait({self.slow})

    async def _slow(self) -> int:
        async with self.there.client.post(self.there.url("slow")) as reply:
            return reply.status


@dataclass
class HttpRig:
    """The suite's rig: one target of the receiver."""

    lacks: ClassVar[Mapping[str, str]] = {
        "reload": "what a receiver reads again, and when, is its own affair",
        "unarmed": "the secret is all that the bot needs, and a wrong one is refused",
        "exhaust": "a receiver that takes no further call answers 503 or not at all, which is unreachable",
        "prepare": "what outlives a call is the receiver's own, and it says so in in_flight",
        "redeliver": "an endpoint hands out no work",
        "queue": "what waits behind an endpoint is the receiver's affair",
        "stubborn": "the agent's process is the receiver's affair",
        "parked": "the receiver of these tests refuses what a middle mode forbids",
    }

    there: Rig

    def adapter(self, *, shared: Shared | None = None) -> Adapter:
        """An adapter with a canary that writes."""
        return self.there.adapter(shared=shared)

    def mistyped(self, name: str = "") -> Adapter:
        """A target that the receiver does not have."""
        return self.there.adapter(
            url=self.there.url("control", name=quote(f"nobody{name}", safe="", errors="surrogateescape"))
        )

    def intruder(self) -> Adapter:
        """A wrong secret."""
        return self.there.adapter(secret="wrong")

    def unreachable(self) -> Adapter:
        """A port that nobody listens on."""
        return self.elsewhere(free_port())

    def elsewhere(self, port: int) -> Adapter:
        """Another port."""
        return self.there.adapter(url=f"http://127.0.0.1:{port}/control")

    async def session(self) -> Session:
        """HTTP has no login: the session exists, and each call is judged."""
        return AgentSession(self.there)

    async def effects(self) -> int:
        """Counted by the receiver's process, apart from its control endpoint."""
        return int(str((await self.there.witness())["effects"]))

    async def authority(self) -> object:
        """The receiver's mode."""
        return (await self.there.witness())["mode"]

    async def loosen(self) -> None:
        """By hand, past the endpoint."""
        await self.there.tell("set", json.dumps({"mode": "normal"}))

    async def narrow(self) -> None:
        """Its owner has it ask for every write."""
        await self.there.tell("set", json.dumps({"mode": "approval_gated"}))

    async def restart(self) -> None:
        """It comes back on its port, and has forgotten every mode."""
        await self.there.farm.restart()

    async def floor(self) -> None:
        """By hand, past the endpoint."""
        await self.there.tell("set", json.dumps({"mode": "full_stop"}))

    async def meddle(self) -> None:
        """Something beside the mode."""
        await self.there.tell("set", json.dumps({"note": "meddled"}))

    async def meddled(self) -> bool:
        """Whether it stands."""
        return (await self.there.witness())["note"] == "meddled"

    async def rotate(self) -> None:
        """Another key of the agent."""
        await self.there.tell("set", json.dumps({"key": "another"}))

    async def rotated(self) -> bool:
        """Whether only the new key works."""
        return await self.there.act() == 401 and await self.there.act(key="another") == 200

    async def freeze(self) -> None:
        """Stops the receiver in its tracks."""
        self.there.farm.freeze()

    async def thaw(self) -> None:
        """Lets it go on."""
        self.there.farm.thaw()


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[HttpRig]:
    """A fresh target of the receiver."""
    async with ClientSession() as client:
        there = Rig(servers.receivers, client)
        try:
            yield HttpRig(there)
        finally:
            await there.close()
