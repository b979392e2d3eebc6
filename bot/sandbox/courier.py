"""Carries payloads to the app: chooses the way, retries events, and lets the delivery faults strike."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal

from bot.sandbox.delivery import Delivery, Kind, Reply, Transport
from bot.sandbox.faults import ALL, Fault, Faults, WireTrouble
from bot.sandbox.http_mode import HttpMode
from bot.sandbox.identity import Ids
from bot.sandbox.socket_mode import SocketMode

Mode = Literal["socket", "http"]
RETRIES = (0.0, 60.0, 300.0)
"""Seconds before each further attempt at an event: at once, after a minute, after five (Events API reference)."""
_REASONS = {"timeout": "http_timeout", "http_error": "http_error", "connection_failed": "connection_failed"}


class Courier:
    """Delivers commands and interactions once and events up to four times.

    Attributes:
        mode: `socket` or `http`; an app has one or the other switched on.
        down: Slack carries nothing at all.
        deliveries: everything that was ever sent, oldest first.
        retries: seconds before each further attempt at an event.
    """

    def __init__(self, *, socket: SocketMode, http: HttpMode, faults: Faults, ids: Ids) -> None:
        self.mode: Mode = "socket"
        self.down = False
        self.socket, self.http = socket, http
        self.deliveries: list[Delivery] = []
        self.retries: tuple[float, ...] = RETRIES
        self._faults, self._ids = faults, ids
        self._held: list[tuple[Delivery, asyncio.Event]] = []
        self._turns: dict[str, asyncio.Event] = {}
        self._hold_until, self._hold_where = 0, ALL
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def _transport(self) -> Transport:
        return self.socket if self.mode == "socket" else self.http

    async def deliver(self, kind: Kind, name: str, payload: dict[str, Any]) -> Delivery:
        """Sends one payload and waits until it was acknowledged or given up."""
        delivery = Delivery(self._ids.envelope(), kind, name, payload)
        self.deliveries.append(delivery)
        await self.carry(delivery)
        return delivery

    def send_soon(self, kind: Kind, name: str, payload: dict[str, Any]) -> None:
        """Sends one payload without waiting; used for events, which nobody waits for."""
        self._spawn(self.deliver(kind, name, payload))

    async def redeliver(self, delivery: Delivery) -> Reply:
        """Sends the very same payload once more, as Slack does when it missed an acknowledgement."""
        return await self._attempt(delivery, attempt=1, reason="http_timeout" if self.mode == "http" else "timeout")

    async def settle(self) -> None:
        """Waits until every delivery that is under way has ended."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Gives up what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def carry(self, delivery: Delivery) -> None:
        """Takes one delivery through the faults and to the app."""
        if self.down or self._struck("lose", delivery):
            delivery.lost = True
            return
        for fault in self._struck("delay", delivery):
            await asyncio.sleep(fault.amount)
        await self._hold(delivery)
        if self._struck("duplicate", delivery):
            self._spawn(self._attempt(delivery, attempt=0, reason=""))
        await self._try(delivery)

    async def _hold(self, delivery: Delivery) -> None:
        for fault in self._struck("reorder", delivery):
            self._hold_until, self._hold_where = int(fault.amount), fault.where
        if not self._hold_until or self._hold_where not in (ALL, delivery.kind, delivery.name):
            return
        gate = asyncio.Event()
        self._held.append((delivery, gate))
        if len(self._held) >= self._hold_until:
            self._spawn(self._release())
        await gate.wait()

    def _struck(self, trouble: WireTrouble, delivery: Delivery) -> list[Fault]:
        return self._faults.strike_wire(trouble, delivery.kind, delivery.name)

    async def _release(self) -> None:
        held, self._held, self._hold_until = self._held, [], 0
        for delivery, gate in reversed(held):
            turn = self._turns[delivery.id] = asyncio.Event()
            gate.set()
            await turn.wait()

    async def _try(self, delivery: Delivery) -> None:
        reply = await self._attempt(delivery, attempt=0, reason="")
        if delivery.kind != "events_api":
            return
        for number, pause in enumerate(self.retries, 1):
            if not reply.trouble or reply.no_retry:
                return
            reason = "timeout" if self.mode == "socket" else _REASONS.get(reply.trouble, "unknown_error")
            await asyncio.sleep(pause)
            reply = await self._attempt(delivery, attempt=number, reason=reason)

    async def _attempt(self, delivery: Delivery, *, attempt: int, reason: str) -> Reply:
        reply = await self._transport.send(delivery, attempt=attempt, reason=reason)
        delivery.replies.append(reply)
        if turn := self._turns.pop(delivery.id, None):
            turn.set()
        return reply

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
