from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from bot.domain.model import Surface
from tests.unit.service.drafts_rig import DraftsRig
from tests.unit.service.restore_rig import RestoreRig
from tests.unit.service.rig import Rig
from tests.unit.service.virtual_time import VirtualLoop


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, type[VirtualLoop]]:  # noqa: ARG001
    """Every test here lives in virtual time."""
    return {"virtual": VirtualLoop}


@pytest_asyncio.fixture
async def make_rig() -> AsyncIterator[Callable[..., Rig]]:
    """Makes rigs that are closed at the end."""
    rigs: list[Rig] = []

    def make(*surfaces: Surface, **more: object) -> Rig:
        rigs.append(Rig(*surfaces, **more))  # type: ignore[arg-type]  # passed on
        return rigs[-1]

    yield make
    for rig in rigs:
        await rig.aclose()


@pytest_asyncio.fixture
async def make_restore() -> AsyncIterator[Callable[..., RestoreRig]]:
    """Makes rigs with a restore that are closed at the end."""
    rigs: list[RestoreRig] = []

    def make(*surfaces: Surface, **more: object) -> RestoreRig:
        rigs.append(RestoreRig(*surfaces, **more))
        return rigs[-1]

    yield make
    for rig in rigs:
        await rig.aclose()


@pytest_asyncio.fixture
async def make_drafts() -> AsyncIterator[Callable[..., DraftsRig]]:
    """Makes rigs whose surfaces park that are closed at the end."""
    rigs: list[DraftsRig] = []

    def make(*surfaces: Surface, **more: object) -> DraftsRig:
        rigs.append(DraftsRig(*surfaces, **more))
        return rigs[-1]

    yield make
    for rig in rigs:
        await rig.aclose()
