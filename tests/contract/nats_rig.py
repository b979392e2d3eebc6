"""An account of a private NATS server with a role of its own for the agent, and everybody's credentials."""

import asyncio
import copy
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from adapters.base import Shared
from adapters.nats_user import NatsUser, NatsUserCanary, NatsUserConfig
from adapters.nats_user.backlog import EVERY, GET, MOVING, OURS, PURGE, STREAM
from adapters.nats_user.consumers import INFO, PAUSE
from tests.contract.nats_client import Client, Gone
from tests.contract.nats_server import Claims, Key, NatsServer, account, creds

BOT = (
    "$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP", "$SYS.REQ.SERVER.PING.ACCOUNTZ",
    "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.SERVER.PING.VARZ", "$SYS.REQ.SERVER.*.KICK",
)  # fmt: skip
_NUMBERS: Iterator[int] = itertools.count(1)
TEMPLATE: Claims = {
    "subs": -1, "data": -1, "payload": -1,
    "pub": {"allow": [">"]}, "sub": {"deny": ["private.>"]}, "resp": {"max": 1, "ttl": 0},
}  # fmt: skip


@dataclass
class Rig:
    """One agent's role. The administrator signs with the operator's own key, the bot with one made for it."""

    server: NatsServer
    key: Key = field(default_factory=lambda: Key.new("A"))
    role: Key = field(default_factory=lambda: Key.new("A"))
    agent: str = field(init=False)
    bot: str = field(init=False)
    admin: Client = field(init=False)
    witness: Client = field(init=False)
    seen: int = 0
    _effects: "asyncio.Queue[bytes | None]" = field(init=False)

    async def open(self, *, jetstream: bool = False) -> None:
        """Makes the account and logs everybody in but the agent."""
        self.agent, self.bot = self.user(), self.server.operator.user(BOT)
        scope = {"kind": "user_scope", "key": self.role.public, "role": "agent", "template": copy.deepcopy(TEMPLATE)}
        claims = account(f"account{next(_NUMBERS)}", self.key, roles=[scope], jetstream=jetstream)
        await self.connect_admin()
        await self.store(claims)
        await self.watch()

    async def connect_admin(self) -> None:
        """The administrator, in the system account."""
        self.admin = await Client.connect(self.server.port, self.server.operator.user())

    async def watch(self) -> None:
        """The witness counts what arrives on `effects`, under a user of the account that is not the role's."""
        self.witness = await self.other()
        self._effects = await self.witness.subscribe("effects")

    def user(self) -> str:
        """Credentials of a new user that the role issues."""
        return creds(Key.new("U"), self.role, account=self.key.public, scoped=True)

    async def other(self) -> Client:
        """A user that the account's own key issues."""
        return await Client.connect(self.server.port, creds(Key.new("U"), self.key, account=self.key.public))

    async def effects(self) -> int:
        """How many messages arrived."""
        await self.witness.flush()
        while not self._effects.empty():
            self.seen += self._effects.get_nowait() is not None
        return self.seen

    def claims(self) -> Claims:
        """The account as the server keeps it."""
        return self.server.stored(self.key.public)

    def scope(self, claims: Claims) -> Claims:
        """The role in some claims."""
        found: Claims = next(one for one in claims["nats"]["signing_keys"] if one["key"] == self.role.public)
        return found

    async def change(self, **template: Any) -> None:
        """The administrator changes fields of the role's template; None takes one away."""
        claims = self.claims()
        found = self.scope(claims)["template"]
        for name, value in template.items():
            found.pop(name, None)
            found.update({} if value is None else {name: value})
        await self.store(claims)

    async def store(self, claims: Claims) -> None:
        """The administrator signs the account and hands it to the server."""
        claims["iat"] = max(int(time.time()), claims["iat"] + 1)
        answer = await self.admin.request(
            "$SYS.REQ.CLAIMS.UPDATE", self.server.operator.own.pair.token(claims).encode()
        )
        assert b'"code":200' in answer, answer

    def adapter(self, *, shared: Shared | None = None, **other: Any) -> NatsUser:
        """An adapter with a canary."""
        given = {
            "url": self.server.url, "creds": self.bot, "operator_seed": self.server.operator.bot.seed,
            "account": self.key.public, "role": self.role.public, **other,
        }  # fmt: skip
        canary = NatsUserCanary(creds=SecretStr(self.agent))
        return NatsUser(config=NatsUserConfig.model_validate(given), canary=canary, shared=shared or Shared())

    def pauser(self, *consumers: str) -> dict[str, Any]:
        """Settings by which these consumers are paused, with a user that may do that and no more."""
        allowed = [
            f"$JS.API.CONSUMER.{verb}.{name.replace('/', '.')}" for name in consumers for verb in ("PAUSE", "INFO")
        ]
        text = creds(Key.new("U"), self.key, account=self.key.public, allow=allowed)
        return {"consumers": consumers, "stream_creds": text}

    async def mover(self) -> dict[str, Any]:
        """Settings by which what waits for the consumer can be moved too, with what the page asks for."""
        config = {"name": OURS, "subjects": [EVERY], "storage": "file", "discard": "new", "max_msgs_per_subject": 1}
        await self.api(f"STREAM.CREATE.{OURS}", {**config, "discard_new_per_subject": True})
        allowed = [subject.format("WORK", "agent") for subject in (PAUSE, INFO, STREAM, PURGE, GET)]
        allowed += [*MOVING, "work.>"]
        text = creds(Key.new("U"), self.key, account=self.key.public, allow=allowed)
        return {"consumers": ("WORK/agent",), "stream_creds": text, "backlog": True}

    async def api(self, subject: str, body: object = "") -> dict[str, Any]:
        """A request of the witness to the account's JetStream."""
        raw = json.dumps(body).encode() if body else b""
        found: dict[str, Any] = json.loads(await self.witness.request(f"$JS.API.{subject}", raw))
        assert "error" not in found, found
        return found

    async def work(self, retention: str = "workqueue", **consumer: Any) -> None:
        """A stream WORK of what is published to `work.>`, and a durable consumer of the agent's on it."""
        stream = {"name": "WORK", "subjects": ["work.>"], "storage": "file", "retention": retention}
        config = {"durable_name": "agent", "ack_policy": "explicit", "ack_wait": 200_000_000, **consumer}
        await self.api("STREAM.CREATE.WORK", stream)
        await self.api("CONSUMER.DURABLE.CREATE.WORK.agent", {"stream_name": "WORK", "config": config})

    async def paused(self) -> str | None:
        """Until when that consumer is paused."""
        found = await self.api("CONSUMER.INFO.WORK.agent")
        return str(found["config"]["pause_until"]) if found.get("paused") else None

    async def login(self, text: str = "") -> Client:
        """The agent logs in."""
        return await Client.connect(self.server.port, text or self.agent)

    async def close(self) -> None:
        """Logs everybody out."""
        for client in (self.admin, self.witness):
            with suppress(Gone):
                await client.close()


async def rig(server: NatsServer, *, jetstream: bool = False) -> Rig:
    """A fresh one."""
    made = Rig(server)
    await made.open(jetstream=jetstream)
    return made
