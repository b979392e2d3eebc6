"""Does the decision endpoint answer 200 or 403 and nothing else, whoever asks and whatever they ask about?"""

import itertools
from collections.abc import Iterator

import pytest

from adapters.base import Mode
from adapters.conformance import Keeper
from tests.contract.gate_agent import Reply, raw, request
from tests.contract.gate_server import GateServer
from tests.contract.haproxy import Upstream
from tests.contract.rigs.gate import GateRig

_NUMBERS = itertools.count()
SAFE = [{"methods": ["GET"], "paths": ["/v1/**"]}]


@pytest.fixture(scope="module")
def gate() -> Iterator[GateServer]:
    """With surfaces that a Traefik asks about, and one that is in line."""
    names = [*(f"s{number}" for number in range(4)), "inline"]
    own = {name: {"gateway": "traefik", "safe": SAFE} for name in names[:-1]}
    with GateServer(1, names=names, own=own) as running:
        yield running


async def asked(gate: GateServer, name: str, *headers: str, method: str = "GET") -> Reply:
    """One question."""
    return (await raw(gate.port, request(method, f"/v1/authorize{name}", "Connection: close", *headers)))[0]


def told(method: str, uri: str) -> tuple[str, str]:
    """As Traefik tells a call."""
    return f"X-Forwarded-Method: {method}", f"X-Forwarded-Uri: {uri}"


async def test_traefik_is_answered_by_what_it_tells(gate: GateServer) -> None:
    """The method and the path of the headers, and not of the question itself; the refusal says why it is rounded."""
    name = f"s{next(_NUMBERS)}"
    there = f"/billing/{name}"
    assert (await asked(gate, there, *told("DELETE", "/v1/x"))).status == 200
    adapter = GateRig(gate, Upstream(), name).made()
    assert (await Keeper(adapter).restrict(Mode.DRAFT_ONLY)).held is Mode.READ_ONLY
    await adapter.aclose()
    assert (await asked(gate, there, *told("GET", "/v1/x?a=b"), method="POST")).status == 200
    for method, uri in (("DELETE", "/v1/x"), ("GET", "/v2/x"), ("get", "/v1/x"), ("GET", "/v1/../x"), ("GET", "")):
        assert (await asked(gate, there, *told(method, uri))).status == 403, (method, uri)


async def test_a_question_that_does_not_say_what_is_asked_is_refused(gate: GateServer) -> None:
    """In every mode: without the headers, or with two of them, nobody knows which call it is about."""
    there = f"/billing/s{next(_NUMBERS)}"
    both = told("GET", "/v1/x")
    assert (await asked(gate, there, *both)).status == 200
    for headers in ((), both[:1], both[1:], (*both, both[0]), (*both, "X-Forwarded-Method: DELETE")):
        assert (await asked(gate, there, *headers)).status == 403, headers


@pytest.mark.parametrize(
    "name", ["", "/", "/billing", "/billing/nobody", "/billing/inline", "/../billing/s3", "?x", "//"]
)
async def test_a_question_about_no_such_surface_is_refused(gate: GateServer, name: str) -> None:
    """A surface that the gate has in line is asked about by nobody."""
    reply = await asked(gate, name, *told("GET", "/v1/x"))
    assert reply.status == 403
    assert b"no such surface" in reply.body
