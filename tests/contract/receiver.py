"""A control endpoint with an agent behind it, in a process of its own; it may hang, lie, or answer rubbish.

Run as a program it prints its ports, one line of JSON, and serves until it is stopped. Every path starts with the name
of one target, made on first use:

- `POST /NAME/control`, `GET /NAME/control`: the contract's endpoint, signed;
- `POST /NAME/act` (writes), `GET /NAME/act` (reads), `POST /NAME/slow` (a write that ends on `finish`): the agent's;
- `GET /NAME/witness`: what the agent really did, and when it was cut;
- `POST /NAME/fault`: how the endpoint misbehaves from now on; `POST /NAME/finish`, `POST /NAME/set`.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web

ORDER = ["normal", "approval_gated", "draft_only", "read_only", "full_stop"]
FORBIDDEN_BY = {"write": "approval_gated", "ask": "draft_only", "draft": "read_only", "read": "full_stop"}
SECRET = "shared-secret"
WINDOW = 300  # seconds


@dataclass
class Target:
    """One agent and its control. `effects` is the witness."""

    mode: str = "normal"
    note: str = ""
    by: str = ""
    deployment: str = ""
    key: str = "agent-key"
    effects: int = 0
    cut_at: float = 0.0
    calls: list[str] = field(default_factory=list)
    slow: "list[asyncio.Task[None]]" = field(default_factory=list)
    finish: asyncio.Event = field(default_factory=asyncio.Event)
    fault: str = ""

    def allows(self, action: str) -> bool:
        """Whether the agent may do that now: an action is forbidden by its own mode and all stricter ones."""
        return ORDER.index(self.mode) < ORDER.index(FORBIDDEN_BY[action])

    def switch(self, mode: str) -> int:
        """Takes a mode; ends the work that it forbids. Returns how much was ended."""
        self.mode = mode
        running = [task for task in self.slow if not task.done()]
        if mode == "normal":
            return 0
        self.cut_at = time.monotonic()
        for task in running:
            task.cancel()
        return len(running)


class Receiver:
    """The whole process."""

    def __init__(self) -> None:
        self.targets: dict[str, Target] = {}

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_route("*", "/{name}/control", self.control)
        app.router.add_route("*", "/{name}/act", self.act)
        app.router.add_post("/{name}/slow", self.slow)
        app.router.add_get("/{name}/witness", self.witness)
        app.router.add_post("/{name}/fault", self.set_fault)
        app.router.add_post("/{name}/finish", self.finish)
        app.router.add_post("/{name}/set", self.set)
        return app

    def target(self, request: web.Request) -> Target:
        """The target of a path."""
        return self.targets.setdefault(request.match_info["name"], Target())

    async def control(self, request: web.Request) -> web.StreamResponse:
        """The contract's endpoint."""
        target = self.target(request)
        body = await request.read()
        target.calls.append(f"{request.method} {body.decode()}")
        if target.fault:
            return await faulty(target, request)
        if request.match_info["name"].startswith("nobody"):
            return web.json_response({"error": "no such target"}, status=404)
        if not signed(request.headers.get("X-Agent-Kill-Signature", ""), body):
            return web.json_response({"error": "signature"}, status=401)
        if request.method == "GET":
            alive = sum(not task.done() for task in target.slow) if target.mode != "normal" else 0
            told = {"deployment": target.deployment} if target.deployment else {}
            return web.json_response({"mode": target.mode, "in_flight": alive, "by": target.by, **told})
        ended = target.switch(json.loads(body)["mode"])
        await asyncio.gather(*target.slow, return_exceptions=True) if ended else None
        return web.json_response({"mode": target.mode, "ended": ended})

    async def act(self, request: web.Request) -> web.Response:
        """One call of the agent."""
        target = self.target(request)
        if request.headers.get("Authorization") != f"Bearer {target.key}":
            return web.Response(status=401)
        action = "read" if request.method == "GET" else request.query.get("as", "write")
        if not target.allows(action):
            return web.Response(status=403)
        target.effects += action != "read"
        return web.Response(text="done")

    async def slow(self, request: web.Request) -> web.Response:
        """A write of the agent that has its effect only at `finish`."""
        target = self.target(request)
        if not target.allows("write"):
            return web.Response(status=403)

        target.finish.clear()

        async def work() -> None:
            await target.finish.wait()
            target.effects += 1

        task = asyncio.create_task(work())
        target.slow.append(task)
        await asyncio.wait({task})
        return web.Response(status=503 if task.cancelled() else 200)

    async def witness(self, request: web.Request) -> web.Response:
        """What really happened."""
        target = self.target(request)
        running = sum(not task.done() for task in target.slow)
        told = {"effects": target.effects, "cut_at": target.cut_at, "calls": target.calls, "mode": target.mode}
        return web.json_response({**told, "slow": running, "note": target.note})

    async def set_fault(self, request: web.Request) -> web.Response:
        """Misbehaves from now on; "" mends it."""
        self.target(request).fault = await request.text()
        return web.Response()

    async def finish(self, request: web.Request) -> web.Response:
        """Lets the slow work end."""
        self.target(request).finish.set()
        return web.Response()

    async def set(self, request: web.Request) -> web.Response:
        """Changes something by hand."""
        target = self.target(request)
        for name, value in (await request.json()).items():
            setattr(target, name, value)
        return web.Response()


def signed(header: str, body: bytes) -> bool:
    """Whether `t=…,v1=…` is right and within its window."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    at = parts.get("t", "")
    right = hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = at.isdigit() and abs(time.time() - int(at)) <= WINDOW
    return fresh and hmac.compare_digest(right, parts.get("v1", ""))


async def faulty(target: Target, request: web.Request) -> web.StreamResponse:
    """Every way to misbehave."""
    kind, _, rest = target.fault.partition(" ")
    if kind == "hang":
        await asyncio.Event().wait()
    if kind == "endless":
        reply = web.StreamResponse()
        await reply.prepare(request)
        async for part in forever():
            await reply.write(part)
        return reply
    if kind == "redirect":
        return web.Response(status=307, headers={"Location": rest})
    if kind == "drop" and request.transport is not None:
        request.transport.abort()
        await asyncio.Event().wait()
    return web.Response(status=int(kind), text=rest)


async def forever() -> AsyncIterator[bytes]:
    """Bytes without end."""
    while True:
        yield b" " * 4096


async def main(ports: list[int]) -> None:
    """Serves one application on some ports; 0 is a free one."""
    runner = web.AppRunner(Receiver().app(), access_log=None)
    await runner.setup()
    found = []
    for port in ports:
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024, reuse_address=True)
        await site.start()
        found.append(int(runner.addresses[-1][1]))
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main([int(port) for port in sys.argv[1:]] or [0]))
