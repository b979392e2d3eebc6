"""Is a cut claimed only once every server of a cluster has it?"""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.base import Mode
from adapters.conformance import Keeper, ticks
from adapters.errors import Unreachable
from tests.contract.nats_client import Client, Gone
from tests.contract.nats_rig import Rig, rig
from tests.contract.nats_server import NatsServer, cluster

READINGS = 50  # one right after the other


@pytest.fixture(scope="module")
def pair() -> Iterator[list[NatsServer]]:
    """Two servers that know each other."""
    servers = cluster(2)
    try:
        yield [server.start() for server in servers]
    finally:
        for server in servers:
            server.stop()


@pytest.fixture
async def keeper(pair: list[NatsServer]) -> AsyncIterator[tuple[Rig, Keeper]]:
    """A role that both servers know."""
    there = await rig(pair[0])
    adapter = there.adapter(servers=2)
    for _ in ticks():
        if await adapter.preflight() == () and await _answers(adapter):
            break
        await asyncio.sleep(0.05)
    yield there, Keeper(adapter)
    await adapter.aclose()
    await there.close()


async def _answers(adapter: object) -> bool:
    try:
        await adapter.observe()  # type: ignore[attr-defined]  # an adapter
    except Unreachable:
        return False
    return True


async def _far(pair: list[NatsServer], there: Rig) -> Client:
    """The agent at the server that the bot does not talk to."""
    return await Client.connect(pair[1].port, there.agent)


async def test_the_agent_is_ended_at_every_server(pair: list[NatsServer], keeper: tuple[Rig, Keeper]) -> None:
    """Connections at both servers are counted and ended, and neither lets the agent in again."""
    there, driver = keeper
    near, far = await there.login(), await _far(pair, there)
    cut = await driver.restrict(Mode.FULL_STOP)
    assert (cut.ended, cut.left) == (2, 0)
    await driver.settled(Mode.FULL_STOP)
    for client in (near, far):
        with pytest.raises(Gone):
            await client.publish("effects")
        await client.close()
    with pytest.raises(Gone):
        await _far(pair, there)
    await driver.relax(Mode.NORMAL)
    await (await _far(pair, there)).close()


async def test_a_server_that_is_silent_is_never_claimed(pair: list[NatsServer], keeper: tuple[Rig, Keeper]) -> None:
    """With one server frozen the cut is made at the other and nothing is verified; after the thaw both have it."""
    there, driver = keeper
    far = await _far(pair, there)
    pair[1].freeze()
    try:
        cut = await driver.restrict(Mode.FULL_STOP)
        assert cut.left is None
        assert "1 of 2 servers" in cut.why
        with pytest.raises(Unreachable, match="1 of 2 servers"):
            await driver.adapter.observe()
        with pytest.raises(Gone):
            await there.login()
    finally:
        pair[1].thaw()
    for _ in ticks():
        if await _answers(driver.adapter):
            break
    await driver.held(Mode.FULL_STOP)
    with pytest.raises(Gone):
        await far.publish("effects")
    await far.close()


async def test_a_server_that_nobody_counted_is_noticed(keeper: tuple[Rig, Keeper]) -> None:
    """Where more servers answer than are configured, some are not looked at: nothing is verified, and it is said."""
    there, _ = keeper
    adapter = there.adapter(servers=1)
    for _ in ticks():  # the other's answer may come a moment after the first
        if not await _answers(adapter):
            break
    with pytest.raises(Unreachable, match=r"correct settings\.servers"):
        await adapter.observe()
    for _ in range(READINGS):  # the other's answer may be late for any of them
        assert not await _answers(adapter), "a server too many was forgotten"
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert cut.left is None
    await adapter.aclose()


async def test_a_server_that_was_away_is_seen_and_cut(pair: list[NatsServer], keeper: tuple[Rig, Keeper]) -> None:
    """A server that was down during the cut comes back with the old account: that is read, and cut again."""
    there, driver = keeper
    await _far_once(pair, there)
    await asyncio.to_thread(pair[1].crash)
    cut = await driver.restrict(Mode.FULL_STOP)
    assert cut.left is None
    await asyncio.to_thread(pair[1].restart)
    for _ in ticks():
        if await _answers(driver.adapter):
            break
    seen = await driver.adapter.observe()
    if seen.mode is not Mode.FULL_STOP:  # it asks the others for newer accounts now and then
        await _far_once(pair, there)
    await driver.held(Mode.FULL_STOP)
    with pytest.raises(Gone):
        await _far_once(pair, there)


async def _far_once(pair: list[NatsServer], there: Rig) -> None:
    await (await _far(pair, there)).close()
