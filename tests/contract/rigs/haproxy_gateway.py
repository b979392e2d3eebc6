"""An agent behind a private HAProxy, for the suite."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import ClassVar

from aiohttp import ClientError, ClientSession

from adapters.base import Adapter, Mode, Shared
from adapters.conformance import Session, Stopped, ticks
from adapters.haproxy_gateway import HaproxyGateway
from bot.sandbox.servers import HOST, free_port
from tests.contract.haproxy import AGENTS, MAP, HaproxyServer, Upstream
from tests.contract.rigs.running import Running

AGENT, OTHER = AGENTS
TICK = 0.01


async def until(reached: Callable[[], bool]) -> None:
    """Waits until `reached()` is true."""
    for _ in ticks():
        if reached():
            return
        await asyncio.sleep(TICK)
    raise AssertionError("it never came so far")


@dataclass
class AgentSession:
    """The agent's client, whose connections stay open between its calls."""

    server: HaproxyServer
    upstream: Upstream
    agent: str = AGENT
    client: ClientSession = field(default_factory=ClientSession)
    begun: "asyncio.Task[int] | None" = None

    async def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> int:
        """One call; its status. Raises `Stopped` where the answer did not come."""
        url, own = f"http://{HOST}:{self.server.port}{path}", {"X-Agent": self.agent, **(headers or {})}
        try:
            async with self.client.request(method, url, headers=own) as reply:
                await reply.read()
                return reply.status
        except (ClientError, OSError) as error:
            raise Stopped(str(error)) from error

    async def act(self, mode: Mode) -> None:
        """A read, which full_stop forbids, or a write."""
        status = await self.ask("GET" if mode is Mode.FULL_STOP else "POST", "/act")
        if status != 200:
            raise Stopped(str(status))

    async def begin(self) -> None:
        """A write that takes longer than a stop."""
        self.upstream.go.clear()
        slow = self.upstream.slow
        self.begun = asyncio.ensure_future(self.ask("POST", "/slow"))
        await until(lambda: self.upstream.slow > slow)

    async def finish(self) -> None:
        """Lets it end."""
        self.upstream.go.set()
        assert self.begun is not None
        if await self.begun != 200:
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
class HaproxyRig:
    """The suite's rig: one HAProxy, two backends, the bot at its runtime API."""

    lacks: ClassVar[Mapping[str, str]] = {
        "meddle": "an agent's authority here is its entry alone, and whoever changes that takes our mark away",
        "rotate": "HAProxy's frontends tell agents apart as their owner likes; no credential is the adapter's",
        "prepare": "nothing outlives a request: a queued one ends with it",
        "redeliver": "a gateway hands out no work: what was refused is the agent's to send again",
        "queueing": "what waits in HAProxy's queue is ended with the cut, and nothing piles up behind it",
        "reload": "a worker that a reload left behind is another one to cut; `test_haproxy_nodes.py` reloads",
        "stubborn": "the surface is the requests, whatever process sends them",
        "parked": "no middle mode is declared: a request that is refused is kept by nobody",
    }

    server: HaproxyServer
    upstream: Upstream

    def adapter(self, *, shared: Shared | None = None) -> Adapter:
        """An adapter with a canary, over TCP."""
        return self.made(shared=shared)

    def made(
        self, *, shared: Shared | None = None, backend: str = AGENT, sockets: tuple[str, ...] = (), durable: bool = True
    ) -> HaproxyGateway:
        """The same, with more to say."""
        file = {"file": self.server.map} if durable else {}
        nodes = [{"socket": socket, **file} for socket in sockets or (f"{HOST}:{self.server.api}",)]
        settings = {"nodes": nodes, "backend": backend, "map": MAP}
        canary = {"urls": [f"http://{HOST}:{self.server.port}"], "headers": {"X-Agent": backend}}
        return HaproxyGateway(
            config=HaproxyGateway.config_type.model_validate(settings),  # type: ignore[arg-type]  # the kind's own
            canary=HaproxyGateway.canary_type.model_validate(canary),  # type: ignore[arg-type,union-attr]  # as above
            shared=shared or Shared(),
        )

    def mistyped(self, name: str = "billing_lm") -> Adapter:
        """A backend that does not exist."""
        return self.made(backend=name)

    def intruder(self) -> Adapter:
        """A socket on which the bot may do nothing."""
        return self.made(sockets=(self.server.socket("user"),))

    def unreachable(self) -> Adapter:
        """A port that nobody listens on."""
        return self.elsewhere(free_port())

    def elsewhere(self, port: int) -> Adapter:
        """Another port; no file, which would be somebody else's."""
        return self.made(sockets=(f"{HOST}:{port}",), durable=False)

    async def unarmed(self) -> tuple[Adapter, str]:
        """A socket that cannot end a request under way."""
        return self.made(sockets=(self.server.socket("operator"),)), "level admin"

    async def session(self) -> Session:
        """A client of the agent; HTTP has no login."""
        return AgentSession(self.server, self.upstream)

    async def effects(self) -> int:
        """Counted by the upstream."""
        return self.upstream.effects

    async def authority(self) -> object:
        """The agent's entry in the running map, and the whole file."""
        return await self.entry(), self.server.map.read_text()

    async def said(self, command: str, *, level: str = "admin") -> str:
        """What the administrator is answered."""
        reader, writer = await asyncio.open_unix_connection(self.server.socket(level))
        writer.write(command.encode() + b"\n")
        writer.write_eof()
        answer = (await reader.read()).decode()
        writer.close()
        return answer

    async def entry(self, backend: str = AGENT) -> str:
        """An entry as HAProxy shows it."""
        answer = await self.said(f"get map {MAP} {backend}")
        return answer.partition('value="')[2].partition('"')[0]

    async def put(self, value: str) -> None:
        """Sets the agent's entry, running and in the file, as an administrator does."""
        await self.said(f"set map {MAP} {AGENT} {value}")
        lines = [line for line in self.server.map.read_text().splitlines() if not line.startswith(AGENT)]
        lines.insert(1, f"{AGENT} {value}")
        self.server.map.write_text("\n".join([*lines, ""]))

    async def loosen(self) -> None:
        """By hand."""
        await self.put("normal")

    async def narrow(self) -> None:
        """An administrator leaves the agent its reads."""
        await self.put("read_only")

    async def floor(self) -> None:
        """Two commands by hand."""
        await self.said(f"set map {MAP} {AGENT} full_stop")
        await self.said(f"shutdown sessions server {AGENT}/upstream")

    async def freeze(self) -> None:
        """Every process of HAProxy."""
        self.server.freeze()

    async def thaw(self) -> None:
        """Every process of HAProxy."""
        self.server.thaw()

    async def restart(self) -> None:
        """In good order, on the same ports."""
        await asyncio.to_thread(self.server.restart)

    @asynccontextmanager
    async def exhaust(self) -> AsyncIterator[None]:
        """Somebody holds every line that HAProxy has for its runtime API (10 by default)."""
        crowd = []
        for _ in range(12):
            reader, writer = await asyncio.open_connection(HOST, self.server.api)
            writer.write(b"prompt\nset timeout cli 600\n")
            crowd.append(writer)
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(8), 0.05)
        try:
            yield
        finally:
            for writer in crowd:
                writer.close()


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[HaproxyRig]:  # noqa: ARG001  # every rig has a HAProxy of its own
    """A fresh HAProxy with its upstream."""
    upstream = Upstream()
    await upstream.start()
    try:
        with HaproxyServer(upstream.port) as server:
            yield HaproxyRig(server, upstream)
    finally:
        await upstream.stop()
