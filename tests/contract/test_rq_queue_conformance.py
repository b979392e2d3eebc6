"""The suite that every adapter passes, on a private Valkey with a real worker over it."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.rq_queue import RqRig, opened
from tests.contract.rigs.running import Running


class TestRqQueue(ConformanceSuite):
    """`rq_queue` with the worker class of its set-up."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[RqRig]:
        """One agent."""
        async with opened(servers) as there:
            yield there
