"""Does a hold keep the agent's JetStream consumers from delivering, and give back just what it took?"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import ValidationError

from adapters.base import Mode
from adapters.conformance import Keeper
from adapters.conformance.agent import closing
from adapters.errors import Refused
from adapters.nats_user import NatsUser, consumers
from tests.contract.nats_client import Client, heard_next
from tests.contract.nats_rig import Rig, rig
from tests.contract.nats_server import Key, creds
from tests.contract.rigs.running import Running

SOON, LATER = "2998-01-02T03:04:05Z", "2998-06-07T08:09:10Z"
MODES = pytest.mark.parametrize("mode", [Mode.READ_ONLY, Mode.FULL_STOP])


@pytest.fixture
async def there(servers: Running) -> AsyncIterator[Rig]:
    """A fresh account with a stream and a pull consumer of the agent's."""
    made = await rig(servers.nats, jetstream=True)
    await made.work()
    yield made
    await made.close()


@pytest.fixture
async def keeper(there: Rig) -> AsyncIterator[Keeper]:
    """Drives its role and that consumer."""
    adapter = there.adapter(**there.pauser("WORK/agent"))
    assert await adapter.preflight() == ()
    yield Keeper(adapter)
    await adapter.aclose()


async def pulling(client: Client) -> "asyncio.Queue[bytes | None]":
    """An open pull of the agent's consumer, by anybody."""
    inbox = await client.subscribe("_INBOX.pull")
    await client.publish("$JS.API.CONSUMER.MSG.NEXT.WORK.agent", b'{"batch": 1}', reply="_INBOX.pull")
    return inbox


async def pause(there: Rig, until: str | None) -> None:
    """What a person does."""
    await there.api("CONSUMER.PAUSE.WORK.agent", {"pause_until": until} if until else {})


@MODES
async def test_no_worker_of_a_pull_consumer_gets_anything(there: Rig, keeper: Keeper, mode: Mode) -> None:
    """Not even one that is no user of the role; after the restore its open pull is answered."""
    await keeper.held(mode)
    worker = await there.other()
    pulled = await pulling(worker)
    await there.witness.request("work.one", b"job")
    assert (await there.api("CONSUMER.INFO.WORK.agent"))["num_pending"] == 1
    await worker.flush()
    assert pulled.empty()
    await keeper.relax(Mode.NORMAL)
    async with asyncio.timeout(5):
        assert await heard_next(pulled) == b"job"
    await worker.close()


@MODES
async def test_a_push_consumer_delivers_nothing(there: Rig, mode: Mode) -> None:
    """Where the server hands the work to a subject by itself, it stops, and goes on after the restore."""
    await there.api("CONSUMER.DELETE.WORK.agent")
    await there.work(deliver_subject="pushed")
    pushed = await there.witness.subscribe("pushed")
    await there.witness.request("work.one", b"one")
    assert await heard_next(pushed) == b"one"
    async with closing(there.adapter(**there.pauser("WORK/agent"))) as adapter:
        keeper = Keeper(adapter)
        await keeper.held(mode)
        while not pushed.empty():  # delivered again before it was paused
            pushed.get_nowait()
        await there.witness.request("work.two", b"two")
        await asyncio.sleep(0.5)  # longer than the time after which what is not acknowledged is delivered again
        assert pushed.empty()
        await keeper.relax(Mode.NORMAL)
        async with asyncio.timeout(5):
            assert {await heard_next(pushed), await heard_next(pushed)} <= {b"one", b"two"}


async def test_a_pause_that_a_person_had_set_comes_back(there: Rig, keeper: Keeper) -> None:
    """To the second; and it is no hold by itself."""
    await pause(there, SOON)
    assert (await keeper.adapter.observe()).mode is Mode.NORMAL
    await keeper.held(Mode.READ_ONLY)
    assert await there.paused() == consumers.OURS
    await keeper.held(Mode.FULL_STOP)
    await keeper.relax(Mode.NORMAL)
    assert await there.paused() == SOON


async def test_what_a_person_sets_meanwhile_stays(there: Rig, keeper: Keeper) -> None:
    """Another pause delivers nothing either, so it is left alone, and named with the restore."""
    await keeper.held(Mode.FULL_STOP)
    await pause(there, LATER)
    assert (await keeper.adapter.observe()).mode is Mode.FULL_STOP
    relaxed = await keeper.relax(Mode.NORMAL)
    assert relaxed.kept == ("consumer WORK/agent",)
    assert await there.paused() == LATER


async def test_a_pause_of_a_person_between_two_cuts_comes_back(there: Rig, keeper: Keeper) -> None:
    """The later cut replaced it, so it is what the later cut's undoing gives back."""
    await keeper.held(Mode.READ_ONLY)
    await pause(there, LATER)
    await keeper.held(Mode.FULL_STOP)
    assert await there.paused() == consumers.OURS
    await keeper.relax(Mode.NORMAL)
    assert await there.paused() == LATER


async def test_a_consumer_that_is_resumed_is_drift_and_paused_again(there: Rig, keeper: Keeper) -> None:
    """It reads as normal until it is; the undo record stays the first one's."""
    await keeper.held(Mode.FULL_STOP)
    await pause(there, None)
    assert (await keeper.adapter.observe()).mode is Mode.NORMAL
    record = keeper.undo
    await keeper.held(Mode.FULL_STOP)
    assert (await there.paused(), keeper.undo) == (consumers.OURS, record)
    await keeper.relax(Mode.NORMAL)
    assert await there.paused() is None


async def test_relaxing_to_read_only_leaves_it_paused(there: Rig, keeper: Keeper) -> None:
    """A delivery is work, and read_only leaves none."""
    await keeper.held(Mode.FULL_STOP)
    await keeper.relax(Mode.READ_ONLY)
    await keeper.settled(Mode.READ_ONLY)
    assert await there.paused() == consumers.OURS
    await keeper.relax(Mode.NORMAL)
    assert await there.paused() is None


async def test_what_is_in_the_agents_hand_is_counted(there: Rig, keeper: Keeper) -> None:
    """Delivered and not acknowledged: ended with its connection, and counted once."""
    await there.witness.request("work.one", b"job")
    agent = await there.login()
    assert await heard_next(await pulling(agent)) == b"job"
    cut = await keeper.restrict(Mode.FULL_STOP)
    assert (cut.ended, cut.left) == (2, 0)  # the connection, and the job
    assert (await keeper.restrict(Mode.FULL_STOP)).ended == 0
    await agent.close()


async def test_preflight_changes_no_pause(there: Rig, keeper: Keeper) -> None:
    """Not even of a consumer that is held: a server takes any question to pause for an answer."""
    await keeper.held(Mode.FULL_STOP)
    assert await keeper.adapter.preflight() == ()
    assert await there.paused() == consumers.OURS
    await keeper.relax(Mode.NORMAL)


async def test_what_is_refused_once_is_refused_again_at_once(there: Rig) -> None:
    """A server says nothing of a subject that it refused on the same connection before."""
    adapter = there.adapter(**{**there.pauser("WORK/agent"), "consumers": ("WORK/second",)})
    for _ in range(3):
        async with asyncio.timeout(5):
            with pytest.raises(Refused, match=r"CONSUMER\.INFO\.WORK\.second"):
                await adapter.observe()
    await adapter.aclose()


async def test_missing_rights_and_consumers_are_named(there: Rig) -> None:
    """By preflight; the cut of the role stands without them, and is not proven."""
    lost = there.adapter(**there.pauser("WORK/other"))
    assert await lost.preflight() == ("a consumer WORK/other: correct settings.consumers",)
    assert (await lost.observe()).mode is Mode.NORMAL
    seeing = {**there.pauser("WORK/agent"), "consumers": ("WORK/agent", "WORK/second")}
    barred = there.adapter(**seeing)
    assert any("$JS.API.CONSUMER.PAUSE.WORK.second" in text for text in await barred.preflight())
    cut = await barred.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=_yes)
    assert (cut.held, cut.left) == (Mode.FULL_STOP, None)
    assert "not paused" in cut.why
    with pytest.raises(Refused, match="stream_creds"):
        await barred.observe()
    for adapter in (lost, barred):
        await adapter.aclose()


async def test_a_stranger_cannot_pause(there: Rig) -> None:
    """Credentials that the account did not issue: the role is cut, and the reason for the rest is said."""
    stranger = creds(Key.new("U"), Key.new("A"), account=there.key.public)
    adapter = there.adapter(consumers=("WORK/agent",), stream_creds=stranger)
    cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=_yes)
    assert (cut.held, cut.left) == (Mode.FULL_STOP, None)
    assert "not paused" in cut.why
    await adapter.aclose()


async def test_an_account_that_does_not_answer_holds_no_cut_up(there: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role is cut and its record told; that its consumers deliver is not proven otherwise."""
    monkeypatch.setattr(consumers.Consumers, "look", lambda _self: asyncio.Event().wait())
    async with closing(there.adapter(**there.pauser("WORK/agent"))) as adapter, asyncio.timeout(10):
        cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=_yes)
    assert (cut.held, cut.left) == (Mode.FULL_STOP, None)
    assert cut.changed
    assert "no answer" in cut.why


async def test_servers_that_cannot_pause_are_told(there: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role is cut; that its consumers deliver is not proven otherwise, and not taken for drift."""
    monkeypatch.setattr(consumers, "OLDEST", (99, 0))
    adapter = there.adapter(**there.pauser("WORK/agent"))
    assert any("99.0 or newer" in text for text in await adapter.preflight())
    cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=_yes)
    assert (cut.held, cut.left) == (Mode.FULL_STOP, None)
    assert "cannot pause" in cut.why
    seen = await adapter.observe()
    assert (seen.mode, seen.in_flight) == (Mode.FULL_STOP, None)
    assert await there.paused() is None
    await adapter.aclose()


async def test_two_adapters_hold_no_more_than_two_connections(there: Rig) -> None:
    """One of the system account, one of the agent's, however many surfaces share them; the last one closes them."""
    keeper = Keeper(there.adapter(**there.pauser("WORK/agent")))
    await keeper.held(Mode.FULL_STOP)
    await keeper.adapter.observe()
    adapter = keeper.adapter
    assert isinstance(adapter, NatsUser)
    first, second = adapter._endpoint, adapter._consumers._endpoint
    assert second is not None
    await adapter.aclose()
    assert (first._warm, second._warm) == (None, None)


@pytest.mark.parametrize("name", ["WORK", "WORK/", "/agent", "WORK/a/b", "WORK/a.b", "WORK/*", "WORK/>"])
def test_a_name_that_could_mean_more_than_one_consumer_is_refused(there: Rig, name: str) -> None:
    """Nor are consumers taken without a login to pause them."""
    with pytest.raises(ValidationError):
        there.adapter(**{**there.pauser("WORK/agent"), "consumers": (name,)})
    with pytest.raises(ValidationError, match="stream_creds"):
        there.adapter(consumers=("WORK/agent",))


async def _yes(changes: object) -> bool:
    return changes is not None
