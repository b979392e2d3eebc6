"""Real servers, a simulated Slack and the real bot, for tests of the whole product."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.sandbox.simulator import Simulator
from tests.acceptance.sandbox_fixture import sandbox
from tests.acceptance.whole_bot import Bot
from tests.contract.conftest import postgres_database, postgres_server, valkey_server
from tests.contract.http_rig import Farm, farm

__all__ = ["postgres_database", "postgres_server", "sandbox", "valkey_server"]


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
