"""One user on several servers: each is cut, read back and given back by itself, and none waits for another."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from redis.exceptions import RedisError

from adapters.base import Attempt, Mode
from adapters.errors import Unreachable
from adapters.redis_acl import RedisAcl
from adapters.redis_acl.drafts import RIGHTS
from bot.sandbox.servers import HOST, free_port
from tests.contract.redis_rig import BOT, PASSWORD, Rig, no, one_connection, refused, rig, yes
from tests.contract.servers import ValkeyServer


@asynccontextmanager
async def group(*options: tuple[str, ...]) -> AsyncIterator[list[Rig]]:
    """Servers of a test's own, each with the same agent and the same bot."""
    async with AsyncExitStack() as stack:
        rigs: list[Rig] = []
        for words in options:
            server = stack.enter_context(ValkeyServer(options=words))
            made = await rig(server)
            if rigs:
                await made.acl("DELUSER", made.user, made.bot)
                made.user, made.bot = rigs[0].user, rigs[0].bot
                await made.acl("SETUSER", made.user, "on", f">{PASSWORD}", "~*", "&*", "+@all")
                await made.acl("SETUSER", made.bot, "on", f">{BOT}", "-@all", *RedisAcl.permissions)
            await made.acl("SAVE")
            rigs.append(made)
        yield rigs
        for made in rigs:
            with suppress(RedisError, OSError):
                await made.close()


def place(there: Rig) -> str:
    """As settings name it."""
    return f"{HOST}:{there.server.port}"


@pytest.fixture
async def three() -> AsyncIterator[list[Rig]]:
    """Three servers that know nothing of each other."""
    async with group((), (), ()) as rigs:
        yield rigs


async def test_every_server_is_cut_and_given_back_what_was_taken_there(three: list[Rig]) -> None:
    """read_only, full_stop and back: on each server the line is what it was there, and the canary tries at each."""
    first, *rest = three
    await rest[0].acl("SETUSER", rest[0].user, "resetkeys", "~mine:*", "-flushall")
    before = [await one.line() for one in three]
    adapter = first.adapter(nodes=tuple(map(place, rest)))
    assert await adapter.preflight() == ()
    assert (await adapter.observe()).mode is Mode.NORMAL
    cut = await adapter.restrict(mode=Mode.READ_ONLY, token="t1", drain=0, undo=(), gate=yes)
    assert (cut.held, cut.left, cut.why) == (Mode.READ_ONLY, 0, "")
    undo = cut.changed
    undo += (await adapter.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=undo, gate=no)).changed
    seen = await adapter.observe()
    assert (seen.mode, seen.token, seen.in_flight) == (Mode.FULL_STOP, "t2", 0)
    for one in three:
        with pytest.raises(RedisError):
            await one.login()
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.REFUSED
    await adapter.relax(to=Mode.READ_ONLY, expect="t2", token="t3", undo=undo, gate=yes)
    assert (await adapter.observe()).mode is Mode.READ_ONLY
    assert (await adapter.relax(to=Mode.NORMAL, expect="t3", token="t4", undo=undo, gate=yes)).kept == ()
    assert [await one.line() for one in three] == before


async def test_the_loosest_server_counts(three: list[Rig]) -> None:
    """Where somebody gives it back on one server alone, that is what is read, and what is cut again is that."""
    adapter = three[0].adapter(nodes=tuple(map(place, three[1:])))
    undo = (await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)).changed
    await three[2].acl("SETUSER", three[2].user, "on", "~*", "+@all")
    assert (await adapter.observe()).mode is Mode.NORMAL
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.ALLOWED
    again = await adapter.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=undo, gate=no)
    assert again.changed == ()
    assert (await adapter.observe()).token == "t2"


@pytest.mark.parametrize("how", ["freeze", "crash"])
async def test_a_server_that_is_away_delays_no_other(three: list[Rig], how: str) -> None:
    """The others are cut at once; the cut and the reading name the one that is not, and it is cut when it is back."""
    adapter = three[0].adapter(nodes=tuple(map(place, three[1:])))
    await adapter.observe()
    async with three[1].agent() as session:
        getattr(three[2].server, how)()
        began = time.monotonic()
        stop = asyncio.ensure_future(adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no))
        for _ in range(500):
            if await refused(session, "PING"):
                break
            await asyncio.sleep(0.01)
        assert time.monotonic() - began < 0.9
        cut = await stop
    assert (cut.held, cut.left) == (Mode.FULL_STOP, None)
    assert place(three[2]) in cut.why
    with pytest.raises(Unreachable, match=f"{three[2].server.port}.*2 others is full_stop"):
        await adapter.observe()
    if how == "freeze":
        three[2].server.thaw()
    else:
        three[2].server.restart()
        await three[2].witness.aclose()
        three[2].witness = one_connection(three[2].server.url())
    whole = await adapter.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=cut.changed, gate=no)
    assert (whole.held, whole.left) == (Mode.FULL_STOP, 0)
    assert (await adapter.observe()).mode is Mode.FULL_STOP


async def test_nothing_is_given_back_while_a_server_is_away(three: list[Rig]) -> None:
    """A relaxation that cannot look everywhere loosens nowhere."""
    adapter = three[0].adapter(nodes=tuple(map(place, three[1:])))
    undo = (await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)).changed
    three[1].server.freeze()
    try:
        with pytest.raises(Unreachable, match=place(three[1])):
            await adapter.relax(to=Mode.NORMAL, expect="t1", token="t2", undo=undo, gate=yes)
    finally:
        three[1].server.thaw()
    seen = await adapter.observe()
    assert (seen.mode, seen.token) == (Mode.FULL_STOP, "t1")


async def test_a_server_without_the_user_is_no_gap(three: list[Rig]) -> None:
    """Nobody logs in there; where the user appears there later, that is read and cut."""
    await three[2].acl("DELUSER", three[2].user)
    adapter = three[0].adapter(nodes=tuple(map(place, three[1:])))
    undo = (await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)).changed
    assert (await adapter.observe()).mode is Mode.FULL_STOP
    await three[2].acl("SETUSER", three[2].user, "on", f">{PASSWORD}", "~*", "+@all")
    assert (await adapter.observe()).mode is Mode.NORMAL
    cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=undo, gate=no)
    await adapter.relax(to=Mode.NORMAL, expect="t2", token="t3", undo=(*undo, *cut.changed), gate=yes)
    assert "+@all" in await three[2].line()


async def test_a_replica_that_is_not_in_the_settings_is_told() -> None:
    """By preflight, by the cut and by every reading, until it is configured; the bot never logs in there by itself."""
    async with group((), ()) as (primary, replica):
        adapter = primary.adapter()
        assert await adapter.preflight() == ()
        await _follow(replica, primary)
        await _until(lambda: _is_told(adapter, place(replica)))
        assert any(place(replica) in finding for finding in await adapter.preflight())
        cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)
        assert cut.left is None
        assert place(replica) in cut.why
        assert not await _bots(replica)
        whole = primary.adapter(nodes=(f"localhost:{replica.server.port}",))
        cut = await whole.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=cut.changed, gate=no)
        assert (cut.left, cut.why) == (0, "")
        seen = await whole.observe()
        assert (seen.mode, seen.in_flight) == (Mode.FULL_STOP, 0)


async def test_the_primary_of_a_replica_is_told() -> None:
    """Where the settings know the replica alone."""
    async with group((), ()) as (primary, replica):
        await _follow(replica, primary)
        adapter = replica.adapter()
        await _until(lambda: _is_told(adapter, place(primary)))


async def test_drafts_are_those_of_the_primary_wherever_that_is() -> None:
    """After a failover the first server of the settings is a replica, which nobody can write."""
    keeps = ("--appendonly", "yes")
    async with group(keeps, keeps) as (replica, primary):
        await _follow(replica, primary)
        await primary.acl("SETUSER", primary.bot, "~agent-kill:*", "~draft:*", "~orders:*", *RIGHTS)
        await primary.witness.set("draft:orders:1", "v")
        adapter = replica.adapter(nodes=(place(primary),), draft_prefix="draft:")
        await adapter.observe()
        (draft,) = (await adapter.list()).items
        assert (await adapter.release(draft=draft.id, by="U1", gate=yes)).done
        assert await primary.witness.get("orders:1") == b"v"


async def test_a_member_of_the_cluster_that_is_not_in_the_settings_is_told() -> None:
    """Members tell of each other; there draft_only is not possible."""
    buses = [str(free_port()) for _ in range(2)]
    async with group(*(("--cluster-enabled", "yes", "--cluster-port", bus) for bus in buses)) as (one, other):
        await one.witness.execute_command("CLUSTER", "MEET", HOST, str(other.server.port), buses[1])  # type: ignore[no-untyped-call]  # the library's
        adapter = one.adapter(draft_prefix="draft:")
        await _until(lambda: _is_told(adapter, place(other)))
        seen = await adapter.observe()
        assert "cluster" in seen.why
        assert seen.enforceable == frozenset({Mode.READ_ONLY, Mode.FULL_STOP})
        whole = one.adapter(nodes=(place(other),))
        cut = await whole.restrict(mode=Mode.READ_ONLY, token="t1", drain=0, undo=(), gate=yes)
        assert (cut.held, cut.left) == (Mode.READ_ONLY, 0)
        assert await whole.attempt(mode=Mode.READ_ONLY) is Attempt.REFUSED


async def _follow(replica: Rig, primary: Rig) -> None:
    witness = replica.witness
    await witness.config_set("masterauth", primary.server.password)
    await witness.execute_command("REPLICAOF", HOST, str(primary.server.port))  # type: ignore[no-untyped-call]  # the library's


async def _is_told(adapter: RedisAcl, name: str) -> bool:
    seen = await adapter.observe()
    return seen.in_flight is None and f"{name} serves the same data" in seen.why


async def _bots(there: Rig) -> int:
    return sum(client["user"] == there.bot for client in await there.witness.client_list())


async def _until(reached: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1000):
        if await reached():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to that")
