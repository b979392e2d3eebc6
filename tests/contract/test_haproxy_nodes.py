"""Does a stop outlive a reload, a restart and a lost node, on one HAProxy and on several?"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Self

import pytest

from adapters.base import Attempt, Mode, Shared
from adapters.conformance import Keeper, Stopped, driven, ticks
from adapters.errors import Refused, Unreachable
from adapters.haproxy_gateway import HaproxyGateway, HaproxyGatewayCanary, HaproxyGatewayConfig
from bot.sandbox.servers import HOST
from tests.contract.haproxy import MAP, HaproxyServer
from tests.contract.rigs.haproxy_gateway import AGENT, HaproxyRig, opened
from tests.contract.rigs.running import Running
from tests.contract.test_haproxy_gateway import agent, streaming, until_refused


@pytest.fixture
async def rig(servers: Running) -> AsyncIterator[HaproxyRig]:
    """A fresh HAProxy."""
    async with opened(servers) as there:
        yield there


async def reloaded(rig: HaproxyRig) -> None:
    """Reloads, and returns once the present worker is another one."""
    before = await workers(rig)
    rig.server.reload()
    for _ in ticks():
        now = await workers(rig)
        if now and before and now[0] != before[0]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("no new worker came")


async def workers(rig: HaproxyRig) -> list[str]:
    """The pids of the workers, the present one first."""
    try:
        rows = (await rig.said("show proc", level="master")).splitlines()
    except OSError:
        return []
    return [row.split()[0] for row in rows if row.split()[1:2] == ["worker"]]


async def test_a_reload_keeps_what_is_held(rig: HaproxyRig) -> None:
    """The new worker reads the mode and our mark from the file, and the relaxation gives back both exactly."""
    before = await rig.authority()
    async with driven(rig) as keeper, agent(rig) as session:
        for mode in sorted(keeper.adapter.modes):
            await keeper.held(mode)
            await reloaded(rig)
            seen = await keeper.settled(mode)
            assert seen.token == keeper.token
            assert await session.ask("POST", "/act") == 403
            await keeper.relax(Mode.NORMAL)
            assert await rig.authority() == before


async def test_a_worker_that_a_reload_left_behind_is_cut_through_its_master(rig: HaproxyRig) -> None:
    """A stream in the old worker, which the new one's socket does not know, is seen and ended by the master's."""
    keeper = Keeper(rig.made(sockets=(rig.server.socket("master"),)))
    async with agent(rig) as session:
        task = await streaming(session)
        await reloaded(rig)
        assert len(await workers(rig)) == 2
        cut = await keeper.restrict(Mode.FULL_STOP)
        assert (cut.held, cut.ended, cut.left, cut.why) == (Mode.FULL_STOP, 1, 0, "")
        await keeper.settled(Mode.FULL_STOP)
        with pytest.raises(Stopped):
            await task
        await keeper.held(Mode.FULL_STOP)
        await keeper.relax(Mode.NORMAL)
        assert await session.ask("POST", "/act") == 200
    await keeper.adapter.aclose()


async def test_without_a_file_a_reload_is_drift(rig: HaproxyRig) -> None:
    """The cut says that it does not outlive a reload; after one the loss is seen, and cut again."""
    keeper = Keeper(rig.made(sockets=(rig.server.socket("master"),), durable=False))
    cut = await keeper.restrict(Mode.FULL_STOP)
    assert "reload" in cut.why
    await keeper.settled(Mode.FULL_STOP)
    await reloaded(rig)
    assert (await keeper.adapter.observe()).mode is Mode.NORMAL
    await keeper.held(Mode.FULL_STOP)
    await keeper.adapter.aclose()


async def test_a_file_that_somebody_put_back_is_drift(rig: HaproxyRig) -> None:
    """Where a deployment writes the file anew during a hold, the next reload would loosen: seen, and cut again."""
    async with driven(rig) as keeper:
        await keeper.held(Mode.FULL_STOP)
        rig.server.map.write_text(f"# deployed\n{AGENT}\tnormal # not a comment\n")
        assert (await keeper.adapter.observe()).mode is Mode.NORMAL
        await keeper.held(Mode.FULL_STOP)
        assert f"{AGENT}\tfull_stop:{keeper.token}\n" in rig.server.map.read_text()


async def test_a_file_that_cannot_be_written_is_told_and_stops_nothing(rig: HaproxyRig) -> None:
    """The agent is cut all the same, and the cut says what a reload would do."""
    rig.server.map.unlink()
    async with driven(rig) as keeper:
        assert "file is not there" in str(await keeper.adapter.preflight())
        cut = await keeper.restrict(Mode.FULL_STOP)
        assert (cut.held, cut.left) == (Mode.FULL_STOP, 0)
        assert "cannot be written" in cut.why
        seen = await keeper.settled(Mode.FULL_STOP)
        assert "cannot be read" in seen.why


class Pair:
    """One agent on two nodes before one upstream."""

    def __init__(self, *rigs: HaproxyRig) -> None:
        self.rigs = rigs

    def keeper(self, *, durable: bool = True) -> Keeper:
        """Of the agent on both."""
        files = [{"file": rig.server.map} if durable else {} for rig in self.rigs]
        sockets = [{"socket": rig.server.socket("admin")} for rig in self.rigs]
        nodes = [{**socket, **file} for socket, file in zip(sockets, files, strict=True)]
        canary = {"urls": [f"http://{HOST}:{rig.server.port}" for rig in self.rigs], "headers": {"X-Agent": AGENT}}
        return Keeper(
            HaproxyGateway(
                config=HaproxyGatewayConfig.model_validate({"nodes": nodes, "backend": AGENT, "map": MAP}),
                canary=HaproxyGatewayCanary.model_validate(canary),
                shared=Shared(),
            )
        )

    async def statuses(self) -> list[int]:
        """What a write is answered at each node."""
        found = []
        for rig in self.rigs:
            async with agent(rig) as session:
                found.append(await session.ask("POST", "/act"))
        return found

    async def authority(self) -> list[object]:
        """At both."""
        return [await rig.authority() for rig in self.rigs]


@pytest.fixture
async def pair(rig: HaproxyRig) -> AsyncIterator[Pair]:
    """A second HAProxy before the same upstream."""
    with HaproxyServer(rig.upstream.port) as server:
        yield Pair(rig, HaproxyRig(server, rig.upstream))


async def test_every_node_is_cut_and_given_back(pair: Pair) -> None:
    """A stream on each ends, both refuse, both are read back, and each gets back what was there."""
    await pair.rigs[1].put("read_only")
    before, keeper = await pair.authority(), pair.keeper()
    assert before[0] != before[1]
    async with agent(pair.rigs[0]) as one, agent(pair.rigs[1]) as two:
        tasks = [await streaming(one, "GET"), await streaming(two, "GET")]
        for mode in sorted(keeper.adapter.modes):
            cut = await keeper.restrict(mode)
            assert cut.left == 0
            await keeper.held(mode)
            assert await pair.statuses() == [403, 403]
            await keeper.relax(Mode.NORMAL)
            assert await pair.authority() == before
        for task in tasks:
            with pytest.raises(Stopped):
                await task
    await keeper.adapter.aclose()


async def test_a_node_that_is_looser_is_what_is_read(pair: Pair) -> None:
    """One node of two is not a stop: the loosest of them is the mode, and the other's mark does not hide it."""
    keeper = pair.keeper()
    await keeper.held(Mode.FULL_STOP)
    await pair.rigs[1].said(f"set map {MAP} {AGENT} normal")
    assert (await keeper.adapter.observe()).mode is Mode.NORMAL
    assert await keeper.adapter.attempt(mode=Mode.FULL_STOP) is Attempt.ALLOWED
    with pytest.raises(Refused, match="restrict again"):
        await keeper.relax(Mode.NORMAL)
    assert await pair.statuses() == [403, 200]
    await keeper.held(Mode.FULL_STOP)
    assert await pair.statuses() == [403, 403]
    await keeper.adapter.aclose()


async def test_a_node_that_is_away_is_never_proven(pair: Pair) -> None:
    """The other node is cut at once and the cut says who is missing; nothing reads back until all of them answer."""
    keeper = pair.keeper(durable=False)
    first, second = pair.rigs
    await keeper.adapter.observe()
    second.server.crash()
    cut = await keeper.restrict(Mode.FULL_STOP)
    assert cut.left is None
    assert second.server.socket("admin") in cut.why
    with pytest.raises(Unreachable):
        await keeper.adapter.observe()
    async with agent(first) as session:
        assert await session.ask("GET", "/act") == 403
    await asyncio.to_thread(second.server.restart)
    assert (await keeper.adapter.observe()).mode is Mode.NORMAL, "the node came back without the mode"
    await keeper.held(Mode.FULL_STOP)
    assert await pair.statuses() == [403, 403]
    await keeper.relax(Mode.NORMAL)
    assert [await rig.entry() for rig in pair.rigs] == ["normal", "normal"]
    await keeper.adapter.aclose()


async def test_a_frozen_node_delays_no_other(pair: Pair) -> None:
    """While one node hangs, the other refuses; the call that hangs ends when it is given up."""
    keeper = pair.keeper()
    first, second = pair.rigs
    await keeper.adapter.observe()
    second.server.freeze()
    cutting = asyncio.ensure_future(keeper.restrict(Mode.FULL_STOP))
    try:
        async with agent(first) as session:
            await until_refused(session)
        assert not cutting.done()
        cutting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cutting
    finally:
        second.server.thaw()
    await keeper.held(Mode.FULL_STOP)
    await keeper.adapter.aclose()


class Way:
    """A way to a node's runtime API on which somebody looks at each command before it goes on.

    Args:
        node: its port.
        look: is given the command.
    """

    def __init__(self, node: int, look: Callable[[str], Awaitable[None]]) -> None:
        self.port = 0
        self._node, self._look, self._tasks = node, look, set[asyncio.Task[None]]()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_raised: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(HOST, self._node)
        self._tasks.add(asyncio.create_task(self._pour(reader, back, self._look)))
        self._tasks.add(asyncio.create_task(self._pour(there, writer, None)))

    async def _pour(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        look: Callable[[str], Awaitable[None]] | None,
    ) -> None:
        try:
            with suppress(OSError):
                while part := await reader.read(65536):
                    if look is not None:
                        await look(part.decode())
                    writer.write(part)
        finally:
            writer.close()


async def test_the_file_is_written_before_the_map_is_set(rig: HaproxyRig) -> None:
    """When `set map` leaves, the file that HAProxy would read at a reload says the mode already."""
    seen: list[str] = []

    async def look(command: str) -> None:
        if command.startswith("set map"):
            seen.append(rig.server.map.read_text())

    async with Way(rig.server.api, look) as way:
        keeper = Keeper(rig.made(sockets=(f"{HOST}:{way.port}",)))
        for mode in sorted(keeper.adapter.modes):
            seen.clear()
            await keeper.restrict(mode)
            assert [f"{AGENT} {mode}:{keeper.token}\n" in text for text in seen] == [True]
        await keeper.adapter.aclose()


async def test_a_loosening_that_was_given_up_never_undoes_a_later_stop(rig: HaproxyRig) -> None:
    """One that the network delivers after the next cut is waited for, and cut again, before that cut returns."""
    going, held = asyncio.Event(), asyncio.Event()

    async def look(command: str) -> None:
        if command.endswith(f"{AGENT} normal\n"):
            held.set()
            await going.wait()

    async with Way(rig.server.api, look) as way, agent(rig) as session:
        keeper = Keeper(rig.made(sockets=(f"{HOST}:{way.port}",)))
        await keeper.held(Mode.FULL_STOP)
        token = keeper.token
        relaxing = asyncio.ensure_future(keeper.relax(Mode.NORMAL))
        await held.wait()
        relaxing.cancel()
        await asyncio.wait({relaxing}, timeout=3)
        assert relaxing.done()
        keeper.token = token
        cutting = asyncio.ensure_future(keeper.restrict(Mode.FULL_STOP))
        done, _ = await asyncio.wait({cutting}, timeout=0.3)
        assert not done, "the cut counts although a loosening of ours is still on its way"
        assert (await rig.entry()).startswith("full_stop:")
        going.set()
        assert (await cutting).left == 0
        await keeper.settled(Mode.FULL_STOP)
        assert await session.ask("GET", "/act") == 403
        await keeper.adapter.aclose()
