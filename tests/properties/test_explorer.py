"""Is any stop lost, or anything claimed too early, under random schedules and faults? And would the explorer see it?"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.service import lane
from bot.service.call import Call
from bot.service.stop import StopService
from tests.properties.explore import play
from tests.properties.exploring.process import Process

ROOT = Path(__file__).parents[2]
IN_CI = 3000


def test_no_stop_demand_is_lost_under_random_faults() -> None:
    """P1, P2, P3: 3,000 demands under faults, kills, third parties and late calls: none lost, none green too early."""
    command = [sys.executable, "-m", "tests.properties.explore", "--demands", str(IN_CI)]
    played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    assert played.returncode == 0, played.stdout + played.stderr
    asked = re.search(r"^0 lost of (\d+) stop demands", played.stdout, re.MULTILINE)
    assert asked is not None
    assert int(asked.group(1)) >= IN_CI


Sabotage = Callable[[pytest.MonkeyPatch], None]


def _verify_beside_loosenings(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Call, "open", property(lambda _: False))


def _open_every_gate(patch: pytest.MonkeyPatch) -> None:
    def gate_for(self: lane.Lane, call: object) -> object:  # noqa: ARG001  # as the lane's
        async def gate(changes: object) -> bool:  # noqa: ARG001  # as the lane's
            return True

        return gate

    patch.setattr(lane.Lane, "_gate_for", gate_for)


def _forget_at_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Process, "recover", lambda _: None)


def _never_look(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lane.Lane, "check", lambda _: None)


def _dispatch_nothing(patch: pytest.MonkeyPatch) -> None:
    async def carry_out(self: StopService, hold: object) -> bool:
        self._write(hold)  # type: ignore[arg-type]  # as the service's
        return True

    patch.setattr(StopService, "_carry_out", carry_out)


@pytest.mark.parametrize(
    ("sabotage", "said"),
    [
        (_verify_beside_loosenings, "P3: .* verified"),
        (_open_every_gate, "I7: the gate let"),
        (_forget_at_start, "P2: .* is not carried out|without faults"),
        (_never_look, "without faults"),
        (_dispatch_nothing, "I1: .* no disk has it"),
    ],
)
def test_a_broken_rule_is_found(monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage, said: str) -> None:
    """The oracles can fail: without one rule of the protocol the explorer finds a run that shows it."""
    sabotage(monkeypatch)

    assert any(re.search(said, wrong) for _, wrong in play(2000, seed=1))
