"""The suite that every adapter passes, on a login role of a private PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.postgres_role import PostgresRig, opened
from tests.contract.rigs.running import Running


class TestPostgresRole(ConformanceSuite):
    """A login role passes the suite on a real server."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[PostgresRig]:
        """The agent's role."""
        async with opened(servers) as there:
            yield there
