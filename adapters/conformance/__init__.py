"""The suite that every adapter passes: it judges from the agent's side, on a real server.

A kind's test file gives a `Rig` (how to act as the agent, how to count effects, how to break the server) and
subclasses `ConformanceSuite`; pytest does the rest:

    class TestMyKind(ConformanceSuite):
        @pytest.fixture
        async def rig(self) -> AsyncIterator[Rig]:
            ...

The control plane is never asked whether the control plane worked: `effects` counts what the agent really did, read
past the adapter, and a session that was opened before the stop is the agent's own.
"""

from adapters.conformance.keeper import Keeper
from adapters.conformance.rig import Rig, Session, Stopped
from adapters.conformance.suite import ConformanceSuite
from adapters.conformance.wait import ticks

__all__ = ["ConformanceSuite", "Keeper", "Rig", "Session", "Stopped", "ticks"]
