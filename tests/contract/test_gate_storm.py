"""Does the upstream have exactly the effects that were allowed, while modes change and the gate dies and comes back?"""

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientError, ClientSession, web

from adapters.base import Change, Mode, Shared
from adapters.conformance import Keeper, ticks
from adapters.errors import AdapterError
from adapters.gate import GateCanary, GateSurface
from bot.sandbox.servers import HOST
from tests.contract.gate_server import SECRET, GateServer
from tests.contract.gateways import KINDS
from tests.contract.rigs.haproxy_gateway import TICK

RATE = 200  # calls of the agent in a second
LATE = 0.25  # seconds in which the upstream may still see what was under way
SHORT, LONG = 5, 20  # changes of the mode


@dataclass
class Witness:
    """The upstream's own record: which call came, and when."""

    came: list[tuple[int, float]] = field(default_factory=list)
    port: int = 0

    async def take(self, request: web.BaseRequest) -> web.Response:
        """One call, whose body is its number."""
        self.came.append((int(await request.read() or -1), time.monotonic()))
        return web.Response(text="done")


@dataclass
class Agent:
    """Posts without end; what it was answered, by the number of the call. 0 where the answer never came."""

    url: str
    told: dict[int, int] = field(default_factory=dict)
    drafts: dict[int, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Until it is cancelled; each call leaves when it is due."""
        async with ClientSession() as client:
            began, calls = time.monotonic(), set[asyncio.Task[None]]()
            for number in itertools.count(1):
                await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
                task = asyncio.create_task(self._post(client, number))
                calls.add(task)
                task.add_done_callback(calls.discard)

    async def _post(self, client: ClientSession, number: int) -> None:
        self.told[number] = 0
        try:
            async with client.post(self.url, data=str(number)) as reply:
                await reply.read()
                self.told[number] = reply.status
                self.drafts[number] = reply.headers.get("X-Agent-Kill-Draft", "")
        except (ClientError, OSError):
            pass


@dataclass
class Storm:
    """One run: what is driven, and the times in which nothing may come."""

    server: GateServer
    witness: Witness
    keeper: Keeper
    agent: Agent
    dice: random.Random
    shut: list[tuple[float, float]] = field(default_factory=list)

    async def blow(self, changes: int) -> None:
        """Holds one mode after the other, and each for a while; now and then the gate dies in it."""
        modes = sorted((await self.keeper.adapter.observe()).enforceable)
        for _ in range(changes):
            await asyncio.sleep(self.dice.uniform(0.05, 0.3))
            await self.keeper.restrict(self.dice.choice(modes))
            since = time.monotonic()
            await self._misfortune()
            await asyncio.sleep(self.dice.uniform(0.05, 0.3))
            self.shut.append((since, time.monotonic()))
            await self.keeper.relax(Mode.NORMAL)

    def late(self, *, behind: bool) -> list[int]:
        """The calls that came while a mode was held; one under way as it came may be seen a moment later.

        Args:
            behind: whether a gateway was between, which may have been told yes before.
        """
        ended = {number for number, status in self.agent.told.items() if behind or status in {0, 502}}
        return [
            number
            for number, at in self.witness.came
            for since, until in self.shut
            if since + LATE * (number in ended) < at < until
        ]

    async def _misfortune(self) -> None:
        what = self.dice.choice(("nothing", "crash", "restart"))
        if what == "crash":
            await asyncio.to_thread(self.server.crash)
        if what != "nothing":
            await asyncio.to_thread(self.server.restart)
            for _ in ticks():
                try:
                    await self.keeper.adapter.observe()
                except AdapterError:
                    await asyncio.sleep(TICK)
                else:
                    return


async def yes(_changes: tuple[Change, ...]) -> bool:
    """A gate that lets everything pass."""
    return True


@asynccontextmanager
async def storm(kind: str, seed: int) -> AsyncIterator[Storm]:
    """An agent at a gate in line, or at a gateway that asks one."""
    witness = Witness()
    runner = web.ServerRunner(web.Server(witness.take, access_log=None))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        witness.port = runner.addresses[0][1]
        more: dict[str, object] = {} if kind == "inline" else {"gateway": kind, "longest": "1s"}
        server = stack.enter_context(GateServer(witness.port, more, names=["one"]))
        url = server.door("one")
        if kind != "inline":
            gateway = stack.enter_context(KINDS[kind](server.port, witness.port, "/billing/one"))
            url = f"http://{HOST}:{gateway.port}"
        adapter = GateSurface(
            config=GateSurface.config_type.model_validate(server.settings("one") | {"secret": SECRET}),  # type: ignore[arg-type]  # the kind's own
            canary=GateCanary.model_validate({"urls": [url]}),
            shared=Shared(),
        )
        stack.push_async_callback(adapter.aclose)
        yield Storm(server, witness, Keeper(adapter), Agent(f"{url}/pay"), random.Random(seed))  # noqa: S311  # the same in every run


@pytest.mark.parametrize("changes", [SHORT, pytest.param(LONG, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", ["inline", *KINDS])
async def test_the_upstream_has_exactly_what_was_allowed(kind: str, changes: int) -> None:
    """Each call answered 200 came once, what was refused or parked never, and none while a mode forbade it."""
    async with storm(kind, seed=changes) as there:
        working = asyncio.create_task(there.agent.run())
        await there.blow(changes)
        await asyncio.sleep(LATE)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        came = Counter(number for number, _ in there.witness.came)
        told = there.agent.told
        assert [number for number, times in came.items() if times > 1] == []
        assert [number for number, status in told.items() if status == 200 and number not in came] == []
        assert [number for number, status in told.items() if status in {202, 403} and number in came] == []
        assert {200, 403 if kind != "inline" else 202} <= set(told.values()), Counter(told.values())
        assert there.late(behind=kind != "inline") == [], "calls came while a mode was held that forbids them"
        if kind == "inline":
            await _released(there)


async def _released(there: Storm) -> None:
    """Each draft that an agent was told of is there, and is done once, after all that happened."""
    adapter = there.keeper.adapter
    assert isinstance(adapter, GateSurface)
    parked = {item.id: int(item.arguments) for item in (await adapter.list(limit=1000)).items}
    drafts = {number: draft for number, draft in there.agent.drafts.items() if draft}
    assert [number for number, draft in drafts.items() if parked.get(draft) != number] == []
    some = dict(itertools.islice(drafts.items(), 20))
    await asyncio.gather(*(adapter.release(draft=draft, by="U1", gate=yes) for draft in some.values() for _ in "12"))
    came = Counter(number for number, _ in there.witness.came)
    assert {number: came[number] for number in some} == dict.fromkeys(some, 1)
    assert json.dumps(sorted(some)) != "[]"
