"""An ACL user of a private Valkey, for the suite."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import ClassVar, cast

from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from adapters.base import Adapter, Mode, Shared
from adapters.conformance import Session, Stopped
from adapters.redis_acl import RedisAcl, RedisAclCanary, RedisAclConfig
from bot.sandbox.servers import free_port
from tests.contract.redis_rig import BOT, PASSWORD, Rig, one_connection, rig
from tests.contract.rigs.running import Running

QUEUE_RIGHTS = (  # as the page of the kind asks for them
    "~agent-kill:*", "~jobs*", "+type", "+watch", "+unwatch", "+exists", "+llen", "+xlen", "+scard", "+zcard", "+hlen",
    "+xinfo|groups", "+xpending", "+rename", "+renamenx", "+copy", "+unlink", "+xgroup|setid", "+xack", "+set", "+hset",
    "+hgetall", "+hdel", "+lmove", "+xrange", "+xadd", "+xdel",
)  # fmt: skip
DRAFT_RIGHTS = (  # the same, for drafts
    "~draft:*", "+scan", "+time", "+pttl", "+persist", "+pexpire", "+memory|usage", "+get", "+strlen", "+lrange",
    "+smembers", "+hget", "+zrange", "+xinfo|stream",
)  # fmt: skip
RULES = ("~{user}*", "~draft:*", "~jobs*", "~k", "&*", "+@all", "-@admin", "-@dangerous", "(~side:* +get +set)")


def stopped(error: Exception) -> BaseException:
    """The library may lose a cancellation while it closes a connection that was refused; it is taken up again here."""
    task = asyncio.current_task()
    return asyncio.CancelledError() if task is not None and task.cancelling() else Stopped(str(error))


def drafts(there: Rig) -> str:
    """How the keys of this agent's drafts begin."""
    return f"draft:{there.user}:"


@dataclass
class AgentSession:
    """One session of the agent. It writes by a plain command, and has a queued transaction and a pop in flight."""

    there: Rig
    client: Redis
    begun: "asyncio.Task[object] | None" = field(default=None)

    async def act(self, mode: Mode) -> None:
        """A read where full_stop forbids everything, a draft where read_only does, a write otherwise."""
        verbs = {Mode.FULL_STOP: ("GET", "k"), Mode.READ_ONLY: ("INCR", drafts(self.there))}
        await self._stopping(*verbs.get(mode, ("INCR", self.there.user)))

    async def begin(self) -> None:
        """Waits in the server for a job."""
        self.begun = asyncio.ensure_future(self._stopping("BLMOVE", self._jobs, self._done, "LEFT", "RIGHT", "0"))
        await self.there.until_blocked()

    async def finish(self) -> None:
        """The job arrives; where the pop still waits, it is done."""
        await self.there.witness.rpush(self._jobs, "job")
        if self.begun is not None:
            await self.begun

    async def close(self) -> None:
        """Ends the session."""
        if self.begun is not None:
            self.begun.cancel()
            await asyncio.wait({self.begun})
        await self.client.aclose()

    @property
    def _jobs(self) -> str:
        return f"{self.there.user}:jobs:{id(self)}"

    @property
    def _done(self) -> str:
        return f"{self.there.user}:done"

    async def command(self, *command: str | bytes) -> object:
        """Runs it, or raises `Stopped`."""
        return await self._stopping(*command)

    async def _stopping(self, *command: str | bytes) -> object:
        try:
            return await self.client.execute_command(*command)  # type: ignore[no-untyped-call]  # the library's
        except (RedisError, OSError) as error:
            raise stopped(error) from error


@dataclass
class RedisRig:
    """The suite's rig: a private server, one agent, the bot with its documented rights."""

    lacks: ClassVar[Mapping[str, str]] = {
        "prepare": "nothing outlives a session: its queued transaction and its waiting pop end with it",
        "redeliver": "a pop was done or was not done: there is nothing to hand out again",
        "stubborn": "the surface is the user's sessions, whatever process holds them",
    }

    there: Rig

    def adapter(self, *, shared: Shared | None = None) -> Adapter:
        """An adapter with a working canary, and a prefix for drafts."""
        self.there.shared = shared or Shared()
        return self.there.adapter(draft_prefix=drafts(self.there))

    def mistyped(self, name: str = "nobody") -> Adapter:
        """A user that does not exist."""
        return self._other(self.there.server.url(user=self.there.bot, password=BOT), user=name)

    def intruder(self) -> Adapter:
        """A password of the bot that is wrong."""
        return self._other(self.there.server.url(user=self.there.bot, password="wrong"))

    def unreachable(self) -> Adapter:
        """A port that nobody listens on."""
        return self.elsewhere(free_port())

    def elsewhere(self, port: int) -> Adapter:
        """Another port."""
        return self._other(f"redis://{self.there.bot}:{BOT}@127.0.0.1:{port}")

    async def unarmed(self) -> tuple[Adapter, str]:
        """A bot that may not end sessions."""
        await self.there.acl("SETUSER", self.there.bot, "-client|kill")
        return self.adapter(), "+client|kill"

    async def session(self) -> Session:
        """Logs in as the agent."""
        try:
            return AgentSession(self.there, await self.there.login())
        except (RedisError, OSError) as error:
            raise stopped(error) from error

    async def effects(self) -> int:
        """Counted by the administrator: increments, of the draft too, and finished jobs."""
        counters = await self.there.witness.mget(self.there.user, drafts(self.there))
        return sum(int(one or 0) for one in counters) + int(await self.there.witness.llen(f"{self.there.user}:done"))

    async def authority(self) -> object:
        """The user's line of `ACL LIST`."""
        return await self.there.line()

    async def loosen(self) -> None:
        """Everything by hand."""
        await self.there.acl("SETUSER", self.there.user, "on", "allkeys", "allchannels", "+@all")

    async def narrow(self) -> None:
        """Two commands less, and a key pattern that only reads."""
        await self.there.acl(
            "SETUSER", self.there.user, "-lpush", "-set", "resetkeys", "~draft:*", "~mine:*", "%R~theirs:*"
        )

    async def meddle(self) -> None:
        """A new selector."""
        await self.there.acl("SETUSER", self.there.user, "(~meddled:* +get)")

    async def meddled(self) -> bool:
        """Whether it is there."""
        return "~meddled:*" in await self.there.line()

    async def rotate(self) -> None:
        """Another password."""
        await self.there.acl("SETUSER", self.there.user, "resetpass", ">another")

    async def rotated(self) -> bool:
        """Whether only the new password logs in."""
        try:
            await (await self.there.login()).aclose()
        except (RedisError, OSError):
            await (await self.there.login("another")).aclose()
            return True
        return False

    async def freeze(self) -> None:
        """Stops the server's process in its tracks."""
        self.there.server.freeze()

    async def thaw(self) -> None:
        """Lets it go on."""
        self.there.server.thaw()

    async def restart(self) -> None:
        """In good order, on the same port; the administrator comes back on a new connection."""
        await self.there.witness.aclose()
        await asyncio.to_thread(self.there.server.restart)
        self.there.witness = one_connection(self.there.server.url())

    async def reload(self) -> None:
        """The users, as its file has them."""
        await self.there.acl("LOAD")

    @asynccontextmanager
    async def exhaust(self) -> AsyncIterator[None]:
        """A server with room for five more clients, all of them the agent."""
        witness, crowd = self.there.witness, []
        usual = int((await witness.config_get("maxclients"))["maxclients"] or 0)
        await witness.config_set("maxclients", len(await witness.client_list()) + 5)
        try:
            with suppress(RedisError):
                while True:
                    crowd.append(await self.there.login())
            yield
        finally:
            await witness.config_set("maxclients", usual)
            for client in crowd:
                await client.aclose()

    def queueing(self) -> Adapter:
        """One list of the agent's."""
        there = self.there
        config = RedisAclConfig(
            url=SecretStr(there.server.url(user=there.bot, password=BOT)), user=there.user, queues=(self._queue,)
        )
        canary = RedisAclCanary(url=SecretStr(there.server.url(user=there.user, password=PASSWORD)))
        return RedisAcl(config=config, canary=canary, shared=Shared())

    async def pile(self, count: int) -> None:
        """More jobs."""
        await self.there.witness.rpush(self._queue, *(["job"] * count))

    async def waiting(self) -> int:
        """The list's length."""
        return int(await self.there.witness.llen(self._queue))

    def parking(self) -> Adapter:
        """The same: drafts are kept by every adapter of this rig."""
        return self.adapter()

    async def propose(self, what: str) -> None:
        """A list under the prefix, with the text as its name and its one element."""
        session = AgentSession(self.there, await self.there.login())
        key = f"{drafts(self.there)}{self._proposed(what)}"
        try:
            await session.command("RPUSH", *(word.encode("utf-8", "surrogateescape") for word in (key, what)))
        finally:
            await session.close()

    def shown(self, what: str) -> tuple[str, ...]:
        """What becomes of which key, of what kind, and its element."""
        return f"create {self._proposed(what)} (list)", f"\n{what}"

    async def done(self) -> Mapping[str, int]:
        """Every key outside of the bot's area and of the drafts: how many elements it has, or that it is there."""
        keys = (key async for key in self.there.witness.scan_iter(count=1000))
        return dict([await self._found(key) async for key in keys if not key.startswith((b"agent-kill:", b"draft:"))])

    async def _found(self, key: bytes) -> tuple[str, int]:
        name = key.decode("utf-8", "surrogateescape").removeprefix(f"{self.there.user}:")
        kind = cast("bytes", await self.there.witness.type(key))
        return name, int(await self.there.witness.llen(key)) if kind == b"list" else 1

    async def steal(self, draft: str) -> None:
        """Every way to the keys that carry its name, wherever they are, and to what is written about them."""
        keys = cast("list[bytes]", await self.there.witness.keys(f"*{draft}*"))
        kept, book = f"agent-kill:draft:{draft}", f"agent-kill:drafts:{drafts(self.there)}"
        stolen = f"{self.there.user}:stolen"
        ways = [f"{verb} {key.decode()}" for key in keys for verb in ("DEL", "UNLINK", "PERSIST")]
        ways += (
            f"""
RENAME {kept} {stolen}|RENAMENX {kept} {drafts(self.there)}x|COPY {kept} {stolen}|LMOVE {kept} {stolen} LEFT RIGHT
RPUSH {kept} y|SET {kept} y|EXPIRE {kept} 0|HDEL {book} {draft}|HSET {book} {draft} y|DEL {book}|RENAME {book} {stolen}
SET agent-kill:decided:{draft} y|FLUSHDB|FLUSHALL|SWAPDB 0 1""".strip()
            .replace("\n", "|")
            .split("|")
        )
        session = AgentSession(self.there, await self.there.login())
        try:
            for way in ways:
                with suppress(Stopped):
                    await session.command(*way.split())
                    return
        finally:
            await session.close()
        raise Stopped("every way was refused")

    def _proposed(self, what: str) -> str:
        return f"{self.there.user}:{what}"

    @property
    def _queue(self) -> str:
        return f"jobs:{self.there.user}"

    async def floor(self) -> None:
        """Two commands of the administrator."""
        await self.there.acl("SETUSER", self.there.user, "off", "-@all")
        await self.there.witness.execute_command("CLIENT", "KILL", "USER", self.there.user)  # type: ignore[no-untyped-call]  # the library's

    def _other(self, url: str, user: str | None = None) -> Adapter:
        canary = RedisAclCanary(url=SecretStr(self.there.server.url(user=self.there.user, password=PASSWORD)))
        config = RedisAclConfig(url=SecretStr(url), user=self.there.user if user is None else user)
        return RedisAcl(config=config, canary=canary, shared=Shared())


@asynccontextmanager
async def opened(servers: Running) -> AsyncIterator[RedisRig]:
    """A fresh agent."""
    there = await rig(servers.valkey, *RULES)
    await there.acl("SETUSER", there.bot, *QUEUE_RIGHTS, *DRAFT_RIGHTS, f"~{there.user}*")
    await there.acl("SAVE")
    try:
        yield RedisRig(there)
    finally:
        await there.close()
