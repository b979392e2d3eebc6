"""A look at a target: what its own catalogue says, and what its canaries find."""

import asyncio
from dataclasses import dataclass

from adapters.base import Adapter, Attempt, Mode, Observation
from bot.service.foreign import foreign
from bot.service.inventory import Target


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen, and one answer per configured canary; none where there is nothing to try."""

    seen: Observation
    attempts: tuple[Attempt, ...] = ()

    def holds(self, asked: Mode) -> bool:
        """Whether the target is as strict as asked, from the agent's side too."""
        seen = self.seen
        strict = seen.exists and seen.mode >= asked and not seen.in_flight
        return strict and Attempt.ALLOWED not in self.attempts


async def attempt_all(target: Target, seen: Observation) -> tuple[Attempt, ...]:
    """Tries every canary at once; one that fails was not tried."""
    if not target.canaries or not seen.exists:
        return ()
    answers = await asyncio.gather(*(_try(canary, seen.mode) for canary in target.canaries), return_exceptions=True)
    return tuple(answer if isinstance(answer, Attempt) else Attempt.UNTRIED for answer in answers)


async def _try(canary: Adapter, mode: Mode) -> Attempt:
    """Makes the call only once it runs: one that is cancelled before leaves nothing that was never awaited."""
    return await foreign(canary.attempt(mode=mode))


async def look_at(target: Target) -> Sight | None:
    """Reads the target and tries its canaries; None where it cannot be read, whatever the reason."""
    try:
        seen = await foreign(target.adapter.observe())
    except Exception:  # noqa: BLE001  # a look proves nothing when it fails
        return None
    return Sight(seen, await attempt_all(target, seen))
