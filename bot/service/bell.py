"""A bell: many may ring it, one waits for it. Cheaper than an Event where ten thousand of them wait at once."""

import asyncio
from collections.abc import Iterable
from typing import Any


class Bell:
    """Rings are kept until they are heard; several at once count as one."""

    def __init__(self) -> None:
        self._heard: asyncio.Future[None] | None = None
        self._rung = False

    def ring(self) -> None:
        """Never blocks."""
        self._rung = True
        if self._heard and not self._heard.done():
            self._heard.set_result(None)

    def hush(self) -> None:
        """Forgets a ring that came before."""
        self._rung = False

    async def heard(self, beside: "Iterable[asyncio.Task[Any]]" = (), timeout: float | None = None) -> bool:  # noqa: ASYNC109  # None waits for ever
        """Waits for a ring, for any task of `beside`, or for `timeout` seconds; says whether it rang."""
        if not self._rung:
            self._heard = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._heard, *beside}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        rung, self._rung = self._rung, False
        return rung
