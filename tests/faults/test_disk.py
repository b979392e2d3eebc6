"""Does a disk that fails, fills, hangs or refuses cost a stop anything, and is it said what was not recorded?"""

import io
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import Make
from tests.faults.crash_points import holds, proven
from tests.faults.estate import Estate, until
from tests.faults.tracer import inject, strace, trace_only

RECORD_BUDGET = 0.050  # seconds that a dispatch may wait for the disk
LATENCY = 0.25  # seconds: three surfaces on a machine that is traced and shared
TROUBLES = [("fdatasync", "EIO"), ("fdatasync", "ENOSPC"), ("write", "EIO"), ("write", "ENOSPC"), ("write", "EDQUOT")]


async def stopped_under(estate: Estate, *options: str, tail: Any = None) -> dict[str, Any]:
    """Stops through a signed call, the bot's calls failing as told; the surfaces must be cut in time."""
    program = await estate.serve()
    port = await estate.port(program)
    async with strace(program, estate.folder / "trace", *options):
        sent = time.monotonic()
        told = await estate.post_stop(port)
        await estate.all_cut(within=RECORD_BUDGET + LATENCY)
        cut = max([(await estate.witness(surface))["cut_at"] for surface in estate.surfaces])
        assert cut - sent < RECORD_BUDGET + LATENCY
        if tail:
            await until(lambda: tail(estate), 10, estate.logs)
    return told


@pytest.mark.parametrize(("call", "error"), TROUBLES)
async def test_a_file_that_failed_is_left_for_the_next(make: Make, call: str, error: str) -> None:
    """F24, P1 P2: the hold is durable in another file, the failed one is not written again, a restart finds it."""
    estate = make()
    own = estate.state / "journal" / "bot.jsonl"

    told = await stopped_under(estate, *inject(call, f"error={error}", path=own), tail=proven)

    assert told["hold"] in {hold.hold for hold in holds(estate)}
    trace = (estate.folder / "trace").read_text()
    assert trace.count("(INJECTED)") == 1, trace
    assert "failed; going on with the next" in estate.logs()
    await estate.end()
    for surface in estate.surfaces:
        await estate.tell(surface, "set", '{"mode": "normal"}')
    await estate.serve()
    await estate.all_cut(within=4)


async def test_with_no_disk_at_all_the_stop_runs_and_says_not_recorded(make: Make) -> None:
    """F24 F26, P1 P5: every fsync of the process fails; all is cut in time, and the answer says not recorded."""
    estate = make()

    told = await stopped_under(estate, *inject("fdatasync,fsync", "error=EIO"))

    assert told["recorded"] == "none"
    assert estate.started[-1].code is None


async def test_the_command_line_says_not_recorded(make: Make) -> None:
    """F24 F26, P1 P5: the same from the command line; exit 0, since everything is cut."""
    estate = make()
    program = await estate.stop(held=True)
    async with strace(program, estate.folder / "trace", *inject("fdatasync,fsync", "error=ENOSPC")):
        assert await program.ended() == 0, estate.logs()

    assert '"recorded": "none"' in program.said
    assert '"not_cut": []' in program.said
    await estate.all_cut(within=1)


@pytest.mark.parametrize("seconds", [0.3, 1.0])
async def test_a_slow_disk_is_waited_for_fifty_milliseconds(make: Make, seconds: float) -> None:
    """F24, P1 P3: nothing is called recorded before it is; the hold becomes durable when the disk answers."""
    estate = make()
    own = estate.state / "journal" / "bot.jsonl"

    told = await stopped_under(estate, *inject("fdatasync", f"delay_enter={int(seconds * 1e6)}", path=own), tail=proven)

    assert told["recorded"] == "none"
    assert holds(estate)


async def test_a_disk_that_hangs_is_left_for_the_next(make: Make) -> None:
    """F24, P1 P2: an fsync that hangs counts as failed after two seconds; what waited becomes durable elsewhere."""
    estate = make()
    own = estate.state / "journal" / "bot.jsonl"

    told = await stopped_under(
        estate,
        *inject("fdatasync", "delay_enter=8000000", path=own),
        tail=lambda _: any("hold_added" in file.read_text() for file in estate.second.glob("*.jsonl")),
    )

    assert told["recorded"] == "none"


async def test_a_full_disk_hands_over_to_the_second(make: Make) -> None:
    """F23, P1 P2: the journal's own file system has no room; the hold is durable on the other one."""
    estate = make()
    journal = estate.state / "journal"
    journal.mkdir(mode=0o700, parents=True)
    program = await estate.serve(mounts=[_small(journal)])
    port = await estate.port(program)
    _fill(Path(f"/proc/{program.pid}/root{journal}"))

    assert await estate.post_stop(port)

    await estate.all_cut(within=1)
    await until(lambda: bool(holds(estate)), 1, "the hold on the second disk")
    assert _journals(Path(f"/proc/{program.pid}/root{journal}")) == ["bot.jsonl"], "a full disk is not asked again"


async def test_two_full_disks_are_said_and_stop_nothing(make: Make) -> None:
    """F23 F26, P1 P5: neither file system has room; everything is cut and the answer says not recorded."""
    estate = make()
    journal = estate.state / "journal"
    for folder in (journal, estate.second):
        folder.mkdir(mode=0o700, parents=True)
    program = await estate.serve(mounts=[_small(journal), _small(estate.second)])
    port = await estate.port(program)
    for folder in (journal, estate.second):
        _fill(Path(f"/proc/{program.pid}/root{folder}"))

    told = await estate.post_stop(port)

    await estate.all_cut(within=1)
    assert told["recorded"] == "none"
    assert program.code is None


@pytest.mark.parametrize("door", ["signed call", "command line"])
async def test_a_read_only_state_directory_stops_nothing(make: Make, door: str) -> None:
    """F19 F62, P1 P2: journal, database and caches cannot be written; the hold is durable on the second disk."""
    estate = make()
    await estate.port(await estate.serve())
    await estate.end()
    state = str(estate.state)
    mounts = [["--bind", state, state], ["-o", "remount,ro,bind", state]]

    if door == "signed call":
        program = await estate.serve(mounts=mounts)
        assert await estate.post_stop(await estate.port(program))
        await until(lambda: "database" in program.log, 5, "the database's trouble in the log")
    else:
        program = await estate.stop(mounts=mounts)
        assert await program.ended() == 0, estate.logs()
        assert '"recorded": "journal"' in program.said

    await estate.all_cut(within=1)
    assert holds(estate), estate.logs()


async def test_what_is_acknowledged_is_on_the_disk_before(make: Make) -> None:
    """F28, P2: with the power cut at the acknowledgement, or at the first call, the whole hold is on the disk."""
    estate = make()
    await stopped_under(estate, *trace_only(), "-s", "4096")
    lines = (estate.folder / "trace").read_text(errors="replace").splitlines()

    written = _first(lines, "write(", "bot.jsonl", "hold_added")
    synced = _first(lines, "fdatasync", "bot.jsonl")
    answered = _first(lines, "202 Accepted")
    sent = _first(lines, "POST", "/control HTTP/1.1")  # what only looks may come before
    assert written < synced < min(answered, sent)


def _first(lines: list[str], *words: str) -> int:
    return next(number for number, line in enumerate(lines) if all(word in line for word in words))


def _journals(folder: Path) -> list[str]:
    return [file.name for file in folder.glob("*.jsonl")]


def _small(folder: Path) -> list[str]:
    return ["-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs", str(folder)]


def _fill(folder: Path) -> None:
    with (folder / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        _write_for_ever(file)


def _write_for_ever(file: io.RawIOBase) -> None:
    while True:
        file.write(b"x" * 1024)
