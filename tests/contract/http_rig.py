"""The receiver's process, and one target of it with the bot's adapter and the agent's own calls."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession
from pydantic import SecretStr

from adapters.base import Change, Shared
from adapters.http_control import HttpControl, HttpControlCanary, HttpControlConfig
from tests.contract import receiver

_NUMBERS: Iterator[int] = itertools.count(1)
Json = dict[str, object]


@dataclass
class Farm:
    """A receiver process on its ports; `program` is what runs, before the ports."""

    process: "subprocess.Popen[bytes]"
    ports: list[int]
    program: tuple[str, ...] = (receiver.__name__,)

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        return self.process.pid

    async def restart(self) -> None:
        """Ends it, and starts it again on the same ports."""
        ended(self.process)
        self.process, _ = await asyncio.to_thread(started, self.ports, *self.program)

    def freeze(self) -> None:
        """Stops it in its tracks."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        os.kill(self.pid, signal.SIGCONT)


@contextmanager
def farm(ports: int = 1, *program: str) -> Iterator[Farm]:
    """Starts a receiver, or another program, on free ports; stops it at the end."""
    program = program or (receiver.__name__,)
    running = Farm(*started([0] * ports, *program), program)
    try:
        yield running
    finally:
        ended(running.process)


def started(ports: list[int], *program: str) -> "tuple[subprocess.Popen[bytes], list[int]]":
    """Starts a receiver; returns once it serves. 0 is a free port."""
    command = [sys.executable, "-m", *(program or (receiver.__name__,)), *map(str, ports)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        ended(process)
        raise RuntimeError("the receiver ended before it served; look at its standard error")
    return process, json.loads(line)


def ended(process: "subprocess.Popen[bytes]") -> None:
    """Kills a receiver."""
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


@dataclass
class Rig:
    """One target. `client` is the agent's and the witness's, apart from the adapter's."""

    farm: Farm
    client: ClientSession
    name: str = field(default_factory=lambda: f"target{next(_NUMBERS)}")
    shared: Shared = field(default_factory=Shared)
    made: list[HttpControl] = field(default_factory=list)

    def url(self, path: str, name: str = "") -> str:
        """An address of this target."""
        return f"http://127.0.0.1:{self.farm.ports[0]}/{name or self.name}/{path}"

    def adapter(
        self,
        *,
        canary: str = "POST",
        secret: str = receiver.SECRET,
        url: str = "",
        shared: Shared | None = None,
        **more: object,
    ) -> HttpControl:
        """An adapter; `canary` is its method, or "" for none; `more` settings."""
        headers = {"Authorization": SecretStr("Bearer agent-key")}
        tried = {"url": self.url("act"), "method": canary, "headers": headers}
        built = HttpControl(
            config=HttpControlConfig.model_validate({"url": url or self.url("control"), "secret": secret, **more}),
            canary=HttpControlCanary.model_validate(tried) if canary else None,
            shared=shared or self.shared,
        )
        self.made.append(built)
        return built

    async def act(self, *, action: str = "write", key: str = "agent-key") -> int:
        """One call of the agent; returns the status."""
        headers = {"Authorization": f"Bearer {key}"}
        method = "GET" if action == "read" else "POST"
        async with self.client.request(method, self.url("act"), params={"as": action}, headers=headers) as reply:
            return reply.status

    async def witness(self) -> Json:
        """What really happened."""
        async with self.client.get(self.url("witness")) as reply:
            told: Json = await reply.json()
            return told

    async def tell(self, path: str, body: str = "") -> None:
        """Steers the receiver."""
        async with self.client.post(self.url(path), data=body) as reply:
            assert reply.status == 200

    async def close(self) -> None:
        """Closes the adapters."""
        for adapter in self.made:
            await adapter.aclose()


async def yes(changes: tuple[Change, ...]) -> bool:
    """A gate that lets everything pass."""
    return changes is not None


async def no(changes: tuple[Change, ...]) -> bool:
    """A gate that lets nothing pass."""
    return changes is None
