"""What the surfaces of a ballot tell by themselves when it is opened: what others changed there since the stop."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.service.inventory import Inventory, Target
from bot.service.others import Others, in_few_words
from bot.service.redact import redact

_AT_ONCE = 64
_LONGEST = 20.0  # seconds for all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Of one target. `changed` is None where its kind does not tell or nothing is known from before the stop.

    `silent` says that it could not be asked now.
    """

    changed: tuple[str, ...] | None = None
    silent: bool = False


class Asking:
    """Asks targets, a bounded number at once and for a bounded time; changes nothing, never raises.

    Args:
        inventory: yields the current one.
        others: compares with what was before.
    """

    def __init__(self, *, inventory: Callable[[], Inventory], others: Others) -> None:
        self._inventory = inventory
        self._others = others

    async def all(self, keys: Iterable[str]) -> dict[str, Told]:
        """What each of them tells, by key; one that does not answer in time is silent."""
        targets = self._inventory().targets
        slots = asyncio.Semaphore(_AT_ONCE)
        asked = {key: asyncio.create_task(self._one(targets[key], slots)) for key in keys if key in targets}
        if asked:
            _, late = await asyncio.wait(asked.values(), timeout=_LONGEST)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        return {key: Told(silent=True) if task.cancelled() else task.result() for key, task in asked.items()}

    async def _one(self, target: Target, slots: asyncio.Semaphore) -> Told:
        async with slots:
            try:
                async with asyncio.timeout(target.deadline):
                    changed = await self._others.of(target)
            except Exception:  # noqa: BLE001  # what a surface does not tell is said to be unknown, whatever the reason
                return Told(silent=True)
        return Told(changed=None if changed is None else tuple(map(redact, in_few_words(changed))))
