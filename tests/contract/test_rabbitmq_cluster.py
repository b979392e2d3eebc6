"""Is a user of a cluster stopped on every node, and is it said where a node is not seen?"""

import asyncio
from collections.abc import Iterator

import pytest

from adapters.base import Mode
from adapters.conformance import Keeper, ticks
from adapters.errors import AdapterError
from adapters.rabbitmq_user.amqp import Channel, Denied, Login
from tests.contract.rabbit_rig import VHOST, rig
from tests.contract.rabbit_server import PASSWORD, NameServer, RabbitServer

pytestmark = pytest.mark.long


@pytest.fixture
def nodes() -> Iterator[list[RabbitServer]]:
    """Two nodes of one cluster."""
    with NameServer() as names:
        first = RabbitServer(names=names)
        with first, RabbitServer(names=names, joins=first) as second:
            yield [first, second]


async def _login(node: RabbitServer, user: str) -> Channel:
    return await Channel.open(Login.of(node.amqp, user, PASSWORD, VHOST))


async def test_a_user_is_stopped_on_every_node(nodes: list[RabbitServer]) -> None:
    """Over the API of one node: connections of both end, and neither lets the user in."""
    there = rig(nodes[0])
    channels = [await _login(node, there.user) for node in nodes]
    adapter = there.adapter(url=f"{nodes[1].url},{nodes[0].url}")
    keeper = Keeper(adapter)
    cut = await keeper.restrict(Mode.FULL_STOP)
    assert (cut.ended, cut.left) == (2, 0)
    for node in nodes:
        with pytest.raises(Denied):
            await _login(node, there.user)
    await keeper.relax(Mode.NORMAL)
    for node in nodes:
        (await _login(node, there.user)).close()
    for channel in channels:
        channel.abort()
    await adapter.aclose()


async def test_a_node_that_is_not_seen_proves_nothing(nodes: list[RabbitServer]) -> None:
    """One node is gone: the cut is made by the other, and what the lost one lets the user do is not known."""
    there = rig(nodes[0])
    adapter = there.adapter(url=f"{nodes[1].url},{nodes[0].url}")
    keeper = Keeper(adapter)
    nodes[1].crash()
    for _ in ticks(30):
        try:
            if "not seen" in (await adapter.observe()).why:
                break
        except AdapterError:
            await asyncio.sleep(0.1)
    cut = await keeper.restrict(Mode.FULL_STOP)
    assert cut.left is None
    assert nodes[1].node in cut.why
    seen = await adapter.observe()
    assert (seen.mode, seen.in_flight) == (Mode.FULL_STOP, None)
    await adapter.aclose()
