"""The tests that every kind passes."""

from collections.abc import AsyncIterator

import pytest

from adapters.conformance.check import spared
from adapters.conformance.failures import Failures
from adapters.conformance.hostile import Hostile
from adapters.conformance.keeper import Keeper, driven
from adapters.conformance.modes import Modes
from adapters.conformance.parked import Holds
from adapters.conformance.rig import Rig
from adapters.conformance.stops import Stops
from adapters.conformance.undo import Undo
from adapters.conformance.waits import Waits


class ConformanceSuite(Stops, Modes, Undo, Failures, Hostile, Waits, Holds):
    """Subclass as `Test…` with a fixture `rig`. What does not fit a kind is in its rig's `lacks`, with the reason."""

    @pytest.fixture
    async def keeper(self, rig: Rig) -> AsyncIterator[Keeper]:
        """Drives the rig's target."""
        async with driven(rig) as keeper:
            yield keeper

    @pytest.fixture(autouse=True)
    def _told(self, request: pytest.FixtureRequest, rig: Rig) -> None:
        """Says of a check that does not apply why not: it is never left out in silence."""
        why = spared(request.function, rig)
        if why:
            request.node.user_properties.append(("told", f"does not apply to {type(rig).__name__}: {why}"))


CHECKS = tuple(sorted(name for name in dir(ConformanceSuite) if name.startswith("test_")))
