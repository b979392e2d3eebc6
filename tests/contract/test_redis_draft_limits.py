"""Drafts that are not what they seem: one never blocks the others, and none is released beyond what was listed."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from adapters.base import Mode, Shared
from adapters.base.parked import Draft
from adapters.errors import Unreachable
from adapters.redis_acl import RedisAcl, RedisAclConfig
from adapters.redis_acl.drafts import RIGHTS
from bot.sandbox.servers import ValkeyServer
from tests.contract.redis_rig import BOT, Rig, refused, rig, yes
from tests.contract.test_redis_nodes import group, place

RULES = ("~orders:*", "~draft:*", "&*", "+@all", "-@admin", "-@dangerous")


@pytest.fixture
async def there(valkey_server: ValkeyServer) -> AsyncIterator[Rig]:
    """An agent of `orders:*`, and a bot that also reaches `other:*`."""
    made = await rig(valkey_server, *RULES)
    await made.acl("SETUSER", made.bot, "~agent-kill:*", "~draft:*", "~orders:*", "~other:*", *RIGHTS)
    await made.witness.flushall()
    yield made
    await made.witness.flushall()
    await made.close()


@pytest.fixture
async def held(there: Rig) -> RedisAcl:
    """The adapter, with draft_only held."""
    adapter = there.adapter(draft_prefix="draft:")
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


async def stuck(adapter: RedisAcl, draft: Draft, why: str) -> None:
    """It says so in the listing, a release does nothing with that reason, and it can be dropped."""
    assert why in draft.what
    said = await adapter.release(draft=draft.id, by="U1", gate=yes)
    assert (said.done, why in said.why) == (False, True), said
    assert await adapter.drop(draft=draft.id, by="U1")


async def test_a_draft_of_a_key_that_the_bot_may_not_reach_blocks_no_listing(there: Rig, held: RedisAcl) -> None:
    """It is listed as one that can only be dropped, and the others are listed and released as ever."""
    await write(there, "SET", "draft:a", "1")
    await write(there, "SET", "draft:orders:1", "2")
    drafts = {item.arguments: item for item in (await held.list()).items}
    assert (await held.release(draft=drafts["2"].id, by="U1", gate=yes)).done
    await stuck(held, drafts["1"], "the bot may not read and write a")
    assert await there.witness.get("orders:1") == b"2"
    assert await there.witness.get("a") is None


async def test_a_time_to_live_is_listed_and_a_change_of_one_is_noticed(there: Rig, held: RedisAcl) -> None:
    """The draft's own, and the one that the key has and would lose."""
    await there.witness.set("orders:1", "paid")
    await write(there, "SET", "draft:orders:1", "paid", "EX", "3000")
    assert ", to expire 2999." in (await only(held)).what or ", to expire 3000 s" in (await only(held)).what
    await held.drop(draft=(await only(held)).id, by="U1")
    await there.witness.expire("orders:1", 1000)
    await write(there, "SET", "draft:orders:1", "refunded")
    draft = await only(held)
    assert draft.what == "replace orders:1 (string), which then no longer expires"
    await there.witness.expire("orders:1", 2000)
    said = await held.release(draft=draft.id, by="U1", gate=yes)
    assert (said.done, "was changed since" in said.why) == (False, True)
    await there.witness.expire("orders:1", 1000)
    assert (await held.release(draft=draft.id, by="U1", gate=yes)).done
    assert await there.witness.ttl("orders:1") == -1


async def test_the_fields_of_a_hash_that_was_listed_stay(there: Rig, held: RedisAcl) -> None:
    """Times to live of single fields are in no listing, so none is kept: neither parked nor released do they end."""
    await write(there, "HSET", "draft:orders:2", "a", "1", "b", "2")
    await write(there, "HPEXPIRE", "draft:orders:2", "60000", "FIELDS", "1", "b")
    draft = await only(held)
    assert (await held.release(draft=draft.id, by="U1", gate=yes)).done
    left = await there.witness.execute_command("HPTTL", "orders:2", "FIELDS", "2", "a", "b")  # type: ignore[no-untyped-call]  # the library's
    assert left == [-1, -1]
    assert await there.witness.hgetall("orders:2") == {b"a": b"1", b"b": b"2"}


async def test_a_stream_that_no_listing_tells_is_never_released(there: Rig, held: RedisAcl) -> None:
    """One that would take no more entries, and one that would end the groups of those who read it."""
    last = "18446744073709551615-18446744073709551615"
    await there.witness.xadd("orders:3", {"f": "v"}, id="1-1")
    for command in (("XADD", "1-1", "f", "v"), ("XADD", last, "f", "v"), ("XDEL", last)):
        await write(there, command[0], "draft:orders:3", *command[1:])
    await stuck(held, await only(held), "last id is beyond")
    await there.witness.xgroup_create("orders:3", "workers", "0")
    await write(there, "XADD", "draft:orders:3", "1-1", "f", "v")
    await stuck(held, await only(held), "consumer groups")
    assert len(await there.witness.xinfo_groups("orders:3")) == 1


async def test_a_right_on_streams_that_the_bot_lacks_is_said(there: Rig, held: RedisAcl) -> None:
    """By the set-up's check, and by each draft of a stream; the others are not held up."""
    await there.acl("SETUSER", there.bot, "-xinfo|stream")
    assert "+xinfo|stream on ~draft:* and ~agent-kill:*" in await held.preflight()
    await write(there, "XADD", "draft:orders:3", "1-1", "f", "v")
    await stuck(held, await only(held), "may not run XINFO STREAM")


async def test_a_release_gives_the_agent_no_key_beyond_its_own(there: Rig, held: RedisAcl) -> None:
    """Neither while it is held, nor in its usual mode, where a key that it only reads is not released either."""
    await write(there, "SET", "draft:other:admin", "root=yes")
    draft = await only(held)
    said = await held.release(draft=draft.id, by="U1", gate=yes)
    assert (said.done, f"{there.user} itself may not reach other:admin" in said.why) == (False, True)
    await there.acl("SETUSER", there.user, "on", "clearselectors", "resetkeys", *RULES, "%R~other:*")
    said = await held.release(draft=draft.id, by="U1", gate=yes)
    assert (said.done, f"{there.user} itself may not write other:admin" in said.why) == (False, True)
    assert await there.witness.get("other:admin") is None
    assert await held.drop(draft=draft.id, by="U1")


async def test_a_release_touches_no_key_of_the_bot(there: Rig, held: RedisAcl) -> None:
    """A receipt that the agent proposed would decide another draft."""
    await write(there, "SET", "draft:orders:1", "v")
    victim = await only(held)
    await write(there, "SET", f"draft:agent-kill:decided:{victim.id}", "released by U9")
    (forged,) = [item for item in (await held.list()).items if item.id != victim.id]
    await stuck(held, forged, "among the bot's own keys")
    assert (await held.release(draft=victim.id, by="U9", gate=yes)).done
    assert await there.witness.get("orders:1") == b"v"


async def test_no_draft_is_written_where_no_listing_looks(there: Rig) -> None:
    """In the database of the listing alone, whichever rule would let the agent leave it."""
    await there.acl("SETUSER", there.user, "(~side:* +get +select)")
    held = there.adapter(draft_prefix="draft:")
    assert (await held.restrict(mode=Mode.DRAFT_ONLY, token="t1", drain=0, undo=(), gate=yes)).held is Mode.DRAFT_ONLY
    async with there.agent() as session:
        assert "permission" in await refused(session, "SELECT", "1")
        assert not await refused(session, "SET", "draft:orders:1", "v")
        assert "permission" in await refused(session, "COPY", "draft:orders:1", "draft:orders:1", "DB", "1")
    assert (await held.observe()).mode is Mode.DRAFT_ONLY
    await there.acl("SETUSER", there.user, "(~side:* +get +select)")
    assert (await held.observe()).mode is Mode.NORMAL


async def test_draft_only_needs_the_first_database(there: Rig) -> None:
    """A new session begins in it, and the agent may go to no other."""
    url = SecretStr(f"{there.server.url(user=there.bot, password=BOT).removesuffix('/0')}/1")
    config = RedisAclConfig(url=url, user=there.user, draft_prefix="draft:")
    there.made.append(adapter := RedisAcl(config=config, canary=None, shared=Shared()))
    cut = await adapter.restrict(mode=Mode.DRAFT_ONLY, token="t1", drain=0, undo=(), gate=yes)
    assert (cut.held, "needs the database 0" in cut.why) == (Mode.READ_ONLY, True)


async def test_draft_only_needs_one_primary() -> None:
    """Drafts are listed at one server: where two take writes, each is held stricter, with the reason."""
    async with group(("--appendonly", "yes"), ("--appendonly", "yes")) as rigs:
        for one in rigs:
            await one.acl("SETUSER", one.user, "resetkeys", "~draft:*", "-@admin", "-@dangerous")
            await one.acl("SETUSER", one.bot, "~agent-kill:*", "~draft:*", *RIGHTS)
        adapter = rigs[0].adapter(draft_prefix="draft:", nodes=(place(rigs[1]),))
        cut = await adapter.restrict(mode=Mode.DRAFT_ONLY, token="t1", drain=0, undo=(), gate=yes)
        assert (cut.held, "needs one primary" in cut.why) == (Mode.READ_ONLY, True)


async def test_a_stop_ends_a_release_that_another_process_began(there: Rig, held: RedisAcl) -> None:
    """Its gate said yes just before the stop; the draft is still there for another decision."""
    await write(there, "SET", "draft:orders:1", "v", "EX", "3000")
    draft = await only(held)
    other = there.adapter(draft_prefix="draft:")

    async def gate(_changes: object) -> bool:
        cut = await other.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=(), gate=yes)
        assert (cut.held, cut.left) == (Mode.FULL_STOP, 0)
        return True

    with pytest.raises(Unreachable):
        await held.release(draft=draft.id, by="U1", gate=gate)
    assert await there.witness.get("orders:1") is None
    assert await only(held) == draft
