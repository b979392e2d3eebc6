"""On the demo's surfaces, does a scheduled drill run at its time across a change of clocks, and measure truly?

A real PostgreSQL, a real Valkey, six guards and an agent in a process of its own that nobody here asks to stop. The
witness reads what took effect where it took effect, each by the clock of the system that has it.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters import registry
from adapters.base import Adapter
from bot.domain.model import Surface
from bot.domain.practice import Run
from bot.sandbox.demo import configuration
from bot.sandbox.demo.cast import BILLING, FIRST
from bot.sandbox.demo.estate import Estate
from bot.sandbox.demo.witness import Witness
from bot.service.dispatch import BATCH
from bot.settings.loaded import load_text
from tests.unit.drills.drill_rig import DrillRig, drill

BERLIN = ZoneInfo("Europe/Berlin")
PLACES = BILLING.places
NAMES = tuple(place.name for place in PLACES)
FINE = 0.01  # seconds between two moments that the witness is asked about
WINDOW = 3.0  # seconds that it is asked about
HOLD = 5.0  # seconds that everything stays cut, in which it is asked
TURN = 0.1  # seconds that a loaded machine may take until a process that is due is looked at
OPERATOR = "U0ONCALL"


@dataclass
class Times:
    """How long the calls of one cut took, by the loop's time."""

    began: float = 0.0
    read_back: float = 0.0


@dataclass
class Company:
    """The demo's company, with its agent at work and its witness."""

    estate: Estate
    witness: Witness
    times: dict[str, Times] = field(default_factory=dict)

    async def effects(self, until: float) -> dict[str, list[float]]:
        """When each surface had an effect in the window before this moment, Unix time; told at most `FINE` too late."""
        found: dict[str, list[float]] = {name: [] for name in NAMES}
        before = dict.fromkeys(NAMES, 0)
        for step in range(int(WINDOW / FINE) + 1):
            moment = until - step * FINE
            for name, sight in (await self.witness.see(PLACES, dict.fromkeys(NAMES, moment))).items():
                if sight.after > before[name]:
                    found[name].append(moment + FINE)
                before[name] = sight.after
        return {name: times[::-1] for name, times in found.items()}

    async def works(self) -> None:
        """Until every surface sees effects again."""
        first = await self.witness.counts(PLACES)
        async with asyncio.timeout(20):
            while True:
                now = await self.witness.counts(PLACES)
                if all(now[name] >= first[name] + 3 for name in NAMES):
                    return
                await asyncio.sleep(0.05)


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    """Everything that the demo has but Slack and the bot."""
    folder = Path(tempfile.mkdtemp(prefix="agent-kill-drill-"))
    folder.chmod(0o711)  # noqa: ASYNC240  # nobody waits yet; PostgreSQL runs as another user where we are root
    estate = Estate(folder)
    witness = Witness(estate)
    try:
        await estate.start_servers()
        await estate.start_guards()
        await witness.open()
        await estate.employ(FIRST)
        yield Company(estate, witness)
    finally:
        await witness.close()
        await estate.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Drilled(DrillRig):
    """Drills over the demo's own configuration, adapters and all; the clock says what the test says."""

    def __init__(self, company: Company) -> None:
        self._company = company
        text = configuration.text(FIRST, company.estate)
        found = load_text(text, file="demo.yaml", environ=configuration.secrets(company.estate)).configuration
        assert found is not None
        assert [(one.id, one.kind, one.surfaces) for one in found.drills] == [(configuration.REHEARSAL, "live", NAMES)]
        ours = drill(
            schedule="0 10 * * *", surfaces=NAMES, accept_loss=True, hold=HOLD, remind=(600.0,), everyone=86_400.0
        )
        super().__init__(*found.surfaces(), drills=[ours])
        self.people = frozenset({OPERATOR})

    def at(self, text: str) -> None:
        """Sets the clock to a time in Berlin."""
        moment = datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()
        self.clock.start = moment - asyncio.get_running_loop().time()

    def wall(self, at: float) -> float:
        """The time that the systems have, at a moment of this clock."""
        return at - self.clock.start - asyncio.get_running_loop().time() + time.time()

    async def ticked(self) -> Run:
        """Ticks as the schedule does, until a new run has cut and proven everything, or failed to."""
        known = set(self.board.practice.runs)
        async with asyncio.timeout(60):
            while True:
                await self.drills.tick()
                new = [run for name, run in self.board.practice.runs.items() if name not in known]
                if new and (new[0].ended or (new[0].started and all(map(self.board.is_proven, new[0].targets())))):
                    return new[0]
                await asyncio.sleep(0.02)

    def _build(self, item: Surface) -> Adapter:
        adapter = registry.build(item.adapter, config=item.settings, canary=item.canary, shared=self.shared)
        times = self._company.times.setdefault(item.name, Times())
        restrict, attempt = adapter.restrict, adapter.attempt

        async def restricting(**order: Any) -> Any:
            times.began = asyncio.get_running_loop().time()
            return await restrict(**order)

        async def attempting(**order: Any) -> Any:
            answer = await attempt(**order)
            times.read_back = asyncio.get_running_loop().time()
            return answer

        vars(adapter).update(restrict=restricting, attempt=attempting)
        return adapter


async def test_a_weekend_in_which_the_clocks_fall_back(company: Company) -> None:
    """Called at ten to ten and run at ten on both days; every surface cut in its time, measured, given back, scored."""
    rig = Drilled(company)
    rig.at("2026-10-24T09:49:59")
    rig.drills._since = rig.clock.now()
    await company.works()
    try:
        for day, offset in (("2026-10-24", "+02:00"), ("2026-10-25", "+01:00")):
            await _reminds(rig, day)
            rig.at(f"{day}T09:59:59.8")
            run = await rig.ticked()
            assert run.claimed is not None
            due = datetime.fromtimestamp(run.claimed.due, BERLIN).isoformat(timespec="seconds")
            assert due == f"{day}T10:00:00{offset}"
            seen = await company.effects(time.time())
            assert not run.released, "the witness was asked for too long: effects of what was given back are among them"
            await rig.ended(run)
            _scored(run)
            _measured_truly(rig, company, run, seen)
            await company.works()
    finally:
        await rig.aclose()
        for target in rig.inventory.targets.values():
            await target.adapter.aclose()


async def _reminds(rig: Drilled, day: str) -> None:
    rig.at(f"{day}T09:50:00")
    await rig.drills.tick()
    (called,) = (it for calls in rig.board.practice.called.values() for it in calls if it.at >= rig.clock.now() - 60)
    assert called.begins - called.at == pytest.approx(600.0, abs=1.0)
    assert called.operator is not None
    assert called.operator.id == OPERATOR


def _measured_truly(rig: Drilled, company: Company, run: Run, seen: dict[str, list[float]]) -> None:
    """Never before the last effect; later by at most the cut's read-back and one interval of the agent's actions."""
    assert run.ended is not None
    assert run.ended.card.asked_at is not None
    asked = rig.wall(run.ended.card.asked_at)
    cuts = {one.surface: asked + one.cut_ms / 1000 for one in run.ended.card.surfaces if one.cut_ms is not None}
    assert set(cuts) == set(NAMES)
    for name, at in cuts.items():
        times, calls = seen[name], company.times[name]
        assert times, f"{name} had no effect within {WINDOW} s before its cut"
        assert times[-1] - FINE <= at, f"{name}: an effect {times[-1] - at:.3f} s after its cut was measured"
        interval = max((later - earlier for earlier, later in pairwise(times)), default=WINDOW)
        room = calls.read_back - calls.began + interval + BATCH + TURN + FINE
        assert at - times[-1] <= room, f"{name}: {at - times[-1]:.3f} s after the last effect, {room:.3f} s allowed"


def _scored(run: Run) -> None:
    ended = run.ended
    assert ended is not None
    assert ended.how == "passed", ended.why
    assert run.left is None
    for one in ended.card.surfaces:
        assert one.outcome == "verified"
        assert one.attempt == "refused"
        assert one.cut_ms is not None
        assert one.cut_ms <= one.deadline_ms
        assert one.given_back_ms is not None
