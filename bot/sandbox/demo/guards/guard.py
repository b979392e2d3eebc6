"""What every guard is: one agent's door with a mode, a signed control endpoint and a canary."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from aiohttp import web

from bot.sandbox.demo.guards.office_line import OfficeLine

MODES = ("normal", "approval_gated", "draft_only", "read_only", "full_stop")
MODE = "X-Agent-Kill-Mode"
_SIGNATURE = "X-Agent-Kill-Signature"
_BOT = "agent-kill"
_PAST, _FUTURE = 300, 30  # seconds that a signature is good for
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Orders:
    """The control side: who may set the mode, and what it is.

    Attributes:
        mode: as it is told to whoever asks.
        by: who set it last.
        lying: it tells the mode and lets everything through.
        newest: of the times under which a call was signed; an older one came late, after a freeze.
    """

    secret: str
    mode: str = "normal"
    by: str = ""
    lying: bool = False
    newest: int = field(default=0)

    @property
    def acting(self) -> str:
        """The mode that is enforced."""
        return "normal" if self.lying else self.mode

    def signed(self, header: str, body: bytes) -> bool:
        """Whether `t=<unix>,v1=<hex hmac-sha256 of "t.body">` is right and fresh."""
        parts = dict(part.partition("=")[::2] for part in header.split(","))
        at = parts.get("t", "")
        right = hmac.new(self.secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        if not at.isdecimal() or not hmac.compare_digest(right, parts.get("v1", "")):
            return False
        fresh = self.newest <= int(at) and -_PAST <= int(at) - time.time() <= _FUTURE
        self.newest = max(self.newest, int(at) if fresh else 0)
        return fresh


class Guard:
    """One agent's authority behind this guard.

    Args:
        surface: `agent/surface`, as what is let through is booked.
        secret: shared with the bot.
        key: the agent's own.
        office: where what is let through takes effect.

    Attributes:
        modes: those that it really holds; the bot rounds others up to the next of them.
    """

    modes: ClassVar[tuple[str, ...]] = ("full_stop",)

    def __init__(self, *, surface: str, secret: str, key: str, office: OfficeLine) -> None:
        self.surface, self.office = surface, office
        self.orders = Orders(secret)
        self._key = key
        self._passing: set[asyncio.Future[None]] = set()

    # Of each kind ----------------------------------------------------------------------------------------------------
    def routes(self) -> Iterator[tuple[str, str, Handler]]:
        """The agent's entrances: method, path below the agent's name, handler."""
        yield "POST", "canary", self.canary

    async def enforce(self) -> int:
        """Ends what the acting mode forbids; returns how much that was. Called after every change of the mode."""
        return 0

    async def decide(self, said: dict[str, object]) -> dict[str, object]:  # noqa: ARG002  # for those that park
        """What people decide on what is parked here, or ask about it."""
        return {"done": False, "why": "nothing is parked here"}

    def in_flight(self) -> int:
        """Work that runs now, if the acting mode forbids it."""
        return 0

    async def aclose(self) -> None:
        """Ends what it started."""

    # For all ---------------------------------------------------------------------------------------------------------
    async def control(self, request: web.Request) -> web.Response:
        """The bot's side: sets the mode, or tells it."""
        body = await request.read()
        if not self.orders.signed(request.headers.get(_SIGNATURE, ""), body):
            return web.json_response({"error": "the signature is missing, wrong or old"}, status=401)
        if request.method == "GET":
            return web.json_response(self.told())
        said = _said(body)
        if "drafts" in said:
            return web.json_response(await self.decide(said))
        mode = str(said.get("mode", ""))
        if mode not in ("normal", *self.modes):
            return web.json_response({"error": f"held here: normal, {', '.join(self.modes)}"}, status=422)
        ended = await self.set(mode, by=_BOT)
        return web.json_response({**self.told(), "ended": ended})

    def told(self) -> dict[str, object]:
        """What it says of itself; a liar is at ease."""
        passing = len(self._passing) if self.forbids() else 0
        running = 0 if self.orders.lying else self.in_flight() + passing
        return {"mode": self.orders.mode, "in_flight": running, "modes": list(self.modes), "by": self.orders.by}

    async def set(self, mode: str, *, by: str) -> int:
        """Fences first, then ends what is in flight; returns how much."""
        self.orders.mode, self.orders.by = mode, by
        ended = await self.enforce()
        if self.forbids() and self._passing:
            await asyncio.wait(self._passing)  # each is bounded; what was let through has its effect before the answer
        return ended

    async def carry_out(self, *, token: str = "") -> None:
        """Lets one action take effect; a stop that comes meanwhile answers after it. Raises as `OfficeLine.effect`."""
        call = asyncio.ensure_future(self.office.effect(self.surface, token=token))
        self._passing.add(call)
        call.add_done_callback(self._passed)
        await asyncio.shield(call)  # ours may be cancelled; the office would carry it out all the same

    def _passed(self, call: "asyncio.Future[None]") -> None:
        self._passing.discard(call)
        if not call.cancelled():
            call.exception()  # whoever waited for it has it too

    async def lie(self, *, lying: bool) -> None:
        """From now on it enforces nothing and says that it does, or is honest again."""
        self.orders.lying = lying
        await self.enforce()

    async def canary(self, request: web.Request) -> web.Response:
        """Guarded as a writing call is, and without effect."""
        self.admit(request)
        return web.Response(text="allowed")

    def admit(self, request: web.Request, *, writes: bool = True) -> None:
        """Lets the agent in. Raises 401 for a wrong key and 403, with the mode, for what the mode forbids."""
        if request.headers.get("Authorization") != f"Bearer {self._key}":
            raise web.HTTPUnauthorized(text="wrong key")
        if self.forbids(writes=writes):
            mode = self.orders.acting
            raise web.HTTPForbidden(text=f"stopped: {mode}", headers={MODE: mode})

    def forbids(self, *, writes: bool = True) -> bool:
        """Whether the acting mode refuses such a call."""
        mode = self.orders.acting
        return mode == "full_stop" or (writes and mode != "normal")


def _said(body: bytes) -> dict[str, object]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
