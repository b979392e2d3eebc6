"""Are the tools of an MCP server held, one by one? The official SDK on both sides of the gate."""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from mcp import Client, MCPError

from adapters.base import Change, Mode
from adapters.conformance import Keeper, ticks
from adapters.gate import GateSurface
from bot.sandbox.servers import Server
from tests.contract.gate_agent import raw, request
from tests.contract.gate_server import GateServer
from tests.contract.haproxy import Upstream
from tests.contract.rigs.gate import GateRig
from tests.contract.rigs.haproxy_gateway import TICK

_NUMBERS = itertools.count()
PROGRAM = Path(__file__).with_name("mcp_program.py")
ALL = ["liar", "look", "pay", "slow"]
Era = Literal["auto", "legacy"]


class McpServer(Server):
    """The SDK's server in a process of its own."""

    name = "the MCP server"

    def _command(self) -> Sequence[str]:
        return [sys.executable, str(PROGRAM), str(self.port), str(self.folder / "effects")]

    def effects(self) -> list[str]:
        """What its tools did."""
        return (self.folder / "effects").read_text().splitlines()


@dataclass
class There:
    """One surface, and a client of the agent's for it."""

    server: McpServer
    gate: GateServer
    name: str
    adapter: GateSurface
    keeper: Keeper
    era: Era
    before: int

    @property
    def effects(self) -> list[str]:
        """Since this test began."""
        return self.server.effects()[self.before :]

    def client(self) -> Client:
        """The SDK's, through the gate."""
        return Client(f"{self.gate.door(self.name)}/mcp", mode=self.era)

    async def came(self, line: str) -> None:
        """Waits for an effect."""
        for _ in ticks():
            if line in self.effects:
                return
            await asyncio.sleep(TICK)
        raise AssertionError(f"{line} did not come: {self.effects}")


async def yes(_changes: tuple[Change, ...]) -> bool:
    """A gate that lets everything pass."""
    return True


@pytest.fixture(scope="module")
def server() -> Iterator[McpServer]:
    """One for all tests here."""
    with McpServer() as running:
        yield running


@pytest.fixture(scope="module")
def gate(server: McpServer) -> Iterator[GateServer]:
    """In front of it."""
    more = {"protocol": "mcp", "tools": ["look"], "patience": "10s"}
    with GateServer(server.port, more, names=[f"s{number}" for number in range(20)]) as running:
        yield running


@pytest.fixture(params=["auto", "legacy"])
async def there(request: pytest.FixtureRequest, server: McpServer, gate: GateServer) -> AsyncIterator[There]:
    """A surface that no test had, for clients of the present revision and of those before."""
    name = f"s{next(_NUMBERS)}"
    adapter = GateRig(gate, Upstream(), name).made()
    yield There(server, gate, name, adapter, Keeper(adapter), request.param, len(server.effects()))
    await adapter.aclose()


async def listed(client: Client) -> list[str]:
    """The names of the tools that the agent sees."""
    return sorted(tool.name for tool in (await client.list_tools()).tools)


async def test_normal_passes_everything(there: There) -> None:
    """As if nobody were between."""
    async with there.client() as client:
        assert await listed(client) == ALL
        assert not (await client.call_tool("pay", {"amount": 1})).is_error
    assert there.effects == ["paid 1"]


async def test_read_only_filters_the_list_and_decides_the_calls(there: There) -> None:
    """By the configured names: a tool that says that it reads is refused, also for a client that listed it before."""
    async with there.client() as client:
        await client.list_tools()
        await there.keeper.held(Mode.READ_ONLY)
        async with there.client() as fresh:
            assert await listed(fresh) == ["look"]
        assert not (await client.call_tool("look", {"name": "x"})).is_error
        for tool, arguments in (("pay", {"amount": 2}), ("liar", {})):
            with pytest.raises(MCPError, match="held at read_only"):
                await client.call_tool(tool, arguments)
    assert there.effects == []


async def test_a_draft_is_parked_and_released(there: There) -> None:
    """The agent learns the draft's id as an error of its call; a person releases exactly that call, once."""
    await there.keeper.held(Mode.DRAFT_ONLY)
    async with there.client() as client:
        assert await listed(client) == ALL
        with pytest.raises(MCPError, match="parked as draft") as caught:
            await client.call_tool("pay", {"amount": 3})
        (draft,) = (await there.adapter.list()).items
        assert draft.id in str(caught.value)
        assert (draft.what, draft.arguments) == ("tools/call pay", '{"amount": 3}')
        assert there.effects == []
        for _ in range(2):
            assert (await there.adapter.release(draft=draft.id, by="U0APPROVER", gate=yes)).done
    assert there.effects == ["paid 3"]


async def test_an_approved_call_returns_its_result(there: There) -> None:
    """The tool's own answer, to the call that waited for it."""
    await there.keeper.held(Mode.APPROVAL_GATED)
    async with there.client() as client:
        call = asyncio.create_task(client.call_tool("pay", {"amount": 4}))
        items = await _parked(there)
        assert there.effects == []
        assert (await there.adapter.release(draft=items, by="U0APPROVER", gate=yes)).done
        assert "paid 4" in str((await call).content)
    assert there.effects == ["paid 4"]


async def _parked(there: There) -> str:
    for _ in ticks():
        if items := (await there.adapter.list()).items:
            return items[0].id
        await asyncio.sleep(TICK)
    raise AssertionError("nothing was parked")


async def test_a_stop_ends_a_call_under_way(there: There) -> None:
    """The agent's call fails, the server's tool is cancelled, and the cut counts it."""
    async with there.client() as client:
        call = asyncio.create_task(client.call_tool("slow", {}))
        await there.came("began")
        cut = await there.keeper.restrict(Mode.FULL_STOP)
        assert cut.ended >= 1
        assert cut.left == 0
        with pytest.raises(MCPError):
            await call
        await there.came("cancelled")
        with pytest.raises(MCPError, match="held at full_stop"):
            await client.call_tool("look", {"name": "x"})
    assert "slow" not in there.effects


TRICKS = {
    "a batch": b'[{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "pay"}}]',
    "two methods": b'{"id": 1, "method": "tools/list", "method": "tools/call", "params": {"name": "pay"}}',
    "two names": b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "look", "name": "pay"}}',
    "other letters": b'{"id": 1, "method": "tools/list", "Method": "tools/call", "params": {"name": "pay"}}',
    "other letters of the tool": b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "Look"}}',
    "a longer name": b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "look "}}',
    "no text": b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": ["look"]}}',
    "no parameters": b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call"}',
    "an unknown method": b'{"jsonrpc": "2.0", "id": 1, "method": "tools/invoke", "params": {"name": "look"}}',
    "an answer": b'{"jsonrpc": "2.0", "id": 1, "result": {"action": "accept"}}',
    "not a number": b'{"jsonrpc": "2.0", "id": NaN, "method": "tools/call", "params": {"name": "pay"}}',
    "UTF-16": '{"jsonrpc": "2.0", "id": 1, "method": "ping"}'.encode("utf-16"),
}


async def test_no_trick_calls_a_tool_in_read_only(there: There) -> None:
    """Whatever two readers of JSON might read differently is refused, and so is a header that says another tool."""
    await there.keeper.held(Mode.READ_ONLY)
    path = f"/billing/{there.name}/mcp"
    headers = ("Content-Type: application/json", "Accept: application/json, text/event-stream", "Connection: close")
    for what, body in TRICKS.items():
        reply = (await raw(there.gate.port, request("POST", path, *headers, body=body)))[0]
        assert reply.status in {400, 403} or reply.said["error"], what
    look = (
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "look", "arguments": {"name": "x"}}}'
    )
    for more in (
        ("Mcp-Name: pay",),
        ("Mcp-Method: tools/list",),
        ("Mcp-Name: =?base64?cGF5?=",),
        ("Content-Encoding: br",),
    ):
        reply = (await raw(there.gate.port, request("POST", path, *headers, *more, body=look)))[0]
        assert reply.status == 403, more
    assert there.effects == []


async def test_a_message_at_another_path_is_no_message(there: There) -> None:
    """What looks like a harmless one is judged as the HTTP write that it is; and a read there needs the word `safe`."""
    await there.keeper.held(Mode.READ_ONLY)
    ping = b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "amount": 5}'
    for method, path in (("POST", "/transfer"), ("DELETE", "/users/1"), ("POST", "/mcp/"), ("POST", "/MCP")):
        data = request(method, f"/billing/{there.name}{path}", "Mcp-Session-Id: x", "Connection: close", body=ping)
        assert (await raw(there.gate.port, data))[0].status == 403, path
