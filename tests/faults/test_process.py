"""Does what happens to the bot's own process (frozen, out of descriptors, told to end, started twice) cost a stop?"""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.acceptance.whole_bot import free_port
from tests.contract.servers import Database
from tests.faults.conftest import Make
from tests.faults.crash_points import holds, proven, recorded_but_not_sent
from tests.faults.estate import Estate, until
from tests.faults.programs import ROOT

SOON = 0.6  # seconds
_CROWD = 60
_MAY_LOG_IN = "SELECT rolcanlogin FROM pg_roles WHERE rolname = $1"


@pytest.mark.alone
async def test_from_the_interpreters_start_to_fully_cut(make: Make) -> None:
    """F05, P2: a cold `agent-kill serve`, imports and all, finishes an unfinished stop within 5 s."""
    estate = make()
    await recorded_but_not_sent(estate)
    process = subprocess.Popen(  # noqa: ASYNC220  # ended below
        [sys.executable, "-m", "bot", "serve"], env=estate.variables(), cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        assert await estate.all_cut(within=5) < 5
    finally:
        process.kill()
        process.wait()


async def test_a_recovery_that_is_killed_twenty_times_converges(make: Make) -> None:
    """F10, P2: killed after ever more milliseconds of recovering, the twenty-first start finishes."""
    estate = make()
    await recorded_but_not_sent(estate)
    for number in range(20):
        program = await estate.serve()
        await asyncio.sleep(number * 0.006)  # the fault itself: how far it gets
        program.kill()
        await program.ended()

    await estate.serve()

    await estate.all_cut(within=4)
    await until(lambda: proven(estate), 3, "all proven")
    assert len(holds(estate)) == 1
    assert len(list((estate.state / "journal").glob("*.jsonl"))) == 1


async def test_a_frozen_bot_goes_on_where_it_was(make: Make) -> None:
    """F11 F13, P1 P2: frozen when the call comes, it answers after SIGCONT; the command line does not need it."""
    estate = make()
    program = await estate.serve()
    port = await estate.port(program)
    program.send(signal.SIGSTOP)
    asking = asyncio.create_task(estate.post_stop(port))
    beside = await estate.stop()

    await estate.all_cut(within=SOON + 1)
    assert await beside.ended() == 0
    program.send(signal.SIGCONT)

    assert (await asking)["hold"] in {hold.hold for hold in holds(estate)}


async def test_a_bot_without_descriptors_still_stops(make: Make) -> None:
    """F12, P1: somebody holds every connection that the bot may have open; the stop comes from the command line."""
    estate = make()
    program = await estate.serve(files=40)
    port = await estate.port(program)
    async with _crowd(port):
        beside = await estate.stop()

        assert await beside.ended() == 0, estate.logs()
        await estate.all_cut(within=SOON)
        assert program.code is None, estate.logs()
    assert await estate.post_stop(port), estate.logs()


async def test_a_crowd_that_is_there_from_the_start_ends_no_bot(make: Make) -> None:
    """F12, P1 P3: held while it opens its listeners and through its first rounds, it takes stops later."""
    port = free_port()
    estate = make(environ={"AGENT_KILL_PORT": str(port)})
    program = await estate.serve(files=40)
    async with _crowd(port):
        await until(lambda: program.log.count("read: Too many open") > 2 or program.code is not None, 20, estate.logs)
        beside = await estate.stop()
        assert await beside.ended() == 0, estate.logs()
        await estate.all_cut(within=SOON)
        assert program.code is None, estate.logs()

    assert await estate.post_stop(port), estate.logs()


async def test_a_cold_start_that_cuts_with_every_descriptor_goes_on(make: Make) -> None:
    """F12, P2: more hung surfaces than descriptors, before the rest of the bot is even loaded; none of it ends it."""
    estate = make(surfaces=tuple(f"s{number}" for number in range(60)))
    await recorded_but_not_sent(estate)
    for surface in estate.surfaces:
        await estate.tell(surface, "fault", "hang")
    log = estate.folder / "cold.err"
    with log.open("w") as err:
        limited = ["prlimit", "--nofile=40", sys.executable, "-m", "bot", "serve"]
        process = subprocess.Popen(limited, env=estate.variables(), cwd=ROOT, stderr=err)  # noqa: ASYNC220  # ended below
    try:
        await until(lambda: "cannot be loaded yet" in log.read_text() or process.poll() is not None, 30, log.read_text)
        for surface in estate.surfaces:
            await estate.tell(surface, "fault", "")
        await estate.all_cut(within=20)
        assert process.poll() is None, log.read_text()
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def _crowd(port: int) -> AsyncIterator[None]:
    """Connections that say nothing, as many as a bot of 40 descriptors cannot have, from its first moment on."""
    writers: list[asyncio.StreamWriter] = []
    try:
        async with asyncio.timeout(20):
            while len(writers) < _CROWD:
                try:
                    writers.append((await asyncio.open_connection("127.0.0.1", port))[1])
                except OSError:  # nobody listens yet
                    await asyncio.sleep(0.001)
        yield
    finally:
        for writer in writers:
            writer.close()
        for writer in writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def test_sigterm_in_the_middle_hands_over(make: Make) -> None:
    """F14, P2: told to end while a surface hangs, it ends soon; the next start goes on with what is left."""
    estate = make()
    await estate.tell("crm", "fault", "hang")
    program = await estate.serve()
    assert await estate.post_stop(await estate.port(program))
    await estate.all_cut("mail", "pay", within=SOON)

    program.send(signal.SIGTERM)
    async with asyncio.timeout(10):
        assert await program.ended() == 0, estate.logs()
    await estate.tell("crm", "fault", "")
    await estate.serve()

    await estate.all_cut(within=4)


async def test_a_second_serve_is_refused_and_harms_nothing(make: Make) -> None:
    """F60, P1: the second one says why and ends; the first one goes on stopping."""
    estate = make()
    first = await estate.serve()
    port = await estate.port(first)

    second = await estate.serve()

    assert await second.ended() == 1
    assert "already serves" in second.log
    assert await estate.post_stop(port)
    await estate.all_cut(within=SOON)
    assert len(holds(estate)) == 1


@pytest.mark.parametrize("wrong", ["+1 h", "-1 h", "1970", "2038"])
async def test_a_wrong_clock_stops_nothing(make: Make, postgres_database: Database, wrong: str) -> None:
    """F58, P1 P2: a stop at a wrong time is recorded and carried out, and so is what a start at that time finds."""
    estate = make()
    _over_a_role(estate, postgres_database)
    now = time.time()
    clock = {"+1 h": now + 3600, "-1 h": now - 3600, "1970": 86400.0, "2038": 2.0**31 - 2}[wrong]

    stop = await estate.stop(clock=clock)
    assert await stop.ended() == 0, estate.logs()
    assert len(holds(estate)) == 1
    await postgres_database.run(f"ALTER ROLE {postgres_database.agent} LOGIN")
    await estate.serve(clock=clock)

    end = time.monotonic() + 5
    while await postgres_database.value(_MAY_LOG_IN, postgres_database.agent):
        assert time.monotonic() < end, "a start at that time does not cut again"
        await asyncio.sleep(0.05)


def _over_a_role(estate: Estate, database: Database) -> None:
    """One real role, whose server needs no signed time."""
    ledger = {
        "adapter": "postgres_role",
        "class": "database",
        "settings": {"dsn": "${LEDGER_ADMIN_DSN}", "role": database.agent},
    }
    estate.configure({"billing": {"name": "Billing", "surfaces": {"ledger": ledger}}})
    estate.environ["LEDGER_ADMIN_DSN"] = database.dsn(database.bot)
