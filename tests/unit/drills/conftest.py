"""Drills in virtual time."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.unit.drills.drill_rig import DrillRig
from tests.unit.service.virtual_time import VirtualLoop


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, type[VirtualLoop]]:  # noqa: ARG001
    """Every test here lives in virtual time."""
    return {"virtual": VirtualLoop}


@pytest_asyncio.fixture
async def make_drills() -> AsyncIterator[Callable[..., DrillRig]]:
    """Makes rigs that are closed at the end."""
    rigs: list[DrillRig] = []

    def make(*args: object, **more: object) -> DrillRig:
        rigs.append(DrillRig(*args, **more))  # type: ignore[arg-type]  # passed on
        return rigs[-1]

    yield make
    for rig in rigs:
        await rig.aclose()
