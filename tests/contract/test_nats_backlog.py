"""Is the work that waits for a paused consumer moved whole, by itself, and by nobody who may not?"""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.base import Mode
from adapters.conformance import Keeper
from adapters.errors import AdapterError, Refused
from adapters.nats_user import NatsUser, backlog
from tests.contract.nats_rig import Rig, rig
from tests.contract.rigs.running import Running


@pytest.fixture
async def there(servers: Running) -> AsyncIterator[Rig]:
    """A fresh account with a stream and a pull consumer of the agent's."""
    made = await rig(servers.nats, jetstream=True)
    yield made
    await made.close()


@pytest.fixture
async def adapter(there: Rig) -> AsyncIterator[NatsUser]:
    """One that may move what waits for one of the two subjects of the stream, with its role shut."""
    await there.work(filter_subject="work.mine")
    made = there.adapter(**await there.mover())
    await Keeper(made).held(Mode.FULL_STOP)
    yield made
    await made.aclose()


async def stored(there: Rig, subject: str) -> list[dict[str, Any]]:
    """What the stream has of a subject, oldest first."""
    found: list[dict[str, Any]] = []
    number = 1
    while True:
        asked = {"seq": number, "next_by_subj": subject}
        raw = await there.witness.request("$JS.API.STREAM.MSG.GET.WORK", json.dumps(asked).encode())
        told = json.loads(raw)
        if "error" in told:
            return found
        found.append(told["message"])
        number = told["message"]["seq"] + 1


async def test_a_message_comes_back_as_it_was(there: Rig, adapter: NatsUser) -> None:
    """Its subject, its headers and its bytes, whatever they are, without what was about its first publication."""
    head = b"NATS/1.0\r\nNats-Msg-Id: first\r\nTrace: a b\r\n\r\n"
    await there.witness.request("work.mine", b"\x00\xff\r\n", headers=head)
    assert (await adapter.hold(label="a.b *>")).number == 1
    assert (await adapter.count()).held == 1
    assert await stored(there, "work.mine") == []
    assert (await adapter.replay(label="a.b *>")).number == 1
    (message,) = await stored(there, "work.mine")
    assert base64.b64decode(message["data"]) == b"\x00\xff\r\n"
    headers = base64.b64decode(message["hdrs"])
    assert b"Trace: a b\r\n" in headers
    assert b"first" not in headers
    assert (await adapter.count()).held == 0


@pytest.mark.parametrize("verb", ["hold", "drop"])
async def test_the_work_of_another_consumer_stays(there: Rig, adapter: NatsUser, verb: str) -> None:
    """What the stream has under subjects that the consumer does not take is not touched."""
    await there.witness.request("work.mine", b"mine")
    await there.witness.request("work.other", b"other")
    assert (await getattr(adapter, verb)(label="one")).number == 1
    assert await stored(there, "work.mine") == []
    assert len(await stored(there, "work.other")) == 1


async def test_nothing_that_waits_is_no_work(adapter: NatsUser) -> None:
    """An empty queue is held and dropped as what it is."""
    assert (await adapter.hold(label="one")).number == 0
    assert (await adapter.drop(label="two")).number == 0
    assert (await adapter.replay(label="one")).number == 0


async def test_a_replay_that_was_cut_off_is_repeated(
    there: Rig, adapter: NatsUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was published and not yet removed from where it lay is not there twice."""
    await there.witness.request("work.mine", b"mine")
    await adapter.hold(label="one")
    monkeypatch.setattr(backlog, "DELETE", "$JS.API.STREAM.MSG.DELETE.NOBODY")
    with pytest.raises(Refused, match=r"MSG\.DELETE\.NOBODY"):
        await adapter.replay(label="one")
    monkeypatch.undo()
    await adapter.replay(label="one")
    assert len(await stored(there, "work.mine")) == 1
    assert (await adapter.count()).held == 0


async def test_a_stream_of_many_readers_is_left_alone(there: Rig) -> None:
    """What waits for one consumer there is the others' too: told before, and refused."""
    await there.work("limits")
    adapter = there.adapter(**await there.mover())
    assert "is no work queue" in " ".join(await adapter.preflight())
    await there.witness.request("work.one", b"one")
    for verb in (adapter.hold, adapter.drop):
        with pytest.raises(Refused, match="is no work queue"):
            await verb(label="one")
    assert (await adapter.count()).number == 1
    await adapter.aclose()


async def test_what_is_not_set_up_is_named(there: Rig) -> None:
    """The agent's way to what lies aside, the stream that is missing, and a right that the bot lacks."""
    await there.work()
    pauser = there.pauser("WORK/agent")
    adapter = there.adapter(**pauser, backlog=True)
    assert "publish $JS.API.STREAM.PURGE.WORK (settings.stream_creds)" in await adapter.preflight()
    await adapter.aclose()
    adapter = there.adapter(**await there.mover())
    missing = await adapter.preflight()
    assert "a deny of publish agent-kill.held for the agent's role" in missing
    await there.change(pub={"allow": [">"], "deny": ["agent-kill.>", "$JS.API.STREAM.*.AGENT_KILL", backlog.DELETE]})
    assert await adapter.preflight() == ()
    await there.api("STREAM.DELETE.AGENT_KILL")
    assert await adapter.preflight() == ("a stream AGENT_KILL, as the set-up makes it",)
    await adapter.aclose()


async def test_it_is_asked_for(there: Rig) -> None:
    """Without the setting nothing is told of what waits, and nothing is moved; it needs consumers."""
    await there.work()
    adapter = there.adapter(**there.pauser("WORK/agent"))
    with pytest.raises(AdapterError, match=r"settings\.backlog is off"):
        await adapter.count()
    await adapter.aclose()
    with pytest.raises(ValidationError, match="backlog needs consumers"):
        there.adapter(backlog=True)
