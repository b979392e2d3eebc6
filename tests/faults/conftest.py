"""Estates over one farm of receivers, and strace."""

import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.sandbox.simulator import Simulator
from tests.acceptance.sandbox_fixture import sandbox
from tests.contract.conftest import postgres_database, postgres_server, servers, valkey_server
from tests.contract.http_rig import Farm, farm
from tests.faults.estate import Estate
from tests.faults.programs import programs, running_nursery

__all__ = ["Simulator", "postgres_database", "postgres_server", "sandbox", "servers", "valkey_server"]

_NUMBERS = itertools.count(1)
Make = Callable[..., Estate]


@pytest.fixture(scope="session")
def receivers() -> Iterator[Farm]:
    """A process with control endpoints, which survives whatever the programs suffer."""
    with farm() as running:
        yield running


@pytest.fixture(scope="session")
def nursery() -> "Iterator[subprocess.Popen[bytes]]":
    """A process that starts programs in milliseconds."""
    assert shutil.which("strace"), "the fault suite needs strace: apt-get install strace"
    with running_nursery() as process:
        yield process


@pytest.fixture
async def make(receivers: Farm, nursery: "subprocess.Popen[bytes]", tmp_path: Path) -> AsyncIterator[Make]:
    """Makes estates; ends their programs at the end."""
    made: list[Estate] = []
    async with ClientSession() as client, programs(nursery) as started:

        def one(name: str = "estate", **more: Any) -> Estate:
            number = next(_NUMBERS)
            estate = Estate(tmp_path / f"{name}{number}", receivers, client, started, f"{name}{number}", **more)
            made.append(estate)
            return estate

        yield one
        for estate in made:
            await estate.end()
            shutil.rmtree(estate.second, ignore_errors=True)
