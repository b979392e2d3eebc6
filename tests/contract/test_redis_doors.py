"""The ways past a cut of a Redis user: other users, restarts and old files, and every kind of session."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from adapters.base import Attempt, Mode
from adapters.redis_acl import RedisAcl
from bot.sandbox.servers import HOST, ValkeyServer
from tests.contract.redis_rig import PASSWORD, Rig, no, refused, rig, yes

LOOPING = "#!lua name=agent\nredis.register_function('spin', function() while true do end end)"


@pytest.fixture
async def there() -> AsyncIterator[Rig]:
    """An agent with every right, on a server of its own."""
    with ValkeyServer(options=("--busy-reply-threshold", "50")) as server:
        made = await rig(server)
        yield made
        await made.close()


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ((">agent-password", "~*", "+@all"), "has the agent's password"),
        (("nopass", "~*", "+@all"), "needs no password"),
    ],
)
async def test_another_user_that_the_agent_can_be_is_told(there: Rig, rules: tuple[str, ...], says: str) -> None:
    """By preflight, by the reading and by the cut, which is NOT PROVEN; read_only is not possible beside it."""
    await there.acl("SETUSER", "twin", "on", *rules)
    adapter = there.adapter()
    assert any("twin" in finding for finding in await adapter.preflight())
    seen = await adapter.observe()
    assert f"User twin of {HOST}:{there.server.port} {says}" in seen.why
    assert seen.enforceable == frozenset({Mode.FULL_STOP})
    cut = await adapter.restrict(mode=Mode.READ_ONLY, token="t", drain=0, undo=(), gate=yes)
    assert (cut.held, cut.left) == (Mode.FULL_STOP, None)
    assert says in cut.why
    assert await adapter.attempt(mode=Mode.FULL_STOP) is Attempt.UNTRIED


async def test_a_user_that_can_do_nothing_or_is_off_is_no_door(there: Rig) -> None:
    """Nor is one with another password, nor one that may do no more than is held."""
    await there.acl("SETUSER", "off", "off", f">{PASSWORD}", "~*", "+@all")
    await there.acl("SETUSER", "idle", "on", "nopass", "-@all")
    await there.acl("SETUSER", "other", "on", ">other", "~*", "+@all")
    await there.acl("SETUSER", "reader", "on", f">{PASSWORD}", "%R~*", "-@all", "+get")
    adapter = there.adapter()
    cut = await adapter.restrict(mode=Mode.READ_ONLY, token="t", drain=0, undo=(), gate=yes)
    assert (cut.held, cut.left) == (Mode.READ_ONLY, 0)
    assert (await adapter.observe()).in_flight == 0
    cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=yes)
    assert cut.left is None
    assert "reader" in cut.why


async def test_the_bots_own_login_with_the_agents_password_is_told(there: Rig) -> None:
    """The worst of them."""
    await there.acl("SETUSER", there.bot, f">{PASSWORD}")
    assert f"User {there.bot}" in (await there.adapter().observe()).why


async def test_an_old_file_loaded_while_held_is_seen_and_cut_again(there: Rig) -> None:
    """`ACL LOAD` of the file that the cut wrote changes nothing; of one from before it is drift."""
    await there.acl("SAVE")
    old, adapter = there.server.acl_file.read_text(), there.adapter()
    undo = (await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)).changed
    await there.acl("LOAD")
    seen = await adapter.observe()
    assert (seen.mode, seen.token) == (Mode.FULL_STOP, "t1")
    there.server.acl_file.write_text(old)
    await there.acl("LOAD")
    assert (await adapter.observe()).mode is Mode.NORMAL
    cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=undo, gate=no)
    assert cut.changed == ()
    assert await _saved(there) != old
    await adapter.relax(to=Mode.NORMAL, expect="t2", token="t3", undo=undo, gate=yes)
    assert _line(await _saved(there), there.user) == await there.line()
    assert sorted((await _saved(there)).splitlines()) == sorted(old.splitlines())


async def test_without_an_aclfile_a_restart_is_told_and_the_rewritten_configuration_keeps_the_cut(
    tmp_path: Path,
) -> None:
    """Preflight says it; a bot that may `CONFIG REWRITE` writes the users there."""
    config = tmp_path / "valkey.conf"
    config.write_text("")
    with Configured(config) as server:
        there = await rig(server)
        adapter = there.adapter()
        assert any("a restart of it gives the agent" in finding for finding in await adapter.preflight())
        cut = await adapter.restrict(mode=Mode.FULL_STOP, token="t1", drain=0, undo=(), gate=no)
        assert "no aclfile" in cut.why
        assert there.user not in config.read_text()
        await there.acl("SETUSER", there.bot, "+config|rewrite")
        assert await adapter.preflight() == ()
        again = await adapter.restrict(mode=Mode.FULL_STOP, token="t2", drain=0, undo=cut.changed, gate=no)
        assert again.why == ""
        assert f"user {there.user} off" in config.read_text()
        await adapter.relax(to=Mode.NORMAL, expect="t2", token="t3", undo=cut.changed, gate=yes)
        assert f"user {there.user} on" in config.read_text()
        await there.close()


class Configured(ValkeyServer):
    """A server with a configuration file and no ACL file."""

    def __init__(self, config: Path) -> None:
        super().__init__(options=("--aclfile", "", "--requirepass", "x"))
        self.password, self._config = "x", config

    def _command(self) -> list[str]:
        binary, *words = super()._command()
        return [binary, str(self._config), *words]


@pytest.mark.parametrize("mode", [Mode.READ_ONLY, Mode.FULL_STOP])
async def test_every_kind_of_session_is_ended(there: Rig, mode: Mode) -> None:
    """One that is never evicted, one that watches, a monitor, a replication link, a subscriber in a shard."""
    sessions = [await there.login() for _ in range(5)]
    unevicted, watching, monitor, replica, subscriber = sessions
    await refused(unevicted, "CLIENT", "NO-EVICT", "on")
    for command in ("WATCH k", "MULTI", "SET k queued"):
        await refused(watching, *command.split())
    await _send(monitor, "MONITOR")
    await _send(replica, "PSYNC", "?", "-1")
    await refused(subscriber, "SSUBSCRIBE", "news")
    await _until(there, lambda flags: {"O", "S", "P", "x", "e"} <= set("".join(flags)))
    cut = await there.adapter().restrict(mode=mode, token="t", drain=0, undo=(), gate=yes)
    assert (cut.held, cut.left, cut.ended) == (mode, 0, 5)
    await _until(there, lambda flags: not flags)
    assert await refused(watching, "EXEC")
    assert await there.witness.get("k") is None
    for session in sessions:
        await session.aclose()


async def test_a_function_that_never_ends_is_ended(there: Rig) -> None:
    """As a script is."""
    await there.witness.function_load(LOOPING)
    async with there.agent() as session:
        running = asyncio.ensure_future(refused(session, "FCALL", "spin", "0"))
        for _ in range(500):
            if "BUSY" in await refused(there.witness, "GET", "k"):
                break
            await asyncio.sleep(0.01)
        cut = await there.adapter().restrict(mode=Mode.FULL_STOP, token="t", drain=0, undo=(), gate=no)
        assert (cut.held, cut.left) == (Mode.FULL_STOP, 0)
        assert await running


async def test_a_bot_that_may_not_look_around_still_cuts(there: Rig) -> None:
    """What it cannot see is named by preflight; the cut stands on what it can."""
    lost = ("-acl|list", "-info", "-cluster|nodes", "-config|get")
    await there.acl("SETUSER", there.bot, *lost)
    adapter = there.adapter()
    assert set(await adapter.preflight()) == {f"+{right[1:]}" for right in lost}
    cut = await adapter.restrict(mode=Mode.READ_ONLY, token="t", drain=0, undo=(), gate=yes)
    assert (cut.held, cut.left, cut.why) == (Mode.READ_ONLY, 0, "")


def test_rights_hold_no_write_of_data() -> None:
    """What every bot is asked for reads and changes users, not keys."""
    assert not {right for right in RedisAcl.permissions if right in {"+set", "+del", "+@all", "+@write"}}


async def _saved(there: Rig) -> str:
    return await asyncio.to_thread(there.server.acl_file.read_text)


def _line(text: str, user: str) -> str:
    return next(line for line in text.splitlines() if line.split()[1] == user)


async def _send(session: Redis, *command: str) -> None:
    """Sends it and does not wait for what it answers, which never ends."""
    connection = session.connection
    assert connection is not None
    await connection.send_command(*command)


async def _until(there: Rig, reached: Callable[[list[str]], bool]) -> None:
    for _ in range(500):
        clients = await there.witness.client_list()
        if reached([client["flags"] for client in clients if client["user"] == there.user]):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the sessions never came to that")
