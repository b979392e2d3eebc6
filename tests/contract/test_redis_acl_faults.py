"""A Redis surface in trouble: busy scripts, no free connection, an open default user, restarts, missing rights."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from pydantic import SecretStr, ValidationError
from redis.exceptions import RedisError

from adapters.base import Attempt, Change, Mode, Shared
from adapters.errors import AdapterError, Refused
from adapters.redis_acl import RedisAclConfig
from tests.contract.redis_rig import Rig, no, one_connection, refused, rig, yes
from tests.contract.servers import ValkeyServer

OPEN = "user default on nopass ~* &* +@all"
LOOP = "while true do end"
WROTE = "redis.call('set', 'wrote', '1') local t = redis.call('time')[1] while redis.call('time')[1] - t < 2 do end"


@asynccontextmanager
async def server(*, options: Sequence[str] = (), acl: Sequence[str] = ()) -> AsyncIterator[Rig]:
    """A server of a test's own, with an agent."""
    with ValkeyServer(options=options, acl=acl) as running:
        there = await rig(running)
        yield there
        with suppress(RedisError, OSError):
            await there.close()


@pytest.fixture
async def there(valkey_server: ValkeyServer) -> AsyncIterator[Rig]:
    """An agent with every right, on this run's server."""
    made = await rig(valkey_server)
    yield made
    await made.close()


async def test_a_script_that_never_ends_does_not_keep_the_agent_alive() -> None:
    """A script of the agent that holds the server busy is ended first, then the agent is cut."""
    async with server(options=("--busy-reply-threshold", "50")) as there, there.agent() as session:
        running = asyncio.ensure_future(refused(session, "EVAL", LOOP, "0"))
        await _until_busy(there)
        cut = await there.adapter().restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
        assert (cut.held, cut.left) == (Mode.FULL_STOP, 0)
        assert await running
        assert (await there.adapter().observe()).mode is Mode.FULL_STOP


async def test_a_script_that_has_written_is_said_and_cut_when_it_ends() -> None:
    """Such a script cannot be ended: it is counted as left with what ends it, and trying again works afterwards."""
    async with server(options=("--busy-reply-threshold", "50")) as there, there.agent() as session:
        running = asyncio.ensure_future(refused(session, "EVAL", WROTE, "0"))
        await _until_busy(there)
        adapter = there.adapter()
        cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
        assert (cut.left, cut.changed) == (1, ())
        assert "SHUTDOWN NOSAVE" in cut.why
        with pytest.raises(AdapterError, match="SHUTDOWN NOSAVE"):
            await adapter.observe()
        await running
        cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
        assert (cut.held, cut.left) == (Mode.FULL_STOP, 0)


async def test_a_full_server_is_cut_over_the_warm_connection() -> None:
    """With no connection left, surfaces share the warm one and all of them are cut."""
    async with server(options=("--maxclients", "20")) as there:
        adapters = [there.adapter() for _ in range(4)]
        await adapters[0].observe()
        crowd = []
        with suppress(RedisError):
            while True:
                crowd.append(await there.login())
        cuts = await asyncio.gather(
            *(each.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no) for each in adapters)
        )
        assert {cut.held for cut in cuts} == {Mode.FULL_STOP}
        assert sum(cut.ended for cut in cuts) >= len(crowd)
        for client in crowd:
            await client.aclose()


async def test_a_busy_warm_connection_delays_nobody(there: Rig) -> None:
    """While one surface keeps the warm connection, another is cut over a connection of its own."""
    slow, other = there.adapter(), there.adapter()
    waiting = asyncio.Event()

    async def gate(_changes: tuple[Change, ...]) -> bool:
        waiting.set()
        await asyncio.Event().wait()
        return True

    held = asyncio.ensure_future(slow.restrict(mode=Mode.READ_ONLY, token="t", drain=0, undo=(), gate=gate))
    await waiting.wait()
    async with asyncio.timeout(2):
        cut = await other.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=(), gate=no)
    assert cut.held is Mode.FULL_STOP
    held.cancel()
    with suppress(asyncio.CancelledError):
        await held


async def test_a_default_user_without_password_is_said_and_rounded() -> None:
    """read_only is not possible beside an open default user; the full stop is held, and nothing is called proven."""
    async with server(acl=(OPEN,)) as there:
        adapter = there.adapter()
        before = await adapter.observe()
        assert before.enforceable == frozenset({Mode.FULL_STOP})
        assert "default user" in before.why
        assert any("default user" in finding for finding in await adapter.preflight())
        cut = await adapter.restrict(mode=Mode.READ_ONLY, token="t", drain=0, undo=(), gate=yes)
        assert (cut.held, cut.left) == (Mode.FULL_STOP, None)
        assert "default user" in cut.why
        seen = await adapter.observe()
        assert (seen.mode, seen.in_flight) == (Mode.FULL_STOP, None)
        assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.UNTRIED


async def test_without_an_acl_file_the_cut_says_that_a_restart_undoes_it() -> None:
    """The cut stands, and its text names what is missing."""
    async with server(options=("--aclfile", "")) as there:
        cut = await there.adapter().restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
        assert cut.held is Mode.FULL_STOP
        assert "no aclfile" in cut.why


async def test_a_restart_keeps_the_cut() -> None:
    """The cut and its mark are in the ACL file, and the adapter finds its way back over a new connection."""
    async with server() as there:
        adapter = there.adapter()
        await adapter.restrict(mode=Mode.READ_ONLY, token="a mark (1)", drain=0, undo=(), gate=yes)
        there.server.restart()
        seen = await adapter.observe()
        assert (seen.mode, seen.token) == (Mode.READ_ONLY, "a mark (1)")
        await there.witness.aclose()
        there.witness = one_connection(there.server.url())


async def test_an_abandoned_loosening_is_ended_before_the_next_cut() -> None:
    """A relaxation whose bytes wait in a frozen server cannot undo the stop that comes after it."""
    async with server() as there:
        adapter = there.adapter()
        undo = (await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)).changed

        async def gate(_changes: tuple[Change, ...]) -> bool:
            there.server.freeze()
            return True

        call = adapter.relax(to=Mode.NORMAL, expect="t1", token="t2", undo=undo, gate=gate)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call, 0.2)
        stop = asyncio.ensure_future(adapter.restrict(mode=Mode.FULL_STOP, token="t3", drain=0, undo=undo, gate=no))
        await asyncio.sleep(0)
        there.server.thaw()
        assert (await stop).held is Mode.FULL_STOP
        seen = await adapter.observe()
        assert (seen.mode, seen.token) == (Mode.FULL_STOP, "t3")


async def test_a_drain_lets_open_sessions_finish(there: Rig) -> None:
    """With a drain no new session opens, one that is open does its last job, and the cut ends early when it leaves."""
    async with there.agent() as session:
        job = asyncio.ensure_future(refused(session, "BLMOVE", f"{there.user}:jobs", "done", "LEFT", "RIGHT", "0"))
        await there.until_blocked()
        cut = asyncio.ensure_future(
            there.adapter().restrict(mode=Mode.FULL_STOP, token="t", drain=60, undo=(), gate=no)
        )
        await _until_off(there)
        with pytest.raises(RedisError):
            await there.login()
        await there.witness.rpush(f"{there.user}:jobs", "job")
        assert await job == ""
        assert not cut.done()
    async with asyncio.timeout(5):
        assert (await cut).left == 0
    assert (await there.adapter().observe()).mode is Mode.FULL_STOP


async def test_after_the_drain_what_is_left_is_cut(there: Rig) -> None:
    """A session that does not leave is ended when the drain is over, and the undo record holds the state before it."""
    async with there.agent() as session:
        before, adapter = await there.line(), there.adapter()
        cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0.1, undo=(), gate=no)
        assert (cut.ended, cut.left) == (1, 0)
        assert await refused(session, "PING")
        await adapter.relax(to=Mode.NORMAL, expect="t1", token="t2", undo=cut.changed, gate=yes)
        assert await there.line() == before


async def test_missing_rights_are_named(there: Rig) -> None:
    """Before the incident by preflight, in it by the error; a bot without the categories can still stop fully."""
    adapter = there.adapter()
    assert await adapter.preflight() == ()
    await there.acl("SETUSER", there.bot, "-acl|cat", "-acl|save")
    assert set(await adapter.preflight()) == {"+acl|cat", "+acl|save"}
    assert (await adapter.observe()).enforceable == frozenset({Mode.FULL_STOP})
    assert "+acl|cat" in (await adapter.observe()).why
    await there.acl("SETUSER", there.bot, "-acl|setuser")
    assert (await adapter.observe()).enforceable == frozenset()
    with pytest.raises(Refused) as caught:
        await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
    assert caught.value.missing == ("+acl|setuser",)


async def test_a_stale_canary_proves_nothing(there: Rig) -> None:
    """A refusal of a password that the server no longer knows is no proof, and another user's canary is found early."""
    adapter = there.adapter(password="stale")
    await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.UNTRIED


async def test_off_alone_is_no_stop_while_a_session_is_open(there: Rig) -> None:
    """Redis lets open sessions of a disabled user go on, so that is not read as a full stop."""
    async with there.agent() as session:
        await there.acl("SETUSER", there.user, "off")
        assert not await refused(session, "SET", f"{there.user}:still", "1")
        assert (await there.adapter().observe()).mode is Mode.NORMAL
    for _ in range(500):
        if (await there.adapter().observe()).mode is Mode.FULL_STOP:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("a disabled user without a session was not read as stopped")


def test_no_text_holds_a_password(there: Rig) -> None:
    """Neither the configuration nor what an error shows repeats a secret."""
    adapter = there.adapter()
    assert "password" not in f"{adapter._first.endpoint.address} {adapter._first._canary} {adapter.target_key()}"
    with pytest.raises(ValidationError) as caught:
        RedisAclConfig(url=SecretStr("http://bot:hidden@host"), user="u")
    assert "hidden" not in str(caught.value)
    assert "redis://" in str(caught.value)


async def test_two_adapters_share_one_warm_connection(there: Rig) -> None:
    """A thousand surfaces of one server hold one connection of the bot between calls; the last one closes it."""
    there.shared = Shared()
    adapters = [there.adapter() for _ in range(5)]
    for adapter in adapters:
        await adapter.observe()
    assert await _connections(there) == 1
    for adapter in adapters:
        await adapter.aclose()
    for _ in range(500):
        if await _connections(there) == 0:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("a connection of the bot stayed open")


async def _connections(there: Rig) -> int:
    return sum(client["user"] == there.bot for client in await there.witness.client_list())


async def _until_off(there: Rig) -> None:
    for _ in range(500):
        if " off " in await there.line():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("no new login was ever refused")


async def _until_busy(there: Rig) -> None:
    for _ in range(500):
        if "BUSY" in await refused(there.witness, "GET", "k"):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the server never got busy")
