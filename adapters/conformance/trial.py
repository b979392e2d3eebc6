"""One check, run outside pytest: to see a seeded defect caught, and that the check finds nothing without it."""

import asyncio
import inspect

import pytest

from adapters.conformance.keeper import driven
from adapters.conformance.rig import Rig
from adapters.conformance.suite import CHECKS, ConformanceSuite

LONGEST = 30.0  # seconds; a check that hangs under a defect has noticed it


async def trial(rig: Rig, check: str) -> str:
    """Runs one check on a fresh rig. Returns what it found, as text; empty where it passed.

    Raises:
        ValueError: there is no such check.
    """
    if check not in CHECKS:
        raise ValueError(f"there is no check {check}; there are {', '.join(CHECKS)}")
    call = getattr(ConformanceSuite(), check)
    try:
        async with asyncio.timeout(LONGEST), driven(rig) as keeper:
            given = {"rig": rig, "keeper": keeper}
            await call(**{name: given[name] for name in inspect.signature(call).parameters})
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  # whatever a defect makes of it is the finding
        return f"{type(error).__name__}: {error}"
    return ""
