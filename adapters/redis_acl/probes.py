"""What an agent must not be able to do: asked of the server (`ACL DRYRUN`) and tried under the agent's own credential.

A try has no effect whatever the answer: the permission is judged before the command runs, it is queued in a MULTI that
is never executed or names a random key that does not exist, and there it does nothing.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping

from redis.exceptions import NoPermissionError, ResponseError

from adapters.base import Attempt, Mode
from adapters.errors import Refused, Unreachable
from adapters.redis_acl.line import Address, Command, Full, Line

LOGIN_SECONDS = 2.0  # for the one login of `lacking`
# {key} is a key that the agent's patterns cover.
_FORBIDDEN = """
SET {key} v|DEL {key}|LPUSH {key} v|BLPOP {key} 1|HSET {key} f v|XADD {key} * f v|INCR {key}|GETDEL {key}|EXPIRE {key} 1
RESTORE {key} 0 v|COPY {key} {key}|SORT {key} STORE {key}|PFADD {key} v|PUBLISH {key} v|FLUSHALL|FLUSHDB|SWAPDB 0 1
EVAL - 0|EVALSHA - 0|FCALL f 0|SCRIPT FLUSH|FUNCTION FLUSH|MIGRATE 127.0.0.1 1 {key} 0 1|CONFIG RESETSTAT
ACL SETUSER {key}|CLIENT KILL ID 0|CLIENT PAUSE 0|REPLICAOF NO ONE|SHUTDOWN NOSAVE|MODULE LIST|DEBUG HELP|SPUBLISH k v
"""
# What destroys or stops the server is left to DRYRUN: nothing here could harm even behind a proxy that mistakes MULTI.
_HARMLESS = (
    "SET {key} v XX|DEL {key}|LPUSHX {key} v|RPUSHX {key} v|PEXPIRE {key} 1|HDEL {key} f|LPOP {key}|SREM {key} m"
    "|ZREM {key} m|XADD {key} NOMKSTREAM * f v|XDEL {key} 1-1|GETDEL {key}|SETRANGE {key} 0 |ZADD {key} XX 1 m"
)
# These would have an effect, so they are only queued.
_QUEUED = (
    "|SET {key} v|LPUSH {key} v|HSET {key} f v|SADD {key} m|ZADD {key} 1 m|INCR {key}|PFADD {key} v|PUBLISH {key} v"
)


# From a draft's key to another: what draft_only must refuse on top.
_ACROSS = """
RENAME {draft} {key}|RENAMENX {draft} {key}|RENAME {key} {draft}|COPY {draft} {key}|SMOVE {draft} {key} m
LMOVE {draft} {key} LEFT RIGHT|RPOPLPUSH {key} {draft}|SORT {draft} STORE {key}|SUNIONSTORE {key} {draft}
PFMERGE {key} {draft}|ZUNIONSTORE {key} 1 {draft}|ZRANGESTORE {key} {draft} 0 1|BITOP NOT {key} {draft}
GEOSEARCHSTORE {key} {draft} FROMMEMBER m BYBOX 1 1 m|GEORADIUS {draft} 0 0 1 m STORE {key}|MSET {draft} v {key} v
GEORADIUS {draft} 0 0 1 m STOREDIST {key}|MOVE {draft} 1|DEL {draft} {key}|UNLINK {draft} {key}
SELECT 1|COPY {draft} {draft} DB 1
"""


def forbidden(user: str, patterns: Iterable[str], prefix: str = "") -> list[Command]:
    """`ACL DRYRUN` of everything that read_only must refuse, on a key of each pattern.

    With a `prefix`, what draft_only must: the same on keys that are not under it, and every way from one to the other.
    """
    keys = [sample(pattern) for pattern in patterns if not (prefix and pattern.startswith(prefix))] or ["agent-kill"]
    text = _FORBIDDEN.strip() + (f"\n{_ACROSS.strip()}" if prefix else "")
    texts = (part for line in text.splitlines() for part in line.split("|"))
    draft = sample(f"{prefix}*")
    asked = {tuple(text.format(key=key, draft=draft).split()) for text in texts for key in keys[:3]}
    return [("ACL", "DRYRUN", user, *command) for command in sorted(asked)]


def granted(asked: Iterable[Command], answers: Iterable[object]) -> tuple[str, ...]:
    """The commands that the server would run."""
    return tuple(" ".join(command[3:]) for command, answer in zip(asked, answers, strict=True) if answer == b"OK")


async def lacking(canary: Address) -> tuple[str, ...]:
    """Logs in once, with a password that the caller knows to be current, and returns why that fails."""
    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            await (await Line.open(canary)).close()
    except Full:
        return ()  # passes, and is no set-up
    except Refused:
        return (f"canary: {canary.name} refuses the login of {canary.user}, is it another server? correct its url",)
    except (Unreachable, TimeoutError) as error:
        return (f"canary: correct its url, the login fails: {str(error) or type(error).__name__}",)
    return ()


async def attempt(canary: Address, mode: Mode, keys: Mapping[str, str], prefix: str = "") -> Attempt:
    """Logs in as the agent, and in a mode that leaves the login tries to write.

    Args:
        canary: the agent's own login, which the caller knows to be current.
        mode: what is held.
        keys: the agent's patterns, each with `R`, `W` or `RW`.
        prefix: of the keys that draft_only leaves to be written.
    """
    try:
        line = await Line.open(canary)
    except Refused:
        return Attempt.REFUSED
    except Unreachable:
        return Attempt.UNTRIED
    try:
        drafts = prefix if mode is Mode.DRAFT_ONLY else ""
        others = {key: kind for key, kind in keys.items() if not (drafts and key.startswith(drafts))}
        return Attempt.ALLOWED if mode is Mode.FULL_STOP else await _try_write(line, others)
    except Unreachable:
        return Attempt.UNTRIED
    finally:
        await line.close()


async def _try_write(line: Line, keys: Mapping[str, str]) -> Attempt:
    patterns = sorted(keys, key=lambda pattern: "W" not in keys[pattern])
    key = sample(patterns[0]) if patterns else f"agent-kill:{secrets.token_hex(8)}"
    queued = (await line.ask(("MULTI",)))[0] == b"OK"
    tried = [tuple(text.format(key=key).split(" ")) for text in (_HARMLESS + (_QUEUED if queued else "")).split("|")]
    answers = await line.ask(*tried)
    if any(not isinstance(answer, ResponseError) for answer in answers):
        return Attempt.ALLOWED
    return Attempt.REFUSED if all(map(_refused, answers)) else Attempt.UNTRIED


def _refused(answer: object) -> bool:
    """The right is missing, or the server has no such command; any other error comes after the right was granted."""
    return isinstance(answer, NoPermissionError) or "unknown command" in str(answer)


def sample(pattern: str) -> str:
    """A random key that `pattern` (a glob) covers, and that nobody has."""
    fresh = f"agent-kill-{secrets.token_hex(8)}"
    return pattern.replace("*", fresh, 1).replace("*", "").replace("?", "0") if "*" in pattern else pattern
