"""The suite that every adapter passes, on a private supervisord with programs that it really runs."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.running import Running
from tests.contract.rigs.supervisor_process import SupervisorRig, opened


class TestSupervisorProcess(ConformanceSuite):
    """`supervisor_process` with its extension installed."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[SupervisorRig]:
        """One group of programs."""
        async with opened(servers) as there:
            yield there
