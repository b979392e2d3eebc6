"""One round at a target, which may overlap other rounds there."""

import asyncio
from dataclasses import dataclass, field

from adapters.base import Mode
from bot.domain import events
from bot.service.loosening import Order


@dataclass(eq=False, slots=True)
class Call:
    """One round of cut, read-back and attempts."""

    mode: Mode
    token: str
    order: Order | None = None  # a restore step, instead of a cut
    loosening: bool = False
    overlapped: bool = False
    task: "asyncio.Task[events.Proof]" = field(init=False)

    @property
    def open(self) -> bool:
        """Whether it may still loosen the target."""
        return self.loosening and not self.task.done()
