"""Is what every kind that parks has parked found, decided on once, and only as it was shown? On the real servers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import cast

import pytest

from adapters import registry
from adapters.base import Adapter, Change, Config, Gate, Mode
from adapters.base.parked import Drafts, Parked, Released
from adapters.conformance import FullRig
from adapters.conformance.keeper import Keeper
from bot.core import CLOCK
from bot.domain import draft_events as drafts
from bot.domain import events
from bot.domain.board import Board
from bot.domain.model import Configuration, Surface
from bot.service.decisions import Order
from bot.service.inventory import Inventory, Target
from bot.service.lots import Found
from bot.service.parked import ParkedWork
from bot.service.recorder import Recorder
from tests.contract.rigs import opener
from tests.contract.rigs.running import Running

PARKING = [kind for kind in registry.BUILT_IN if registry.describe(kind)["parks"]]
ALICE = events.Person(kind="slack", id="U0ALICE")


class Kept:
    """The adapter of a rig, which parks by whatever its rig configured."""

    def __init__(self, adapter: Adapter) -> None:
        assert isinstance(adapter, Parked)
        self._adapter: Parked = adapter

    @classmethod
    def parks(cls, config: Config) -> frozenset[Mode]:  # noqa: ARG003  # the rig knows
        """Both middle modes."""
        return frozenset({Mode.DRAFT_ONLY, Mode.APPROVAL_GATED})

    async def list(self, *, limit: int = 100) -> Drafts:
        """As the adapter."""
        return await self._adapter.list(limit=limit)

    async def release(self, *, draft: str, by: str, gate: Gate) -> Released:
        """As the adapter."""
        return await self._adapter.release(draft=draft, by=by, gate=gate)

    async def drop(self, *, draft: str, by: str) -> bool:
        """As the adapter."""
        return await self._adapter.drop(draft=draft, by=by)


class Memory:
    """A journal in memory."""

    def append(self, event: events.AnyEvent) -> Awaitable[bool]:  # noqa: ARG002  # the board keeps it
        """Durable at once."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        done.set_result(True)
        return done


@dataclass
class Scene:
    """One agent whose surface parks, and the use case that looks at it."""

    rig: FullRig
    board: Board
    parked: ParkedWork
    recorder: Recorder

    async def found(self, number: int) -> list[Found]:
        """What is listed, once so many are; each has a card then."""
        for _ in range(100):
            await self.parked.tick()
            await CLOCK.sleep(0.1)
            items = list(self.parked.found())
            if len(items) == number:
                break
        else:
            raise AssertionError(f"{number} were expected, and these are parked: {items}; {self.parked.problems()}")
        for item in items:
            shown = drafts.DraftShown(at=0.0, draft=item.name, digest=item.digest, incident="i", what=item.draft.what)
            self.recorder.record(shown)
        return items

    async def decide(self, item: Found, verdict: str) -> str:
        """Alice does, on what she was shown; what she is told."""
        order = Order(draft=item.name, digest=item.digest, verdict=verdict, by=ALICE)  # type: ignore[arg-type]  # either
        return (await self.parked.decide(order)).sentence

    def hold(self, mode: Mode, hold: str = "h") -> None:
        """The journal says that it is held."""
        target = events.HeldTarget(key="t", surfaces=("billing/x",), round_to=mode)
        self.recorder.record(
            events.HoldAdded(
                at=CLOCK.now(), hold=hold, incident="i", mode=mode, by=ALICE, targets=events.Targets((target,))
            )
        )


@pytest.fixture(params=PARKING)
async def scene(request: pytest.FixtureRequest, servers: Running) -> AsyncIterator[Scene]:
    """Each kind that parks, at draft_only."""
    async with opener(request.param, servers)() as opened:
        rig = cast("FullRig", opened)
        adapter = rig.parking()
        await Keeper(adapter).held(Mode.DRAFT_ONLY)
        surface = Surface(
            agent="billing",
            id="x",
            adapter=request.param,
            surface_class=min(adapter.classes),
            settings=Config(),
        )
        target = Target(key="t", surfaces=(surface,), adapters=(Kept(adapter),))  # type: ignore[arg-type]  # what is used of it
        inventory = Inventory(configuration=Configuration(), targets={"t": target})
        board = Board()
        recorder = Recorder(board, Memory())
        parked = ParkedWork(
            inventory=lambda: inventory, recorder=recorder, hurried=lambda: False, refresh=lambda: True, clock=CLOCK
        )
        made = Scene(rig, board, parked, recorder)
        made.hold(Mode.DRAFT_ONLY)
        yield made
        await parked.aclose()
        await adapter.aclose()


async def test_each_is_decided_on_once(scene: Scene) -> None:
    """One is released and has its effect once, one is dropped, one stays; under a stricter hold nothing is released."""
    for name in ("one", "two", "three"):
        await scene.rig.propose(name)
    one, two, three = await scene.found(3)
    before = sum((await scene.rig.done()).values())
    assert await scene.decide(one, "release") == "It was released, and done once."
    assert "decided before" in await scene.decide(one, "release")
    assert await scene.decide(two, "drop") == "It was dropped: it will not be done."
    scene.hold(Mode.READ_ONLY, "stricter")
    assert "read_only is held there" in await scene.decide(three, "release")
    assert sum((await scene.rig.done()).values()) == before + 1
    assert [item.name for item in await scene.found(1)] == [three.name]


async def _yes(_changes: tuple[Change, ...]) -> bool:
    return True


async def test_what_another_hand_did_is_never_done_again(scene: Scene) -> None:
    """Released at the surface itself while its card stood: an approval has no effect then, and says so."""
    await scene.rig.propose("one")
    (item,) = await scene.found(1)
    assert (await item.lot.adapter.release(draft=item.draft.id, by="somebody", gate=_yes)).done
    before = sum((await scene.rig.done()).values())
    assert "it is not parked any more" in await scene.decide(item, "release")
    assert sum((await scene.rig.done()).values()) == before
