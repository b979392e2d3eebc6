"""Does anything that happens to the database change a stop, and is the database made whole afterwards?"""

import asyncio
import itertools
import shutil
import signal
import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing, suppress

import asyncpg
import pytest

from bot.sandbox.processes import descendants, send
from bot.store.upgrade import upgrade
from tests.contract.servers import PostgresServer
from tests.faults.conftest import Make
from tests.faults.crash_points import holds, proven
from tests.faults.estate import Estate, until
from tests.faults.programs import Program
from tests.faults.tracer import inject, strace

SOON = 0.5  # seconds from the call to every surface really cut, on a machine that is shared
_NAMES = itertools.count(1)


async def stops(estate: Estate, program: Program) -> None:
    """Asserts that a stop is recorded, acknowledged and carried out at once."""
    port = await estate.port(program)
    told = await estate.post_stop(port)
    await estate.all_cut(within=SOON)
    assert told["hold"] in {hold.hold for hold in holds(estate)}
    await until(lambda: proven(estate), 3, "all proven")


async def says(estate: Estate, program: Program, words: str, within: float = 8.0) -> None:
    """Waits until the status names the trouble; empty `words`: until there is none."""
    end = time.monotonic() + within
    while True:
        problems = " | ".join((await estate.status(program))["problems"])
        if words in problems if words else not problems:
            return
        assert time.monotonic() < end, problems
        await asyncio.sleep(0.05)


def kept(estate: Estate) -> int:
    """How many entries the SQLite ledger has."""
    with closing(sqlite3.connect(estate.state / "ledger.sqlite3", timeout=5)) as ledger, suppress(sqlite3.Error):
        return int(ledger.execute("SELECT count(*) FROM entries").fetchone()[0])
    return -1


async def is_whole(estate: Estate, count: Callable[[], int] | None = None) -> None:
    """Waits until the ledger has every entry of the journals."""
    counted = count or (lambda: kept(estate))
    await until(lambda: counted() == len(estate.journal()[0]), 40, "the ledger has what the journal has")


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "postgresql://nobody@127.0.0.1:{silent}/none"])
async def test_a_database_that_refuses_or_never_answers(make: Make, url: str) -> None:
    """F15 F16, P1 P5: nobody waits for the database, and the status page says that it is behind."""
    taken: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _reader, writer: taken.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    estate = make(environ={"AGENT_KILL_DATABASE_URL": url.format(silent=port)})
    program = await estate.serve()

    await stops(estate, program)

    await says(estate, program, "database", within=15)
    await estate.end()
    silent.close()
    for writer in taken:
        writer.transport.abort()
    await asyncio.sleep(0)


@pytest.mark.alone
async def test_a_frozen_database_costs_a_stop_nothing(
    make: Make, postgres_server: PostgresServer, tell: Callable[[str], None]
) -> None:
    """F16 F22, P1 P2: SIGSTOP in mid-stop costs at most 1.2 times the normal time; SIGCONT, and all is recorded."""
    url = await _ledger(postgres_server)
    estate = make(environ={"AGENT_KILL_DATABASE_URL": url})
    rounds = [f"a{number}" for number in range(20)]
    ids = [f"s{number}" for number in range(60)]
    agents = {name: {"name": name, "surfaces": {i: estate.surface(f"{name}-{i}") for i in ids}} for name in rounds}
    estate.configure(agents)
    program = await estate.serve()
    port = await estate.port(program)

    times: dict[bool, list[float]] = {False: [], True: []}
    for number, name in enumerate(rounds):
        frozen = number % 2 == 1
        surfaces = [f"{name}-{i}" for i in ids]
        family = [postgres_server.pid, *descendants(postgres_server.pid)]
        times[frozen].append(await _kill_time(estate, port, name, surfaces, family if frozen else []))
        postgres_server.thaw()

    normal, slow = statistics.median(times[False][1:]), statistics.median(times[True])
    tell(f"60 surfaces: {normal * 1000:.0f} ms normal, {slow * 1000:.0f} ms with the database frozen (medians)")
    assert slow <= 1.2 * normal + 0.005, times
    end = time.monotonic() + 60
    while await _entries(url) != len(estate.journal()[0]):
        assert time.monotonic() < end, (await estate.status(program))["problems"]
        await asyncio.sleep(0.1)


async def _kill_time(estate: Estate, port: int, agent: str, surfaces: list[str], freeze: list[int]) -> float:
    """Seconds from the call until the last surface is really cut; these processes freeze once the call is out."""
    sent = time.monotonic()
    asking = asyncio.create_task(estate.post_stop(port, all=False, agents=[agent]))
    await asyncio.sleep(0)
    for pid in freeze:
        send(pid, signal.SIGSTOP)
    assert await asking
    await estate.all_cut(*surfaces, within=5)
    return float(max([(await estate.witness(surface))["cut_at"] for surface in surfaces])) - sent


async def _ledger(server: PostgresServer) -> str:
    name = f"ledger{next(_NAMES)}"
    connection = await asyncpg.connect(server.dsn())
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    url = server.dsn(database=name)
    await upgrade(url)
    return url


async def _entries(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM entries"))
    finally:
        await connection.close()


async def test_a_full_disk_under_the_database(make: Make) -> None:
    """F18, P1 P2: no write of the ledger finds room; the stop is recorded and carried out, room mends the ledger."""
    estate = make()
    program = await estate.serve()
    await estate.port(program)
    await until((estate.state / "ledger.sqlite3-wal").exists, 5)
    await says(estate, program, "")
    trace = estate.folder / "trace"
    async with strace(program, trace, *inject("pwrite64", "error=ENOSPC", path=estate.state / "ledger.sqlite3-wal")):
        await stops(estate, program)
        await says(estate, program, "database or disk is full")
    assert "ENOSPC" in trace.read_text()

    await says(estate, program, "", within=40)
    await is_whole(estate)


async def test_a_locked_sqlite_file(make: Make) -> None:
    """F17, P1 P2: another program holds the file; the stop runs, the trouble is said, and the lock's end mends it."""
    estate = make()
    program = await estate.serve()
    await estate.port(program)
    await until((estate.state / "ledger.sqlite3").exists, 5)
    await says(estate, program, "")
    locker = sqlite3.connect(estate.state / "ledger.sqlite3", isolation_level=None, timeout=5)
    locker.execute("BEGIN EXCLUSIVE")

    await stops(estate, program)
    await says(estate, program, "database", within=12)
    locker.execute("ROLLBACK")
    locker.close()

    await is_whole(estate)
    await says(estate, program, "")


async def test_a_corrupt_sqlite_file(make: Make) -> None:
    """F20, P1 P2: a file full of rubbish keeps neither the start nor the stop, and is said."""
    estate = make()
    estate.state.mkdir(mode=0o700)
    (estate.state / "ledger.sqlite3").write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    program = await estate.serve()

    await stops(estate, program)

    await says(estate, program, "database")


async def test_an_old_backup_is_made_whole(make: Make) -> None:
    """F21, P2: yesterday's file is put back while holds live; they stay held, and the journal fills the file again."""
    estate = make()
    program = await estate.serve()
    await estate.port(program)
    await until((estate.state / "ledger.sqlite3").exists, 5)
    await says(estate, program, "")
    await estate.end()
    shutil.copy(estate.state / "ledger.sqlite3", estate.folder / "backup")
    program = await estate.serve()
    await stops(estate, program)
    await is_whole(estate)
    await estate.end()
    for file in estate.state.glob("ledger.sqlite3*"):
        file.unlink()
    shutil.copy(estate.folder / "backup", estate.state / "ledger.sqlite3")
    for surface in estate.surfaces:
        await estate.tell(surface, "set", '{"mode": "normal"}')

    await estate.serve()

    await estate.all_cut(within=4)
    await is_whole(estate)
