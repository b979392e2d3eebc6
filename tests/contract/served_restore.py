"""The real dispatcher and the real restore over real servers; who votes, and the pace, is what a test says."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from adapters.base import Adapter, Config, Mode
from adapters.memory import Canary
from bot.domain import events
from bot.domain.ballot import Ballot
from bot.domain.model import Surface
from tests.unit.service.restore_rig import RestoreRig
from tests.unit.service.rig import surface

Look = Callable[[], Awaitable[str]]


class Served(RestoreRig):
    """A restore over adapters of real servers, by surface. `looked` is what the agent could do after each step.

    Args:
        adapters: by surface; each has a canary.
        look: what the agent can do now, tried by its own sessions.
        settings: of those surfaces whose adapters are asked about them.
    """

    def __init__(
        self, adapters: Mapping[str, Adapter], look: Look, settings: Mapping[str, Config] | None = None
    ) -> None:
        self._made = dict(adapters)
        self._look = look
        self.looked: list[tuple[Mode, str]] = []
        made = (surface(name, canary=Canary(), deadline=30.0) for name in adapters)
        known = settings or {}
        super().__init__(
            *(replace(item, settings=known.get(item.name, item.settings)) for item in made), dwell=0.0, step=0.0
        )
        self.machines.evaluate = self._evaluate  # type: ignore[method-assign]  # where a step ends

    def key(self, name: str) -> str:
        """The target of a surface."""
        return self._made[name].target_key()

    async def given_back(self, mode: Mode = Mode.NORMAL, **more: object) -> Ballot:
        """Opens a ballot that passes, and waits for its end."""
        self.box.react("+1", "U1", "U2", "U3")
        ballot = await self.open(mode, **more)
        await self.ended(ballot, within=60.0)
        return ballot

    async def _evaluate(self, returns: Sequence[events.Return]) -> tuple[str, ...]:
        held = max((self.board.effective(item.key) for item in returns), default=Mode.NORMAL)
        self.looked.append((held, await self._look()))
        return ()

    def _build(self, item: Surface) -> Adapter:
        return self._made[item.name]
