"""The real bot as a process of its own, between the farm and a simulated Slack in HTTP mode."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession

from benchmarks.farms import Farm
from benchmarks.places import CONTENDER_CORE, free_port, on_core, url
from bot.sandbox.manifest import Manifest
from bot.sandbox.simulator import Simulator

ROOT = Path(__file__).parents[1]
SLACK_CALLS = ("chat.postMessage", "chat.update", "files.getUploadURLExternal", "files.completeUploadExternal")
_BESIDE = 5  # surfaces of the agent that other operators ask about meanwhile
_START = 180.0  # seconds
_POLL = 0.02


class Product:
    """`agent-kill serve` over N surfaces, freshly started, in a folder of its own.

    Args:
        folder: for the configuration, the state directory and the log.
        farm: where its surfaces are.
        surfaces: how many.
    """

    def __init__(self, folder: Path, farm: Farm, surfaces: int) -> None:
        self.folder, self.farm, self.surfaces = folder, farm, surfaces
        self.slack = Simulator(Manifest.load(ROOT / "manifest.yml"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._said = 0

    async def start(self, *, warm: bool = True) -> float:
        """Starts, and waits for the first look at every surface; returns seconds from start to answering."""
        self.folder.mkdir(parents=True)
        (self.folder / "agent-kill.yaml").write_text(self._configuration())
        await self.slack.start()
        self.slack.use("http", url=f"http://127.0.0.1:{self.port}/slack/events")
        began = time.monotonic()
        with (self.folder / "bot.log").open("ab") as log:
            command = on_core(CONTENDER_CORE, [*_PROFILER, sys.executable, "-m", "bot", "serve"])
            self.process = subprocess.Popen(  # noqa: S603, ASYNC220  # ours, and kept over many loops
                command, env=self._environ(), stdout=log, stderr=log, cwd=ROOT
            )
        await self._answers()
        took = time.monotonic() - began
        while warm and self.farm.count().gets < self.surfaces + _BESIDE:
            self._alive(began)
            await asyncio.sleep(_POLL)
        return took

    async def stop(self) -> None:
        """Ends the bot and its Slack."""
        if self.process is not None:
            self.process.terminate()
            try:
                await asyncio.to_thread(self.process.wait, 20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        await self.slack.stop()

    @property
    def pid(self) -> int:
        """The bot's process."""
        assert self.process is not None  # noqa: S101  # for the type checker
        return self.process.pid

    def log(self) -> str:
        """The last that the bot said."""
        return (self.folder / "bot.log").read_text()[-2000:]

    async def say(self, command: str, text: str) -> tuple[float, str] | None:
        """Sends a signed slash command; returns ms until the acknowledgement, and its text; None where none came."""
        self._said += 1
        form = {"command": command, "text": text, "user_id": "U0ONCALL", "channel_id": "C0INCIDENT"}
        form |= {"team_id": "T0SANDBOX", "api_app_id": "A0SANDBOX", "trigger_id": f"{self._said}.{time.time_ns()}"}
        body = urlencode(form).encode()
        headers = self.slack.http.signed(body) | {"Content-Type": "application/x-www-form-urlencoded"}
        began = time.monotonic()
        reply = await self.slack.http.request(body, headers)
        if reply.status != 200:  # noqa: PLR2004  # Slack takes nothing else for an acknowledgement
            return None
        return (time.monotonic() - began) * 1000, str(reply.body)

    def slack_calls(self) -> int:
        """Calls that say something in Slack, so far."""
        counts = self.slack.calls.counts()
        return sum(counts[name] for name in SLACK_CALLS)

    def reported(self) -> bool:
        """Whether the stop's report is closed in its thread."""
        calls = (call for call in self.slack.calls if call.method == "chat.postMessage")
        return any("Report of full_stop" in json.dumps(call.args) for call in calls)

    def _alive(self, began: float) -> None:
        assert self.process is not None  # noqa: S101  # for the type checker
        if self.process.poll() is not None or time.monotonic() - began > _START:
            raise RuntimeError(f"the bot did not start: {self.log()}")

    async def _answers(self) -> None:
        began = time.monotonic()
        async with ClientSession() as client:
            while True:
                self._alive(began)
                try:
                    async with client.get(f"http://127.0.0.1:{self.port}/healthz"):
                        return
                except ClientError:
                    await asyncio.sleep(_POLL)

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "AGENT_KILL_CONFIG": str(self.folder / "agent-kill.yaml"),
            "AGENT_KILL_STATE_DIR": str(self.folder / "state"),
            "AGENT_KILL_PORT": str(self.port),
            "AGENT_KILL_ADMIN_PORT": str(free_port()),
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "FARM_SECRET": "a secret of the farm",
        }

    def _configuration(self) -> str:
        fleet = range(self.surfaces)
        beside = range(self.surfaces, self.surfaces + _BESIDE)
        return "\n".join(
            [
                "workspace: {incident_channel: C0INCIDENT}",
                "policy:",
                "  stop: {groups: [S0ONCALL]}",
                "  restore: {groups: [S0RESTORE], quorum: 2}",
                "agents:",
                *self._agent("fleet", fleet),
                *self._agent("beside", beside),
                "",
            ]
        )

    def _agent(self, name: str, numbers: range) -> list[str]:
        surface = "{{adapter: http_control, class: api, settings: {{url: '{0}', secret: '${{FARM_SECRET}}'}}}}"
        rows = [f"      s{number}: " + surface.format(url(number, self.farm.port)) for number in numbers]
        return [f"  {name}:", f"    name: {name}", "    owner: U0OWNER", "    surfaces:", *rows]


_PROFILER = os.environ.get("BENCH_PROFILER", "").split()  # a command before the interpreter, to look inside
