"""The suite that every adapter passes, on the reference receiver in a service of its own process, which also parks."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.http_control import ReceiverRig, opened
from tests.contract.rigs.running import Running


class TestReceiver(ConformanceSuite):
    """`http_control` on the reference receiver, with all that it offers required."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[ReceiverRig]:
        """One target of it."""
        async with opened(servers) as there:
            yield there
