"""The suite that every adapter passes, on an ACL user of a private Valkey."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance import ConformanceSuite
from tests.contract.rigs.redis_acl import RedisRig, opened
from tests.contract.rigs.running import Running


class TestRedisAcl(ConformanceSuite):
    """`redis_acl` on Valkey."""

    @pytest.fixture
    async def rig(self, servers: Running) -> AsyncIterator[RedisRig]:
        """A fresh agent on this run's server."""
        async with opened(servers) as there:
            yield there
