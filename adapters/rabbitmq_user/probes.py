"""What the bot lacks, which doors stand open beside the user, and what the agent's own credential still can do."""

import hashlib
import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.base import Attempt, Mode
from adapters.errors import AdapterError, Refused, Unreachable
from adapters.rabbitmq_user.amqp import Channel, Denied, Login
from adapters.rabbitmq_user.facts import OURS, Way, matches, permissions, tight, vhost_of
from adapters.rabbitmq_user.line import ADMINISTRATOR, Asker
from adapters.rabbitmq_user.look import Look, get, lacking

GUEST = "guest"
POLICYMAKER = "policymaker"
_ADMINISTRATOR = ADMINISTRATOR.removeprefix("tag ")
_HASHES = {
    "rabbit_password_hashing_sha256": "sha256",
    "rabbit_password_hashing_sha512": "sha512",
    "rabbit_password_hashing_md5": "md5",
}
_SALT = 4  # bytes in front of a hash


async def denied(asker: Asker, way: Way, queues: Sequence[str]) -> tuple[str, ...]:
    """What the bot's own login lacks."""
    try:
        (told,) = await asker.ask(get("whoami"))
        tags = told.data.get("tags") or [] if isinstance(told.data, dict) else []
        if _ADMINISTRATOR not in tags:
            return (ADMINISTRATOR,)
        (right,) = await asker.ask(get("permissions", way.vhost, asker.user))
    except Refused as error:
        return error.missing
    found = right.data if isinstance(right.data, dict) and not right.absent else {}
    return lacking(found, way, queues) if way.exchange or queues else ()


async def unreached(login: Login, queues: Sequence[str]) -> tuple[str, ...]:
    """What of the AMQP side does not answer: the login, and queues that are not there."""
    found: list[str] = []
    for name in (*queues, ""):
        try:
            channel = await Channel.open(login)
            try:
                await (channel.depth(name) if name else channel.begin())
            finally:
                channel.close()
        except AdapterError as error:
            found.append(f"amqp: {error}")
    return tuple(found)


async def doors(asker: Asker, seen: Look) -> tuple[str, ...]:
    """Other users by which the agent could go on: the one of the set-up, and one with the very same rights."""
    users, rights = await asker.ask(get("users"), get("permissions"))
    rows = [row for row in users.data or [] if isinstance(row, dict)]
    found = [
        f"the default user {GUEST} has its default password: delete it, or whoever is on a node is its administrator"
        for row in rows
        if row.get("name") == GUEST and accepts(row, GUEST)
    ]
    mine = _rights_of(rights.data, str((seen.user or {}).get("name")))
    twins = [str(row.get("name")) for row in rows if mine and _rights_of(rights.data, str(row.get("name"))) == mine]
    found += [
        f"user {name} has the very rights of {(seen.user or {})['name']}: if the agent knows it, it is a surface too"
        for name in twins
        if name != (seen.user or {})["name"]
    ]
    return tuple(found)


def enforceable(seen: Look, modes: frozenset[Mode]) -> tuple[frozenset[Mode], str]:
    """What is possible with this user, and what stands in the way of the rest."""
    name = (seen.user or {}).get("name")
    if _ADMINISTRATOR in seen.tags:
        return frozenset(), f"{name} has the tag administrator, so it can undo every cut: take the tag away."
    if POLICYMAKER in seen.tags:
        why = f"{name} has the tag policymaker, so it can lead messages elsewhere by policies: take the tag away."
        return frozenset({Mode.FULL_STOP}), why
    strict = modes & {Mode.READ_ONLY, Mode.FULL_STOP}
    if seen.problem:
        return strict, seen.problem
    right = seen.facts.get(permissions(seen.way.vhost))
    if right is not None and not tight(right, seen.way):
        why = f"The permissions of {name} in {seen.way.vhost} reach what is parked, whose names start with {OURS}: "
        return strict, f"{why}give it patterns that match no more than it needs."
    return modes, ""


def wide(seen: Look) -> tuple[str, ...]:
    """Rights that let an agent prepare something that acts after its stop."""
    name, found = (seen.user or {}).get("name"), []
    for key, value in seen.facts.items():
        vhost = vhost_of(key)
        configure = json.loads(value)[0] if vhost is not None and value is not None else ""
        if matches(configure, "a queue with any name"):
            found.append(
                f"{name} may declare any queue in {vhost}, so it can leave messages that act later by themselves "
                "(a time to live with a dead-letter exchange): narrow its configure pattern"
            )
    return tuple(found)


def accepts(user: Mapping[str, Any], password: str) -> bool:
    """Whether this is the user's password; False where the node does not keep one that can be compared."""
    name = _HASHES.get(str(user.get("hashing_algorithm", "rabbit_password_hashing_sha256")))
    raw = b64decode(str(user.get("password_hash") or ""))
    if name is None or len(raw) <= _SALT:
        return False
    return hashlib.new(name, raw[:_SALT] + password.encode(), usedforsecurity=False).digest() == raw[_SALT:]


def canary_lacks(canary: Login, seen: Look) -> tuple[str, ...]:
    """What keeps the agent's login from proving anything."""
    user = seen.user or {}
    if canary.user != user.get("name"):
        return (f"canary logs in as {canary.user}, not as user {user.get('name')}",)
    return () if accepts(user, canary.password) else (f"canary: wrong password for user {canary.user}",)


async def attempt(canary: Login, way: Way, exchange: str, mode: Mode) -> Attempt:
    """Logs in, and publishes in transactions that are rolled back.

    In read_only that is to the agent's exchange; in a middle mode to where its messages are for, past the parking.
    """
    try:
        if mode is Mode.FULL_STOP:
            (await Channel.open(canary)).close()
            return Attempt.ALLOWED
        names = [exchange] if mode is Mode.READ_ONLY else [way.to, ""]
        return Attempt.ALLOWED if any([await _publishes(canary, name) for name in names]) else Attempt.REFUSED
    except Denied:
        return Attempt.REFUSED  # the credential is right, and is not let in
    except (Refused, Unreachable, AdapterError):
        return Attempt.UNTRIED


async def _publishes(canary: Login, exchange: str) -> bool:
    """Whether the server takes a message of the agent's, which it is not left with."""
    channel = await Channel.open(canary)
    try:
        await channel.begin()
        channel.publish(exchange, f"{OURS}canary", b"")
        await channel.rollback()
    except Denied:
        return False
    finally:
        channel.close()
    return True


def _rights_of(rows: object, name: str) -> Sequence[tuple[str, ...]]:
    found = [row for row in rows if isinstance(row, dict) and row.get("user") == name] if isinstance(rows, list) else []
    keys = ("vhost", "configure", "write", "read")
    rights = sorted(tuple(str(row.get(key)) for key in keys) for row in found)
    return rights if any(word for right in rights for word in right[1:]) else ()
