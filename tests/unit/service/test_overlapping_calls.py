"""What if a stricter stop comes, or a loosening is under way, while a target is being cut?"""

import asyncio
from collections.abc import Callable

from adapters.base import Change, Cut, Gate, Mode
from adapters.memory import Memory
from bot.domain.outcome import Outcome
from tests.unit.service.rig import Rig, surface

Make = Callable[..., Rig]
NAME = "billing/api"


class Held(Memory):
    """A memory surface whose read_only cut waits at chosen points."""

    before_gate: asyncio.Event
    after_gate: asyncio.Event
    answers: list[bool]
    modes_asked: list[Mode]

    async def restrict(self, *, mode: Mode, token: str, drain: float, undo: tuple[Change, ...], gate: Gate) -> Cut:
        """As its parent, waiting before and after the gate."""
        self.modes_asked.append(mode)

        async def slow_gate(changes: tuple[Change, ...]) -> bool:
            await self.before_gate.wait()
            answer = await gate(changes)
            self.answers.append(answer)
            await self.after_gate.wait()
            return answer

        return await super().restrict(mode=mode, token=token, drain=drain, undo=undo, gate=slow_gate)


def _held(rig: Rig) -> Held:
    adapter = rig.inventory.targets[f"memory:{NAME}"].adapter
    adapter.__class__ = Held
    assert isinstance(adapter, Held)
    adapter.before_gate, adapter.after_gate = asyncio.Event(), asyncio.Event()
    adapter.answers, adapter.modes_asked = [], []
    return adapter


async def test_a_stricter_stop_never_waits_for_a_looser_cut(make_rig: Make) -> None:
    """Interleaving 1: a full stop that comes while a read_only cut hangs is carried out at once, and wins."""
    rig = make_rig(surface(NAME, deadline=30.0))
    adapter = _held(rig)
    adapter.after_gate.set()
    await rig.stop(Mode.READ_ONLY)
    await rig.until(lambda: bool(adapter.modes_asked))

    await rig.stop(Mode.FULL_STOP)
    await rig.until(lambda: rig.lines()[NAME].outcome is Outcome.VERIFIED, within=1.0)
    adapter.before_gate.set()
    await rig.clock.sleep(1.0)

    assert adapter.answers == [False], "the gate must not let the older cut reopen"
    assert Mode.FULL_STOP is rig.world(NAME).mode()


async def test_nothing_is_verified_while_a_loosening_is_open(make_rig: Make) -> None:
    """Interleaving 2: a stop between the gate's yes and the end of that call is cut again after it."""
    rig = make_rig(surface(NAME, deadline=30.0))
    adapter = _held(rig)
    adapter.before_gate.set()
    await rig.stop(Mode.READ_ONLY)
    await rig.until(lambda: adapter.answers == [True])

    await rig.stop(Mode.FULL_STOP)
    await rig.clock.sleep(1.0)
    between = rig.lines()[NAME].outcome
    adapter.after_gate.set()
    await rig.until(lambda: rig.lines()[NAME].outcome is Outcome.VERIFIED, within=5.0)

    assert Outcome.PENDING is between
    assert Mode.FULL_STOP is rig.world(NAME).mode()
    assert adapter.modes_asked.count(Mode.FULL_STOP) >= 2, "it must be cut again after the loosening"


async def test_a_reopening_needs_its_undo_record_on_disk(make_rig: Make) -> None:
    """P4: with no disk for the undo record a read_only stop stays fully stopped, and the report says so."""
    rig = make_rig(surface(NAME))
    rig.journal.broken = True

    await rig.stop(Mode.READ_ONLY)
    lines = await rig.settled()

    assert Mode.FULL_STOP is rig.world(NAME).mode()
    assert Outcome.VERIFIED is lines[NAME].outcome
    assert "read_only, held as full_stop" in lines[NAME].detail
