"""Does a busy agent have any effect after a stop was proven, and how long after the command is its last one?"""

from collections.abc import Callable

import pytest

from adapters import registry
from adapters.base import Mode
from adapters.conformance import witness
from tests.contract.rigs import KINDS, opener
from tests.contract.rigs.running import Running

FEW, MANY = 3, 50


def _every() -> list[object]:
    return [
        pytest.param(kind, mode, count, id=f"{kind}-{mode}-{count}", marks=pytest.mark.long if count == MANY else ())
        for kind in KINDS
        for mode in sorted(registry.adapter_class(kind).modes)
        for count in (FEW, MANY)
    ]


@pytest.mark.parametrize(("kind", "mode", "count"), _every())
async def test_nothing_acts_after_the_proof(
    kind: str, mode: Mode, count: int, servers: Running, tell: Callable[[str], None]
) -> None:
    """With 100 actions a second: no effect after `verified`, in any run; the times are printed."""
    async with opener(kind, servers)() as rig:
        done = await witness.runs(rig, mode, count)
    assert [run.after for run in done] == [0] * count
    last, proof = witness.summary(run.last for run in done), witness.summary(run.proof for run in done)
    tell(f"command to last effect: {last}; to the proof: {proof}")


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
async def test_the_floor(kind: str, servers: Running, tell: Callable[[str], None]) -> None:
    """The same, where somebody types the least that stops the agent: what the figures above stand beside."""
    async with opener(kind, servers)() as rig:
        tell(f"by hand, to last effect: {witness.summary(await witness.by_hand(rig, MANY))}")
