"""Real servers for the adapters' tests: one PostgreSQL and one Valkey for a whole run, a database for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.servers import Database, PostgresServer, ValkeyServer, database


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL of this run's own."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """A running Valkey of this run's own."""
    with ValkeyServer() as server:
        yield server


@pytest.fixture
async def postgres_database(postgres_server: PostgresServer) -> AsyncIterator[Database]:
    """A fresh database with an owner, an agent and a bot."""
    made = await database(postgres_server)
    yield made
    await made.drop()
