"""What does the gate let through, refuse, end and keep? A real process, raw bytes, the upstream's own record."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import ClientPayloadError, ClientSession

from adapters.base import Mode, Shared
from adapters.conformance import Keeper
from adapters.gate import GateSurface
from bot.sandbox.servers import HOST
from tests.contract.gate_agent import Recorder, Reply, raw, request
from tests.contract.gate_server import GateServer
from tests.contract.haproxy import Upstream
from tests.contract.rigs.gate import GateRig
from tests.contract.rigs.haproxy_gateway import until
from tests.contract.rigs.running import Running


@dataclass
class There:
    """One surface with a recording upstream."""

    server: GateServer
    upstream: Recorder
    name: str
    keeper: Keeper

    @property
    def base(self) -> str:
        """The path of the surface."""
        return f"/billing/{self.name}"

    async def say(self, data: bytes) -> Reply:
        """The first answer to some bytes."""
        return (await raw(self.server.port, data))[0]

    async def call(self, method: str, path: str, *headers: str, body: bytes = b"") -> Reply:
        """One call of the agent."""
        return await self.say(request(method, self.base + path, "Connection: close", *headers, body=body))


@pytest.fixture
async def there(servers: Running) -> AsyncIterator[There]:
    """A fresh surface in normal mode."""
    upstream = Recorder(line=servers.gate_line)
    await upstream.start()
    rig = GateRig(servers.gate, Upstream(), servers.gate.fresh_name())
    adapter = rig.made()
    yield There(servers.gate, upstream, rig.name, Keeper(adapter))
    await adapter.aclose()
    await upstream.stop()


async def test_what_passes_is_passed_as_it_is(there: There) -> None:
    """Method, path, query, headers and body reach the upstream; what only a gate may say comes from the gate alone."""
    reply = await there.call(
        "POST", "/v1/caf%C3%A9;a=b//c?x=%41&y", "X-Own: 1", "X-Agent-Kill-Mode: normal", body=b"\x00\xff"
    )
    assert there.upstream.calls == [("POST", "/v1/caf%C3%A9;a=b//c?x=%41&y", b"\x00\xff")]
    assert there.upstream.headers[0]["x-own"] == "1"
    assert "x-agent-kill-mode" not in there.upstream.headers[0]
    assert (reply.status, reply.body, reply.headers["x-own"]) == (200, b"done", "yes")
    assert "x-agent-kill-mode" not in reply.headers


async def test_a_chunked_body_and_100_continue_pass(there: There) -> None:
    """As clients send them."""
    head = request("PUT", there.base + "/a", "Transfer-Encoding: chunked", "Expect: 100-continue")
    replies = await raw(there.server.port, head + b"3\r\nabc\r\n0\r\n\r\n")
    assert [reply.status for reply in replies] == [100, 200]
    assert there.upstream.calls == [("PUT", "/a", b"abc")]


BROKEN = {
    "two lengths": request("POST", "{}/a", "Content-Length: 1", "Content-Length: 2", body=b"ab", length=False),
    "two equal lengths": request("POST", "{}/a", "Content-Length: 2", "Content-Length: 2", body=b"ab", length=False),
    "length and chunks": request("POST", "{}/a", "Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n"),
    "chunks twice": request("POST", "{}/a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "hidden chunks": request("POST", "{}/a", "Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "tabbed chunks": request("POST", "{}/a", "Transfer-Encoding:\tchunked, identity") + b"0\r\n\r\n",
    "a space before the colon": request("POST", "{}/a", "Content-Length : 2", body=b"ab", length=False),
    "a folded header": request("POST", "{}/a", "X: 1\r\n Content-Length: 9", body=b"ab"),
    "a bare line feed": b"POST {}/a HTTP/1.1\nHost: a\nContent-Length: 2\n\nab",
    "an unknown method": request("BREW", "{}/a"),
    "a small method": request("delete", "{}/a"),
    "a tunnel": request("CONNECT", "example.com:443"),
    "an upgrade": request("GET", "{}/a", "Connection: Upgrade", "Upgrade: websocket"),
    "an upgrade to h2c": request("GET", "{}/a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"),
    "another place": request("GET", "http://evil.example{}/a"),
    "out of the upstream": request("GET", "{}/../../x"),
    "out, encoded": request("GET", "{}/%2e%2e/x"),
    "out, twice encoded": request("GET", "{}/%252e%252e/x"),
    "overlong": request("GET", "{}/%c0%ae%c0%ae/x"),
    "a stripped header": request("GET", "{}/a", "Connection: close, X-Api-Key"),
    "two hosts": request("GET", "{}/a", "Host: other"),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_what_two_servers_read_differently_is_refused_in_every_mode(there: There, what: str) -> None:
    """The upstream sees nothing of it, and nothing of what follows on the same connection."""
    data = BROKEN[what].replace(b"{}", there.base.encode())
    replies = await raw(there.server.port, data + request("DELETE", there.base + "/smuggled"))
    assert replies[0].status in {400, 403, 404}
    assert [call for call in there.upstream.calls if call[1] != "/smuggled"] == []
    assert there.upstream.calls in ([], [("DELETE", "/smuggled", b"")]), "what followed was read as something else"


async def test_a_refusal_says_who_stopped_the_agent(there: There) -> None:
    """The mode, the surface and the time as JSON and in headers; the rest once the bot told it."""
    await there.keeper.held(Mode.FULL_STOP)
    reply = await there.call("GET", "/a")
    assert reply.status == 403
    assert reply.headers["x-agent-kill-mode"] == "full_stop"
    assert reply.headers["x-agent-kill-since"].startswith("20")
    assert (reply.said["error"], reply.said["surface"]) == ("stopped", f"billing/{there.name}")
    assert "full_stop" in str(reply.said["why"])
    assert there.upstream.calls == []


READ_ONLY = {
    "a write": request("POST", "{}/a", body=b"x"),
    "a delete": request("DELETE", "{}/a"),
    "an override": request("GET", "{}/a", "X-HTTP-Method-Override: DELETE"),
    "an override in other letters": request("GET", "{}/a", "x_Http_method_OVERRIDE: DELETE"),
    "an override in the query": request("GET", "{}/a?_method=DELETE"),
    "an encoded override": request("GET", "{}/a?%5Fmethod=DELETE"),
    "another path": request("GET", "{}/a", "X-Original-URL: /admin"),
    "a read with a body": request("GET", "{}/a", body=b"x"),
    "an encoded slash": request("GET", "{}/a%2Fb"),
    "an empty part": request("GET", "{}//a"),
    "a parameter": request("GET", "{}/a;b"),
    "a hidden letter": request("GET", "{}/%61"),
}


@pytest.mark.parametrize("what", READ_ONLY)
async def test_read_only_lets_no_write_through(there: There, what: str) -> None:
    """Nor what a lenient upstream could take for one."""
    await there.keeper.held(Mode.READ_ONLY)
    reply = await there.say(READ_ONLY[what].replace(b"{}", there.base.encode()))
    assert reply.status == 403
    assert reply.headers["x-agent-kill-mode"] == "read_only"
    assert there.upstream.calls == []
    assert (await there.call("GET", "/a?b=c")).status == 200


async def test_a_body_that_is_too_long_to_judge_is_refused(there: There) -> None:
    """Told by its length or by its chunks; in normal mode it streams through."""
    body = b"x" * 1_000_001
    assert (await there.call("POST", "/a", body=body)).status == 200
    await there.keeper.held(Mode.DRAFT_ONLY)
    assert (await there.call("POST", "/a", body=body)).status == 413
    assert len(there.upstream.calls) == 1


async def test_a_stop_ends_streams_and_counts_them(servers: Running) -> None:
    """The agent's stream breaks off, the upstream sees its caller go, and the cut says how many there were."""
    upstream = Upstream(line=servers.gate_line)
    await upstream.start()
    rig = GateRig(servers.gate, upstream, servers.gate.fresh_name())
    adapter = rig.made()
    keeper = Keeper(adapter)
    try:
        async with ClientSession() as client, client.get(rig.server.door(rig.name) + "/stream") as reply:
            await reply.content.readline()
            assert (await keeper.restrict(Mode.READ_ONLY)).ended == 0, "a stream that only reads was ended"
            cut = await keeper.restrict(Mode.FULL_STOP)
            assert (cut.ended, cut.left) == (1, 0)
            with pytest.raises(ClientPayloadError):
                await reply.content.read()
        await until(lambda: upstream.cut == 1)
    finally:
        await adapter.aclose()
        await upstream.stop()


async def test_a_killed_gate_comes_back_as_strict_as_it_was() -> None:
    """It is ended without warning, and the first call after the start is judged by the mode of before."""
    upstream = Recorder()
    await upstream.start()
    with GateServer(upstream.port, names=["one", "two"]) as server:
        adapter = GateRig(server, Upstream(), "one").made()
        await Keeper(adapter).held(Mode.READ_ONLY)
        await asyncio.to_thread(server.crash)
        await asyncio.to_thread(server.restart)
        assert (await raw(server.port, request("POST", "/billing/one/a")))[0].status == 403
        assert (await raw(server.port, request("GET", "/billing/one/a")))[0].status == 200
        assert (await raw(server.port, request("POST", "/billing/two/a")))[0].status == 200
        await adapter.aclose()
    await upstream.stop()


async def test_a_gate_without_a_mode_and_without_the_bot_is_closed() -> None:
    """A new disk, or a lost one: nothing passes until the bot said what is held; and the set-up check says why."""
    with GateServer(1, {"truth": f"http://{HOST}:1"}, names=["one"], fresh=True) as server:
        reply = (await raw(server.port, request("GET", "/billing/one/a")))[0]
        assert reply.status == 403
        assert "not told yet" in str(reply.said["why"])
        adapter = GateRig(server, Upstream(), "one").made()
        assert any("closed until then" in text for text in await adapter.preflight())
        await adapter.aclose()


async def test_the_two_listeners_answer_nothing_of_each_other(there: There) -> None:
    """Agents reach no control, and an unsigned call to the control listener is refused or finds nothing."""
    control = f"/v1/control/billing/{there.name}"
    body = b'{"do": "relax", "mode": "normal"}'
    assert (await there.say(request("POST", control, body=body))).status == 404
    replies = await raw(there.server.control, request("POST", control, body=body))
    assert replies[0].status == 401
    replies = await raw(there.server.control, request("GET", there.base + "/a"))
    assert replies[0].status == 404
    assert there.upstream.calls == []


async def test_several_gates_are_all_told_and_all_read() -> None:
    """One that is away delays no other; the cut is then NOT PROVEN, and says which; a looser one is the mode."""
    upstream = Recorder()
    await upstream.start()
    with GateServer(upstream.port, names=["one"]) as first, GateServer(upstream.port, names=["one"]) as second:
        places = [{"control": f"http://{HOST}:{server.control}"} for server in (first, second)]
        config = GateSurface.config_type.model_validate(
            first.settings("one") | {"secret": "gate-secret", "gates": places}
        )
        urls = {"urls": [server.door("one") for server in (first, second)]}
        canary = GateSurface.canary_type.model_validate(urls) if GateSurface.canary_type else None
        adapter = GateSurface(config=config, canary=canary, shared=Shared())  # type: ignore[arg-type]  # the kind's own
        keeper = Keeper(adapter)
        await keeper.held(Mode.FULL_STOP)
        second.write("one", "normal", keeper.token)
        second.reload()
        await keeper.settled(Mode.NORMAL)
        await keeper.held(Mode.FULL_STOP)
        await asyncio.to_thread(second.crash)
        cut = await keeper.restrict(Mode.FULL_STOP)
        assert cut.left is None
        assert f":{second.control} does not answer" in cut.why
        assert (await adapter.observe()).in_flight is None
        await adapter.aclose()
    await upstream.stop()


async def test_a_write_is_never_sent_twice(servers: Running) -> None:
    """An upstream takes a write on a kept line and goes away without a word: the agent is told, nobody tries again."""
    came: list[bytes] = []

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the first request of a line, and closes it on the second."""
        came.append((await reader.readuntil(b"\r\n\r\n")).partition(b" HTTP")[0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        came.append((await reader.readuntil(b"\r\n\r\n")).partition(b" HTTP")[0])
        writer.close()

    upstream = await asyncio.start_server(rude, sock=servers.gate_line.dup())
    base = f"/billing/{servers.gate.fresh_name()}"
    for method in ("PUT", "DELETE"):
        came.clear()
        assert (await raw(servers.gate.port, request("POST", f"{base}/a", "Connection: close")))[0].status == 200
        assert (await raw(servers.gate.port, request(method, f"{base}/b", "Connection: close")))[0].status == 502
        assert came == [b"POST /a", f"{method} /b".encode()]
    upstream.close()
