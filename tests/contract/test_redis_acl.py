"""What a full stop and a read_only of a Redis user do to the agent."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from redis.exceptions import RedisError

from adapters.base import Attempt, Change, Mode
from adapters.errors import Refused
from adapters.redis_acl import RedisAcl, RedisAclCanary, RedisAclConfig
from bot.sandbox.servers import free_port
from tests.contract.redis_rig import BOT, PASSWORD, Rig, no, refused, rig, yes
from tests.contract.servers import ValkeyServer

WRITES = """
SET k v|SET k v XX|DEL k|GETDEL k|APPEND k v|INCR k|LPUSH l v|LPOP l|BLPOP l 0.01|RPOPLPUSH l m|HSET h f v|SADD s m
ZADD z 1 m|XADD x * f v|XREADGROUP GROUP g c STREAMS x >|EXPIRE k 1|PERSIST k|RENAME k j|COPY k j|MOVE k 1|UNLINK k
RESTORE j 0 v|SORT l STORE j|PFADD p a|SETBIT k 1 1|GETEX k PERSIST|FLUSHALL|FLUSHDB|SWAPDB 0 1|PUBLISH c m|SPUBLISH c m
EVAL return(redis.call('set','k','v')) 0|EVAL return(1) 0|SCRIPT LOAD return(1)|SCRIPT FLUSH|FUNCTION FLUSH|FCALL f 0
ACL SETUSER other on|ACL DELUSER default|CONFIG SET maxmemory 0|CONFIG REWRITE|CLIENT KILL TYPE normal|CLIENT PAUSE 1
MIGRATE 127.0.0.1 1 k 0 1|REPLICAOF NO ONE|SAVE|BGSAVE|SHUTDOWN NOSAVE|MODULE LIST|KEYS *|MONITOR|SUBSCRIBE c
"""


@pytest.fixture
async def there(valkey_server: ValkeyServer) -> AsyncIterator[Rig]:
    """An agent with every right."""
    made = await rig(valkey_server)
    yield made
    await made.close()


async def test_full_stop_ends_every_open_session(there: Rig) -> None:
    """Idle, blocked, queued and subscribed sessions all end, and their next command does not run."""
    async with there.agent() as idle, there.agent() as blocked, there.agent() as queued, there.agent() as subscribed:
        waiting = asyncio.ensure_future(refused(blocked, "BLPOP", f"{there.user}:jobs", "0"))
        await refused(queued, "MULTI")
        await refused(queued, "SET", f"{there.user}:queued", "1")
        await refused(subscribed, "SUBSCRIBE", "news")
        cut = await there.adapter().restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)
        assert (cut.held, cut.ended, cut.left) == (Mode.FULL_STOP, 4, 0)
        assert await waiting
        assert await refused(idle, "SET", f"{there.user}:idle", "1")
        assert await refused(queued, "EXEC")
        assert await refused(subscribed, "PING")
    assert await there.witness.exists(f"{there.user}:idle", f"{there.user}:queued") == 0


async def test_full_stop_refuses_a_new_login(there: Rig) -> None:
    """The agent's own password does not log in any more, and both proofs say so."""
    adapter = there.adapter()
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.ALLOWED
    await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)
    with pytest.raises(RedisError):
        async with there.agent():
            pass
    seen = await adapter.observe()
    assert (seen.exists, seen.mode, seen.token, seen.in_flight) == (True, Mode.FULL_STOP, "t1", 0)
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.REFUSED


async def test_read_only_lets_reads_through_and_no_write(there: Rig) -> None:
    """After read_only the agent reads what it could read, and every way to write is refused."""
    await there.witness.set("k", "before")
    adapter = there.adapter()
    assert await adapter.attempt(mode=Mode.READ_ONLY) is Attempt.ALLOWED
    cut = await adapter.restrict(mode=Mode.READ_ONLY, token="t1", drain=0, undo=(), gate=yes)
    assert (cut.held, cut.left, cut.why) == (Mode.READ_ONLY, 0, "")
    async with there.agent() as session:
        assert await session.get("k") == b"before"
        for write in WRITES.strip().replace("\n", "|").split("|"):
            assert "permission" in await refused(session, *write.split()), write
        await refused(session, "MULTI")
        assert "permission" in await refused(session, "SET", "k", "queued")
    assert await there.witness.get("k") == b"before"
    seen = await adapter.observe()
    assert (seen.mode, seen.token, seen.in_flight) == (Mode.READ_ONLY, "t1", 0)
    assert await adapter.attempt(mode=Mode.READ_ONLY) is Attempt.REFUSED


async def test_read_only_ends_the_sessions_that_were_open(there: Rig) -> None:
    """A pop that waited when read_only came takes nothing that arrives later."""
    async with there.agent() as blocked:
        waiting = asyncio.ensure_future(refused(blocked, "BLPOP", f"{there.user}:jobs", "0"))
        await there.until_blocked()
        await there.adapter().restrict(mode=Mode.READ_ONLY, token="t1", drain=0, undo=(), gate=yes)
        await there.witness.rpush(f"{there.user}:jobs", "job")
        assert await waiting
    assert await there.witness.llen(f"{there.user}:jobs") == 1


async def test_read_only_never_widens_a_key_pattern(valkey_server: ValkeyServer) -> None:
    """`~mine:*` becomes readable only there: another's keys stay out of reach, and so does what was write-only."""
    there = await rig(valkey_server, "~mine:*", "%W~drop:*", "+@all", "(~side:* +get +set)")
    try:
        await there.adapter().restrict(mode=Mode.READ_ONLY, token="t1", drain=0, undo=(), gate=yes)
        async with there.agent() as session:
            assert not await refused(session, "GET", "mine:1")
            assert not await refused(session, "GET", "side:1")
            assert await refused(session, "GET", "other:1")
            assert await refused(session, "GET", "drop:1")
            assert await refused(session, "SET", "side:1", "v")
    finally:
        await there.close()


async def test_a_closed_gate_keeps_the_full_stop(there: Rig) -> None:
    """A stricter hold that came meanwhile wins: reads are not given back, and the cut says so."""
    cut = await there.adapter().restrict(mode=Mode.READ_ONLY, token="t1", drain=0, undo=(), gate=no)
    assert cut.held is Mode.FULL_STOP
    assert "stricter hold" in cut.why
    assert (await there.adapter().observe()).mode is Mode.FULL_STOP


async def test_a_stop_between_the_gate_and_the_reopening_wins(there: Rig) -> None:
    """Another writer's full stop that lands while the gate answers is not undone by the reopening."""
    other = there.adapter()

    async def gate(_changes: tuple[Change, ...]) -> bool:
        await other.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=(), gate=no)
        return True

    cut = await there.adapter().restrict(mode=Mode.READ_ONLY, token="t1", drain=0, undo=(), gate=gate)
    assert cut.held is Mode.FULL_STOP
    seen = await other.observe()
    assert (seen.mode, seen.token) == (Mode.FULL_STOP, "t2")


async def test_every_way_down_and_back_gives_the_same_user(valkey_server: ValkeyServer) -> None:
    """Through full_stop, read_only and back to normal the user's line of `ACL LIST` is what it was."""
    there = await rig(valkey_server, "~mine:*", "%R~ref:*", "&news", "+@all", "-flushall", "(~side:* +get +set)")
    try:
        before, adapter = await there.line(), there.adapter()
        first = await adapter.restrict(mode=Mode.READ_ONLY, token="t1", drain=0, undo=(), gate=yes)
        undo = first.changed
        undo += (await adapter.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=undo, gate=no)).changed
        undo += (await adapter.relax(to=Mode.READ_ONLY, expect="t2", token="t3", undo=undo, gate=yes)).changed
        seen = await adapter.observe()
        assert (seen.mode, seen.token) == (Mode.READ_ONLY, "t3")
        assert (await adapter.relax(to=Mode.NORMAL, expect="t3", token="t4", undo=undo, gate=yes)).kept == ()
        assert await there.line() == before
        assert (await adapter.observe()).mode is Mode.NORMAL
    finally:
        await there.close()


async def test_relaxing_keeps_what_others_changed(there: Rig) -> None:
    """What a person changed where our cut had left it stays, and is named; passwords are never touched."""
    await there.acl("SETUSER", there.user, "resetkeys", "~mine:*")
    adapter = there.adapter()
    undo = (await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)).changed
    await there.acl("SETUSER", there.user, "+get", "~given:*", ">another")
    relaxed = await adapter.relax(to=Mode.NORMAL, expect="t1", token="t2", undo=undo, gate=yes)
    assert relaxed.kept == ("commands",)
    line = await there.line()
    assert "~given:* ~mine:*" in line
    assert "+get" in line
    assert "+@all" not in line
    assert line.count("#") == 2


async def test_a_strange_mark_is_not_relaxed(there: Rig) -> None:
    """Where the mark is not the expected one nothing is loosened, and the error says what to do first."""
    adapter = there.adapter()
    undo = (await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)).changed
    with pytest.raises(Refused, match="restrict again"):
        await adapter.relax(to=Mode.NORMAL, expect="t9", token="t2", undo=undo, gate=yes)
    assert (await adapter.observe()).mode is Mode.FULL_STOP


async def test_a_second_cut_records_nothing_new(there: Rig) -> None:
    """A restricted state is nobody's baseline: repeating a cut adds no change, with or without the first record."""
    adapter = there.adapter()
    undo = (await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)).changed
    assert undo
    again = await adapter.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=undo, gate=no)
    lost = await adapter.restrict(mode=Mode.FULL_STOP, token="t3", drain=0, undo=(), gate=no)
    assert (again.changed, lost.changed) == ((), ())


async def test_a_reduced_state_is_nobodys_baseline(there: Rig) -> None:
    """A full stop on top of read_only, with the record lost, does not take the reduced rights for the agent's own."""
    adapter = there.adapter()
    await adapter.restrict(mode=Mode.READ_ONLY, token="t1", drain=0, undo=(), gate=yes)
    cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=(), gate=no)
    assert cut.changed == ()


async def test_a_loosening_that_replaced_a_cut_is_taken_back(there: Rig) -> None:
    """A full stop that lands between a loosening's last look and its call stands, with its mark."""
    adapter = there.adapter()
    await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)
    async with adapter._first.hand() as hand:
        seen = await hand.now()
        assert seen is not None
        await there.adapter().restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=(), gate=no)
        target = {"enabled": "on", "commands": "+@all", "key *": "RW"}
        assert await hand.loosen(seen, target, mark="t3") is False
    now = await adapter.observe()
    assert (now.mode, now.token) == (Mode.FULL_STOP, "t2")


async def test_a_user_that_does_not_exist_is_absent_and_is_not_made(there: Rig) -> None:
    """A typing error in `user` is never green, and no user appears on the server."""
    adapter = there.adapter(user="nobody")
    cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)
    assert "no user nobody" in cut.why
    assert (await adapter.observe()).exists is False
    assert await there.acl("GETUSER", "nobody") is None


async def test_the_bot_does_not_lock_itself_out(there: Rig) -> None:
    """A surface that names the bot's own user is refused before anything is sent."""
    adapter = there.adapter(user=there.bot)
    with pytest.raises(Refused, match="logs in as"):
        await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)
    assert (await adapter.observe()).enforceable == frozenset()


async def test_drift_is_seen_as_what_it_amounts_to(there: Rig) -> None:
    """A right that somebody gives back shows as a looser mode."""
    adapter = there.adapter()
    await adapter.restrict(mode=Mode.READ_ONLY, token="t1", drain=0, undo=(), gate=yes)
    await there.acl("SETUSER", there.user, "+set")
    assert (await adapter.observe()).mode is Mode.NORMAL


async def test_preflight_tries_the_canarys_login(there: Rig) -> None:
    """A stale password, another user and a server that does not answer are set-up that is missing; a stop is not."""

    def canary(url: str) -> RedisAcl:
        bot = SecretStr(there.server.url(user=there.bot, password=BOT))
        config = RedisAclConfig(url=bot, user=there.user)
        there.made.append(RedisAcl(config=config, canary=RedisAclCanary(url=SecretStr(url)), shared=there.shared))
        return there.made[-1]

    wrong = (f"canary: wrong password for user {there.user}",)
    assert await there.adapter(password="stale").preflight() == wrong
    other = there.server.url(user=there.bot, password=BOT)
    assert await canary(other).preflight() == (f"canary logs in as {there.bot}, not as user {there.user}",)
    (away,) = await canary(f"redis://{there.user}:{PASSWORD}@127.0.0.1:{free_port()}/0").preflight()
    assert away.startswith("canary: correct its url, the login fails: ")
    good = there.adapter()
    assert await good.preflight() == ()
    await good.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)
    assert await good.preflight() == ()
    assert await there.adapter(password="stale").preflight() == wrong
