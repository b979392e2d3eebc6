"""One surface at this gate: its mode, its calls under way, and what it has parked."""

import asyncio
import math
import time
from collections.abc import Mapping
from pathlib import Path

from adapters.base import Mode
from adapters.base.gated import MIDDLE, enforceable
from bot.gate.desk import Desk, Execute
from bot.gate.flights import Flights, Sort
from bot.gate.route import Route
from bot.gate.spool import Spool
from bot.gate.state import Disk, State, Told, shown


def boot_time() -> float:
    """Seconds that go on while the machine sleeps: a lease must not outlive a suspended laptop or VM."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Door:
    """What comes and goes under `/{name}/…`.

    Args:
        route: what is configured.
        folder: where the mode and the drafts lie; made with mode 0700.
        execute: sends a parked call to the upstream.

    Raises:
        OSError: the folder cannot be used.
    """

    def __init__(self, route: Route, folder: Path, execute: Execute) -> None:
        drafts = folder / "drafts"
        drafts.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.route, self.settings = route, route.settings
        self.flights = Flights()
        self.state = State(Disk(folder / "mode.json"))
        self.desk = Desk(Spool(drafts, route.settings.expires), self.state, self.flights, execute)
        self._allowed = dict.fromkeys(
            Sort, boot_time()
        )  # when another gateway was last told yes; a start may hide some
        self.heard = -math.inf  # when the bot was last asked, and answered

    @property
    def told(self) -> Told:
        """What holds now."""
        return self.state.told

    @property
    def lapsed(self) -> bool:
        """Whether it has to close, because it did not hear from the bot for so long."""
        waits = self.settings.on_lease_expiry == "close"
        return waits and boot_time() - self.heard > self.settings.lease

    @property
    def mode(self) -> Mode:
        """What counts for a call that comes now."""
        return Mode.FULL_STOP if self.lapsed else self.told.mode

    @property
    def rounded(self) -> Mode:
        """The same, where only yes or no can be answered."""
        return Mode.READ_ONLY if self.mode in MIDDLE else self.mode

    def allowed(self, sort: Sort) -> None:
        """Another gateway was told that it may let such a call through."""
        self._allowed[sort] = boot_time()

    def in_flight(self) -> int | None:
        """How many calls run that the mode forbids; None where another gateway may have let some through."""
        mode, longest = self.told.mode, self.settings.longest
        if self.settings.gateway == "none" or mode is Mode.NORMAL:
            return self.flights.number(mode)
        last = max(at for sort, at in self._allowed.items() if self.rounded >= sort.value)
        return 0 if longest is not None and boot_time() - last > longest else None

    async def cut(self, mode: Mode, mark: str, drain: float) -> dict[str, object]:
        """Holds a mode and ends what it forbids. What is stricter stays."""
        was = self.told.mode
        ending = self.flights.end(max(mode, was), drain)
        kept, (ended, left) = await asyncio.gather(self.state.tighten(mode, mark), ending)  # in this order, at once
        unknown = self.settings.gateway != "none" and self.in_flight() is None
        return {**self.shown(), "was": str(was), "ended": ended, "left": None if unknown else left, "kept": kept}

    def shown(self) -> dict[str, object]:
        """As the control listener tells it."""
        found: Mapping[str, object] = shown(self.told)
        return {
            **found,
            "in_flight": self.in_flight(),
            "parked": len(self.desk.spool.waiting()),
            "modes": sorted(str(mode) for mode in enforceable(self.settings)),
            "fresh": self.told.fresh,
            "kept": self.state.kept,
        }
