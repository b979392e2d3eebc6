"""Real servers for the adapters' tests: one of each for a whole run, and a database for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.rigs.running import Running
from tests.contract.servers import Database, PostgresServer, ValkeyServer, database


@pytest.fixture(scope="session")
def servers() -> Iterator[Running]:
    """The servers of this run, started when they are first asked for."""
    started = Running()
    yield started
    started.close()


@pytest.fixture(scope="session")
def postgres_server(servers: Running) -> PostgresServer:
    """A running PostgreSQL of this run's own."""
    return servers.postgres


@pytest.fixture(scope="session")
def valkey_server(servers: Running) -> ValkeyServer:
    """A running Valkey of this run's own."""
    return servers.valkey


@pytest.fixture
async def postgres_database(postgres_server: PostgresServer) -> AsyncIterator[Database]:
    """A fresh database with an owner, an agent and a bot."""
    made = await database(postgres_server)
    yield made
    await made.drop()
