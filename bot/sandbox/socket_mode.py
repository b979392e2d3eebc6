"""Socket Mode: the payloads go to the app over websockets that the app opened.

docs.slack.dev/apis/events-api/using-socket-mode: a single-use address from apps.connections.open, `hello`, envelopes
that are acknowledged by id, `disconnect` with a reason, at most ten connections, each payload to one of them.
"""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import WSMsgType, web

from bot.sandbox.delivery import Delivery, Reply
from bot.sandbox.identity import Identity, Ids

MOST_CONNECTIONS = 10
Farewell = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]


@dataclass(slots=True, eq=False)
class Connection:
    """One open websocket.

    Attributes:
        draining: a disconnect was announced; new payloads go elsewhere while there is an elsewhere.
        silent: it looks open and is dead: no pongs, no payloads.
    """

    socket: web.WebSocketResponse
    number: int
    draining: bool = False
    silent: bool = False
    waiting: dict[str, "asyncio.Future[Any]"] = field(default_factory=dict)


class SocketMode:
    """The websocket end of Slack.

    Args:
        ack_timeout: how long the app has to acknowledge, in seconds; Slack gives three.
        grace: how long a connection stays open after its disconnect was announced, in seconds.
        ack_on_any_socket: whether an acknowledgement counts that comes over another socket than the payload; Slack
            does not say, so the stricter reading is the default.
    """

    def __init__(
        self, app: Identity, ids: Ids, *, ack_timeout: float, grace: float = 10.0, ack_on_any_socket: bool = False
    ) -> None:
        self.connections: list[Connection] = []
        self.hellos = 0
        self.disabled = False
        self.ack_timeout, self.grace, self.ack_on_any_socket = ack_timeout, grace, ack_on_any_socket
        self._app, self._ids = app, ids
        self._dice = random.Random(11)  # noqa: S311  # which socket gets a payload; nothing to guess
        self._tickets: set[str] = set()
        self._farewells: set[asyncio.Task[None]] = set()

    def open(self, host: str) -> str:
        """A fresh websocket address, good for one connection."""
        ticket = self._ids.envelope()
        self._tickets.add(ticket)
        return f"ws://{host}/link/?ticket={ticket}&app_id={self._app.app_id}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serves one websocket until it ends."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="invalid ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.hellos += 1
        connection = Connection(socket, self.hellos)
        if self.disabled or len(self.connections) >= MOST_CONNECTIONS:
            await self._say_goodbye(connection, "link_disabled" if self.disabled else "too_many_websockets")
            await socket.close()
            return socket
        await self._serve(connection)
        return socket

    async def _serve(self, connection: Connection) -> None:
        self.connections.append(connection)
        try:
            await connection.socket.send_json(self._hello())
            async for message in connection.socket:
                if message.type is WSMsgType.PING and not connection.silent:
                    await connection.socket.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    self._acknowledge(connection, message.data)
        except ConnectionError:
            pass  # the app went away in the middle of a frame
        finally:
            self.connections.remove(connection)

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {"host": "applink-0", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": self._app.app_id},
        }

    def _acknowledge(self, connection: Connection, data: str) -> None:
        try:
            answer = json.loads(data)
        except ValueError:
            return
        places = self.connections if self.ack_on_any_socket else [connection]
        for place in places:
            future = place.waiting.get(answer.get("envelope_id", ""))
            if future and not future.done() and not connection.silent:
                future.set_result(answer.get("payload"))

    async def send(self, delivery: Delivery, *, attempt: int, reason: str) -> Reply:
        """Delivers to one of the connections, which one is not predictable, and waits for the acknowledgement."""
        connection = self._pick()
        if connection is None:
            return Reply("no_connection")
        envelope = self._envelope(delivery, attempt, reason)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope["envelope_id"]] = future
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self.ack_timeout):
                if not connection.silent:
                    await connection.socket.send_json(envelope)
                body = await future
        except (TimeoutError, ConnectionError):
            return Reply("timeout", elapsed_ms=_since(began))
        finally:
            connection.waiting.pop(envelope["envelope_id"], None)
        return Reply(body=body, elapsed_ms=_since(began))

    def _pick(self) -> Connection | None:
        alive = [c for c in self.connections if not c.socket.closed]
        steady = [c for c in alive if not c.draining]
        return self._dice.choice(steady or alive) if alive else None

    def _envelope(self, delivery: Delivery, attempt: int, reason: str) -> dict[str, Any]:
        envelope = {
            "envelope_id": self._ids.envelope(),
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": _accepts_payload(delivery),
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        return envelope

    async def disconnect(self, why: Farewell = "refresh_requested", *, count: int | None = None) -> None:
        """Announces the end of `count` connections (all by default) and closes them after the grace time."""
        self.disabled = self.disabled or why == "link_disabled"
        for connection in self.connections[:count]:
            await self._say_goodbye(connection, why)
            task = asyncio.get_running_loop().create_task(self._close_later(connection))
            self._farewells.add(task)
            task.add_done_callback(self._farewells.discard)

    async def _say_goodbye(self, connection: Connection, why: Farewell) -> None:
        connection.draining = True
        await connection.socket.send_json(
            {"type": "disconnect", "reason": why, "debug_info": {"host": "applink-0", "build_number": 1}}
        )

    async def _close_later(self, connection: Connection) -> None:
        await asyncio.sleep(self.grace)
        await connection.socket.close()

    def silence(self, *, count: int | None = None) -> None:
        """Makes connections look open while nothing comes through them any more."""
        for connection in self.connections[:count]:
            connection.silent = True

    def cut(self, *, count: int | None = None) -> None:
        """Breaks connections without a word, as a broken network does."""
        for connection in self.connections[:count]:
            transport = connection.socket._req.transport if connection.socket._req else None  # noqa: SLF001  # aiohttp offers no public way to break a websocket
            if transport is not None:
                transport.abort()

    async def stop(self) -> None:
        """Closes everything."""
        for task in list(self._farewells):
            task.cancel()
        await asyncio.gather(*self._farewells, return_exceptions=True)
        for connection in list(self.connections):
            await connection.socket.close(code=1001)


def _accepts_payload(delivery: Delivery) -> bool:
    return delivery.kind == "slash_commands" or delivery.name in {"view_submission", "block_suggestion"}


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
