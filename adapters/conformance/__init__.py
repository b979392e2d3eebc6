"""The suite that every adapter passes: it judges from the agent's side, on a real server.

A kind's test file gives a `Rig` (how to act as the agent, how to count effects, how to break the server) and
subclasses `ConformanceSuite`; pytest does the rest:

    class TestMyKind(ConformanceSuite):
        @pytest.fixture
        async def rig(self) -> AsyncIterator[Rig]:
            ...

The control plane is never asked whether the control plane worked: `effects` counts what the agent really did, read
past the adapter, and a session that was opened before the stop is the agent's own. `docs/writing-an-adapter.md` is the
guide.
"""

import pytest

_ASSERTING = ("stops", "modes", "undo", "failures", "waits", "parked", "desk", "hostile", "bounds", "keeper")
pytest.register_assert_rewrite(*(f"adapters.conformance.{name}" for name in _ASSERTING))

from adapters.conformance.keeper import Keeper, driven  # noqa: E402  # after the rewriting, so that failures show values
from adapters.conformance.rig import FullRig, Rig, Session, Stopped  # noqa: E402
from adapters.conformance.suite import CHECKS, ConformanceSuite  # noqa: E402
from adapters.conformance.trial import trial  # noqa: E402
from adapters.conformance.wait import ticks  # noqa: E402

__all__ = [
    "CHECKS",
    "ConformanceSuite",
    "FullRig",
    "Keeper",
    "Rig",
    "Session",
    "Stopped",
    "driven",
    "ticks",
    "trial",
]
