"""An agent with a database, a queue and an API, all real, and what a witness counts of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from aiohttp import ClientSession

from tests.contract import receiver, redis_rig
from tests.contract.http_rig import Farm
from tests.contract.servers import PASSWORD, Database

_LATER = 0.3  # seconds that an agent which hammers on is given to break through


@dataclass
class World:
    """Agent `billing` with the surfaces `ledger`, `queue` and `api`."""

    database: Database
    queue: redis_rig.Rig
    farm: Farm
    client: ClientSession
    api: str

    def environ(self) -> dict[str, str]:
        """The variables that the configuration refers to."""
        return {
            "LEDGER_ADMIN_DSN": self.database.dsn(self.database.bot),
            "LEDGER_AGENT_DSN": self.database.dsn(self.database.agent),
            "QUEUE_ADMIN_URL": self.queue.server.url(user=self.queue.bot, password=redis_rig.BOT),
            "QUEUE_AGENT_URL": self.queue.server.url(user=self.queue.user, password=redis_rig.PASSWORD),
            "API_SECRET": receiver.SECRET,
            "API_KEY": "Bearer agent-key",
        }

    def agents(self) -> dict[str, Any]:
        """The agents of the configuration file."""
        surfaces = {
            "ledger": {
                "adapter": "postgres_role",
                "class": "database",
                "risk": "high",
                "settings": {"dsn": "${LEDGER_ADMIN_DSN}", "role": self.database.agent},
                "canary": {"dsn": "${LEDGER_AGENT_DSN}"},
            },
            "queue": {
                "adapter": "redis_acl",
                "class": "queue",
                "settings": {"url": "${QUEUE_ADMIN_URL}", "user": self.queue.user},
                "canary": {"url": "${QUEUE_AGENT_URL}"},
            },
            "api": {
                "adapter": "http_control",
                "class": "api",
                "deadline": "2s",
                "settings": {"url": self.url("control"), "secret": "${API_SECRET}"},
                "canary": {"url": self.url("act"), "method": "POST", "headers": {"Authorization": "${API_KEY}"}},
            },
        }
        return {"billing": {"name": "Billing agent", "owner": "U0OWNER", "channel": "C0INCIDENT", "surfaces": surfaces}}

    def url(self, path: str) -> str:
        """An address of the agent's API."""
        return f"http://127.0.0.1:{self.farm.ports[0]}/{self.api}/{path}"

    async def rows(self) -> int:
        """The rows that the agent wrote, as the superuser counts them."""
        return int(str(await self.database.value("SELECT count(*) FROM effects")))

    async def pushed(self) -> int:
        """How much the agent pushed, as the administrator counts it."""
        return int(await self.queue.witness.execute_command("LLEN", "work") or 0)  # type: ignore[no-untyped-call]  # the library's

    async def calls(self) -> int:
        """The calls that the API carried out, by its own count."""
        async with self.client.get(self.url("witness")) as reply:
            return int((await reply.json())["effects"])

    async def effects(self) -> tuple[int, int, int]:
        """What the witness counts: rows, pushes, calls."""
        return await self.rows(), await self.pushed(), await self.calls()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """The agent acts on everything in tight loops, and opens a new session whenever one is lost."""
        loops = [asyncio.create_task(loop()) for loop in (self._write, self._push, self._call)]
        try:
            yield
        finally:
            for task in loops:
                task.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    async def nothing_more(self) -> bool:
        """Whether an agent that hammers on has no effect any more."""
        before = await self.effects()
        await asyncio.sleep(_LATER)
        return await self.effects() == before

    async def _write(self) -> None:
        while True:
            with contextlib.suppress(Exception):  # a session that is cut in its handshake ends the library in any way
                session = await asyncpg.connect(self.database.dsn(self.database.agent, password=PASSWORD), timeout=2.0)
                try:
                    while True:
                        await session.execute("INSERT INTO effects VALUES (1)")
                        await asyncio.sleep(0.005)
                finally:
                    session.terminate()
            await asyncio.sleep(0.01)

    async def _push(self) -> None:
        """Speaks the protocol itself: the client library can lose a cancellation while a login is refused."""
        while True:
            with contextlib.suppress(OSError, EOFError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.queue.server.port)
                try:
                    await self._say(reader, writer, f"AUTH {self.queue.user} {redis_rig.PASSWORD}")
                    while True:
                        await self._say(reader, writer, "RPUSH work 1")
                        await asyncio.sleep(0.005)
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
            await asyncio.sleep(0.01)

    async def _say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: str) -> None:
        """One inline command. Raises `EOFError` where it is refused or the session ended."""
        writer.write(f"{command}\r\n".encode())
        answer = await reader.readline()
        if not answer or answer.startswith(b"-"):
            raise EOFError(answer)

    async def _call(self) -> None:
        while True:
            headers = {"Authorization": "Bearer agent-key"}
            async with self.client.post(self.url("act"), headers=headers) as reply:
                await reply.read()
            await asyncio.sleep(0.005)
