"""What the surfaces of a ballot tell by themselves when it is opened: what others changed there, and what waits."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from adapters.base import Waiting
from bot.service.backlog import impossible, policy_of, waiting
from bot.service.inventory import Inventory, Target
from bot.service.others import Others, in_few_words
from bot.service.redact import redact

T = TypeVar("T")
_AT_ONCE = 64
_LONGEST = 20.0  # seconds for all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Of one target.

    Args:
        changed: by others since the stop; None where its kind does not tell or nothing is known from before.
        silent: whether it could not be asked now.
        waiting: the work that waits there; None where none is told.
        policy: what becomes of that work; empty where none is told.
        impossible: why that cannot be done.
    """

    changed: tuple[str, ...] | None = None
    silent: bool = False
    waiting: Waiting | None = None
    policy: str = ""
    impossible: str = ""


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
        told = Told(policy=policy_of(target) or "", impossible=impossible(target))
        async with slots:
            changed, silent = await _in_time(target, self._others.of(target))
            waits, _ = await _in_time(target, waiting(target))
        said = None if changed is None else tuple(map(redact, in_few_words(changed)))
        return replace(told, changed=said, silent=silent, waiting=waits)


async def _in_time(target: Target, asked: Awaitable[T]) -> tuple[T | None, bool]:
    """The answer, and whether there was none: what a surface does not tell is said to be unknown, for any reason."""
    try:
        async with asyncio.timeout(target.deadline):
            return await asked, False
    except Exception:  # noqa: BLE001  # as said
        return None, True
