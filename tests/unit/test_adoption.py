"""Does a running bot carry on with what another writer on its host recorded, whoever read it first?"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.base import Mode
from bot.core import Core
from bot.domain import events
from bot.domain.model import Agent, Configuration
from bot.domain.outcome import Outcome
from bot.domain.plan import Scope
from bot.service.ports import StopOrder
from tests.unit.service.rig import Rings, surface

_NAME = "billing/api"
_KEY = f"memory:{_NAME}"
_ORDER = StopOrder(
    mode=Mode.FULL_STOP,
    scope=Scope(everything=True),
    by=events.Person(kind="cli", id="somebody"),
    reason="a loop",
    channel=None,
    origin="cli",
)


def _core(state: Path) -> Core:
    configuration = Configuration(agents=(Agent(id="billing", name="Billing", owner="U0", surfaces=(surface(_NAME),)),))
    return Core(configuration, state_dir=state, writer="bot", state_key="key")


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Core]:
    """A bot that recovered, and holds nothing."""
    core = _core(tmp_path)
    core.reporters.inner = Rings()
    core.recover()
    yield core
    await core.aclose()


async def _stopped_beside(state: Path) -> str:
    """The command line stops everything in a process of its own; returns the incident."""
    beside = _core(state)
    beside.writer.open()
    receipt = await beside.stops.stop(_ORDER)
    await beside.aclose()
    return receipt.incident


@pytest.mark.parametrize("looked", [False, True], ids=["adopted first", "a cut looked first"])
async def test_a_hold_of_another_writer_is_carried_out(running: Core, tmp_path: Path, looked: bool) -> None:  # noqa: FBT001  # parametrized
    """P2: cut here too, told in its incident and confirmed in the journal, also where a cut read the hold before."""
    incident = await _stopped_beside(tmp_path)
    if looked:
        running.read()
    running.adopt()

    async with asyncio.timeout(10):
        while running.board.proofs.get(_KEY) is None or running.board.proofs[_KEY].outcome is not Outcome.VERIFIED:  # noqa: ASYNC110  # the board rings no bell
            await asyncio.sleep(0.01)
    assert isinstance(running.reporters.inner, Rings)
    assert incident in running.reporters.inner.woken
    await running.aclose()
    assert sum('"heads_seen"' in line for line in _written(tmp_path)) == 1


async def test_what_was_adopted_is_not_adopted_again(running: Core, tmp_path: Path) -> None:
    """The second look finds nothing new to carry on with."""
    await _stopped_beside(tmp_path)
    running.adopt()
    running.adopt()
    await running.aclose()
    assert sum('"heads_seen"' in line for line in _written(tmp_path)) == 1


def _written(state: Path) -> list[str]:
    """The lines of the running bot's own journal."""
    return (state / "journal" / "bot.jsonl").read_text().splitlines()
