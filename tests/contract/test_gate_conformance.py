"""The suite that every adapter passes, on an agent behind a private gate."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.gate import GateRig, opened
from tests.contract.rigs.running import Running


class TestGate(ConformanceSuite):
    """`gate` on `agent-kill gate`."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[GateRig]:
        """A surface that no test had."""
        async with opened(servers) as there:
            yield there
