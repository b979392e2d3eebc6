"""An agent behind a private `agent-kill gate`, for the suite."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from aiohttp import ClientError, ClientSession

from adapters.base import Adapter, Change, Mode, Shared
from adapters.base.gated import CONTROL
from adapters.base.parked import Parked
from adapters.base.signed import REQUEST, sign
from adapters.conformance import Session, Stopped, ticks
from adapters.gate import GateCanary, GateSurface
from bot.sandbox.servers import HOST, free_port
from tests.contract.gate_server import SECRET, GateServer
from tests.contract.haproxy import Upstream
from tests.contract.rigs.haproxy_gateway import TICK, until
from tests.contract.rigs.running import Running


async def _yes(_changes: tuple[Change, ...]) -> bool:
    return True


@dataclass
class AgentSession:
    """The agent's client, whose connections stay open between its calls."""

    rig: "GateRig"
    client: ClientSession = field(default_factory=ClientSession)
    begun: "asyncio.Task[tuple[int, str]] | None" = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        """One call; its status and the draft that it was parked as. Raises `Stopped` where the answer did not come."""
        try:
            async with self.client.request(method, self.rig.server.door(self.rig.name) + path, data=body) as reply:
                await reply.read()
                return reply.status, reply.headers.get("X-Agent-Kill-Draft", "")
        except (ClientError, OSError) as error:
            raise Stopped(str(error)) from error

    async def act(self, mode: Mode) -> None:
        """As the kit says: what waits for a decision is released, a draft is not."""
        status, draft = await self.ask("GET" if mode is Mode.FULL_STOP else "POST", "/act")
        if status == 202 and mode is Mode.READ_ONLY:
            self.rig.parked += 1
        elif status == 202 and mode is Mode.DRAFT_ONLY:
            await self._approved(draft)
        elif status != 200:
            raise Stopped(str(status))

    async def _approved(self, draft: str) -> None:
        adapter = self.rig.adapter()
        assert isinstance(adapter, Parked)
        try:
            if "approval_gated" not in self.rig.server.state(self.rig.name).read_text():
                raise Stopped(f"{draft} is a draft, and waits for nobody's decision")
            if not (await adapter.release(draft=draft, by="U0APPROVER", gate=_yes)).done:
                raise Stopped(draft)
        finally:
            await adapter.aclose()

    async def begin(self) -> None:
        """A write that takes longer than a stop."""
        upstream = self.rig.upstream
        upstream.go.clear()
        slow = upstream.slow
        self.begun = asyncio.ensure_future(self.ask("POST", "/slow"))
        await until(lambda: upstream.slow > slow)

    async def finish(self) -> None:
        """Lets it end."""
        self.rig.upstream.go.set()
        assert self.begun is not None
        if (await self.begun)[0] != 200:
            raise Stopped("slow")

    async def close(self) -> None:
        """Closes its connections."""
        if self.begun is not None:
            self.begun.cancel()
            await asyncio.wait({self.begun})
            if not self.begun.cancelled():
                self.begun.exception()
        await self.client.close()


@dataclass
class GateRig:
    """The suite's rig: one surface of a gate."""

    lacks: ClassVar[Mapping[str, str]] = {
        "unarmed": "one secret is all that the bot needs; without it every call is refused",
        "narrow": "a gate has no mode but the bot's, so that there is nothing else to take away",
        "meddle": "a gate has no mode but the bot's, so that there is nothing else to change",
        "rotate": "the agent's credential is the upstream's; the gate keeps none of the agent",
        "reload": "a gate reads its configuration when it starts",
        "exhaust": "the control listener has descriptors that no agent's connection can take",
        "prepare": "nothing outlives a call but what is parked, and that is tried by the checks of parking",
        "redeliver": "a gate hands out no work: what was refused is the agent's to send again",
        "stubborn": "the surface is the calls, whatever process sends them",
        "queue": "nothing piles up at a gate but what it parked",
    }

    server: GateServer
    upstream: Upstream
    name: str
    parked: int = 0

    def adapter(self, *, shared: Shared | None = None) -> Adapter:
        """An adapter with a canary."""
        return self.made(shared=shared)

    def made(
        self, *, shared: Shared | None = None, name: str | None = None, secret: str = SECRET, control: int = 0
    ) -> GateSurface:
        """The same, with more to say."""
        place = {"control": f"http://{HOST}:{control or self.server.control}"}
        settings = self.server.settings(self.name if name is None else name) | {"secret": secret, "gates": [place]}
        return GateSurface(
            config=GateSurface.config_type.model_validate(settings),  # type: ignore[arg-type]  # the kind's own
            canary=GateCanary.model_validate({"urls": [self.server.door(self.name)]}),
            shared=shared or Shared(),
        )

    def parking(self) -> Adapter:
        """It parks as it is."""
        return self.adapter()

    def mistyped(self, name: str = "nobody", /) -> Adapter:
        """A surface that the gate does not serve."""
        return self.made(name=name)

    def intruder(self) -> Adapter:
        """A bot with another secret."""
        return self.made(secret="wrong")

    def unreachable(self) -> Adapter:
        """A port that nobody listens on."""
        return self.made(control=free_port())

    def elsewhere(self, port: int) -> Adapter:
        """Another port."""
        return self.made(control=port)

    async def session(self) -> Session:
        """A client of the agent; HTTP has no login."""
        return AgentSession(self)

    async def effects(self) -> int:
        """Counted by the upstream, and those parked in a mode that leaves no more."""
        return self.upstream.effects + self.parked

    async def authority(self) -> object:
        """The mode on the gate's disk."""
        return json.loads(self.server.state(self.name).read_text())["mode"]

    async def loosen(self) -> None:
        """By hand, with the bot's mark left where it was."""
        file = self.server.state(self.name)
        file.write_text(json.dumps(json.loads(file.read_text()) | {"mode": "normal"}))
        self.server.reload()
        session = AgentSession(self)
        try:
            for _ in ticks():
                if (await session.ask("POST", "/act"))[0] == 200:
                    return
                await asyncio.sleep(TICK)
            raise AssertionError("the gate did not read the mode again")
        finally:
            await session.close()

    async def propose(self, what: str) -> None:
        """A write with that body."""
        session = AgentSession(self)
        try:
            if (await session.ask("POST", "/act", what.encode(errors="surrogateescape")))[0] != 202:
                raise Stopped(what)
        finally:
            await session.close()

    def shown(self, what: str) -> tuple[str, ...]:
        """The call, and its body."""
        return "POST /act", what

    async def done(self) -> Mapping[str, int]:
        """The bodies that the upstream had."""
        return Counter(self.upstream.wrote)

    async def steal(self, draft: str) -> None:
        """Every verb, at both listeners, signed with what an agent may have."""
        path = f"{CONTROL}/billing/{self.name}"
        async with ClientSession() as client:
            for port in (self.server.control, self.server.port):
                for verb in ("release", "drop"):
                    body = json.dumps({"do": verb, "id": draft, "by": "U0AGENT", "generation": 0}).encode()
                    for headers in ({}, {REQUEST: str(sign("agent-key", path, body, 0.0))}):
                        async with client.post(f"http://{HOST}:{port}{path}", data=body, headers=headers) as reply:
                            if reply.status not in {401, 404}:
                                return
        raise Stopped("401")

    async def floor(self) -> None:
        """One call by hand."""
        adapter = self.made()
        await adapter._nodes[0].restrict(Mode.FULL_STOP, "floor", 0.0)
        await adapter.aclose()

    async def freeze(self) -> None:
        """The gate's process."""
        self.server.freeze()

    async def thaw(self) -> None:
        """The gate's process."""
        self.server.thaw()

    async def restart(self) -> None:
        """On the same ports."""
        await asyncio.to_thread(self.server.restart)


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[GateRig]:
    """A fresh surface of the gate, with an upstream of its own behind the gate's address."""
    upstream = Upstream(line=servers.gate_line)
    await upstream.start()
    try:
        yield GateRig(servers.gate, upstream, servers.gate.fresh_name())
    finally:
        await upstream.stop()
