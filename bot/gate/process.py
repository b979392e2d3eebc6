"""`agent-kill gate`: one process with two listeners, apart from the bot."""

import asyncio
import contextlib
import logging
import resource
import secrets
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from aiohttp import web

from bot.gate.control import Control
from bot.gate.door import Door
from bot.gate.listener import Listener
from bot.gate.poll import Poll
from bot.gate.proxy import Proxy
from bot.gate.route import Route
from bot.gate.upstream import Upstreams
from bot.service.shortage import take_descriptors

FOLDER = "gate"  # in the state directory
_log = logging.getLogger(__name__)


class Gate:
    """A running gate.

    Args:
        routes: what it serves, by name.
        state_dir: where modes and drafts lie; made with mode 0700.
    """

    def __init__(self, routes: Mapping[str, Route], state_dir: Path) -> None:
        self._routes, self._folder = routes, state_dir / FOLDER
        self._stack = AsyncExitStack()
        self.doors: dict[str, Door] = {}

    async def start(self, host: str, port: int, control_host: str, control_port: int) -> tuple[int, int]:
        """Serves; returns both ports. Raises OSError where an address is taken, or the folder cannot be used."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        take_descriptors()
        instance = _instance(self._folder)
        upstreams = Upstreams()
        self._stack.push_async_callback(upstreams.aclose)
        for name, route in self._routes.items():
            folder = self._folder / name.replace("/", "~")
            self.doors[name] = Door(route, folder, partial(upstreams.carry_out, route))
        poll = Poll(list(self.doors.values()), instance)
        for work in (poll.run(), poll.leases(), poll.tidy()):
            self._stack.push_async_callback(_end, asyncio.create_task(work))
        control = web.Server(Control(self.doors.get, instance, poll.soon), access_log=None)
        proxy = web.Server(
            Proxy(self.doors.get, upstreams),
            access_log=None,
            handler_cancellation=True,
            auto_decompress=False,
            lingering_time=0.0,
            keepalive_timeout=75.0,
        )
        bound = await self._listen(control, control_host, control_port)  # first: a gate that serves can be told
        return await self._listen(proxy, host, port, most=_room()), bound

    async def _listen(self, server: web.Server, host: str, port: int, most: int = 0) -> int:
        listener = Listener(server, most)
        self._stack.push_async_callback(listener.stop)
        return await listener.start(host, port)

    def reload(self) -> None:
        """Reads the modes on the disk again: the way by hand, with the bot gone."""
        for door in self.doors.values():
            door.state.reload()
            asyncio.get_running_loop().create_task(door.flights.end(door.told.mode, 0.0))

    async def stop(self) -> None:
        """Ends every call and closes everything. The modes stay on the disk."""
        await self._stack.aclose()


async def serve(gate: Gate, host: str, port: int, control_host: str, control_port: int) -> None:
    """Runs until SIGTERM or SIGINT. Raises OSError where it cannot start."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, gate.reload)
    try:
        bound, control = await gate.start(host, port, control_host, control_port)
        _log.warning("agents' calls: http://%s:%d, control: http://%s:%d", host, bound, control_host, control)
        await ended.wait()
    finally:
        await gate.stop()


def _instance(folder: Path) -> str:
    """This gate's own name, the same over restarts."""
    file = folder / "instance"
    if not file.exists():
        new = folder / f".instance.{secrets.token_hex(4)}"
        new.write_text(secrets.token_hex(8))
        new.replace(file)
    return file.read_text().strip()


def _room() -> int:
    """Agents' connections: each may need another one to an upstream, and the control listener keeps some."""
    return max(16, min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 3))


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
