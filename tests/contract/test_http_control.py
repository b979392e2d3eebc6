"""What a signed control endpoint is told, what it may answer, and what the agent's own call proves."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr, ValidationError

from adapters.base import Attempt, Mode, Shared
from adapters.errors import AdapterError, Refused, Unreachable
from adapters.http_control import HttpControl, HttpControlConfig
from bot.sandbox.servers import free_port
from tests.contract.http_rig import Farm, Rig, farm, no, yes


@pytest.fixture(scope="module")
def endpoints() -> Iterator[Farm]:
    """A receiver's process."""
    with farm() as running:
        yield running


@pytest.fixture
async def there(endpoints: Farm) -> AsyncIterator[Rig]:
    """One target of it."""
    async with ClientSession() as client:
        rig = Rig(endpoints, client)
        yield rig
        await rig.close()


async def stop(adapter: HttpControl, mode: Mode = Mode.FULL_STOP) -> Mode:
    """One cut; returns what is held."""
    return (await adapter.restrict(mode=mode, token="t1", drain=0, undo=(), gate=no)).held


async def test_a_stop_is_one_signed_call_with_the_contracts_body(there: Rig) -> None:
    """The receiver checked the signature and got exactly `{"mode": "full_stop"}`, in one call."""
    assert await stop(there.adapter()) is Mode.FULL_STOP
    assert (await there.witness())["calls"] == ['POST {"mode": "full_stop"}']
    assert await there.act() == 403


async def test_each_mode_is_read_back_as_the_receiver_says_it(there: Rig) -> None:
    """Every mode is set and read back by GET."""
    for mode in sorted(HttpControl.modes):
        adapter = there.adapter()
        assert await stop(adapter, mode) is mode
        seen = await adapter.observe()
        assert (seen.exists, seen.mode, seen.in_flight, seen.state) == (True, mode, 0, {"mode": str(mode)})


async def test_who_changed_the_mode_is_read_where_the_receiver_tells(there: Rig) -> None:
    """A drift can be told with its author; a receiver that does not know leaves it empty."""
    adapter = there.adapter()
    assert (await adapter.observe()).by == ""
    await there.tell("set", json.dumps({"mode": "normal", "by": "deploy-bot"}))
    assert (await adapter.observe()).by == "deploy-bot"


async def test_another_deployment_is_told_where_the_receiver_tells_one(there: Rig) -> None:
    """What a ballot compares with what ran before the stop; a receiver that tells none claims nothing."""
    adapter = there.adapter()
    await adapter.observe()
    assert await adapter.note() is None
    for version in ("v1", "v2"):
        await there.tell("set", json.dumps({"deployment": version}))
        await adapter.observe()
        assert await adapter.note() == {"deployment": version}
    assert adapter.others(before={"mode": "normal"}, now={"mode": "full_stop"}, undo=()) == ()


async def test_asking_for_less_never_loosens(there: Rig) -> None:
    """A receiver that is stricter than what is asked keeps what it has, and no call sets it."""
    await there.tell("set", json.dumps({"mode": "full_stop"}))
    assert await stop(there.adapter(), Mode.READ_ONLY) is Mode.FULL_STOP
    assert (await there.witness())["calls"] == ["GET "]


async def test_work_that_the_receiver_ended_is_counted(there: Rig) -> None:
    """A slow call of the agent is ended by the stop and has no effect later."""
    slow = asyncio.ensure_future(there.client.post(there.url("slow")))
    for _ in range(500):
        if (await there.witness())["slow"]:
            break
        await asyncio.sleep(0.01)
    cut = await there.adapter().restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
    assert (cut.ended, cut.left) == (1, 0)
    await there.tell("finish")
    assert (await slow).status == 503
    assert (await there.witness())["effects"] == 0


async def test_what_the_receiver_says_is_in_flight_is_left(there: Rig) -> None:
    """Work that the receiver could not end is NOT CUT; a count that cannot be read is unknown."""
    for said, left in (("3", 3), ('"many"', None)):
        await there.tell("fault", f'200 {{"mode": "full_stop", "in_flight": {said}}}')
        cut = await there.adapter().restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
        assert cut.left == left
        assert (await there.adapter().observe()).in_flight == left


async def test_a_looser_answer_is_said_and_a_stricter_one_is_held(there: Rig) -> None:
    """What the receiver answers to the stop is judged: looser than asked is not hidden, stricter is reported."""
    await there.tell("fault", '200 {"mode": "normal"}')
    cut = await there.adapter().restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
    assert "asked for full_stop and answers normal" in cut.why
    assert (await there.adapter().observe()).mode is Mode.NORMAL


async def test_a_bare_success_leaves_the_judgement_to_the_read_back(there: Rig) -> None:
    """The answer to a POST need not carry anything."""
    await there.tell("fault", "204 ")
    assert await stop(there.adapter()) is Mode.FULL_STOP


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ("401 ", Refused, "settings.secret"),
        ("403 ", Refused, "settings.secret"),
        ("503 ", Unreachable, "503"),
        ("429 ", Unreachable, "429"),
        ("500 ", AdapterError, "500"),
        ("redirect http://127.0.0.1:1/", AdapterError, "redirects are not followed"),
        ("200 <html>", AdapterError, "accepted are normal"),
        ('200 {"mode": "off"}', AdapterError, "accepted are normal"),
        ('200 ["mode"]', AdapterError, "accepted are normal"),
        ("200 " + "[" * 60_000, AdapterError, "accepted are normal"),
        ("endless", AdapterError, "64 KiB"),
        ('200 {"mode": "normal"}' + " " * 70_000, AdapterError, "64 KiB"),
        ("drop", Unreachable, "did not answer"),
    ],
)
async def test_a_wrong_answer_is_named(there: Rig, fault: str, error: type[AdapterError], says: str) -> None:
    """Each wrong answer to a read becomes the error that chooses the right next step, with a short text."""
    await there.tell("fault", fault)
    with pytest.raises(AdapterError, match=says) as caught:
        await there.adapter().observe()
    assert type(caught.value) is error
    assert len(str(caught.value)) < 400


async def test_an_endpoint_that_is_gone_is_absent(there: Rig) -> None:
    """404 and 410 are no error and never look held."""
    for fault in ("404 ", "410 "):
        await there.tell("fault", fault)
        adapter = there.adapter()
        cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
        assert "does not exist" in cut.why
        assert (await adapter.observe()).exists is False
        assert await adapter.preflight()


async def test_nobody_at_the_port_is_unreachable(there: Rig) -> None:
    """A refused connection says so at once."""
    with pytest.raises(Unreachable, match="did not answer"):
        await there.adapter(url=f"http://127.0.0.1:{free_port()}/control").observe()


async def test_the_canary_decides(there: Rig) -> None:
    """A receiver that only says that it stopped is found out by the agent's own call."""
    adapter = there.adapter()
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.ALLOWED
    await there.tell("fault", '200 {"mode": "full_stop"}')
    await stop(adapter)
    assert (await adapter.observe()).mode is Mode.FULL_STOP
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.ALLOWED
    await there.tell("fault", "")
    await stop(adapter)
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.REFUSED


async def test_a_reading_canary_proves_a_full_stop_alone(there: Rig) -> None:
    """In read_only a GET is not forbidden, so that its success is no failure and its refusal no proof."""
    adapter = there.adapter(canary="GET")
    await stop(adapter, Mode.READ_ONLY)
    assert await adapter.attempt(mode=Mode.READ_ONLY) is Attempt.UNTRIED
    await stop(adapter)
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.REFUSED
    assert await there.adapter(canary="").attempt(mode=Mode.FULL_STOP) is Attempt.UNTRIED


async def test_a_401_proves_only_what_worked_before(there: Rig) -> None:
    """A credential that was never seen to work may just be stale; one that worked was refused by the cut."""
    fresh, known = there.adapter(shared=Shared()), there.adapter()
    assert await known.attempt(mode=Mode.FULL_STOP) is Attempt.ALLOWED
    await there.tell("set", json.dumps({"key": "another"}))
    assert await fresh.attempt(mode=Mode.FULL_STOP) is Attempt.UNTRIED
    assert await known.attempt(mode=Mode.FULL_STOP) is Attempt.REFUSED


async def test_relaxing_goes_no_looser_than_before_the_stop(there: Rig) -> None:
    """A receiver that was draft_only before the stop is given back as draft_only, and that is said."""
    await there.tell("set", json.dumps({"mode": "draft_only"}))
    adapter = there.adapter()
    await adapter.observe()
    cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)
    relaxed = await adapter.relax(to=Mode.NORMAL, expect="t1", token="t2", undo=cut.changed, gate=yes)
    assert relaxed.kept == ("mode",)
    assert (await adapter.observe()).mode is Mode.DRAFT_ONLY


async def test_the_target_key_holds_no_secret_and_tells_targets_apart(there: Rig) -> None:
    """Neither the login nor the query of the address is shown; two queries are two targets."""
    keys = {
        there.adapter(url=f"http://me:hidden@127.0.0.1:1/control?agent={agent}&key=hidden").target_key()
        for agent in ("a", "b")
    }
    assert len(keys) == 2
    assert not any("hidden" in key for key in keys)


@pytest.mark.parametrize("url", ["ftp://host/x", "host/x", "http://", ""])
def test_an_address_that_is_none_is_refused_by_the_configuration(url: str) -> None:
    """The error names the accepted forms."""
    with pytest.raises(ValidationError, match="http:// or https://"):
        HttpControlConfig(url=url, secret=SecretStr("s"))
