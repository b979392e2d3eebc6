"""What reaches the upstream of an agent behind HAProxy: streams, tunnels, queues, writes in a read's clothes?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import ClientError, ClientSession, WSMsgType, WSServerHandshakeError

from adapters.base import Mode
from adapters.conformance import Keeper, Stopped, driven
from bot.sandbox.servers import HOST
from tests.contract.haproxy import MAP, HaproxyServer, Upstream
from tests.contract.rigs.haproxy_gateway import AGENT, OTHER, AgentSession, HaproxyRig, opened, until
from tests.contract.rigs.running import Running

MODES = [Mode.READ_ONLY, Mode.FULL_STOP]


@pytest.fixture
async def rig(servers: Running) -> AsyncIterator[HaproxyRig]:
    """A fresh HAProxy."""
    async with opened(servers) as there:
        yield there


@asynccontextmanager
async def agent(rig: HaproxyRig, name: str = AGENT) -> AsyncIterator[AgentSession]:
    """The client of an agent."""
    session = AgentSession(rig.server, rig.upstream, agent=name)
    try:
        yield session
    finally:
        await session.close()


async def streaming(session: AgentSession, method: str = "POST") -> "asyncio.Task[int]":
    """Starts a stream and returns once parts of it come."""
    parts = session.upstream.parts
    task = asyncio.ensure_future(session.ask(method, "/stream"))
    await until(lambda: session.upstream.parts > parts + 2)
    return task


@pytest.mark.parametrize("mode", MODES)
async def test_a_stream_of_a_language_model_ends(rig: HaproxyRig, mode: Mode) -> None:
    """An answer that is being streamed ends at both ends when the cut is read back, and is counted."""
    async with driven(rig) as keeper, agent(rig) as session:
        task = await streaming(session)
        cut = await keeper.restrict(mode)
        await keeper.settled(mode)
        assert (cut.ended, cut.left) == (1, 0)
        with pytest.raises(Stopped):
            await task
        await until(lambda: rig.upstream.cut == 1)
        parts = rig.upstream.parts
        await asyncio.sleep(0.1)  # five parts of a stream that lives
        assert rig.upstream.parts == parts


async def test_another_agent_is_not_touched(rig: HaproxyRig) -> None:
    """A stream of another agent goes on, and its calls work, while the first one is stopped and given back."""
    async with driven(rig) as keeper, agent(rig, OTHER) as other:
        task = await streaming(other)
        for mode in MODES:
            await keeper.held(mode)
            assert await other.ask("POST", "/act") == 200
            await keeper.relax(Mode.NORMAL)
        parts = rig.upstream.parts
        await until(lambda: rig.upstream.parts > parts + 2)
        assert not task.done()
        assert await rig.entry(OTHER) == "normal"
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize("mode", MODES)
async def test_what_waits_in_the_queue_never_goes_out(mode: Mode) -> None:
    """Requests that wait for a place at the upstream are ended too: ending those before them gives no place away."""
    upstream = Upstream()
    await upstream.start()
    with HaproxyServer(upstream.port, room=1) as server:
        rig = HaproxyRig(server, upstream)
        async with driven(rig) as keeper, agent(rig) as session:
            await session.begin()
            queued = [asyncio.ensure_future(session.ask("POST", "/slow")) for _ in range(5)]
            await until_queued(rig, 5)
            cut = await keeper.restrict(mode)
            assert (cut.ended, cut.left) == (6, 0)
            await keeper.settled(mode)
            assert 200 not in await asyncio.gather(*queued, return_exceptions=True)
            with pytest.raises(Stopped):
                await session.finish()
            assert (upstream.effects, upstream.came) == (0, 1)
    await upstream.stop()


async def test_many_requests_end_by_their_server_and_the_queue_before_them() -> None:
    """Of a hundred streams and a queue, nothing that waits goes out, and the stop of another agent's is none of it."""
    upstream = Upstream()
    await upstream.start()
    with HaproxyServer(upstream.port, room=80) as server:
        rig = HaproxyRig(server, upstream)
        async with driven(rig) as keeper, agent(rig) as session, agent(rig, OTHER) as other:
            spared = await streaming(other)
            tasks = [asyncio.ensure_future(session.ask("POST", "/slow")) for _ in range(100)]
            await until(lambda: upstream.slow == 80)
            await until_queued(rig, 20)
            cut = await keeper.restrict(Mode.FULL_STOP)
            assert (cut.ended, cut.left) == (100, 0)
            assert 200 not in await asyncio.gather(*tasks, return_exceptions=True)
            assert (upstream.effects, upstream.came) == (0, 80)
            assert not spared.done()
            spared.cancel()
            await asyncio.wait({spared})
    await upstream.stop()


async def until_queued(rig: HaproxyRig, number: int) -> None:
    """Waits until so many requests wait in the agent's queue."""
    for _ in range(500):
        row = (await rig.said(f"show stat {AGENT} 2 -1")).splitlines()[1]
        if row.split(",")[2] == str(number):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(row)


@pytest.mark.parametrize("mode", MODES)
async def test_a_websocket_ends_and_no_other_opens(rig: HaproxyRig, mode: Mode) -> None:
    """A tunnel that was opened before carries nothing any more; a new one is refused, in read_only too."""
    url, headers = f"http://{HOST}:{rig.server.port}/socket", {"X-Agent": AGENT}
    async with driven(rig) as keeper, ClientSession() as client, client.ws_connect(url, headers=headers) as tunnel:
        await tunnel.send_str("act")
        assert (await tunnel.receive()).data == "done"
        await keeper.held(mode)
        with suppress(ClientError, OSError):
            await tunnel.send_str("act")
        assert (await tunnel.receive()).type is not WSMsgType.TEXT
        with pytest.raises(WSServerHandshakeError, match="403"):
            await client.ws_connect(url, headers=headers)
        assert rig.upstream.effects == 1


async def test_a_write_in_a_reads_clothes_is_refused(rig: HaproxyRig) -> None:
    """In read_only: no override header, no override in the query, no CONNECT; the reads themselves work."""
    async with driven(rig) as keeper, agent(rig) as session:
        await keeper.held(Mode.READ_ONLY)
        for header in ("X-HTTP-Method-Override", "x-http-method", "X-Method-Override"):
            assert await session.ask("GET", "/act", {header: "DELETE"}) == 403
        assert await session.ask("GET", "/act?_method=delete") == 403
        assert await connect(rig.server.port) == 403
        for verb in ("PUT", "PATCH", "DELETE", "TRACE", "PURGE"):
            assert await session.ask(verb, "/act") == 403
        rig.upstream.seen.clear()
        assert [await session.ask(verb, "/act") for verb in ("GET", "HEAD", "OPTIONS")] == [200, 200, 200]
        assert rig.upstream.seen == ["GET /act", "HEAD /act", "OPTIONS /act"]


async def connect(port: int) -> int:
    """The status of a CONNECT."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\nX-Agent: {AGENT}\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def test_a_read_that_began_in_read_only_is_not_in_flight(rig: HaproxyRig) -> None:
    """What the mode leaves is not counted as forbidden work; a write that was let in by hand is."""
    async with driven(rig) as keeper, agent(rig) as session:
        await keeper.held(Mode.READ_ONLY)
        reading = await streaming(session, "GET")
        assert (await keeper.adapter.observe()).in_flight == 0
        await rig.said(f"set map {MAP} {AGENT} normal")
        writing = await streaming(session)
        await rig.said(f"set map {MAP} {AGENT} read_only:{keeper.token}")
        assert (await keeper.adapter.observe()).in_flight == 1
        await keeper.held(Mode.READ_ONLY)
        for task in (reading, writing):
            with pytest.raises(Stopped):
                await task


async def test_work_may_end_while_it_drains(rig: HaproxyRig) -> None:
    """With a drain new requests are refused at once, and what runs is ended only when the time is over."""
    async with driven(rig) as keeper, agent(rig) as session, agent(rig) as second:
        await session.begin()
        cutting = asyncio.ensure_future(keeper.restrict(Mode.FULL_STOP, drain=20))
        await until_refused(second)
        await session.finish()
        cut = await cutting
        assert (cut.ended, cut.left, rig.upstream.effects) == (0, 0, 1)
        await keeper.relax(Mode.NORMAL)
        await session.begin()
        cut = await keeper.restrict(Mode.FULL_STOP, drain=0.05)
        assert (cut.ended, cut.left, rig.upstream.effects) == (1, 0, 1)


async def until_refused(session: AgentSession) -> None:
    """Waits until the agent's reads are refused."""
    for _ in range(500):
        if await session.ask("GET", "/act") == 403:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the agent still reads")


async def test_a_line_that_is_missing_is_a_full_stop_of_the_rules(rig: HaproxyRig) -> None:
    """The rules refuse an agent without an entry; the cut adds one, and the relaxation takes it away again."""
    await rig.said(f"del map {MAP} {AGENT}")
    before = await rig.authority()
    async with driven(rig) as keeper, agent(rig) as session:
        assert await session.ask("GET", "/act") == 403
        assert f"{AGENT} normal" in str(await keeper.adapter.preflight())
        for mode in MODES:
            await keeper.held(mode)
            assert (await rig.entry()).startswith(str(mode))
            await keeper.relax(Mode.NORMAL)
            assert await rig.authority() == before


async def test_without_the_rules_nothing_is_proven(rig: HaproxyRig) -> None:
    """A backend that the rules do not stand before reads back as held; the agent's own try tells the truth."""
    upstream = rig.upstream
    with HaproxyServer(upstream.port, rules=False) as server:
        bare = HaproxyRig(server, upstream)
        keeper = Keeper(bare.made(sockets=(server.socket("admin"),)))
        assert "the rules of `defaults agents`" in str(await keeper.adapter.preflight())
        with pytest.raises(AssertionError, match="canary's try in full_stop was allowed"):
            await keeper.held(Mode.FULL_STOP)
        assert keeper.adapter.attests == "self"
        await keeper.adapter.aclose()


async def test_a_line_of_level_operator_fences_and_says_what_it_cannot_end(rig: HaproxyRig) -> None:
    """Without level admin new requests are refused, and the stream that goes on is counted and told."""
    keeper = Keeper(rig.made(sockets=(rig.server.socket("operator"),)))
    async with agent(rig) as session, agent(rig) as second:
        task = await streaming(session)
        cut = await keeper.restrict(Mode.FULL_STOP)
        assert (cut.ended, cut.left) == (0, 1)
        assert "level admin" in cut.why
        assert (await keeper.adapter.observe()).in_flight == 1
        assert await second.ask("GET", "/act") == 403
        task.cancel()
    await keeper.adapter.aclose()
