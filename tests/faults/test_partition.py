"""Is a surface behind a partitioned network alone with it, never called cut on a guess, and cut once packets pass?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from tests.faults.conftest import Make
from tests.faults.estate import Estate
from tests.faults.test_surfaces import SICK, becomes, healthy_ones_are_cut, outcome


@dataclass
class Network:
    """A way to a server on which packets may vanish. Connections stay open, as they do where a cable is pulled.

    Args:
        port: of the server behind it.
        requests: whether what is sent there arrives.
        answers: whether what is sent back arrives.
    """

    port: int
    requests: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    own: int = 0
    _ways: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def up(self) -> AsyncIterator["Network"]:
        """Takes connections."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.own = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            ways = tuple(self._ways)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
        for coming, going, open_ in ((reader, far_writer, self.requests), (far_reader, writer, self.answers)):
            way = asyncio.create_task(_carry(coming, going, open_))
            self._ways.add(way)
            way.add_done_callback(self._ways.discard)


async def _carry(coming: asyncio.StreamReader, going: asyncio.StreamWriter, passes: asyncio.Event) -> None:
    """One direction; what cannot pass waits, as it does in the buffers of a kernel that sends it again."""
    try:
        with suppress(ConnectionError):
            while data := await coming.read(65536):
                await passes.wait()
                going.write(data)
                await going.drain()
    finally:
        going.transport.abort()


def behind(estate: Estate, network: Network) -> None:
    """Has the product reach one surface through the network, its canary too."""
    agents = estate.agents()
    sick = agents["desk"]["surfaces"][SICK]
    for part in (sick["settings"], sick["canary"]):
        part["url"] = part["url"].replace(f":{network.port}/", f":{network.own}/")
    estate.configure(agents)


async def test_a_partition_is_waited_out(make: Make) -> None:
    """F55, P1 P3: no packet passes: the others are cut, nothing is claimed; healed, it is cut and proven by itself."""
    estate = make(deadline="1s")
    async with Network(estate.farm.ports[0]).up() as network:
        behind(estate, network)

        await healthy_ones_are_cut(estate)
        await becomes(estate, SICK, "unknown", within=4)
        assert await estate.modes(SICK) == ["normal"]

        network.requests.set()
        network.answers.set()
        await estate.all_cut(SICK, within=35)
        await becomes(estate, SICK, "verified", within=35)
        await estate.end()


async def test_a_partition_that_begins_while_it_is_held_ages_the_proof(make: Make) -> None:
    """F55, P3: the proof is shown with its age, which grows; after a minute it would not be claimed any more."""
    estate = make(deadline="1s")
    async with Network(estate.farm.ports[0]).up() as network:
        behind(estate, network)
        network.requests.set()
        network.answers.set()
        await healthy_ones_are_cut(estate)
        await becomes(estate, SICK, "verified")

        network.answers.clear()
        await asyncio.wait_for(_older(estate, 7.0), 30)
        row = await outcome(estate, SICK)
        assert (row["outcome"], row["held"]) == ("verified", "full_stop")
        await estate.end()


async def _older(estate: Estate, seconds: float) -> None:
    """Waits until a proof was not renewed for so long; the drift watch looks every five seconds."""
    while (await outcome(estate, SICK))["proof_age"] < seconds:  # noqa: ASYNC110  # another process's clock
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("heals", [True, False])
async def test_answers_that_never_arrive_prove_nothing(make: Make, heals: bool) -> None:  # noqa: FBT001  # a case
    """F56, P1 P3: it is really cut, and is not called so before an answer says it; never, where none does."""
    estate = make(deadline="1s")
    async with Network(estate.farm.ports[0]).up() as network:
        behind(estate, network)
        network.requests.set()

        await healthy_ones_are_cut(estate)
        await estate.all_cut(SICK, within=4)
        await becomes(estate, SICK, "unknown", within=4)
        if heals:
            network.answers.set()
            await becomes(estate, SICK, "verified", within=35)
        await estate.end()
