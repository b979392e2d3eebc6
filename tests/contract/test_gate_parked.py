"""Is exactly what a person approved done, once, and nothing else? The agent's calls, and the upstream's own record."""

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest

from adapters.base import Change, Mode
from adapters.base.parked import Draft, Released
from adapters.conformance import Keeper, ticks
from adapters.gate import GateSurface
from bot.sandbox.servers import HOST
from tests.contract import gate_agent
from tests.contract.gate_agent import Recorder, Reply, raw
from tests.contract.gate_server import GateServer
from tests.contract.haproxy import Upstream
from tests.contract.rigs.gate import GateRig
from tests.contract.rigs.haproxy_gateway import TICK, until

BY = "U0APPROVER"
_NUMBERS = itertools.count()


async def yes(_changes: tuple[Change, ...]) -> bool:
    """A gate that lets everything pass."""
    return True


@dataclass
class There:
    """One surface whose calls wait for a second."""

    server: GateServer
    name: str
    upstream: Recorder
    adapter: GateSurface
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = Keeper(self.adapter)

    async def post(self, path: str = "/pay", body: bytes = b'{"amount": 5}', *headers: str) -> Reply:
        """One call of the agent."""
        data = gate_agent.request("POST", f"/billing/{self.name}{path}", "Connection: close", *headers, body=body)
        return (await raw(self.server.port, data, within=10.0))[0]

    async def waiting(self, number: int = 1) -> list[Draft]:
        """What is parked, once there is so much."""
        for _ in range(500):
            items = list((await self.adapter.list()).items)
            if len(items) == number:
                return items
            await asyncio.sleep(0.01)
        raise AssertionError(f"{number} were to be parked, not {items}")

    async def release(self, draft: str, by: str = BY) -> Released:
        """Approved by a person."""
        return await self.adapter.release(draft=draft, by=by, gate=yes)


@pytest.fixture(scope="module")
def server() -> Iterator[GateServer]:
    """A gate of this page's own. Nobody else gets its upstream's port, which a socket that does not listen keeps."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind((HOST, 0))
        own = {"short": {"expires": "2s"}}
        names = ["short", *(f"s{number}" for number in range(20))]
        with GateServer(kept.getsockname()[1], {"patience": "1s"}, names=names, own=own) as running:
            yield running


@pytest.fixture
async def there(server: GateServer, request: pytest.FixtureRequest) -> AsyncIterator[There]:
    """A surface that no test had."""
    upstream = Recorder(at=server.upstream)
    await upstream.start()
    name = "short" if "expires" in request.node.name else f"s{next(_NUMBERS)}"
    adapter = GateRig(server, Upstream(), name).made()
    yield There(server, name, upstream, adapter)
    await adapter.aclose()
    await upstream.stop()


async def test_an_approved_call_is_answered_by_the_upstream(there: There) -> None:
    """The agent waits, a person approves exactly its call, and it gets the answer as if nobody had been between."""
    await there.keeper.held(Mode.APPROVAL_GATED)
    call = asyncio.create_task(there.post())
    (draft,) = await there.waiting()
    assert (draft.what, draft.arguments, draft.waits) == ("POST /pay", '{"amount": 5}', True)
    assert there.upstream.calls == []
    assert (await there.release(draft.id)).done
    reply = await call
    assert (reply.status, reply.body, reply.headers["x-own"]) == (200, b"done", "yes")
    assert there.upstream.calls == [("POST", "/pay", b'{"amount": 5}')]


async def test_a_denied_call_is_told_so(there: There) -> None:
    """The agent's wait ends at once, with the reason, and nothing is done."""
    await there.keeper.held(Mode.APPROVAL_GATED)
    call = asyncio.create_task(there.post())
    (draft,) = await there.waiting()
    assert await there.adapter.drop(draft=draft.id, by=BY)
    reply = await call
    assert (reply.status, reply.said["why"]) == (403, f"a person denied {draft.id}")
    assert there.upstream.calls == []


async def test_an_approval_is_good_for_one_call(there: There) -> None:
    """The same call again, another body, another path, another query: each waits for its own approval."""
    await there.keeper.held(Mode.APPROVAL_GATED)
    call = asyncio.create_task(there.post())
    (draft,) = await there.waiting()
    await there.release(draft.id)
    await call
    others = (("/pay", b'{"amount": 5}'), ("/pay", b'{"amount": 6}'), ("/pay2", b'{"amount": 5}'), ("/pay?x", b""))
    replies = await asyncio.gather(*(there.post(path, body) for path, body in others))
    assert [reply.status for reply in replies] == [202] * 4
    assert len(there.upstream.calls) == 1
    assert len(await there.waiting(4)) == 4


async def test_a_call_that_is_tried_again_waits_as_the_same(there: There) -> None:
    """The agent gave up and comes again: a person sees one item, and the second try gets the answer."""
    await there.keeper.held(Mode.APPROVAL_GATED)
    first = await there.post()
    assert first.status == 202
    again = asyncio.create_task(there.post())
    (draft,) = await there.waiting()
    assert draft.id == first.headers["x-agent-kill-draft"]
    for _ in ticks(0.3):
        assert len((await there.adapter.list()).items) == 1, "the second try is another item"
        await asyncio.sleep(TICK)
    await there.release(draft.id)
    assert (await again).status == 200
    assert len(there.upstream.calls) == 1


async def test_raced_approvals_make_one_call(there: There) -> None:
    """Ten at once by two people: one effect, and only one of the two did it."""
    await there.keeper.held(Mode.DRAFT_ONLY)
    draft = (await there.post()).headers["x-agent-kill-draft"]
    said = await asyncio.gather(*(there.release(draft, by) for by in (BY, "U0OTHER") * 5))
    assert len(there.upstream.calls) == 1
    assert len({turn % 2 for turn, one in enumerate(said) if one.done}) == 1


async def test_a_stop_voids_what_waits(there: There) -> None:
    """The agent's wait ends with the refusal, an approval after it does nothing, and the item stays for later."""
    await there.keeper.held(Mode.APPROVAL_GATED)
    call = asyncio.create_task(there.post())
    (draft,) = await there.waiting()
    cut = await there.keeper.restrict(Mode.FULL_STOP)
    assert cut.ended == 1
    assert (await call).status == 403
    said = await there.release(draft.id)
    assert not said.done
    assert said.why
    assert there.upstream.calls == []
    assert [item.id for item in await there.waiting()] == [draft.id]


async def test_a_stop_between_the_approval_and_the_call_wins(there: There) -> None:
    """The gate of the release says yes, and the stop comes before the call is sent: an equal one voids it too."""
    await there.keeper.held(Mode.DRAFT_ONLY)
    draft = (await there.post()).headers["x-agent-kill-draft"]

    async def overtaken(_changes: tuple[Change, ...]) -> bool:
        await there.keeper.restrict(Mode.DRAFT_ONLY)
        return True

    said = await there.adapter.release(draft=draft, by=BY, gate=overtaken)
    assert not said.done
    assert "meanwhile" in said.why
    assert there.upstream.calls == []


async def test_what_is_parked_expires(there: There) -> None:
    """It is listed no longer, and no approval does it."""
    await there.keeper.held(Mode.DRAFT_ONLY)
    draft = (await there.post()).headers["x-agent-kill-draft"]
    await there.waiting()
    await there.waiting(0)
    assert not (await there.release(draft)).done
    assert there.upstream.calls == []


async def test_what_was_changed_on_the_disk_is_not_done(there: There) -> None:
    """A parcel that no longer does what it was parked for is refused, over a restart too."""
    await there.keeper.held(Mode.DRAFT_ONLY)
    draft = (await there.post()).headers["x-agent-kill-draft"]
    file = there.server.state(there.name).parent / "drafts" / f"{draft}.draft"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"target": "/pay-more"}))
    await asyncio.to_thread(there.server.restart)
    said = await there.release(draft)
    assert not said.done
    assert "changed" in said.why
    assert there.upstream.calls == []


async def test_a_release_that_never_reached_the_upstream_may_be_repeated(there: There) -> None:
    """Nothing was sent, so that it stays parked, and is done by the next one."""
    await there.keeper.held(Mode.DRAFT_ONLY)
    draft = (await there.post()).headers["x-agent-kill-draft"]
    await there.upstream.stop()
    said = await there.release(draft)
    assert not said.done
    assert "still parked" in said.why
    await there.upstream.start()
    assert (await there.release(draft)).done
    assert len(there.upstream.calls) == 1


async def test_an_upstream_that_refuses_is_told(there: There) -> None:
    """A release whose call was answered with an error was made, and had no effect; it is not made again."""
    await there.keeper.held(Mode.DRAFT_ONLY)
    draft = (await there.post()).headers["x-agent-kill-draft"]
    there.upstream.status = 422
    for _ in range(2):
        said = await there.release(draft)
        assert not said.done
        assert "422" in said.why
    assert len(there.upstream.calls) == 1


async def test_a_killed_gate_releases_nothing_twice(there: There) -> None:
    """It dies while the released call is under way: after the start it is never sent again, and says so."""
    await there.keeper.held(Mode.DRAFT_ONLY)
    draft = (await there.post()).headers["x-agent-kill-draft"]
    there.upstream.go.clear()
    release = asyncio.create_task(there.release(draft))
    await until(lambda: bool(there.upstream.calls))
    await asyncio.to_thread(there.server.crash)
    await asyncio.gather(release, return_exceptions=True)
    await asyncio.to_thread(there.server.restart)
    said = await there.release(draft)
    assert not said.done
    assert "did not end" in said.why
    assert (await there.adapter.list()).items == ()
    assert len(there.upstream.calls) == 1
    there.upstream.go.set()
