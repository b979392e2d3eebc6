"""The suite that every adapter passes, on an agent behind a private HAProxy."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.haproxy_gateway import HaproxyRig, opened
from tests.contract.rigs.running import Running


class TestHaproxyGateway(ConformanceSuite):
    """`haproxy_gateway` on HAProxy."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[HaproxyRig]:
        """A fresh HAProxy."""
        async with opened(servers) as there:
            yield there
