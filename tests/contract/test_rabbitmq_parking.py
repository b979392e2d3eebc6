"""Is each message that a middle mode parked, and each that waits in a queue, shown and moved exactly once?"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from adapters.base import Change, Mode
from adapters.base.parked import ARGUMENTS
from adapters.conformance import Keeper, ticks
from adapters.errors import AdapterError, Refused
from adapters.rabbitmq_user import RabbitmqUser
from adapters.rabbitmq_user.amqp import Channel, Login
from adapters.rabbitmq_user.look import path
from tests.contract.rabbit_rig import VHOST, Rig, rig
from tests.contract.rabbit_server import ADMIN, PASSWORD
from tests.contract.rigs.running import Running

BY = "U0APPROVER"


@pytest.fixture
def there(servers: Running) -> Iterator[Rig]:
    """A fresh agent."""
    made = rig(servers.rabbit)
    yield made
    made.unmake()


@asynccontextmanager
async def _parking(there: Rig, mode: Mode = Mode.APPROVAL_GATED) -> AsyncIterator[RabbitmqUser]:
    """Its adapter, with a middle mode held."""
    adapter = there.adapter(queues=(there.work,))
    await Keeper(adapter).held(mode)
    yield adapter
    await adapter.aclose()


async def _yes(_changes: tuple[Change, ...]) -> bool:
    return True


@asynccontextmanager
async def _admin(there: Rig) -> AsyncIterator[Channel]:
    channel = await Channel.open(Login.of(there.server.amqp, ADMIN, PASSWORD, VHOST))
    await channel.begin()
    yield channel
    channel.close()


async def test_equal_messages_are_told_apart(there: Rig) -> None:
    """Three times the same: three items with ids of their own, which stay theirs when one of them is gone."""
    async with _parking(there) as adapter:
        for _ in range(3):
            await there.publish("same")
        first, second, third = (await adapter.list()).items
        assert (await adapter.release(draft=first.id, by=BY, gate=_yes)).done
        assert [item.id for item in (await adapter.list()).items] == [second.id, third.id]
        assert (await adapter.release(draft=first.id, by=BY, gate=_yes)).done, "the same one repeated is done"
        assert (await there.seen())["same"] == 1
        assert await adapter.drop(draft=second.id, by=BY)
        assert [item.id for item in (await adapter.list()).items] == [third.id]


async def test_a_limit_shows_the_oldest_and_counts_them_all(there: Rig) -> None:
    """What waits for a decision comes first, each queue from its oldest on."""
    async with _parking(there, Mode.DRAFT_ONLY) as adapter:
        for number in range(3):
            await there.publish(f"draft {number}")
        drafts = await adapter.list(limit=2)
        assert ([item.arguments for item in drafts.items], drafts.number) == (["draft 0", "draft 1"], 3)
        assert [item.waits for item in drafts.items] == [False, False]


async def test_what_is_long_or_no_text_is_shown_short(there: Rig) -> None:
    """A person sees the beginning of a long text, and of bytes their number."""
    async with _parking(there) as adapter, _admin(there) as admin:
        admin.publish(there.exchange, "a\nb", b"x" * 10_000)
        admin.publish(there.exchange, "", b"\xff\xfe", {"headers": {"to": "bank"}})
        await admin.commit()
        long, raw = (await adapter.list()).items
        assert (len(long.arguments), long.arguments[-1]) == (ARGUMENTS, "…")
        assert long.what == f"publish to {there.to} with routing key a\\nb"
        assert raw.arguments == '(2 bytes that are no text)\nheaders: {"to": "bank"}'


async def test_a_released_message_is_what_was_parked(there: Rig) -> None:
    """Text, routing key, headers and properties arrive as the agent gave them."""
    async with _parking(there) as adapter, _admin(there) as admin:
        given = {"headers": {"n": 1, "deep": {"x": [True, "y"]}}, "correlation_id": "c", "reply_to": "r", "priority": 3}
        admin.publish(there.exchange, "a.b", b"text", {**given, "content_type": "text/plain", "message_id": "m"})
        await admin.commit()
        (item,) = (await adapter.list()).items
        assert (await adapter.release(draft=item.id, by=BY, gate=_yes)).done
        message = await admin.get(there.effects)
        assert message is not None
        assert (message.routing_key, message.body) == ("a.b", b"text")
        kept = {**given, "content_type": "text/plain", "message_id": "m", "delivery_mode": 2}
        assert message.kept() == kept


async def test_a_message_for_nobody_is_said_to_be(there: Rig) -> None:
    """A release that no queue takes is done, and says so, as the agent's own publish would have been."""
    async with _parking(there) as adapter:
        await there.publish("for nobody")
        where = path("bindings", VHOST, "e", there.to, "q", there.effects, "%23")
        there.server.call("DELETE", where)
        (item,) = (await adapter.list()).items
        said = await adapter.release(draft=item.id, by=BY, gate=_yes)
        assert said.done
        assert "nobody got it" in said.why


async def test_a_release_that_may_have_happened_is_not_repeated(there: Rig) -> None:
    """A node restarted while a release was under way: nobody knows, so it stays parked until a person drops it."""
    async with _parking(there) as adapter:
        await there.publish("maybe")
        (item,) = (await adapter.list()).items
        began = {"what": "began", "draft": item.id, "by": BY, "boots": {there.server.node: time.time() - 1e6}}
        async with _admin(there) as admin:
            admin.publish("", there.parked[2], json.dumps(began).encode())
            await admin.commit()
        said = await adapter.release(draft=item.id, by=BY, gate=_yes)
        assert not said.done
        assert "whether it was published is not known" in said.why
        assert (await there.seen())["maybe"] == 0
        assert await adapter.drop(draft=item.id, by=BY)


async def test_a_release_that_was_cut_off_is_done_by_the_next(there: Rig) -> None:
    """It began, and its connection ended before its commit: no node restarted, so it was not done, and is done now."""
    async with _parking(there) as adapter:
        await there.publish("once")
        (item,) = (await adapter.list()).items
        waiting = asyncio.Event()

        async def never(_changes: tuple[Change, ...]) -> bool:
            waiting.set()
            await asyncio.Event().wait()
            return True

        release = asyncio.create_task(adapter.release(draft=item.id, by=BY, gate=never))
        await waiting.wait()
        release.cancel()
        await asyncio.wait({release})
        assert (await adapter.release(draft=item.id, by=BY, gate=_yes)).done
        assert (await there.seen())["once"] == 1


async def test_what_expires_is_said_to_be_gone(there: Rig) -> None:
    """A message that its sender gave a time expires while it is parked as it would have anywhere."""
    async with _parking(there) as adapter, _admin(there) as admin:
        admin.publish(there.exchange, "", b"short", {"expiration": "700"})
        await admin.commit()
        (item,) = (await adapter.list()).items
        for _ in ticks():
            if not await there.depth(there.parked[1]):
                break
            await asyncio.sleep(0.05)
        said = await adapter.release(draft=item.id, by=BY, gate=_yes)
        assert not said.done
        assert "expired" in said.why


async def test_work_is_held_as_it_is_and_outlives_its_time(there: Rig) -> None:
    """What lies aside does not expire there, and comes back in its order with its properties."""
    adapter = there.adapter(queues=(there.work,))
    await there.pile(2, expiration="60000", headers={"a": "b"})
    moved = await adapter.hold(label="one")
    assert (moved.number, moved.where) == (2, f"agent-kill.held.one.{there.work} on 127.0.0.1:{there.server.port}")
    async with _admin(there) as admin:
        aside = await admin.get(f"agent-kill.held.one.{there.work}")
        assert aside is not None
        assert "expiration" not in aside.kept()
    assert (await adapter.count()).held == 2
    assert (await adapter.replay(label="one")).number == 2
    async with _admin(there) as admin:
        found = [await admin.get(there.work) for _ in range(2)]
        assert [message.body for message in found if message] == [b"job 0", b"job 1"]
        assert [message.kept()["expiration"] for message in found if message] == ["60000"] * 2
        assert [message.headers for message in found if message] == [{"a": "b"}] * 2
    assert (await adapter.count()).held == 0
    await adapter.aclose()


async def test_a_stream_holds_no_work(there: Rig) -> None:
    """A stream keeps what was read, so there is nothing to hold, and the settings are wrong."""
    name = f"flow{there.number}"
    there.allow(there.bot, ".*", ".*", ".*")
    arguments = {"durable": True, "arguments": {"x-queue-type": "stream"}}
    there.server.call("PUT", path("queues", VHOST, name), arguments)
    adapter = there.adapter(queues=(name,))
    with pytest.raises(Refused, match=r"correct settings\.queues"):
        await adapter.hold(label="one")
    await adapter.aclose()
    there.server.call("DELETE", path("queues", VHOST, name))


async def test_nothing_is_parked_without_an_exchange(there: Rig) -> None:
    """Asked for drafts, a surface that is set up for none says why."""
    adapter = there.adapter(exchange="", to="")
    assert RabbitmqUser.parks(there.config()) == {Mode.DRAFT_ONLY, Mode.APPROVAL_GATED}
    assert RabbitmqUser.parks(there.config(exchange="", to="")) == set()
    with pytest.raises(AdapterError, match="settings name no exchange"):
        await adapter.list()
    await adapter.aclose()
