"""What becomes of a request that was given up and that the node gets later?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from adapters.base import Mode
from adapters.conformance import Keeper, ticks
from adapters.rabbitmq_user.line import Asker, Reply, Request
from tests.contract.rabbit_rig import rig
from tests.contract.rigs.running import Running


class Slow:
    """A way to the node that keeps what is sent on connections of before `hold`, until `deliver`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._old: asyncio.Event | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.port = 0
        self._served: set[asyncio.Task[None]] = set()

    def hold(self) -> None:
        """From here on, connections that there are bring nothing; later ones do."""
        self._old, self.open = self.open, asyncio.Event()
        self._old.clear()
        self.open.set()

    def deliver(self) -> None:
        """What was kept comes."""
        if self._old is not None:
            self._old.set()

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._served.add(asyncio.create_task(self._bring(reader, writer)))

    async def close(self) -> None:
        """Waits until every connection has ended."""
        self.deliver()
        await asyncio.gather(*self._served)

    async def _bring(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way = self.open
        theirs, there = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.create_task(_carry(theirs, writer))
        with suppress(OSError):
            while data := await reader.read(65536):
                await way.wait()
                there.write(data)
        await way.wait()
        for _ in ticks(0.2):  # a node that was told that its caller has gone may let the request be
            await asyncio.sleep(0.01)
        there.close()
        await asyncio.wait({back})


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


@asynccontextmanager
async def _slow(port: int) -> AsyncIterator[Slow]:
    way = Slow(port)
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        await way.close()
        await server.wait_closed()


async def test_a_request_that_comes_late_is_waited_for(servers: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loosening was given up on its way: until the node has answered it no cut is proven, and then it is undone."""
    there = rig(servers.rabbit)
    async with _slow(there.server.api) as way:
        adapter = there.adapter(url=f"http://127.0.0.1:{way.port}")
        keeper = Keeper(adapter)
        await keeper.held(Mode.FULL_STOP)
        token, real = keeper.token, Asker.ask

        async def held(self: Asker, *requests: Request) -> list[Reply]:
            if any(request.method != "GET" for request in requests):
                way.hold()
            return await real(self, *requests)

        monkeypatch.setattr(Asker, "ask", held)
        relaxing = asyncio.create_task(keeper.relax(Mode.NORMAL))
        done, _ = await asyncio.wait({relaxing}, timeout=0.5)
        assert not done
        monkeypatch.undo()
        relaxing.cancel()
        await asyncio.wait({relaxing})
        keeper.token = token
        cut = await keeper.restrict(Mode.FULL_STOP)
        assert cut.left is None, "proven, while a request of ours could still loosen it"
        assert (await adapter.observe()).in_flight is None
        way.deliver()
        for _ in ticks():
            if there.authority()["rights"]:
                break
            await asyncio.sleep(0.01)
        cut = await keeper.restrict(Mode.FULL_STOP)
        assert cut.left == 0
        await keeper.settled(Mode.FULL_STOP)
        assert there.authority()["rights"] == []
        await adapter.aclose()
    there.unmake()
