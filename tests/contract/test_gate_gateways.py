"""Does a stop hold behind real gateways that ask the gate? Envoy and nginx on the text of their pages."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest

from adapters.base import Attempt, Mode, Shared
from adapters.conformance import Keeper, ticks
from adapters.gate import GateCanary, GateSurface
from bot.sandbox.servers import HOST
from tests.contract.gate_agent import Recorder, Reply, raw, request
from tests.contract.gate_server import SECRET, GateServer
from tests.contract.gateways import KINDS, Gateway, address
from tests.contract.rigs.haproxy_gateway import TICK

_NUMBERS = itertools.count()
SAFE = [{"methods": ["GET", "HEAD"], "paths": ["/v1/**"]}]


@dataclass
class There:
    """A gateway, the gate that it asks, and what is behind both."""

    kind: str
    gate: GateServer
    gateway: Gateway
    upstream: Recorder
    adapter: GateSurface
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = Keeper(self.adapter)

    async def call(self, method: str, path: str, *headers: str, body: bytes = b"") -> Reply:
        """One call of the agent, to the gateway."""
        data = request(method, path, "Connection: close", *headers, body=body, length=method == "POST")
        return (await raw(self.gateway.port, data))[0]

    async def over(self) -> None:
        """Waits until nothing can run any more that was let through before."""
        for _ in ticks():
            if (await self.adapter.observe()).in_flight == 0:
                return
            await asyncio.sleep(TICK)
        raise AssertionError("what the gateway let through is never over")


@pytest.fixture(scope="module")
def line() -> Iterator[socket.socket]:
    """What listens behind the gateways."""
    with socket.create_server((HOST, 0)) as made:
        yield made


@pytest.fixture(scope="module")
def gates(line: socket.socket) -> Iterator[GateServer]:
    """One gate for both, with some surfaces for each."""
    names = [f"{kind}{number}" for kind in KINDS for number in range(8)]
    own = {name: {"gateway": name.rstrip("0123456789"), "safe": SAFE, "longest": "1s"} for name in names}
    with GateServer(line.getsockname()[1], names=names, own=own) as running:
        yield running


@pytest.fixture(params=KINDS)
async def there(request: pytest.FixtureRequest, gates: GateServer, line: socket.socket) -> AsyncIterator[There]:
    """A gateway in front of a surface that no test had."""
    kind = str(request.param)
    upstream, name = Recorder(line=line), f"{kind}{next(_NUMBERS) // len(KINDS)}"
    await upstream.start()
    with KINDS[kind](gates.port, gates.upstream, f"/billing/{name}") as gateway:
        settings = gates.settings(name) | {"secret": SECRET}
        adapter = GateSurface(
            config=GateSurface.config_type.model_validate(settings),  # type: ignore[arg-type]  # the kind's own
            canary=GateCanary.model_validate({"urls": [address(gateway)]}),
            shared=Shared(),
        )
        yield There(kind, gates, gateway, upstream, adapter)
        await adapter.aclose()
    await upstream.stop()


async def test_each_mode_holds_behind_a_gateway(there: There) -> None:
    """Exactly what is allowed reaches the upstream; the refusal says which mode; the canary proves it from outside."""
    assert (await there.call("POST", "/v1/pay", body=b"x")).status == 200
    assert await there.adapter.attempt(mode=Mode.READ_ONLY) is Attempt.ALLOWED
    passed = len(there.upstream.calls)
    cut = await there.keeper.restrict(Mode.READ_ONLY)
    assert cut.left is None, "what the gateway let through before is not known"
    refused = await there.call("POST", "/v1/pay", body=b"x")
    assert (refused.status, refused.headers["x-agent-kill-mode"]) == (403, "read_only")
    assert (await there.call("GET", "/v2/users")).status == 403
    assert (await there.call("GET", "/v1/users?page=2")).status == 200
    assert there.upstream.calls[passed:] == [("GET", "/v1/users?page=2", b"")]
    await there.over()
    await there.keeper.settled(Mode.READ_ONLY)
    await there.keeper.refused(Mode.READ_ONLY)
    await there.keeper.restrict(Mode.FULL_STOP)
    assert (await there.call("GET", "/v1/users")).status == 403
    assert len(there.upstream.calls) == passed + 1
    await there.keeper.refused(Mode.FULL_STOP)


async def test_what_a_gateway_may_have_let_through_is_not_claimed_to_be_over(there: There) -> None:
    """A call that the mode forbids, let through before it, makes what runs unknown for as long as a call may take."""
    await there.keeper.restrict(Mode.READ_ONLY)
    await there.over()  # whatever was let through before this gate started
    await there.keeper.relax(Mode.NORMAL)
    assert (await there.call("GET", "/v1/users")).status == 200
    assert (await there.keeper.restrict(Mode.READ_ONLY)).left == 0, "a safe call is no reason for doubt"
    await there.keeper.relax(Mode.NORMAL)
    assert (await there.call("POST", "/v1/pay", body=b"x")).status == 200
    assert (await there.keeper.restrict(Mode.READ_ONLY)).left is None


async def test_the_middle_modes_are_rounded_and_say_so(there: There) -> None:
    """Nothing can be parked behind a yes or no: both are held as read_only, and the agent is told."""
    for mode in (Mode.APPROVAL_GATED, Mode.DRAFT_ONLY):
        assert mode not in (await there.adapter.observe()).enforceable
        assert (await there.keeper.restrict(mode)).held is Mode.READ_ONLY
        assert (await there.call("POST", "/v1/pay", body=b"x")).status == 403
        assert (await there.call("GET", "/v1/users")).status == 200
    assert there.adapter.parks(there.adapter._config) == frozenset()
    assert [call[0] for call in there.upstream.calls] == ["GET", "GET"]


HOSTILE = {
    "an override": ("GET", "/v1/x", ("X-HTTP-Method-Override: DELETE",)),
    "an override with low lines": ("GET", "/v1/x", ("X_HTTP_Method_Override: DELETE",)),
    "a told method": ("POST", "/v1/x", ("X-Original-Method: GET",)),
    "a told path": ("POST", "/v1/x", ("X-Original-URI: /v1/x", "X-Original-Method: GET")),
    "a forwarded method": ("POST", "/v1/x", ("X-Forwarded-Method: GET", "X-Forwarded-Uri: /v1/x")),
    "a rewritten path": ("GET", "/v1/x", ("X-Rewrite-URL: /v2",)),
    "out of the safe paths": ("GET", "/v1/../v2/x", ()),
    "out, encoded": ("GET", "/v1/%2e%2e/v2", ()),
    "an encoded slash": ("GET", "/v1/..%2fv2", ()),
    "an empty part": ("GET", "//v1/x", ()),
    "in other letters": ("GET", "/V1/x", ()),
    "a parameter": ("GET", "/v1/..;/v2", ()),
    "a method in the query": ("GET", "/v1/x?_method=DELETE", ()),
    "another gateway's word": ("POST", "/v1/x?gateway=nginx", ("X-Original-Method: GET",)),
}


async def test_no_disguise_passes_a_gateway(there: There) -> None:
    """Whatever the agent writes, the upstream sees no write, no override and no path but the safe ones in read_only."""
    await there.keeper.restrict(Mode.READ_ONLY)
    for method, path, headers in HOSTILE.values():
        await there.call(method, path, *headers, body=b"x" if method == "POST" else b"")
    await there.call("GET", "/v1/fine")
    assert there.upstream.calls[-1][1] == "/v1/fine"
    assert there.upstream.writes == []
    assert [call for call in there.upstream.calls if not call[1].startswith("/v1/") or ".." in call[1]] == []


async def test_a_gate_that_is_away_closes_the_gateway(there: There) -> None:
    """Ended, frozen or started again without the bot: nothing passes that its last mode forbids."""
    await there.keeper.restrict(Mode.READ_ONLY)
    await asyncio.to_thread(there.gate.crash)
    assert (await there.call("GET", "/v1/users")).status in {403, 500}
    assert (await there.call("POST", "/v1/pay", body=b"x")).status in {403, 500}
    await asyncio.to_thread(there.gate.restart)
    assert (await there.call("POST", "/v1/pay", body=b"x")).status == 403
    there.gate.freeze()
    try:
        assert (await there.call("GET", "/v1/users")).status in {403, 500}
    finally:
        there.gate.thaw()
    assert there.upstream.calls == []
