"""Does one line in the incident channel cut real systems, and does the thread say the truth?"""

import asyncio

import asyncpg
import pytest

from bot.sandbox.simulator import Simulator
from tests.acceptance.whole_bot import Bot, texts
from tests.acceptance.world import World
from tests.contract import redis_rig

PROVEN = "Everything in scope is cut and proven"


async def test_one_line_cuts_everything_and_the_thread_proves_it(
    running: Bot, world: World, sandbox: Simulator
) -> None:
    """A full stop ends the agent on PostgreSQL, Valkey and its API; after the proof it has no effect any more."""
    async with world.at_work():
        result = await sandbox.person("oncall").slash("/agent-kill", "full_stop leaking data")
        await sandbox.wait_for(lambda: any(PROVEN in text for text in texts(sandbox)), 10, what="the proof")

        assert await world.nothing_more()

    assert result.ok
    assert result.ack_ms is not None
    assert result.ack_ms < 1000
    assert "RECORDED" in result.text
    assert "NOT RECORDED" not in result.text
    story = "\n".join(texts(sandbox))
    for surface in ("billing/ledger", "billing/queue", "billing/api"):
        assert surface in story
    assert "leaking data" in story
    assert sandbox.calls.count("chat.postMessage") + sandbox.calls.count("chat.update") <= 8
    assert running.process is not None
    assert running.process.poll() is None


async def test_work_in_flight_is_ended_and_rolled_back(running: Bot, world: World, sandbox: Simulator) -> None:
    """A statement that runs when the stop comes is ended, and its transaction leaves nothing behind."""
    session = await asyncpg.connect(world.database.dsn(world.database.agent))
    transaction = session.transaction()
    await transaction.start()
    await session.execute("INSERT INTO effects VALUES (42)")
    sleeping = asyncio.create_task(session.execute("SELECT pg_sleep(60)"))

    await sandbox.person("oncall").slash("/agent-kill", "full_stop billing/ledger drill")

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await asyncio.wait_for(sleeping, 10)
    session.terminate()
    await sandbox.wait_for(lambda: any(PROVEN in text for text in texts(sandbox)), 10, what="the proof")
    assert await world.rows() == 0
    assert running.log


async def test_read_only_lets_reads_through_and_no_write(running: Bot, world: World, sandbox: Simulator) -> None:
    """Under read_only the agent may log in and read on every surface, and changes nothing anywhere."""
    await sandbox.person("oncall").slash("/agent-kill", "read_only billing/ledger billing/queue looking into it")
    await sandbox.wait_for(lambda: any(PROVEN in text for text in texts(sandbox)), 10, what="the proof")

    session = await asyncpg.connect(world.database.dsn(world.database.agent))
    assert await session.fetchval("SELECT body FROM notes") == "one"
    for statement in ("INSERT INTO effects VALUES (1)", "BEGIN READ WRITE; UPDATE notes SET body = 'x'; COMMIT"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.execute(statement)
    session.terminate()
    async with world.queue.agent() as client:
        assert await redis_rig.refused(client, "GET", "work") == ""
        for command in (("SET", "x", "1"), ("PUBLISH", "c", "1"), ("FLUSHALL",), ("EVAL", "return 1", "0")):
            assert await redis_rig.refused(client, *command)
    assert running.log


async def test_strangers_to_the_stop_group_are_refused(running: Bot, world: World, sandbox: Simulator) -> None:
    """Nobody outside the group stops anything; the sentence says why and who may."""
    for name in ("intruder", "guest", "agent", "other_bot"):
        if sandbox.person(name).id not in sandbox.channel("incident").members:
            continue
        result = await sandbox.person(name).slash("/agent-kill", "full_stop")
        assert result.ok
        assert "oncall" in result.text.lower() or "U0SECOND" in result.text, result.text

    assert texts(sandbox) == []
    assert await world.database.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", world.database.agent)
    assert running.log
