"""The webhook sender: relays the agent's outgoing hooks to other companies, or keeps them until a person decides."""

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.demo.guards.guard import MODE, Guard, Handler

_UNSENT = 1000  # that are kept
_KEEPS = ("approval_gated", "draft_only")
APPROVED = "-approved"
"""Behind a surface's name: under it the office books what people let through, which is no act of the agent's own."""


@dataclass(slots=True)
class Hook:
    """One that was not sent. `waits` for a decision, or kept until somebody wants it."""

    body: str
    waits: bool
    at: float = field(default_factory=time.time)


class Relay(Guard):
    """`POST /NAME/hooks` sends one. The same hook, asked for again while it is kept, is the same one."""

    modes = (*_KEEPS, "full_stop")

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self._unsent: dict[str, Hook] = {}
        self._decided: dict[str, str] = {}  # who released which
        self._ids = itertools.count(1)

    def routes(self) -> Iterator[tuple[str, str, Handler]]:
        """The agent's entrances."""
        yield from super().routes()
        yield "POST", "hooks", self.relay

    def told(self) -> dict[str, object]:
        """As every guard, and that it keeps what it does not send."""
        return super().told() | {"parked": len(self._unsent)}

    async def relay(self, request: web.Request) -> web.Response:
        """Sends, or keeps."""
        if self.orders.acting in _KEEPS:
            return self._kept(request, await request.text())
        self.admit(request)
        await self.carry_out()
        return web.Response(text="sent")

    async def canary(self, request: web.Request) -> web.Response:
        """As a hook: taken in and not sent where hooks are kept."""
        return self._kept(request) if self.orders.acting in _KEEPS else await super().canary(request)

    async def decide(self, said: dict[str, object]) -> dict[str, object]:
        """The bot's side of what is kept: lists it, sends one, or forgets one."""
        name, by = str(said.get("id", "")), str(said.get("by", ""))
        if said["drafts"] == "list":
            skip, limit = int(str(said["skip"])), int(str(said["limit"]))
            some = list(self._unsent.items())[skip : skip + limit]
            return {"drafts": [_shown(key, hook) for key, hook in some], "parked": len(self._unsent)}
        if name not in self._unsent:
            return {"done": self._decided.get(name) == by, "why": f"{name} is not kept (any more)"}
        if said["drafts"] == "drop":
            del self._unsent[name]
            return {"done": True}
        if self.orders.acting == "full_stop":
            return {"done": False, "why": "stopped: full_stop"}
        del self._unsent[name]
        self._decided[name] = by
        await self.office.effect(f"{self.surface}{APPROVED}")
        return {"done": True}

    def _kept(self, request: web.Request, body: str | None = None) -> web.Response:
        mode = self.orders.acting
        if request.headers.get("Authorization") != f"Bearer {self._key}":
            raise web.HTTPUnauthorized(text="wrong key")
        same = any(hook.body == body for hook in self._unsent.values())
        if body is not None and not same and len(self._unsent) < _UNSENT:
            self._unsent[f"hook-{next(self._ids)}"] = Hook(body, waits=mode == "approval_gated")
        return web.Response(status=202, text="kept unsent", headers={MODE: mode})


def _shown(name: str, hook: Hook) -> dict[str, object]:
    """One as it is listed."""
    try:
        event = str(json.loads(hook.body)["event"])
    except (ValueError, KeyError, TypeError):
        event = "a hook that is no JSON"
    what = f"send {event} to the partner"
    return {"id": name, "what": what, "arguments": hook.body, "at": hook.at, "waits": hook.waits}
