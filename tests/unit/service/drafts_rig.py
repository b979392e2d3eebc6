"""What agents proposed in memory worlds, and people who decide on it."""

from typing import Any

from adapters.base import Mode
from adapters.memory import World
from bot.domain import draft_events as drafts
from bot.domain import events
from bot.domain.drafts import Proposal
from bot.domain.model import Surface
from bot.service.decisions import Answer, Order
from bot.service.lots import Found
from bot.service.parked import ParkedWork
from tests.unit.service.rig import Rig

ALICE = events.Person(kind="slack", id="U0ALICE")


class DraftsRig(Rig):
    """A rig whose surfaces park, with the use case that looks at them."""

    def __init__(self, *surfaces: Surface, **more: Any) -> None:
        super().__init__(*surfaces, **more)
        self.parked = self.another()

    def another(self) -> ParkedWork:
        """The use case of another process on the same journal."""
        return ParkedWork(
            inventory=lambda: self.inventory,
            recorder=self.recorder,
            hurried=self.dispatcher.is_hurried,
            refresh=lambda: self.refresh(),  # noqa: PLW0108  # a test sets it later
            clock=self.clock,
        )

    async def held(self, mode: Mode = Mode.DRAFT_ONLY, **more: Any) -> None:
        """A stop that is proven."""
        await self.stop(mode, **more)
        await self.until(lambda: all(proof.held is mode for proof in self.board.proofs.values()))
        await self.until(lambda: not self.dispatcher.is_hurried())

    def proposes(self, name: str, *writes: str) -> World:
        """The agent writes, and its world parks that."""
        world = self.world(name)
        session = world.login()
        for what in writes:
            assert not world.write(session, what)
        return world

    async def looked(self, seconds: float = 40.0) -> None:
        """Ticks as the schedule does, until every surface was looked at."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            await self.parked.tick()
            await self.clock.sleep(1.0)

    def shown(self, *found: Found) -> list[Found]:
        """Cards of these, or of all that are open, were posted."""
        items = list(found or self.parked.found())
        for item in items:
            self.recorder.record(
                drafts.DraftShown(
                    at=self.clock.now(), draft=item.name, digest=item.digest, incident="i", what=item.draft.what
                )
            )
        return items

    async def decide(self, item: Found, verdict: Any = "release", **more: Any) -> Answer:
        """Alice decides on what she was shown."""
        fields = {"draft": item.name, "digest": item.digest, "verdict": verdict, "by": ALICE, **more}
        return await self.parked.decide(Order(**fields))

    def proposal(self, item: Found) -> Proposal:
        """All that is known of it."""
        return self.board.proposals.all[item.name]

    async def aclose(self) -> None:
        """Ends everything."""
        await self.parked.aclose()
        await super().aclose()
