"""A bell: many may ring it, one waits for it. Cheaper than an Event where ten thousand of them wait at once."""

import asyncio
from collections.abc import Iterable
from functools import partial
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
            loop = asyncio.get_running_loop()
            heard = self._heard = loop.create_future()
            timer = None if timeout is None else loop.call_later(max(0.0, timeout), _wake, heard)
            tasks = tuple(beside)
            wake = partial(_wake, heard)
            for task in tasks:
                task.add_done_callback(wake)
            try:
                await heard
            finally:
                if timer is not None:
                    timer.cancel()
                for task in tasks:
                    task.remove_done_callback(wake)
        rung, self._rung = self._rung, False
        return rung


def _wake(heard: "asyncio.Future[None]", _ended: object = None) -> None:
    if not heard.done():
        heard.set_result(None)
