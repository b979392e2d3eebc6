"""The simulated Slack workspace for acceptance tests: the product's own manifest, strict, and judged at the end.

A `conftest.py` makes the fixture known with `from tests.acceptance.sandbox_fixture import sandbox`.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.manifest import Manifest
from bot.sandbox.simulator import Simulator

MANIFEST = Path(__file__).resolve().parents[2] / "manifest.yml"


@asynccontextmanager
async def workspace(manifest: Manifest | Mapping[str, Any] | None = None, **settings: Any) -> AsyncIterator[Simulator]:
    """A running workspace; leaving it fails the test when the app broke Slack's rules.

    Args:
        manifest: the product's own when left out.
        settings: as for `Simulator`.
    """
    async with Simulator(manifest or Manifest.load(MANIFEST), **settings) as simulator:
        yield simulator
        check(simulator)


def check(simulator: Simulator) -> None:
    """Fails when the app did what Slack's documentation does not allow."""
    if simulator.violations:
        listed = "\n  ".join(dict.fromkeys(simulator.violations))
        pytest.fail(f"Slack's documentation does not allow:\n  {listed}", pytrace=False)


@pytest.fixture
async def sandbox() -> AsyncIterator[Simulator]:
    """A running workspace with the product's manifest; the test fails when the app broke Slack's rules."""
    async with workspace() as simulator:
        yield simulator
