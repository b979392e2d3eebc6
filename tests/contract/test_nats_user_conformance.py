"""The suite that every adapter passes, on a role of an account of a private NATS server."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.nats_user import NatsRig, opened
from tests.contract.rigs.running import Running


class TestNatsUser(ConformanceSuite):
    """`nats_user` on NATS."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[NatsRig]:
        """A fresh account on this run's server."""
        async with opened(servers) as there:
            yield there
