"""A Python service with the reference receiver in it, as users paste it; `tests.contract.receiver` is the plain one.

Run as `parking_program FOLDER PORT…` it prints its ports, one line of JSON, and serves until it is stopped. Each target
has a name, a folder of its own, which outlives the process, and the paths of the plain program:

- `POST /NAME/control`, `GET /NAME/control`: the receiver;
- `POST /NAME/act?as=…`: the agent's; `read`, `write` at once, `draft` (parked or done), `ask` (done once approved);
- `POST /NAME/slow`, `POST /NAME/finish`, `GET /NAME/witness`, `POST /NAME/set`.
"""

import asyncio
import json
import sys
from pathlib import Path

from aiohttp import web

from adapters.http_control.receiver.parking import Kept, Parking
from adapters.http_control.receiver.work import Stopped
from tests.contract.receiver import SECRET

MODE = "X-Agent-Kill-Mode"


class Target:
    """One agent in the service. Its effects are lines of a file, which only grows."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        if not (folder / "mode.json").exists():
            (folder / "mode.json").write_text('["normal", 0]')
        self.parking = Parking(SECRET, folder, {"write": self.write}, deployment="v1", instance=str(folder))
        self.log, self.key, self.note = folder / "effects", "agent-key", ""
        self.running, self.finish = 0, asyncio.Event()

    def write(self, what: str) -> None:
        """The one action."""
        self.witness(what)

    def witness(self, what: str) -> None:
        """An effect."""
        with self.log.open("a") as out:
            out.write(f"{json.dumps(what)}\n")

    def effects(self) -> list[str]:
        """All of them."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def act(self, action: str) -> None:
        """What the agent asks for. Raises `Stopped`, `Kept`."""
        if action == "read":
            with self.parking.work("reads"):
                return None
        if action == "write":
            with self.parking.work():
                return self.witness("write")
        try:
            self.parking.ask("write", what=action)
        except Kept as kept:
            if action == "draft":
                self.witness(f"parked {kept.args[1]}")
            raise

    async def slow(self) -> None:
        """A write that has its effect only at `finish`."""
        with self.parking.work():
            self.running += 1
            try:
                await self.finish.wait()
                self.witness("slow")
            finally:
                self.running -= 1


class Service:
    """The whole process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.targets: dict[str, Target] = {}

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        for path in ("control", "act", "slow", "finish", "witness", "set"):
            app.router.add_route("*", f"/{{name}}/{path}", getattr(self, path))
        return app

    def target(self, request: web.Request) -> Target:
        """The target of a path."""
        name = request.match_info["name"]
        if name not in self.targets:
            self.targets[name] = Target(self.folder / name)
        return self.targets[name]

    async def control(self, request: web.Request) -> web.Response:
        """Three lines, in any framework."""
        if request.match_info["name"].startswith("nobody"):
            return web.Response(status=404)
        body = await request.read()
        parking = self.target(request).parking
        answer, status, headers = await asyncio.to_thread(parking, request.method, request.headers, body)
        return web.Response(body=answer, status=status, headers=headers)

    async def act(self, request: web.Request) -> web.Response:
        """One call of the agent."""
        target = self.target(request)
        if request.headers.get("Authorization") != f"Bearer {target.key}":
            return web.Response(status=401)
        action = "read" if request.method == "GET" else request.query.get("as", "write")
        try:
            await asyncio.to_thread(target.act, action)
        except Kept as kept:
            return web.Response(status=202, text=kept.args[1], headers={MODE: kept.args[0]})
        except Stopped as stopped:
            return web.Response(status=403, headers={MODE: stopped.args[0]})
        return web.Response(text="done")

    async def slow(self, request: web.Request) -> web.Response:
        """As `Target.slow`, in a task that a stop can end."""
        target = self.target(request)
        target.finish.clear()
        task = asyncio.create_task(target.slow())
        await asyncio.wait({task})
        if task.cancelled():
            return web.Response(status=503)
        return web.Response(status=403 if task.exception() else 200)

    async def finish(self, request: web.Request) -> web.Response:
        """Lets the slow work end."""
        self.target(request).finish.set()
        return web.Response()

    async def witness(self, request: web.Request) -> web.Response:
        """What really happened."""
        target = self.target(request)
        told = {"effects": target.effects(), "mode": target.parking.mode, "slow": target.running, "note": target.note}
        return web.json_response(told)

    async def set(self, request: web.Request) -> web.Response:
        """Changes something by hand."""
        target = self.target(request)
        for name, value in (await request.json()).items():
            setattr(target.parking if name == "mode" else target, name, value)
        return web.Response()


async def main(folder: Path, ports: list[int]) -> None:
    """Serves on some ports; 0 is a free one."""
    runner = web.AppRunner(Service(folder).app(), access_log=None)
    await runner.setup()
    found = []
    for port in ports:
        site = web.TCPSite(runner, "127.0.0.1", port, reuse_address=True)
        await site.start()
        found.append(int(runner.addresses[-1][1]))
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
