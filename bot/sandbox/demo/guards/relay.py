"""The webhook sender: relays the agent's outgoing hooks to other companies, or keeps them unsent."""

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from bot.sandbox.demo.guards.guard import MODE, Guard, Handler

_UNSENT = 1000  # that are kept


class Relay(Guard):
    """`POST /NAME/hooks` sends one."""

    modes = ("draft_only", "full_stop")

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self._unsent = 0

    def routes(self) -> Iterator[tuple[str, str, Handler]]:
        """The agent's entrances."""
        yield from super().routes()
        yield "POST", "hooks", self.relay

    async def relay(self, request: web.Request) -> web.Response:
        """Sends, or keeps."""
        if self.orders.acting == "draft_only":
            return self._kept(request)
        self.admit(request)
        await self.carry_out()
        return web.Response(text="sent")

    async def canary(self, request: web.Request) -> web.Response:
        """As a hook: taken in and not sent where hooks are kept."""
        return self._kept(request) if self.orders.acting == "draft_only" else await super().canary(request)

    def _kept(self, request: web.Request) -> web.Response:
        self.admit(request, writes=False)
        self._unsent = min(self._unsent + 1, _UNSENT)
        return web.Response(status=202, text="kept unsent", headers={MODE: "draft_only"})
