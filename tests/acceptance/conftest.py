"""Real servers, a simulated Slack and the real bot, for tests of the whole product."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot.sandbox.servers import ValkeyServer
from bot.sandbox.simulator import Simulator
from tests.acceptance.sandbox_fixture import sandbox
from tests.acceptance.whole_bot import Bot
from tests.acceptance.world import World
from tests.contract import redis_rig
from tests.contract.conftest import postgres_database, postgres_server, servers, valkey_server
from tests.contract.http_rig import Farm, farm
from tests.contract.servers import Database

_NAMES = itertools.count(1)

__all__ = ["postgres_database", "postgres_server", "sandbox", "servers", "valkey_server"]


@pytest.fixture
async def bot(sandbox: Simulator, tmp_path: Path) -> AsyncIterator[Bot]:
    """A bot that is not started yet, in Socket Mode; killed at the end."""
    made = Bot(tmp_path, dict(sandbox.environment))
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


@pytest.fixture(scope="session")
def receivers() -> Iterator[Farm]:
    """A process with control endpoints, one port for all."""
    with farm() as running:
        yield running


@pytest.fixture
async def world(postgres_database: Database, valkey_server: ValkeyServer, receivers: Farm) -> AsyncIterator[World]:
    """An agent on three real surfaces."""
    queue = await redis_rig.rig(valkey_server)
    await queue.witness.delete("work")
    async with ClientSession() as client:
        yield World(postgres_database, queue, receivers, client, f"main{next(_NAMES)}")
    await queue.close()


@pytest.fixture
async def running(bot: Bot, world: World, sandbox: Simulator) -> Bot:
    """The bot, started over that agent and connected to Slack."""
    bot.environ |= world.environ()
    bot.configure(world.agents())
    await bot.start()
    await sandbox.connected()
    return bot
