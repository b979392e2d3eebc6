"""The suite that every adapter passes, on a plain control endpoint with an agent behind it in another process."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.http_plain import HttpRig, opened
from tests.contract.rigs.running import Running


class TestHttpControl(ConformanceSuite):
    """`http_control` on a plain receiver, which knows the contract alone, in another process."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[HttpRig]:
        """One target of it."""
        async with opened(servers) as there:
            yield there
