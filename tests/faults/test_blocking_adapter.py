"""Does an adapter that never gives the event loop back cost the other surfaces more than one restart?"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.domain import events
from tests.faults.conftest import Make
from tests.faults.estate import SURFACES, Estate, until
from tests.faults.programs import ROOT

STUCK = "desk/stuck"
ADAPTER = '''
import time
from typing import ClassVar
from adapters.memory import Memory

class Stubborn(Memory):
    """Waits for an answer as many a client library does: without giving way."""

    kind: ClassVar[str] = "stubborn"

    async def restrict(self, **_):
        time.sleep(3600)
'''
# The product's own limits are 2 and 20 seconds.
PROGRAM = """
import sys
from bot.service import watchdog
quick = watchdog.Limits(noticed=0.5, ended=1.5)
watchdog.Limits = lambda: quick
from bot.cli import main
sys.argv = ["agent-kill", *sys.argv[1:]]
main()
"""
CUT_WITHIN = 5.0  # seconds from the start of an interpreter
NOT_CUT = 3


@pytest.fixture
def estate(make: Make, tmp_path: Path) -> Estate:
    """Three good surfaces, and one of high risk whose adapter, from another package, blocks."""
    site = tmp_path / "site"
    told = site / "stubborn-1.0.dist-info"
    told.mkdir(parents=True)
    (site / "stubborn.py").write_text(ADAPTER)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: stubborn\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text("[agent_kill.adapters]\nstubborn = stubborn:Stubborn\n")
    estate = make(environ={"PYTHONPATH": str(site)})
    agents = estate.agents()
    agents["desk"]["surfaces"]["stuck"] = {
        "adapter": "stubborn",
        "class": "api",
        "risk": "high",
        "deadline": "1s",
        "settings": {"target": "stuck"},
    }
    estate.configure(agents)
    return estate


@contextmanager
def running(estate: Estate, *argv: str) -> "Iterator[subprocess.Popen[str]]":
    """`agent-kill argv` in an interpreter of its own, with impatient limits."""
    with (estate.folder / "log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *argv],
            env=estate.variables(),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def log(estate: Estate) -> str:
    """What the programs said."""
    return (estate.folder / "log").read_text()


async def port(estate: Estate) -> int:
    """The public port of the program that was started last."""
    said = "the public listener is on http://127.0.0.1:"
    await until(lambda: said in log(estate), 20, lambda: log(estate))
    return int(log(estate).rpartition(said)[2].split()[0])


async def ended(process: "subprocess.Popen[str]") -> int:
    """Its exit code, once it ended."""
    await until(lambda: process.poll() is not None, 20, "the process ends")
    return int(process.returncode)


def blocks(estate: Estate) -> list[events.LoopBlocked]:
    """What the journals have of it; a starved machine may hold the loop up before any surface does."""
    found = (entry.event for entry in estate.journal()[0])
    return [event for event in found if isinstance(event, events.LoopBlocked) and event.target]


async def test_serve_ends_itself_and_its_next_start_cuts_the_others_first(estate: Estate) -> None:
    """F53 F13, P1 P2 P3: noticed, named, ended; the next start cuts all others within 5 s, and says what is NOT CUT."""
    with running(estate, "serve", "--verbose") as first:
        asking = asyncio.create_task(estate.post_stop(await port(estate)))
        assert await ended(first) == os.EX_TEMPFAIL
        await asking
    assert await estate.modes() == ["normal"] * len(SURFACES), "the adapter did not block: this test proves nothing"
    assert [(event.target, event.ended) for event in blocks(estate)] == [
        ("memory:stuck", False),
        ("memory:stuck", True),
    ]
    assert "time.sleep(3600)" in log(estate)
    assert "the event loop is blocked" in log(estate)

    with running(estate, "serve", "--verbose") as second:
        await estate.all_cut(within=CUT_WITHIN)
        assert second.poll() is None


async def test_the_command_line_ends_and_does_the_rest_when_it_is_repeated(estate: Estate) -> None:
    """F53, P1 P5: exit 3 and the surface's name; the same command again cuts the others and lists the one NOT CUT."""
    words = ("stop", "full_stop", "--all", "--reason", "drill", "--json")
    with running(estate, *words) as first:
        assert await ended(first) == NOT_CUT
    assert "serves all other surfaces before memory:stuck" in log(estate)

    with running(estate, *words) as second:
        await estate.all_cut(within=CUT_WITHIN)
        assert await ended(second) == NOT_CUT
        assert second.stdout is not None
        said = second.stdout.read()
    assert json.loads(said)["not_cut"] == [STUCK]
