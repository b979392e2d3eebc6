"""How long does an agent that acts 100 times a second go on after the command, and does it act after the proof?"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median, quantiles
from typing import cast

from adapters.base import Mode
from adapters.conformance.agent import Busy, busy
from adapters.conformance.keeper import Keeper, driven
from adapters.conformance.rig import FullRig, Rig, reason

PAUSE = 0.01  # seconds between two actions: 100 a second
WARM = 3  # actions before the command
TRIES = 5  # refused tries after the proof, 50 ms and more
_FEW = 20  # runs below which the 95th percentile is the largest


@dataclass(frozen=True, slots=True)
class Run:
    """One stop of a busy agent.

    Attributes:
        last: seconds from the command to the agent's last effect; 0 where it had none after the command.
        proof: seconds from the command until the cut was verified.
        after: effects after that.
    """

    last: float
    proof: float
    after: int


async def stop(rig: Rig, keeper: Keeper, mode: Mode) -> Run:
    """Cuts to `mode` while the agent acts, counts what it does after the proof, and relaxes."""
    async with busy(rig, mode, pause=PAUSE) as agent:
        await agent.until(lambda it: it.acted >= WARM)
        began = time.monotonic()
        await keeper.held(mode)
        proof = time.monotonic() - began
        before, refused = await rig.effects(), agent.refused
        await agent.until(lambda it: it.refused >= refused + TRIES)
        after = await rig.effects() - before
        last = _since(began, agent)
    await keeper.relax(Mode.NORMAL)
    return Run(last, proof, after)


async def runs(rig: Rig, mode: Mode, count: int) -> list[Run]:
    """Some runs on one rig."""
    async with driven(rig) as keeper:
        return [await stop(rig, keeper, mode) for _ in range(count)]


async def by_hand(rig: Rig, count: int) -> list[float]:
    """The surface's own floor: seconds to the agent's last effect where somebody types the least that stops it.

    Empty where the rig says that there is no such thing.
    """
    if reason(rig, "floor"):
        return []
    able, found = cast("FullRig", rig), []
    for _ in range(count):
        async with busy(rig, pause=PAUSE) as agent:
            await agent.until(lambda it: it.acted >= WARM)
            began = time.monotonic()
            await able.floor()
            refused = agent.refused + TRIES
            await agent.until(lambda it, least=refused: it.refused >= least)  # type: ignore[misc]
            found.append(_since(began, agent))
        await rig.loosen()
    return found


def summary(seconds: Iterable[float]) -> str:
    """Median, 95th percentile and largest, in milliseconds."""
    sorted_ = sorted(seconds)
    high = quantiles(sorted_, n=20)[-1] if len(sorted_) >= _FEW else sorted_[-1]
    return f"p50 {median(sorted_) * 1e3:.1f}, p95 {high * 1e3:.1f}, max {sorted_[-1] * 1e3:.1f} ms"


def _since(began: float, agent: Busy) -> float:
    return max(0.0, agent.last - began)
