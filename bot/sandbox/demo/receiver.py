"""An HTTP API with its control endpoint, as a process apart from the agent: `python -m bot.sandbox.demo.receiver`.

The first line of standard input is `{"log": path, "targets": {name: {"secret": …, "key": …}}}`; the first line of
output is its port. For each name:

- `POST /NAME/control`, `GET /NAME/control`: sets and tells the mode; signed in `X-Agent-Kill-Signature` with `secret`;
- `POST /NAME/effect`: the agent's call, under its `key`; what is let through is written to the log, a line each;
- `POST /NAME/slow?seconds=N`: the same, N seconds later; a stop ends it;
- `POST /NAME/canary`: guarded alike, and without effect.
"""

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from bot.sandbox.demo.agent import first_line, say

MODES = ("normal", "approval_gated", "draft_only", "read_only", "full_stop")
_PAST, _FUTURE = 300, 30  # seconds that a signature is good for
_MODE = "X-Agent-Kill-Mode"


@dataclass
class Target:
    """One agent's authority here. Every call of it writes, so any mode but normal forbids it."""

    secret: str
    key: str
    mode: str = "normal"
    running: "set[asyncio.Task[None]]" = field(default_factory=set)
    newest: int = 0  # of the times under which a call was signed; an older one came late, after a freeze

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


class Receiver:
    """The whole process.

    Args:
        targets: by the name in their path.
        log: where effects are written.
    """

    def __init__(self, targets: dict[str, Target], log: Path) -> None:
        self._targets = targets
        self._log = log.open("a", encoding="utf-8", buffering=1)

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_route("*", "/{name}/control", self.control)
        for path, handler in (("effect", self.effect), ("slow", self.slow), ("canary", self.canary)):
            app.router.add_post(f"/{{name}}/{path}", handler)
        return app

    async def control(self, request: web.Request) -> web.Response:
        """The bot's side."""
        target, body = self._target(request), await request.read()
        if not target.signed(request.headers.get("X-Agent-Kill-Signature", ""), body):
            return web.json_response({"error": "the signature is missing, wrong or old"}, status=401)
        if request.method == "GET":
            return web.json_response({"mode": target.mode, "in_flight": len(target.running)})
        mode = _mode(body)
        if mode is None:
            return web.json_response({"error": f"mode must be one of {', '.join(MODES)}"}, status=422)
        target.mode = mode
        return web.json_response({"mode": mode, "ended": await _end(target) if mode != "normal" else 0})

    async def effect(self, request: web.Request) -> web.Response:
        """The agent's side: one effect."""
        self._guard(request)
        self._log.write(f"{time.time():.6f} {request.match_info['name']}\n")
        return web.Response(text="done")

    async def slow(self, request: web.Request) -> web.Response:
        """One effect, later."""
        target = self._guard(request)
        task = asyncio.create_task(asyncio.sleep(float(request.query["seconds"])))
        target.running.add(task)
        try:
            await asyncio.wait({task})
        finally:
            target.running.discard(task)
            task.cancel()
        self._guard(request)
        return await self.effect(request)

    async def canary(self, request: web.Request) -> web.Response:
        """Guarded as an effect is, and none."""
        self._guard(request)
        return web.Response(text="allowed")

    def _target(self, request: web.Request) -> Target:
        found = self._targets.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(text="no such target")
        return found

    def _guard(self, request: web.Request) -> Target:
        target = self._target(request)
        if request.headers.get("Authorization") != f"Bearer {target.key}":
            raise web.HTTPUnauthorized(text="wrong key")
        if target.mode != "normal":
            raise web.HTTPForbidden(text=f"stopped: {target.mode}", headers={_MODE: target.mode})
        return target


def _mode(body: bytes) -> str | None:
    try:
        said = json.loads(body)
    except ValueError:
        return None
    mode = said.get("mode") if isinstance(said, dict) else None
    return mode if mode in MODES else None


async def _end(target: Target) -> int:
    running = list(target.running)
    for task in running:
        task.cancel()
    target.running.difference_update(running)
    return len(running)


async def main() -> None:
    """Serves until standard input ends."""
    told = first_line()
    targets = {name: Target(**one) for name, one in told["targets"].items()}  # type: ignore[arg-type]  # names → objects
    runner = web.AppRunner(Receiver(targets, Path(str(told["log"]))).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    say({"port": runner.addresses[0][1]})
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
