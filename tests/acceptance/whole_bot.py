"""The real bot as a process of its own, over a configuration file, between a simulated Slack and real surfaces."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientSession

from bot.sandbox.messages import Message
from bot.sandbox.simulator import Simulator

HEAD = """
workspace: {incident_channel: C0INCIDENT}
policy:
  stop: {groups: [S0ONCALL], users: [U0SECOND]}
  restore: {groups: [S0RESTORE], quorum: 2}
"""


def free_port() -> int:
    """A loopback port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Bot:
    """`agent-kill serve` over one state directory; may be killed and started again.

    Args:
        folder: for the configuration, the state directory and the log.
        environ: variables beside the usual ones: Slack's, and what the configuration refers to.
    """

    folder: Path
    environ: dict[str, str]
    port: int = field(default_factory=free_port)
    admin_port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "agent-kill.yaml"

    @property
    def log(self) -> str:
        """Everything that the bot said."""
        return (self.folder / "bot.log").read_text()

    @property
    def events_url(self) -> str:
        """Where Slack calls the bot in HTTP mode."""
        return f"http://127.0.0.1:{self.port}/slack/events"

    def configure(self, agents: dict[str, Any], head: str = HEAD) -> None:
        """Writes the configuration file."""
        self.config.write_text(head + yaml.safe_dump({"agents": agents}))

    def variables(self) -> dict[str, str]:
        """The environment of the bot and of its command line."""
        return {
            "PATH": os.environ["PATH"],
            "AGENT_KILL_CONFIG": str(self.config),
            "AGENT_KILL_STATE_DIR": str(self.folder / "state"),
            "AGENT_KILL_PORT": str(self.port),
            "AGENT_KILL_ADMIN_PORT": str(self.admin_port),
            **self.environ,
        }

    async def start(self, *, within: float = 20.0) -> None:
        """Starts, and waits until `/healthz` answers."""
        with (self.folder / "bot.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220  # kept over many loops, and killed
                [sys.executable, "-m", "bot", "serve", "--verbose"],
                env=self.variables(),
                stdout=log,
                stderr=log,
                cwd=Path(__file__).parents[2],
            )
        end = time.monotonic() + within
        async with ClientSession() as client:
            while time.monotonic() < end and self.process.poll() is None:
                try:
                    async with client.get(f"http://127.0.0.1:{self.port}/healthz"):
                        return
                except OSError:
                    await asyncio.sleep(0.02)
        raise AssertionError(f"the bot did not start: {self.log}")

    def kill(self) -> None:
        """Kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def status(self) -> dict[str, Any]:
        """What the private listener tells; empty while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/status.json", timeout=2) as answer:
                told: dict[str, Any] = json.load(answer)
                return told
        except OSError:
            return {}

    async def command(self, *words: str) -> "tuple[int, str, str]":
        """Runs `agent-kill …` beside the bot; returns exit code, output and errors."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *words,
            env=self.variables(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        out, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), errors.decode()


def texts(simulator: Simulator, channel: str = "incident") -> list[str]:
    """Everything that the only incident of a channel says, the parent first, as people read it."""
    parents = [message for message in simulator.channel(channel).parents() if message.bot_id]
    return [rendered(message) for parent in parents for message in simulator.channel(channel).thread(parent.ts)]


def rendered(message: Message) -> str:
    """The words of a message: its text and every text of its blocks."""
    return "\n".join([message.text, *_words(message.blocks)])


def _words(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["text"]] if isinstance(node.get("text"), str) else []
        return own + [word for value in node.values() if isinstance(value, dict | list) for word in _words(value)]
    if isinstance(node, list):
        return [word for item in node for word in _words(item)]
    return []
