from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from bot.domain.model import Surface
from tests.unit.service.rig import Rig


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
