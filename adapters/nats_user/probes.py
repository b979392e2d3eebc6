"""What the bot may ask, what its set-up lacks, and what the agent's own credential still can do."""

import json
import secrets
import time
from dataclasses import dataclass, replace
from typing import Any, Self

from adapters.base import Attempt, Mode
from adapters.errors import Refused, Unreachable
from adapters.nats_user.line import KICK, Address, Line, Request
from adapters.nats_user.look import ACCOUNTZ, CONNZ, LOOKUP, UPDATE, VARZ, permission
from adapters.nats_user.nkeys import Credentials, claims, issued_by
from adapters.nats_user.scope import Claims, revoked

CROWD = 1000  # servers that may answer a ping
PING_SECONDS = 0.5  # for those after the first


async def denied(line: Line, account: str, permissions: tuple[str, ...]) -> tuple[str, ...]:
    """The permissions that are missing. Each is tried with a question that changes nothing."""
    asked = (
        Request(UPDATE, b"no JWT"),
        Request(LOOKUP.format(account)),
        Request(ACCOUNTZ, json.dumps({"account": account}).encode()),
        Request(CONNZ, json.dumps({"acc": account, "limit": 1}).encode()),
        Request(VARZ),
        Request(KICK.format(line.number[0]), b'{"cid": 0}'),
    )
    await line.ask(*asked)
    found = {permission(it.subject) for it in asked if it.denied}
    return tuple(name for name in permissions if name in found)


async def lacking(line: Line, *, servers: int, operator: str) -> tuple[str, ...]:
    """What is wrong with the number of servers and with the operator's key."""
    ping = Request(VARZ, wanted=CROWD)
    await line.ask(ping, grace=PING_SECONDS)
    replies, found = ping.replies(), []
    if len(replies) != servers:
        found.append(f"settings.servers is {servers}, and {len(replies)} servers answer: correct it")
    known = [key for reply in replies for key in _operator_keys(reply)]
    if known and operator not in known:
        found.append(f"settings.operator_seed is of {operator}, which is no key of the operator")
    return tuple(found)


def _operator_keys(reply: dict[str, Any]) -> list[str]:
    data = reply.get("data") or {}
    told = data.get("trusted_operators_claim") or []
    return [key for one in told for key in (one.get("sub"), *((one.get("nats") or {}).get("signing_keys") or []))]


@dataclass(frozen=True, slots=True)
class Canary:
    """The agent's own login."""

    address: Address
    subject: str

    @classmethod
    def of(cls, address: Address, creds: str, subject: str) -> Self:
        """The same servers as the bot's, under the agent's credential."""
        return cls(replace(address, creds=Credentials.of(creds)), subject)

    def lacking(self, account: Claims, role: str) -> tuple[str, ...]:
        """What keeps this credential from proving anything."""
        token = self.address.creds.jwt
        user = claims(token)
        if user.get("sub") != self.address.creds.pair.public or not issued_by(token, role):
            return (f"canary: its user was not issued by the role {role}",)
        if revoked(account, user):
            return ("canary: its user is revoked, give it the agent's current .creds",)
        if 0 < int(user.get("exp", 0)) < time.time():
            return ("canary: its user has expired, give it the agent's current .creds",)
        return ()

    async def attempt(self, mode: Mode) -> Attempt:
        """Logs in, and in a mode that leaves the login publishes nothing to where nobody listens."""
        try:
            line = await Line.open(self.address)
        except Refused:
            return Attempt.REFUSED
        except Unreachable:
            return Attempt.UNTRIED
        try:
            return Attempt.ALLOWED if mode is Mode.FULL_STOP or await self._publishes(line) else Attempt.REFUSED
        except Unreachable:
            return Attempt.UNTRIED
        finally:
            line.close()

    async def _publishes(self, line: Line) -> bool:
        fresh = f"agent-kill.{secrets.token_hex(8)}"
        subjects = (self.subject or fresh, f"_INBOX.{fresh}", "$JS.API.INFO")
        return any([await line.publish(subject) for subject in subjects])
