"""`agent-kill demo`: prepares with progress, serves the page until Ctrl-C, leaves nothing behind."""

import asyncio
import contextlib
import os
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator

from aiohttp import web

from bot.sandbox.demo.checks import NotSo
from bot.sandbox.demo.child import Ended
from bot.sandbox.demo.endings import ends_on_signals
from bot.sandbox.demo.narrator import Narrator
from bot.sandbox.demo.preparation import prepare
from bot.sandbox.demo.scene import Scene
from bot.sandbox.page.application import application
from bot.sandbox.page.world import World
from bot.sandbox.servers import ServerError


async def run(*, port: int = 0, browser: bool = True, bot_command: str = "", narrator: Narrator | None = None) -> int:
    """Serves the demo's page; returns the exit code: 0 after Ctrl-C, 1 where it could not be prepared."""
    tell = narrator or Narrator()
    tell.title(
        "agent-kill demo",
        "A real PostgreSQL, a real Valkey, an agent on eight surfaces, and the real bot. Only Slack is simulated.",
    )
    ends_on_signals()
    try:
        with _door(port) as door:
            async with Scene(bot_command=bot_command) as scene:
                await _serve(scene, tell, door, browser=browser)
    except asyncio.CancelledError:
        tell.say("Stopped; no process is left.")
        return 0
    except (ServerError, Ended, NotSo, OSError) as error:
        tell.title(f"FAILED: {error}")
        return 1
    return 0


async def _serve(scene: Scene, tell: Narrator, door: socket.socket, *, browser: bool) -> None:
    try:
        await prepare(scene, tell)
    except (ServerError, Ended, NotSo):
        scene.keep_logs = True
        tell.say(f"The logs are kept in {scene.folder} (start with bot.log).")
        raise
    async with serving(scene, door) as address:
        tell.title(f"Ready after {tell.elapsed():.0f} s:  {address}", "Ctrl-C ends it and leaves nothing behind.")
        if browser and _can_show():
            await asyncio.to_thread(webbrowser.open, address)
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def serving(scene: Scene, door: socket.socket) -> AsyncIterator[str]:
    """The page over a running scene, at an open door; yields its address."""
    world = World(scene)
    await world.switches.turn("agent_ignores", on=False)
    runner = web.AppRunner(application(world), access_log=None, shutdown_timeout=1.0)
    try:
        await world.start()
        await runner.setup()
        await web.SockSite(runner, door).start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}/"
    finally:
        await world.switches.mend()
        await runner.cleanup()
        await world.stop()


def _door(port: int) -> socket.socket:
    """A listening socket on loopback, taken before anything is started. Raises OSError with what to do."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        why = f"port {port} on this machine cannot be had ({os.strerror(error.errno or 0)})"
        raise OSError(f"{why}: choose another with --port, or leave it out for a free one") from None


def _can_show() -> bool:
    """Whether somebody sits before a screen: a browser of the terminal would only be in the way."""
    screen = sys.platform in {"darwin", "win32"} or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return sys.stdout.isatty() and screen
