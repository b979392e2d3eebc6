"""Faults that a drill injects into the bot's own process. Nothing in the world is touched, and a stop ends them all.

Each is a door that answers no, or one that does not answer, for as long as the fault lasts; `clear` opens all of them
in the same turn of the loop, before the first cut of a stop is begun.
"""

import asyncio
from typing import Any

from adapters.base import Adapter
from bot.domain.drill_events import Fault

_WHY = "refused by the fault that a drill injects"


class Faults:
    """The faults of the drill that runs now."""

    def __init__(self) -> None:
        self._active: set[Fault] = set()
        self._hung: dict[int, Adapter] = {}
        self._cleared = asyncio.Event()
        self.ended_early = False  # whether a real stop ended those that were injected last

    def refuse_slack(self) -> str:
        """Why no call to Slack is made; empty where they are."""
        return _WHY if "slack" in self._active else ""

    def refuse_ledger(self) -> str:
        """Why nothing is told to the database; empty where it is."""
        return _WHY if "ledger" in self._active else ""

    @property
    def active(self) -> bool:
        """Whether any lasts."""
        return bool(self._active)

    def inject(self, fault: Fault, adapter: Adapter | None = None) -> bool:
        """Begins a fault; says whether it could. `hung` needs the adapter whose cuts do not answer."""
        if fault == "hung" and not (adapter is not None and self._hang(adapter)):
            return False
        self.ended_early = self.ended_early and self.active
        self._active.add(fault)
        return True

    def clear(self) -> None:
        """Ends every fault at once; a cut that hangs goes on."""
        self._active.clear()
        self.unhang()

    def cut_short(self) -> None:
        """As `clear`, but for something real: what was injected proves nothing."""
        self.ended_early = True
        self.clear()

    def unhang(self) -> None:
        """Lets the surface that hangs go on; the other faults last."""
        self._active.discard("hung")
        for adapter in self._hung.values():
            vars(adapter).pop("restrict", None)
        self._hung.clear()
        self._cleared.set()

    def _hang(self, adapter: Adapter) -> bool:
        """The adapter stays the same object: only its `restrict` waits, until the fault is cleared, and then runs."""
        if not hasattr(adapter, "__dict__"):
            return False
        self._cleared = cleared = asyncio.Event()
        restrict = adapter.restrict

        async def hanging(**order: Any) -> object:
            await cleared.wait()
            return await restrict(**order)

        vars(adapter)["restrict"] = hanging
        self._hung[id(adapter)] = adapter
        return True
