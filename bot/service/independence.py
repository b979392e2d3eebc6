"""What the switch shares with what it is to contain, of a bot that runs: found again when the configuration changes.

Never on the way of a stop: names are asked of the resolver here, and the comparison is made in a thread.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from bot.domain.fate import Fate, Login, hosts, shared_fate, ties
from bot.domain.model import Configuration
from bot.service.own_parts import one_disk
from bot.service.ports import Clock
from bot.service.resolve import resolve

TICK = 5.0  # seconds between two looks whether the configuration is another
_OFTEN = 600.0  # seconds after which names are asked again


class Independence:
    """One for the whole bot.

    Args:
        configuration: yields the current one.
        own: the bot's own logins and secrets.
        folders: of the journal.
        clock: time.
    """

    def __init__(
        self, configuration: Callable[[], Configuration], own: Sequence[Login], folders: Sequence[Path], clock: Clock
    ) -> None:
        self._configuration, self._own, self._folders, self._clock = configuration, tuple(own), tuple(folders), clock
        self._of: Configuration | None = None
        self._at = float("-inf")
        self._fates: tuple[Fate, ...] = ()

    def fates(self) -> tuple[Fate, ...]:
        """What is shared, the worst first, as it was found last."""
        return self._fates

    async def tick(self) -> None:
        """Compares again where the configuration is another, or where names may lead elsewhere by now."""
        configuration, now = self._configuration(), self._clock.monotonic()
        if configuration is not self._of or now - self._at >= _OFTEN:
            self._fates = await found(configuration, self._own, self._folders)
            self._of, self._at = configuration, now


async def found(configuration: Configuration, own: Sequence[Login], folders: Sequence[Path]) -> tuple[Fate, ...]:
    """Everything that is shared, the worst first; names are resolved."""
    names = await asyncio.to_thread(lambda: hosts(own, map(ties, configuration.surfaces())))
    network = await resolve(names)
    fates = await asyncio.to_thread(shared_fate, configuration, own, network)
    return (*fates, *disk_fates(folders))


def disk_fates(folders: Sequence[Path]) -> tuple[Fate, ...]:
    """Where both folders of the journal are on one disk."""
    if not one_disk(folders):
        return ()
    message = "the state directory and the journal's second folder are on one disk: what fills or breaks it takes both"
    step = "put AGENT_KILL_STATE_DIR on another disk than /var/tmp"
    return (Fate(kind="disk", with_="AGENT_KILL_STATE_DIR", surfaces=(), message=message, next=step),)
