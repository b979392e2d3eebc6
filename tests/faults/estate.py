"""An agent with three signed control endpoints, and the programs of the product over it; one folder each."""

import asyncio
import json
import os
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientError, ClientSession

from bot.core import journal_folders
from bot.journal.reader import Entry, Reader
from bot.web.signed import CALLER, SIGNATURE, sign
from tests.contract import receiver
from tests.contract.http_rig import Farm
from tests.faults.programs import Program, Programs

SURFACES = ("mail", "pay", "crm")
SECRET = "a secret of the monitor"
HEAD = """
workspace: {incident_channel: C0INCIDENT}
policy:
  stop: {groups: [S0ONCALL], users: [U0SECOND]}
  restore: {groups: [S0RESTORE], quorum: 2}
"""


@dataclass
class Estate:
    """One agent `desk`, three surfaces, one state directory.

    Args:
        folder: made by this; holds the configuration, the state directory and a folder for temporary files.
        farm: the receivers, which live in another process and survive every kill.
        name: unique in the farm.
        environ: variables beside the usual ones.
    """

    folder: Path
    farm: Farm
    client: ClientSession
    programs: Programs
    name: str
    surfaces: tuple[str, ...] = SURFACES
    deadline: str = "3s"
    environ: dict[str, str] = field(default_factory=dict)
    started: list[Program] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        self.configure(self.agents())

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.folder / "state"

    @property
    def second(self) -> Path:
        """The second journal folder, which may lie on another disk; removed with the estate."""
        return journal_folders(self.state)[1]

    def agents(self) -> dict[str, Any]:
        """The agents of the configuration file."""
        return {"desk": {"name": "Desk", "owner": "U0OWNER", "surfaces": {s: self.surface(s) for s in self.surfaces}}}

    def surface(self, surface: str, **settings: Any) -> dict[str, Any]:
        """One surface of the configuration file."""
        return {
            "adapter": "http_control",
            "class": "api",
            "deadline": self.deadline,
            "settings": {"url": self.url(surface, "control"), "secret": "${API_SECRET}", **settings},
            "canary": {
                "url": self.url(surface, "act"),
                "method": "POST",
                "headers": {"Authorization": "${API_KEY}"},
            },
        }

    def configure(self, agents: dict[str, Any], more: str = "") -> None:
        """Writes the configuration file, with further parts of it."""
        (self.folder / "agent-kill.yaml").write_text(HEAD + more + yaml.safe_dump({"agents": agents}))

    def url(self, surface: str, path: str) -> str:
        """An address of a surface's receiver."""
        return f"http://127.0.0.1:{self.farm.ports[0]}/{self.name}-{surface}/{path}"

    def variables(self) -> dict[str, str]:
        """The environment of every program."""
        return {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self.folder / "tmp"),
            "HOME": str(self.folder),
            "AGENT_KILL_CONFIG": str(self.folder / "agent-kill.yaml"),
            "AGENT_KILL_STATE_DIR": str(self.state),
            "AGENT_KILL_PORT": "0",
            "AGENT_KILL_ADMIN_PORT": "0",
            "AGENT_KILL_STOP_SECRETS": f"monitor:{SECRET}",
            "API_SECRET": receiver.SECRET,
            "API_KEY": "Bearer agent-key",
            **self.environ,
        }

    async def start(self, *argv: str, **more: Any) -> Program:
        """Starts `agent-kill argv`; `more` is as for `Programs.start`."""
        name = f"{len(self.started)}-{argv[0]}"
        program = await self.programs.start(*argv, env=self.variables(), folder=self.folder, name=name, **more)
        self.started.append(program)
        return program

    async def serve(self, **more: Any) -> Program:
        """Starts `agent-kill serve`."""
        return await self.start("serve", "--verbose", **more)

    async def stop(self, **more: Any) -> Program:
        """Starts `agent-kill stop` of everything."""
        return await self.start("stop", "full_stop", "--all", "--reason", "drill", "--json", **more)

    async def port(self, program: Program, which: str = "public") -> int:
        """The port of a listener, once it listens."""
        pattern = re.compile(rf"the {which} listener is on http://[\d.]+:(\d+)")
        await until(lambda: bool(pattern.search(program.log)) or program.code is not None, 10, program.log)
        found = pattern.search(program.log)
        assert found, program.log
        return int(found[1])

    async def post_stop(self, port: int, **more: Any) -> dict[str, Any]:
        """Asks `POST /v1/stop` for a full stop of everything; empty where no acknowledgement came."""
        body = json.dumps({"mode": "full_stop", "all": True, "reason": secrets.token_hex(4), **more}).encode()
        headers = {CALLER: "monitor", SIGNATURE: sign(SECRET, body, time.time()), "Content-Type": "application/json"}
        try:
            async with self.client.post(f"http://127.0.0.1:{port}/v1/stop", data=body, headers=headers) as reply:
                told: dict[str, Any] = await reply.json()
                assert reply.status == 202, told
                return told
        except (ClientError, OSError):
            return {}

    async def status(self, program: Program) -> dict[str, Any]:
        """What the private listener tells."""
        port = await self.port(program, "private")
        async with self.client.get(f"http://127.0.0.1:{port}/status.json") as reply:
            told: dict[str, Any] = await reply.json()
            return told

    async def witness(self, surface: str) -> dict[str, Any]:
        """What a receiver really does, by its own account."""
        async with self.client.get(self.url(surface, "witness")) as reply:
            told: dict[str, Any] = await reply.json()
            return told

    async def modes(self, *surfaces: str) -> list[str]:
        """The modes of the surfaces, as the receivers have them."""
        return [(await self.witness(surface))["mode"] for surface in surfaces or self.surfaces]

    async def tell(self, surface: str, path: str, body: str = "") -> None:
        """Steers a receiver."""
        async with self.client.post(self.url(surface, path), data=body) as reply:
            assert reply.status == 200

    async def all_cut(self, *surfaces: str, within: float) -> float:
        """Waits until every surface is really stopped; returns how many seconds that took."""
        began = time.monotonic()
        asked = surfaces or self.surfaces
        while (modes := await self.modes(*asked)) != ["full_stop"] * len(asked):
            assert time.monotonic() - began < within, f"not cut within {within} s: {modes}\n{self.logs()}"
            await asyncio.sleep(0.01)
        return time.monotonic() - began

    def journal(self) -> tuple[list[Entry], list[str]]:
        """Every entry that the disks hold, and what is damaged."""
        reader = Reader([self.state / "journal", self.second])
        return list(reader.new()), reader.problems()

    def logs(self) -> str:
        """Everything that the programs said."""
        return "\n".join(f"--- {program.err.name}\n{program.log[-3000:]}" for program in self.started)

    async def end(self) -> None:
        """Kills what still runs."""
        for program in self.started:
            program.kill()
            await program.ended()


async def until(done: Callable[[], bool], within: float, what: object = "") -> None:
    """Waits until something is so."""
    end = time.monotonic() + within
    while not done():
        assert time.monotonic() < end, f"not so within {within} s: {what() if callable(what) else what}"
        await asyncio.sleep(0.005)
