"""The suite that every adapter passes, on an agent that asks for its flags before every step."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.advisory_flag import FlagRig, opened
from tests.contract.rigs.running import Running


class TestAdvisoryFlag(ConformanceSuite):
    """`advisory_flag` on flags."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[FlagRig]:
        """Four fresh flags."""
        async with opened(servers) as there:
            yield there
