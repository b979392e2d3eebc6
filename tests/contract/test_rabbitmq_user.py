"""What does `rabbitmq_user` do with the rights, the doors and the connections of a user of a real node?"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest

from adapters.base import Attempt, Change, Mode
from adapters.base.record import changes
from adapters.conformance import Keeper, ticks
from adapters.errors import AdapterError, Unreachable
from adapters.rabbitmq_user import RabbitmqUser
from adapters.rabbitmq_user.amqp import Denied
from adapters.rabbitmq_user.line import Asker, Reply
from adapters.rabbitmq_user.look import path
from bot.sandbox.servers import free_port
from tests.contract.rabbit_rig import VHOST, Rig, rig
from tests.contract.rabbit_server import PASSWORD
from tests.contract.rigs.running import Running

FAR = "/far away"  # a second vhost, with a name that has to be quoted


@pytest.fixture
def there(servers: Running) -> Iterator[Rig]:
    """A fresh agent."""
    made = rig(servers.rabbit)
    yield made
    made.unmake()


@pytest.fixture
async def adapter(there: Rig) -> AsyncIterator[RabbitmqUser]:
    """Its adapter."""
    made = there.adapter()
    yield made
    await made.aclose()


async def test_rights_in_every_vhost_are_taken_and_given_back(there: Rig, adapter: RabbitmqUser) -> None:
    """A user works in several vhosts; whichever mode, none of them is a way around it."""
    call = there.server.call
    call("PUT", path("vhosts", FAR))
    call("PUT", path("permissions", FAR, there.user), {"configure": ".*", "write": ".*", "read": ".*"})
    before, keeper = there.authority(), Keeper(adapter)
    for mode in sorted(adapter.modes):
        await keeper.held(mode)
        assert not await _declares(there)
        await keeper.relax(Mode.NORMAL)
        assert there.authority() == before
    assert await _declares(there)
    call("DELETE", path("vhosts", FAR))


async def _declares(there: Rig) -> bool:
    try:
        channel = await there.login(vhost=FAR)
    except Denied:
        return False
    try:
        await channel.declare("mine")
    except Denied:
        return False
    finally:
        channel.close()
    return True


async def test_nothing_is_published_through_the_management_api(there: Rig, adapter: RabbitmqUser) -> None:
    """With the tag management the agent can publish by HTTP, and a stop ends that as well."""
    there.server.call("PUT", path("users", there.user), {"password": PASSWORD, "tags": "management"})
    where = f"{path('exchanges', VHOST, there.exchange)}/publish"
    said = {"properties": {}, "routing_key": "effect", "payload": "by http", "payload_encoding": "string"}
    assert there.server.call("POST", where, said, user=there.user)
    for mode in (Mode.FULL_STOP, Mode.READ_ONLY):
        keeper = Keeper(adapter)
        await keeper.held(mode)
        with pytest.raises(Exception, match=r"401|ACCESS_REFUSED"):
            there.server.call("POST", where, said, user=there.user)
        await keeper.relax(Mode.NORMAL)
    assert (await there.seen())["by http"] == 1


@pytest.mark.parametrize(("tag", "left"), [("administrator", set()), ("policymaker", {Mode.FULL_STOP})])
async def test_a_tag_of_the_agent_defeats_modes(there: Rig, adapter: RabbitmqUser, tag: str, left: set[Mode]) -> None:
    """An agent that administers the node is held by no mode; one that makes policies only by a full stop."""
    there.server.call("PUT", path("users", there.user), {"password": PASSWORD, "tags": tag})
    seen = await adapter.observe()
    assert seen.enforceable == left
    assert f"tag {tag}" in seen.why
    assert any(f"tag {tag}" in text for text in await adapter.preflight())
    cut = await Keeper(adapter).restrict(Mode.DRAFT_ONLY)
    assert cut.held is Mode.FULL_STOP
    assert f"tag {tag}" in cut.why


async def test_wide_rights_defeat_the_modes_that_park(there: Rig, adapter: RabbitmqUser) -> None:
    """Rights that reach what is parked leave read_only and full_stop, and the reason says what to do."""
    there.allow(there.user, "", ".*", ".*")
    seen = await adapter.observe()
    assert seen.enforceable == {Mode.READ_ONLY, Mode.FULL_STOP}
    assert "give it patterns that match no more than it needs" in seen.why
    cut = await Keeper(adapter).restrict(Mode.APPROVAL_GATED)
    assert cut.held is Mode.READ_ONLY
    assert "patterns" in cut.why


async def test_a_set_up_that_is_missing_is_named(there: Rig, adapter: RabbitmqUser) -> None:
    """Without a queue of the set-up nothing would be kept, so the modes that park do not count, and it is said why."""
    there.server.call("DELETE", path("queues", VHOST, there.parked[0]))
    seen = await adapter.observe()
    assert seen.enforceable == {Mode.READ_ONLY, Mode.FULL_STOP}
    assert f"{there.parked[0]} is no quorum queue" in seen.why
    assert "adapters show rabbitmq_user --setup" in seen.why
    bare = there.adapter(exchange="", to="")
    assert (await bare.observe()).enforceable == {Mode.READ_ONLY, Mode.FULL_STOP}
    assert await bare.preflight() == (), "nobody asked for the modes that park"
    await bare.aclose()


async def test_doors_beside_the_user_are_named(there: Rig, adapter: RabbitmqUser) -> None:
    """A guest with its default password, a user with the same rights, and a right to make any queue."""
    call, twin = there.server.call, f"twin{there.number}"
    call("PUT", path("users", "guest"), {"password": "guest", "tags": "administrator"})
    call("PUT", path("users", twin), {"password": PASSWORD, "tags": ""})
    there.allow(twin, "", f"^{there.exchange}$", f"^{there.work}$")
    found = " ".join(await adapter.preflight())
    assert "the default user guest has its default password" in found
    assert f"user {twin} has the very rights of {there.user}" in found
    call("PUT", path("users", "guest"), {"password": "another", "tags": "administrator"})
    call("DELETE", path("users", twin))
    there.allow(there.user, ".*", f"^{there.exchange}$", "")
    found = " ".join(await adapter.preflight())
    call("DELETE", path("users", "guest"))
    assert "guest" not in found
    assert "may declare any queue" in found


async def test_preflight_knows_the_bots_permissions_and_its_queues(there: Rig) -> None:
    """What the bot may not do in the vhost is named, and so is a queue that is not there, and a wrong canary."""
    there.allow(there.bot, "", "", "")
    adapter = there.adapter(queues=(there.work, "nowhere"))
    found = await adapter.preflight()
    assert f"read {there.exchange}" in found
    assert "write amq.default" in found
    there.allow(there.bot, ".*", ".*", ".*")
    there.server.call("PUT", path("users", there.user), {"password": "another", "tags": ""})
    found = await adapter.preflight()
    assert any("no queue 'nowhere'" in text for text in found)
    assert f"canary: wrong password for user {there.user}" in found
    await adapter.aclose()


async def test_a_canary_with_an_old_password_proves_nothing(there: Rig, adapter: RabbitmqUser) -> None:
    """A wrong password is told from a user that may not come in."""
    keeper = Keeper(adapter)
    await keeper.held(Mode.FULL_STOP)
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.REFUSED
    there.server.call("PUT", path("users", there.user), {"password": "another", "tags": ""})
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.UNTRIED


async def test_a_stream_may_be_read_and_nothing_else(there: Rig) -> None:
    """In read_only a stream of the settings stays readable, a queue that is none does not."""
    stream, other = f"stream{there.number}", f"other{there.number}"
    for name in (stream, other):
        arguments = {"durable": True, "arguments": {"x-queue-type": "stream"}}
        there.server.call("PUT", path("queues", VHOST, name), arguments)
    there.allow(there.user, "", "", f"^({there.work}|{stream})$")
    adapter = there.adapter(streams=(stream, other, there.work))
    keeper = Keeper(adapter)
    await keeper.held(Mode.READ_ONLY)
    (right,) = there.authority()["rights"]
    assert right["read"] == f"^(?:{stream})$"
    assert any(f"{there.work} in {VHOST} is no stream" in text for text in await adapter.preflight())
    await keeper.relax(Mode.NORMAL)
    await adapter.aclose()
    for name in (stream, other):
        there.server.call("DELETE", path("queues", VHOST, name))


async def test_a_client_that_does_not_answer_is_closed_hard(there: Rig, adapter: RabbitmqUser) -> None:
    """A server waits long for a client that ignores the end of its connection; the cut does not."""
    channel = await there.login()
    channel._writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's can
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert (cut.ended, cut.left) == (1, 0)
    channel.abort()


async def test_an_end_that_the_node_stumbles_over_is_asked_for_again(
    there: Rig, adapter: RabbitmqUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that ends while the node closes it makes the whole answer a 500 (measured): the others still end."""
    channel, real, asked = await there.login(), Asker.one, itertools.count()

    async def stumbles(self: Asker, method: str, where: str, body: object = None) -> Reply:
        if method == "DELETE" and not next(asked):
            raise AdapterError("answered 500")
        return await real(self, method, where, body)

    monkeypatch.setattr(Asker, "one", stumbles)
    cut = await Keeper(adapter).restrict(Mode.FULL_STOP)
    assert (cut.ended, cut.left) == (1, 0)
    channel.abort()


async def test_connections_that_end_by_themselves_are_let_end(there: Rig, adapter: RabbitmqUser) -> None:
    """While a cut drains nobody comes in, and what the agent commits meanwhile counts."""
    channel = await there.login()
    channel.publish(there.exchange, "effect", b"last words")
    cut = asyncio.create_task(Keeper(adapter).restrict(Mode.FULL_STOP, drain=30))
    for _ in ticks():
        if there.server.call("GET", path("users", there.user))["limits"].get("max-connections") == 0:
            break
        await asyncio.sleep(0.01)
    with pytest.raises(Denied, match="limit"):
        await there.login()
    await channel.commit()
    channel.close()
    assert (await cut).left == 0
    assert (await there.seen())["last words"] == 1


async def test_others_restrictions_of_topics_stay(there: Rig, adapter: RabbitmqUser) -> None:
    """Topic permissions only ever restrict: a cut leaves them, and a mark of ours is none of them."""
    about = path("topic-permissions", VHOST, there.user)
    there.server.call("PUT", about, {"exchange": there.to, "write": "^a", "read": "^b"})
    before, keeper = there.authority(), Keeper(adapter)
    for mode in (Mode.DRAFT_ONLY, Mode.FULL_STOP):
        await keeper.held(mode)
        assert there.authority()["topics"] == before["topics"]
        await keeper.relax(Mode.NORMAL)
        assert there.authority() == before


async def test_other_ways_out_of_the_exchange_come_back_as_they_were(there: Rig, adapter: RabbitmqUser) -> None:
    """Bindings with odd keys and arguments are taken while messages are parked, and are the same afterwards."""
    there.allow(there.bot, ".*", ".*", ".*")
    there.lead({"routing_key": "a b/c%2F~#é", "arguments": {}}, there.effects, "q")
    there.lead({"routing_key": "", "arguments": {"x-match": "all", "n": 1}}, there.effects, "q")
    before, keeper = there.authority(), Keeper(adapter)
    assert len(before["ways"]) == 3
    await keeper.held(Mode.DRAFT_ONLY)
    assert [way["destination"] for way in there.authority()["ways"]] == [there.parked[0]]
    await keeper.relax(Mode.NORMAL)
    assert there.authority() == before


async def test_each_message_goes_one_way_while_modes_change(there: Rig, adapter: RabbitmqUser) -> None:
    """An agent that publishes through two cuts and back: what it was told is there is there once, parked or arrived."""
    told: list[str] = []
    numbers = itertools.count()  # one more at each try: a connection may end between a commit and its answer

    async def publish() -> None:
        while True:
            with suppress(AdapterError, OSError):
                channel = await there.login()
                try:
                    while True:
                        what = f"m{next(numbers)}"
                        await there.publish(what, channel=channel)
                        told.append(what)
                finally:
                    channel.close()
            await asyncio.sleep(0)

    keeper, agent = Keeper(adapter), asyncio.create_task(publish())
    for step in (keeper.restrict(Mode.APPROVAL_GATED), keeper.restrict(Mode.DRAFT_ONLY)):
        await step
        await _more(told)
    for mode in (Mode.APPROVAL_GATED, Mode.NORMAL):
        await keeper.relax(mode)
        await _more(told)
    agent.cancel()
    with suppress(asyncio.CancelledError):
        await agent
    parked = [item.arguments for item in (await adapter.list(limit=100_000)).items]
    arrived = (await there.seen()).elements()
    found = sorted([*parked, *arrived])
    assert len(found) == len(set(found)), "a message went two ways"
    assert set(told) <= set(found), "a message was lost"


async def _more(told: list[str]) -> None:
    least = len(told) + 5
    for _ in ticks():
        if len(told) >= least:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the agent did not go on")


async def test_any_node_serves(there: Rig) -> None:
    """The first address that answers is used; where none does, that is said."""
    dead = f"http://127.0.0.1:{free_port()}"
    adapter = there.adapter(url=f"{dead},{there.server.url}")
    assert (await adapter.observe()).exists
    await adapter.aclose()
    adapter = there.adapter(url=dead)
    with pytest.raises(Unreachable, match="check that it runs"):
        await adapter.observe()
    await adapter.aclose()


async def test_what_others_change_is_told(there: Rig, adapter: RabbitmqUser) -> None:
    """A new password, as a digest alone, and rights of others, without what our own cut explains."""
    keeper = Keeper(adapter)
    first, before = await adapter.note(), (await adapter.observe()).state
    await keeper.held(Mode.READ_ONLY)
    assert adapter.others(before=before, now=(await adapter.observe()).state, undo=keeper.undo) == ()
    there.server.call("PUT", path("users", there.user), {"password": "another", "tags": "monitoring"})
    there.limit("max-connections", 3)
    second, now = await adapter.note(), (await adapter.observe()).state
    assert first["password"] != second["password"]
    assert "another" not in str(second)
    assert second["tags"] == "monitoring"
    assert adapter.others(before=before, now=now, undo=keeper.undo) == ("limit: added",)
    await keeper.relax(Mode.NORMAL)
    assert there.authority()["user"]["limits"] == {"max-connections": 3}


def test_a_record_of_plain_facts() -> None:
    """What a cut replaces is told against what was, and only what the record does not hold yet."""
    undo = (Change(key="a", was="1", now="2"),)
    assert changes({"a": "1", "b": None}, {"a": "2", "b": "3"}, undo) == (Change(key="b", was=None, now="3"),)


async def test_settings_that_cannot_work_are_refused(there: Rig) -> None:
    """An exchange without its other end, queues without AMQP, and addresses of another kind are errors of the file."""
    for wrong, why in (
        ({"to": ""}, "belong together"), ({"amqp": ""}, "amqp is needed"), ({"url": "amqp://x"}, "http"),
        ({"amqp": "http://x"}, "amqp://"), ({"exchange": "a|b"}, "letters"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=why):
            there.config(**wrong)
