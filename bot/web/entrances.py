"""The listeners of one bot: each has its address before any lets somebody in, and a shortage ends none of them.

Peers that are let in hold descriptors, and enough of them would leave none for the listener that is opened next.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.service.shortage import is_shortage
from bot.web.listener import Listener, cannot_listen

_log = logging.getLogger(__name__)
_AGAIN = 1.0  # seconds until what was short is asked for again


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """One listener, not started yet, and how people call it.

    Args:
        what: its name.
        address: `host:port`.
        variable: the environment variable of the port.
    """

    listener: Listener
    what: str
    address: str
    variable: str

    @property
    def host(self) -> str:
        """Where it listens."""
        return self.address.rpartition(":")[0]


class Entrances:
    """Opens listeners; what cannot be opened for want of descriptors or memory is opened as soon as there are any."""

    def __init__(self, entrances: Sequence[Entrance]) -> None:
        self._closed = list(entrances)
        self._entrances = tuple(entrances)
        self._troubles: dict[str, str] = {}
        self._opening: asyncio.Task[None] | None = None

    def problems(self) -> list[str]:
        """Which are not open, and why, a sentence each."""
        return list(self._troubles.values())

    async def open(self) -> None:
        """Opens all of them. Raises OSError where an address cannot be had; a shortage is waited for beside."""
        await self._open_what_can_be()
        if self._closed:
            self._opening = asyncio.create_task(self._open_the_rest(), name="open listeners")

    async def close(self) -> None:
        """Closes them, the last one first."""
        if self._opening:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        for entrance in reversed(self._entrances):
            await entrance.listener.stop()

    async def _open_the_rest(self) -> None:
        while self._closed:
            await asyncio.sleep(_AGAIN)
            try:
                await self._open_what_can_be()
            except OSError as error:
                _log.warning("%s; it is tried again", error)

    async def _open_what_can_be(self) -> None:
        bound = [(entrance, port) for entrance in self._closed if (port := await self._bind(entrance))]
        for entrance, port in bound:
            try:
                await entrance.listener.serve()
            except OSError as error:
                raise OSError(_told(entrance, error)) from error
            self._closed.remove(entrance)
            self._troubles.pop(entrance.what, None)
            _log.info("the %s listener is on http://%s:%d", entrance.what, entrance.host, port)

    async def _bind(self, entrance: Entrance) -> int | None:
        """Its port; None for want of anything that somebody may give back."""
        try:
            return await entrance.listener.bind()
        except OSError as error:
            if not is_shortage(error):
                raise OSError(_told(entrance, error)) from error
            why = f"the {entrance.what} listener is not open: {error.strerror}; it is tried again"
            if self._troubles.get(entrance.what) != why:
                _log.error("%s", why)  # the text says it all
            self._troubles[entrance.what] = why
            return None


def _told(entrance: Entrance, error: OSError) -> str:
    return cannot_listen(error, entrance.what, entrance.address, entrance.variable)
