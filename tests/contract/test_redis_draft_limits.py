"""Drafts that are not what they seem: one never blocks the others, and none is released beyond what was listed."""

from collections.abc import AsyncIterator

import pytest

from adapters.base import Mode
from adapters.base.parked import Draft
from adapters.redis_acl import RedisAcl
from adapters.redis_acl.drafts import RIGHTS
from bot.sandbox.servers import ValkeyServer
from tests.contract.redis_rig import Rig, rig, yes

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
