"""The suite that every adapter passes, on a private Valkey with a real worker over it."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.celery_workers import CeleryRig, opened
from tests.contract.rigs.running import Running


class TestCeleryWorkers(ConformanceSuite):
    """`celery_workers` with the module of its set-up."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[CeleryRig]:
        """One agent."""
        async with opened(servers) as there:
            yield there
