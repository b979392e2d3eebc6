"""Does a look that is cancelled before it began leave anything behind?"""

import asyncio
import gc
import warnings

import pytest

from adapters.base import Observation
from adapters.memory import Canary
from bot.service.sight import attempt_all
from tests.unit.service.rig import Rig, surface


async def test_a_look_that_is_cancelled_before_its_canaries_ran_leaves_no_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No call is made that nobody awaits."""
    rig = Rig(surface("billing/api", canary=Canary()))
    (target,) = rig.inventory.targets.values()
    assert target.canaries
    seen: Observation = await target.adapter.observe()
    gathered = asyncio.gather

    def cancelled(*works: object, return_exceptions: bool) -> object:
        together = gathered(*works, return_exceptions=return_exceptions)  # type: ignore[call-overload]
        together.cancel()
        return together

    monkeypatch.setattr(asyncio, "gather", cancelled)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(asyncio.CancelledError):
            await attempt_all(target, seen)
        gc.collect()
    assert [str(one.message) for one in told] == []
    monkeypatch.undo()
    await rig.aclose()
