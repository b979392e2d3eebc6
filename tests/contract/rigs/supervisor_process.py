"""A group of programs at a private supervisord, for the suite."""

import asyncio
import os
import resource
import signal
import socket
import xmlrpc.client
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import SecretStr

from adapters.base import Mode, Shared
from adapters.conformance import Stopped, ticks
from adapters.supervisor_process import SupervisorProcess, SupervisorProcessConfig
from bot.sandbox.servers import HOST, free_port
from tests.contract.rigs.running import Running
from tests.contract.supervisor_server import PASSWORD, Group, SupervisorServer, group

_LATE = 1.0  # seconds in which what was left behind would have had its effect


@dataclass
class AgentSession:
    """A session of the agent's program."""

    there: Group
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def act(self, _mode: Mode) -> None:
        """One effect."""
        await self.order("act")

    async def begin(self) -> None:
        """Work that has its effect at the end."""
        await self.order("begin")

    async def finish(self) -> None:
        """The end of it."""
        await self.order("act")

    async def order(self, *words: str) -> None:
        """Returns once it was carried out."""
        try:
            self.writer.write((" ".join(words) + "\n").encode())
            if await self.reader.readline():
                return
        except OSError as error:
            raise Stopped(str(error)) from error
        raise Stopped("the program has ended")

    async def close(self) -> None:
        """Ends it."""
        self.writer.transport.abort()


@dataclass
class SupervisorRig:
    """The suite's rig."""

    lacks: ClassVar[Mapping[str, str]] = {
        "rotate": "a program has no credential at supervisord that could be replaced",
        "redeliver": "supervisord hands out no work",
        "queue": "supervisord keeps no work that waits",
        "parked": "a program runs or does not: no middle mode is declared",
    }

    there: Group
    plain: Callable[[], SupervisorServer]

    def adapter(self, *, shared: Shared | None = None) -> SupervisorProcess:
        """The whole group."""
        return self.made(shared=shared)

    def made(
        self, *, shared: Shared | None = None, port: int = 0, password: str = PASSWORD, programs: tuple[str, ...] = ()
    ) -> SupervisorProcess:
        """The same, with more to say."""
        config = SupervisorProcessConfig(
            url=f"http://{HOST}:{port or self.there.server.port}",
            user="agent_kill",
            password=SecretStr(password),
            programs=programs or (self.there.name,),
        )
        return SupervisorProcess(config=config, canary=None, shared=shared or Shared())

    def mistyped(self, name: str = "nobody") -> SupervisorProcess:
        """A group that does not exist."""
        return self.made(programs=(name,))

    def intruder(self) -> SupervisorProcess:
        """A wrong password."""
        return self.made(password="wrong")

    def unreachable(self) -> SupervisorProcess:
        """A port that nobody listens on."""
        return self.elsewhere(free_port())

    def elsewhere(self, port: int) -> SupervisorProcess:
        """Another port."""
        return self.made(port=port)

    async def unarmed(self) -> tuple[SupervisorProcess, str]:
        """A supervisord without the extension."""
        self.there = await asyncio.to_thread(lambda: group(self.plain()))
        return self.adapter(), "extension agent_kill"

    async def session(self) -> AgentSession:
        """Waits where the program has just been started."""
        for _ in ticks():
            with suppress(OSError):
                return AgentSession(self.there, *await asyncio.open_unix_connection(self.there.socket))
            if not await asyncio.to_thread(self.there.pid):
                raise Stopped("the program does not run")
            await asyncio.sleep(0.005)
        raise AssertionError("the agent's program never took an order")

    async def effects(self) -> int:
        """Lines of its own file."""
        return len(self.there.effects)

    async def authority(self) -> object:
        """What runs."""
        states = await asyncio.to_thread(self.there.states)
        return {name: state.replace("STARTING", "RUNNING") for name, state in states.items()}

    async def loosen(self) -> None:
        """By hand."""
        for process in ("main", "helper"):
            await asyncio.to_thread(self._start, process)

    async def narrow(self) -> None:
        """The helper is stopped."""
        await asyncio.to_thread(self.there.stop, "helper")

    async def meddle(self) -> None:
        """The spare is started."""
        await asyncio.to_thread(self.there.start, "spare")

    async def meddled(self) -> bool:
        """Whether it runs; stopped again for the next round."""
        stood = (await asyncio.to_thread(self.there.states))["spare"] == "RUNNING"
        await asyncio.to_thread(self.there.stop, "spare")
        return stood

    async def freeze(self) -> None:
        """Stops supervisord in its tracks; its programs go on."""
        self.there.server.freeze()

    async def thaw(self) -> None:
        """Lets it go on."""
        self.there.server.thaw()

    async def restart(self) -> None:
        """In good order, on the same port."""
        await asyncio.to_thread(self.there.server.restart)
        await self._settled()

    async def reload(self) -> None:
        """SIGHUP: it stops its programs, reads its configuration and starts them."""
        before = await asyncio.to_thread(self.there.server.call, "getPID"), self._log.read_text().count("RPC interface")
        os.kill(before[0], signal.SIGHUP)
        for _ in ticks(20):
            if self._log.read_text().count("RPC interface 'supervisor' init") * 2 > before[1] and await self._answers():
                break
            await asyncio.sleep(0.01)
        await self._settled()

    @asynccontextmanager
    async def exhaust(self) -> AsyncIterator[None]:
        """No descriptor is left for a further connection."""
        pid, crowd = self.there.server.pid, []
        usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        open_now = len(await asyncio.to_thread(os.listdir, f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + 1, usual[1]))
        try:
            crowd = [socket.create_connection((HOST, self.there.server.port)) for _ in range(5)]
            yield
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
            for line in crowd:
                line.close()

    async def prepare(self) -> Callable[[], Awaitable[None]]:
        """A process in a session of its own, whose parents have ended."""
        return await self.left("kept")

    async def left(self, how: str) -> Callable[[], Awaitable[None]]:
        """The same, with its environment `kept` or `bare`."""
        trigger = self.there.server.folder / f"{self.there.name}-{len(self.there.effects)}-{how}.trigger"
        session = await self.session()
        await session.order("leave", str(trigger), how)
        await session.close()

        async def complete() -> None:
            trigger.touch()
            for _ in ticks(_LATE):
                if "late" in self.there.effects:
                    return
                await asyncio.sleep(0.01)
            raise Stopped("nobody was there to do it")

        return complete

    async def stubborn(self) -> None:
        """Both act without end."""
        session = await self.session()
        await session.order("stubborn")
        await session.close()

    async def floor(self) -> None:
        """One call by hand."""
        await asyncio.to_thread(self.there.stop, "main")

    def _start(self, process: str) -> None:
        with suppress(xmlrpc.client.Fault):  # it runs already
            self.there.start(process)

    async def _answers(self) -> bool:
        with suppress(OSError, xmlrpc.client.Error):
            return bool(await asyncio.to_thread(self.there.states))
        return False

    async def _settled(self) -> None:
        """Its programs have been started again."""
        for _ in ticks():
            if await self._answers() and (await asyncio.to_thread(self.there.states))["main"] == "RUNNING":
                return
            await asyncio.sleep(0.01)
        raise AssertionError("supervisord did not start its programs again")

    @property
    def _log(self) -> Path:
        return self.there.server.folder / "supervisord.log"


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[SupervisorRig]:
    """A fresh group."""
    rig = SupervisorRig(await asyncio.to_thread(group, servers.supervisor), lambda: servers.supervisor_plain)
    first = rig.there
    try:
        yield rig
    finally:
        for there in {first.name: first, rig.there.name: rig.there}.values():
            await asyncio.to_thread(there.remove)
