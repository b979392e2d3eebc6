"""The suite that every adapter passes, on a user of a private RabbitMQ."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.rabbitmq_user import RabbitRig, opened
from tests.contract.rigs.running import Running


class TestRabbitmqUser(ConformanceSuite):
    """`rabbitmq_user` on RabbitMQ."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[RabbitRig]:
        """A fresh agent on this run's server."""
        async with opened(servers) as there:
            yield there
