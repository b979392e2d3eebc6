"""Composes the way back: evidence, votes, steps and codes."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bot.core import CLOCK, Core
from bot.service.candidates import Candidates
from bot.service.evidence import Machines
from bot.service.ports import BallotBox
from bot.service.readiness import Readiness
from bot.service.restore import Restores
from bot.service.second_factor import SecondFactors
from bot.service.stepping import Stepping
from bot.service.told import Asking


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """What gives authority back; `machines` and `stepping` are to be closed."""

    machines: Machines
    stepping: Stepping
    restores: Restores
    codes: SecondFactors


def way_back(
    *,
    core: Core,
    folder: Callable[[], Path],
    stored: Callable[[], Awaitable[str]],
    ready: Readiness,
    box: BallotBox,
) -> WayBack:
    """Puts it together around the stop path.

    Args:
        core: the stop path.
        folder: where evaluations run.
        stored: why the database has not all that the journals have; empty where it has.
        ready: why nothing may be given back now.
        box: where people vote.
    """
    machines = Machines(
        inventory=lambda: core.inventory,
        board=core.board,
        clock=CLOCK,
        folder=folder,
        environ=os.environ,
        asking=Asking(inventory=lambda: core.inventory, others=core.dispatcher.others),
    )
    stepping = Stepping(
        recorder=core.recorder,
        dispatcher=core.dispatcher,
        evidence=machines,
        stored=stored,
        box=box,
        reporter=core.reporters,
        configuration=lambda: core.inventory.configuration,
        budget=lambda key: core.inventory.targets[key].deadline,
        clock=CLOCK,
    )
    restores = Restores(
        configuration=lambda: core.inventory.configuration,
        candidates=Candidates(inventory=lambda: core.inventory, board=core.board, clock=CLOCK),
        recorder=core.recorder,
        evidence=machines,
        stepping=stepping,
        ready=ready,
        box=box,
        clock=CLOCK,
    )
    codes = SecondFactors(
        configuration=lambda: core.inventory.configuration,
        recorder=core.recorder,
        soon=restores.soon,
        clock=CLOCK,
    )
    return WayBack(machines=machines, stepping=stepping, restores=restores, codes=codes)
