"""A guard as a process: `python -m bot.sandbox.demo.guards.process KIND`.

The first line of standard input is `{"office": url, "inner": key, "targets": {name: {"surface", "secret", "key"}}}`,
the first line of output `{"port": …}`. It ends when standard input ends. Signals stand for what goes wrong in a
company: SIGUSR1 makes it lie, SIGUSR2 honest again, SIGHUP is a restart that forgot the mode.
"""

import asyncio
import signal
import sys
from collections.abc import Iterable

from aiohttp import web

from bot.sandbox.demo.guards.gateway import Gateway
from bot.sandbox.demo.guards.guard import Guard
from bot.sandbox.demo.guards.issuer import Issuer
from bot.sandbox.demo.guards.office_line import OfficeLine
from bot.sandbox.demo.guards.relay import Relay
from bot.sandbox.demo.guards.scheduler import Scheduler
from bot.sandbox.demo.guards.supervisor import Supervisor
from bot.sandbox.demo.guards.tools import ToolServer
from bot.sandbox.demo.standard import first_line, say

KINDS: dict[str, type[Guard]] = {
    "api": Gateway,
    "tool": ToolServer,
    "scheduler": Scheduler,
    "webhook": Relay,
    "worker": Supervisor,
    "identity": Issuer,
}
_RESTARTED = "a restart of the service"


def application(guards: dict[str, Guard]) -> web.Application:
    """The routes of every guard, below its name."""
    app = web.Application()
    for name, guard in guards.items():
        app.router.add_route("*", f"/{name}/control", guard.control)
        for method, path, handler in guard.routes():
            app.router.add_route(method, f"/{name}/{path}", handler)
    return app


def _mishaps(guards: Iterable[Guard]) -> None:
    """What the signals do."""
    loop, running = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    async def all_lie(*, lying: bool) -> None:
        for guard in guards:
            await guard.lie(lying=lying)

    async def forget() -> None:
        for guard in guards:
            await guard.set("normal", by=_RESTARTED)

    def start(work: "asyncio.Task[None]") -> None:
        running.add(work)
        work.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGUSR1, lambda: start(loop.create_task(all_lie(lying=True))))
    loop.add_signal_handler(signal.SIGUSR2, lambda: start(loop.create_task(all_lie(lying=False))))
    loop.add_signal_handler(signal.SIGHUP, lambda: start(loop.create_task(forget())))


async def main(kind: str) -> None:
    """Serves until standard input ends, or SIGTERM."""
    told = first_line()
    office = OfficeLine(told["office"], told["inner"])
    guards = {name: KINDS[kind](**one, office=office) for name, one in told["targets"].items()}
    ends = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ends.set)
    _mishaps(guards.values())
    runner = web.AppRunner(application(guards), access_log=None, shutdown_timeout=0.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    say({"port": runner.addresses[0][1]})
    await ends.wait()
    for guard in guards.values():
        await guard.aclose()
    await runner.cleanup()
    await office.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
