"""A user of an agent on a private server, with the bot's login of least rights and the agent's sessions."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from pydantic import SecretStr
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from adapters.base import Change, Shared
from adapters.redis_acl import RedisAcl, RedisAclCanary, RedisAclConfig
from bot.sandbox.servers import ValkeyServer

_NUMBERS: Iterator[int] = itertools.count(1)
PASSWORD = "agent-password"
BOT = "bot-password"


@dataclass
class Rig:
    """One agent's user. `witness` counts effects as the server's own administrator, apart from the bot."""

    server: ValkeyServer
    user: str
    bot: str
    witness: Redis
    shared: Shared = field(default_factory=Shared)
    made: list[RedisAcl] = field(default_factory=list)

    def adapter(
        self,
        *,
        canary: bool = True,
        user: str = "",
        password: str = PASSWORD,
        draft_prefix: str | None = None,
        nodes: tuple[str, ...] = (),
    ) -> RedisAcl:
        """An adapter with the bot's own rights."""
        own = SecretStr(self.server.url(user=self.user, password=password))
        built = RedisAcl(
            config=RedisAclConfig(
                url=SecretStr(self.server.url(user=self.bot, password=BOT)),
                user=user or self.user,
                draft_prefix=draft_prefix,
                nodes=nodes,
            ),
            canary=RedisAclCanary(url=own) if canary else None,
            shared=self.shared,
        )
        self.made.append(built)
        return built

    async def login(self, password: str = PASSWORD) -> Redis:
        """A session of the agent: one connection, that never comes back by itself."""
        client = one_connection(self.server.url(user=self.user, password=password))
        try:
            await client.initialize()
        except BaseException:
            await client.aclose()
            raise
        return client

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[Redis]:
        """The same, closed at the end."""
        client = await self.login()
        try:
            yield client
        finally:
            await client.aclose()

    async def acl(self, *words: str) -> object:
        """Runs `ACL …` as the administrator."""
        return await cast("object", self.witness.execute_command("ACL", *words))  # type: ignore[no-untyped-call,misc]  # the library's

    async def line(self) -> str:
        """The user's line of `ACL LIST`."""
        lines = cast("list[bytes]", await self.acl("LIST"))
        return next(line.decode() for line in lines if line.split()[1].decode() == self.user)

    async def until_blocked(self) -> None:
        """Returns once a command of the agent waits in the server."""
        for _ in range(500):
            listed = await self.witness.client_list()
            if any("b" in client["flags"] for client in listed if client["user"] == self.user):
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"no command of {self.user} ever waited in the server")

    async def close(self) -> None:
        """Closes what was opened and removes the users."""
        for adapter in self.made:
            await adapter.aclose()
        await self.acl("DELUSER", self.user, self.bot)
        await self.witness.aclose()


def one_connection(url: str) -> Redis:
    """A client with one connection, without retries, and without the `asyncio.wait_for` that loses a cancellation."""
    return Redis.from_url(
        url, single_connection_client=True, retry=Retry(NoBackoff(), 0), protocol=2, socket_timeout=None
    )


async def yes(changes: tuple[Change, ...]) -> bool:
    """A gate that lets everything pass."""
    return changes is not None


async def no(changes: tuple[Change, ...]) -> bool:
    """A gate that lets nothing pass."""
    return changes is None


async def rig(server: ValkeyServer, *rules: str) -> Rig:
    """Makes a fresh agent, with all rights unless `rules` say otherwise, and a bot with the documented rights."""
    number = next(_NUMBERS)
    made = Rig(server, f"agent{number}", f"bot{number}", one_connection(server.url()))
    await made.acl(
        "SETUSER",
        made.user,
        "on",
        f">{PASSWORD}",
        *(rule.format(user=made.user) for rule in rules or ("~*", "&*", "+@all")),
    )
    await made.acl("SETUSER", made.bot, "on", f">{BOT}", "-@all", *RedisAcl.permissions)
    return made


async def refused(session: Redis | Pipeline, *command: str) -> str:
    """The error that a command of the agent gets; "" where it runs."""
    try:
        await session.execute_command(*command)
    except (RedisError, OSError) as error:
        return str(error) or type(error).__name__
    return ""
