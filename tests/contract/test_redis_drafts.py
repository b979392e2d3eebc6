"""draft_only on real servers: what the agent may still write, and that what is released is what was listed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import ValidationError
from redis.exceptions import RedisError

from adapters.base import Mode
from adapters.base.parked import ARGUMENTS, Draft, Drafts
from adapters.errors import Unreachable
from adapters.redis_acl import RedisAcl, RedisAclConfig
from adapters.redis_acl.drafts import RIGHTS
from bot.sandbox.servers import ValkeyServer
from tests.contract.redis_rig import Rig, no, one_connection, refused, rig, yes

KEEPS = ("--appendonly", "yes")
REDIS = Path("/usr/bin/redis-server")  # Debian's, where it is installed
RULES = ("~orders:*", "~draft:*", "&*", "+@all", "-@admin", "-@dangerous", "(~side:* +get +set)")
ACROSS = """
SET orders:1 v|DEL orders:1|GETDEL orders:1|SETRANGE orders:1 0 v|RENAME draft:x orders:2|RENAMENX draft:x orders:2
RENAME orders:1 draft:y|COPY draft:x orders:2|COPY draft:x draft:y DB 1|SELECT 1|MSET draft:y v orders:1 v
DEL draft:y orders:1
SORT draft:l STORE orders:2|LMOVE draft:l orders:l LEFT RIGHT|RPOPLPUSH orders:l draft:l|SMOVE draft:s orders:s m
SUNIONSTORE orders:s draft:s|ZUNIONSTORE orders:z 1 draft:z|ZRANGESTORE orders:z draft:z 0 1|PFMERGE orders:p draft:p
BITOP NOT orders:1 draft:x|GEOADD orders:g 1 1 m|GEORADIUS draft:g 0 0 1 m STORE orders:g|XADD orders:x * f v
GEORADIUS draft:g 0 0 1 m STOREDIST orders:g|GEOSEARCHSTORE orders:g draft:g FROMMEMBER m BYRADIUS 1 m|LPUSH orders:l v
EVAL return(redis.call('set','orders:1','v')) 0|EVAL return(1) 1 draft:x|SCRIPT LOAD return(1)|FUNCTION FLUSH|FCALL f 0
FLUSHALL|FLUSHDB|SWAPDB 0 1|MOVE draft:x 1|PUBLISH c m|SPUBLISH c m|CONFIG SET maxmemory 0|ACL SETUSER other on
MIGRATE 127.0.0.1 1 draft:x 0 1|RESTORE draft:y 0 v|REPLICAOF NO ONE|KEYS *|MONITOR|SUBSCRIBE c|BLPOP orders:l 0.01
SET side:1 v|XREADGROUP GROUP g c STREAMS orders:x >|GETEX orders:1 PERSIST|BITFIELD orders:1 SET u8 0 1
EXPIRE orders:1 1
"""


KINDS = (
    ("SET", "\x00\xff plain"), ("SETEX", "1000", "v"), ("SET", "x" * 9000), ("RPUSH", "b", "a"), ("SADD", "a"),
    ("ZADD", "1.5", "m"), ("HSET", "f", "v", "g", "w"), ("XADD", "1-1", "f", "v"),
)  # fmt: skip
EXPIRES = 1


async def drafting(server: ValkeyServer) -> Rig:
    """An agent of its own keys, and a bot with the rights on drafts."""
    there = await rig(server, *RULES)
    await there.acl("SETUSER", there.bot, "~agent-kill:*", "~draft:*", "~orders:*", *RIGHTS)
    return there


@pytest.fixture
async def there(valkey_server: ValkeyServer) -> AsyncIterator[Rig]:
    """On this run's server, empty."""
    made = await drafting(valkey_server)
    await made.witness.flushall()
    yield made
    await made.witness.flushall()
    await made.close()


@pytest.fixture(params=[pytest.param(None, id="valkey"), *([REDIS] if REDIS.exists() else [])])
async def alone(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """On a server of its own: Valkey, and Redis where the machine has one."""
    with ValkeyServer(options=KEEPS, binary=request.param) as server:
        made = await drafting(server)
        yield made
        await made.close()


@pytest.fixture
async def held(there: Rig) -> RedisAcl:
    """The adapter, with draft_only held."""
    return await holding(there)


async def holding(there: Rig) -> RedisAcl:
    """The same, anywhere."""
    adapter = there.adapter(draft_prefix="draft:")
    assert await adapter.preflight() == ()
    cut = await adapter.restrict(mode=Mode.DRAFT_ONLY, token="t1", drain=0, undo=(), gate=yes)
    assert (cut.held, cut.left, cut.why) == (Mode.DRAFT_ONLY, 0, "")
    return adapter


async def write(there: Rig, *command: str) -> None:
    """As the agent."""
    async with there.agent() as session:
        await session.execute_command(*command)  # type: ignore[no-untyped-call]  # the library's


async def only(adapter: RedisAcl) -> Draft:
    """The one that is listed."""
    (item,) = (await adapter.list()).items
    return item


async def answered(adapter: RedisAcl) -> Drafts:
    """The first listing after a restart."""
    for _ in range(500):
        with suppress(Unreachable):
            return await adapter.list()
        await asyncio.sleep(0.01)
    raise AssertionError("after its restart the server stayed unreachable")


async def test_only_keys_under_the_prefix_can_be_written(alone: Rig) -> None:
    """Every write of another key, every way from a draft to one, and every command without a key is refused."""
    there, held = alone, await holding(alone)
    await there.witness.set("orders:1", "before")
    await there.witness.rpush("orders:l", "job")
    async with there.agent() as session:
        for write in ("SET draft:x v", "RPUSH draft:l 2 1", "SADD draft:s m", "ZADD draft:z 1 m", "PFADD draft:p m"):
            assert not await refused(session, *write.split()), write
        assert not await refused(session, "GEOADD", "draft:g", "1", "1", "m")
        assert await session.get("orders:1") == b"before"
        for write in ACROSS.strip().replace("\n", "|").split("|"):
            said = await refused(session, *write.split())
            assert "permission" in said or "unknown command" in said, f"{write}: {said}"
        await refused(session, "MULTI")
        assert "permission" in await refused(session, "SET", "orders:1", "queued")
    assert await there.witness.get("orders:1") == b"before"
    assert await there.witness.lrange("orders:l", 0, -1) == [b"job"]
    assert await there.witness.keys("orders:*") in ([b"orders:1", b"orders:l"], [b"orders:l", b"orders:1"])
    seen = await held.observe()
    assert (seen.mode, seen.token, seen.in_flight) == (Mode.DRAFT_ONLY, "t1", 0)


async def test_a_pattern_is_never_widened(there: Rig) -> None:
    """An agent that may only write under the prefix, or not there at all, gets no more than it had."""
    await there.acl("SETUSER", there.user, "resetkeys", "~orders:*", "%W~draft:*")
    adapter = there.adapter(draft_prefix="draft:")
    undo = (await adapter.restrict(mode=Mode.DRAFT_ONLY, token="t1", drain=0, undo=(), gate=yes)).changed
    async with there.agent() as session:
        assert not await refused(session, "SET", "draft:x", "v")
        assert "permission" in await refused(session, "GET", "draft:x")
    await adapter.relax(to=Mode.NORMAL, expect="t1", token="t2", undo=undo, gate=yes)
    await there.acl("SETUSER", there.user, "resetkeys", "~orders:*")
    assert "may write draft:*" in (await adapter.observe()).why
    cut = await adapter.restrict(mode=Mode.DRAFT_ONLY, token="t3", drain=0, undo=(), gate=yes)
    assert cut.held is Mode.READ_ONLY
    assert "may write draft:*" in cut.why
    assert (await adapter.observe()).mode is Mode.READ_ONLY


@pytest.mark.parametrize("rules", [("allkeys",), ("~agent-*",), ("+flushdb",), ("(~agent-kill:x +set)",)])
async def test_an_agent_that_could_remove_what_is_parked_is_held_stricter(there: Rig, rules: tuple[str, ...]) -> None:
    """draft_only does not count where the agent reaches the area in its usual mode; the reason and the way are said."""
    await there.acl("SETUSER", there.user, *rules)
    adapter = there.adapter(draft_prefix="draft:")
    seen = await adapter.observe()
    assert seen.enforceable == frozenset({Mode.READ_ONLY, Mode.FULL_STOP})
    assert "cannot remove what is parked" in seen.why
    assert any("agent-kill adapters show redis_acl --setup" in text for text in await adapter.preflight())
    cut = await adapter.restrict(mode=Mode.DRAFT_ONLY, token="t1", drain=0, undo=(), gate=yes)
    assert cut.held is Mode.READ_ONLY


async def test_without_a_prefix_or_lasting_keys_it_is_read_only(alone: Rig) -> None:
    """What is missing is named by `preflight` only where the configuration asks for it."""
    there = alone
    plain = there.adapter()
    assert "settings.draft_prefix" in (await plain.observe()).why
    assert await plain.preflight() == ()
    assert (await plain.list()).number == 0
    await there.witness.config_set("appendonly", "no")
    assert await plain.preflight() == ()
    asked = there.adapter(draft_prefix="draft:")
    for _ in range(500):
        if "outlive a restart" in (await asked.observe()).why:
            break
        await asyncio.sleep(0.01)
    assert any("appendonly yes" in text for text in await asked.preflight())
    cut = await asked.restrict(mode=Mode.DRAFT_ONLY, token="t1", drain=0, undo=(), gate=yes)
    assert cut.held is Mode.READ_ONLY


async def test_what_is_released_is_what_was_listed(there: Rig, held: RedisAcl) -> None:
    """A draft that is written again after the listing is another draft: the approved one is released as it was."""
    await there.witness.hset("orders:17", mapping={"state": "open"})
    await write(there, "HSET", "draft:orders:17", "state", "paid", "by", "agent")
    first = await only(held)
    assert first.what == "replace orders:17 (hash)"
    assert set(first.arguments.splitlines()) == {"state: paid", "by: agent"}
    await write(there, "HSET", "draft:orders:17", "state", "refunded twice")
    assert (await held.list()).number == 2
    assert (await held.release(draft=first.id, by="U1", gate=yes)).done
    assert await there.witness.hgetall("orders:17") == {b"state": b"paid", b"by": b"agent"}
    second = await only(held)
    said = await held.release(draft=second.id, by="U1", gate=yes)
    assert not said.done
    assert "orders:17 was changed since" in said.why


async def test_what_somebody_wrote_meanwhile_is_not_overwritten(there: Rig, held: RedisAcl) -> None:
    """A key that appeared or changed since the draft was taken in stays; the draft stays listed for a decision."""
    await write(there, "SET", "draft:orders:1", "new")
    draft = await only(held)
    await there.witness.set("orders:1", "a person's")
    said = await held.release(draft=draft.id, by="U1", gate=yes)
    assert (said.done, "orders:1 was changed" in said.why) == (False, True)
    assert await there.witness.get("orders:1") == b"a person's"
    assert await only(held) == draft
    await there.witness.delete("orders:1")
    assert (await held.release(draft=draft.id, by="U1", gate=yes)).done


async def test_a_draft_that_was_tampered_with_is_refused(there: Rig, held: RedisAcl) -> None:
    """Whoever could reach it, as an administrator can: it is compared with what was listed."""
    await write(there, "SADD", "draft:orders:set", "a", "b")
    draft = await only(held)
    await there.witness.sadd(f"agent-kill:draft:{draft.id}", "c")
    said = await held.release(draft=draft.id, by="U1", gate=yes)
    assert (said.done, said.why) == (False, "it was changed since it was parked")
    assert await held.drop(draft=draft.id, by="U1")
    assert not await there.witness.keys("agent-kill:draft:*")


async def test_a_change_between_the_comparison_and_the_renaming_is_noticed(there: Rig, held: RedisAcl) -> None:
    """What changes while the gate is asked fails the transaction; the next comparison says so."""
    await write(there, "SET", "draft:orders:1", "new")
    draft = await only(held)

    async def gate(_changes: object) -> bool:
        await there.witness.set("orders:1", "meanwhile")
        return True

    assert not (await held.release(draft=draft.id, by="U1", gate=gate)).done
    assert await there.witness.get("orders:1") == b"meanwhile"


async def test_every_kind_survives_a_restart_and_is_released_whole(alone: Rig) -> None:
    """Under the same id, in the same words, with its time to live; bytes that are no text, and large ones too."""
    there, held = alone, await holding(alone)
    for number, command in enumerate(KINDS):
        verb, *rest = command
        await write(there, verb, f"draft:orders:{number}", *rest)
    keys = range(len(KINDS))
    before = [await there.witness.dump(f"draft:orders:{number}") for number in keys]
    drafts = await held.list()
    assert max(len(draft.arguments) for draft in drafts.items) == ARGUMENTS
    await there.witness.aclose()
    there.server.restart()
    there.witness = one_connection(there.server.url())
    assert await answered(held) == drafts
    for draft in drafts.items:
        assert (await held.release(draft=draft.id, by="U1", gate=yes)).done
    assert [await there.witness.dump(f"orders:{number}") for number in keys] == before
    assert [number for number in keys if await there.witness.ttl(f"orders:{number}") > 0] == [EXPIRES]


async def test_a_draft_too_large_to_compare_is_listed_and_never_released(there: Rig, held: RedisAcl) -> None:
    """The bot reads no more of it than it can keep; it can be dropped."""
    await write(there, "RPUSH", "draft:orders:many", *(["x"] * 10_001))
    await write(there, "SETRANGE", "draft:orders:big", "1048577", "x")
    listed = await held.list()
    assert sorted(item.arguments for item in listed.items) == ["1,048,578 bytes", "10,001 members"]
    for item in listed.items:
        said = await held.release(draft=item.id, by="U1", gate=yes)
        assert (said.done, "not compared" in said.why) == (False, True)
        assert await held.drop(draft=item.id, by="U1")


async def test_a_listing_is_bounded(there: Rig, held: RedisAcl) -> None:
    """No more are shown than asked for, the oldest; the number tells how many there are."""
    for number in range(5):
        await write(there, "SET", f"draft:orders:{number}", "v")
    listed = await held.list(limit=2)
    assert (len(listed.items), listed.number) == (2, 5)
    assert len((await held.list()).items) == 5


async def test_drafts_stay_through_every_mode(there: Rig, held: RedisAcl) -> None:
    """A full stop, and back to normal: the same draft is listed, and the user is what it was."""
    undo = (await held.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=(), gate=no)).changed
    assert undo == ()  # restricted already and no record: nobody's baseline
    await there.witness.set("draft:orders:1", "v")
    draft = await only(held)
    assert not (await held.release(draft=draft.id, by="U1", gate=no)).done
    await there.acl("SETUSER", there.user, "on", "clearselectors", "resetkeys", *RULES)
    assert await only(held) == draft
    async with there.agent() as session:
        assert "permission" in await refused(session, "DEL", f"agent-kill:draft:{draft.id}")


def test_a_prefix_that_reaches_into_the_area_is_no_prefix() -> None:
    """Nor is one with the signs of a pattern."""
    for prefix in ("agent-kill:", "agent-kill:x:", "agent", "a*:", "a b", "["):
        with pytest.raises(ValidationError):
            RedisAclConfig.model_validate({"url": "redis://x", "user": "u", "draft_prefix": prefix})


async def test_missing_rights_on_drafts_are_named(there: Rig) -> None:
    """Before anybody needs them."""
    await there.acl("SETUSER", there.bot, "-renamenx", "-memory|usage")
    found = await there.adapter(draft_prefix="draft:").preflight()
    assert set(found) == {f"+{right} on ~draft:* and ~agent-kill:*" for right in ("renamenx", "memory|usage")}


async def test_a_new_login_of_the_agent_is_let_in(there: Rig, held: RedisAcl) -> None:
    """draft_only leaves the login; full_stop takes it."""
    await write(there, "SET", "draft:orders:1", "v")
    await held.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=(), gate=no)
    with pytest.raises(RedisError):
        await there.login()
