"""`agent-kill drill`: rehearses a stop now, through the running bot, or lists the drills with their last result."""

import asyncio
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bot.cli import common, show_drill
from bot.cli.stop import who
from bot.core import Core
from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.due import next_due
from bot.domain.model import Configuration, Drill
from bot.domain.practice import Run

LEFT_HELD, NOT_PASSED = 3, 1
_TAKEN_UP = 15.0  # seconds that the running bot gets to take the drill up
_LOOK = 0.1


@click.command("drill")
@click.argument("drill", required=False, metavar="[ID]")
@common.config_option
@common.json_option
def command(drill: str | None, config: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Runs the drill ID now and shows its scorecard; without ID lists the drills with their last result.

    A drill gives back what it cut, and only the running bot can do that: it alone has the database, and it alone must
    loosen a surface. So the drill is asked for in this host's journal, and the running bot of the same state
    directory takes it up; with no bot running nothing is cut. Exit 0: it passed; 1: it did not; 3: it did not, and
    something stays held; 2: usage or configuration.
    """
    common.quiet_logging()
    env = common.salvaged(config)
    configuration, _ = common.read_configuration(env)
    known = {item.id for item in configuration.drills}
    if drill is not None and drill not in known:
        common.fail(f"there is no drill {drill}; there are: {', '.join(sorted(known)) or 'none'}")
    core = Core(configuration, state_dir=env.state_dir, writer=env.writer, state_key=common.secret(env.state_key))
    sys.exit(asyncio.run(_list(core, as_json=as_json) if drill is None else _run(core, drill, as_json=as_json)))


async def _list(core: Core, *, as_json: bool) -> int:
    try:
        core.read()
        show_drill.listing(_rows(core), as_json=as_json)
    finally:
        await core.aclose()
    return 0


def _rows(core: Core) -> list[dict[str, Any]]:
    configuration: Configuration = core.inventory.configuration
    backstops = {item.name: item.backstop for item in configuration.surfaces() if item.backstop}
    return [_row(core, drill, backstops) for drill in configuration.drills]


def _row(core: Core, drill: Drill, backstops: Mapping[str, str]) -> dict[str, Any]:
    last, coming = core.board.practice.last(drill.id), next_due(drill.schedule, drill.timezone, core.clock.now())
    return {
        "drill": drill.id,
        "kind": drill.kind,
        "mode": str(drill.mode),
        "surfaces": list(drill.surfaces),
        "backstops": sorted({backstops[name] for name in drill.surfaces if name in backstops} - {*drill.surfaces}),
        "last": show_drill.as_json(last) if last else None,
        "next_due": _time(coming) if coming is not None else None,
    }


async def _run(core: Core, drill: str, *, as_json: bool) -> int:
    try:
        core.read()
        if not core.others_are_alive():
            common.fail("no bot is running on this state directory, and only it can give back: start `serve`", code=1)
        core.writer.open()
        ask = secrets.token_hex(8)
        by = events.Person(kind="cli", id=who())
        asked = drills.DrillAsked(at=core.clock.now(), ask=ask, drill=drill, by=by)
        if not await core.recorder.record(asked):
            common.fail("no disk takes the journal, so that nothing could be asked for; nothing was cut", code=1)
        run = await _taken_up(core, ask)
        with show_drill.Progress(quiet=as_json) as progress:
            await _follow(core, run, progress)
    finally:
        await core.aclose()
    show_drill.scorecard(run, as_json_=as_json)
    if run.ended is not None and run.ended.how == "passed":
        return 0
    return LEFT_HELD if run.left else NOT_PASSED


async def _taken_up(core: Core, ask: str) -> Run:
    """The run that answers the ask; ends the command where the bot says no, or nothing."""
    end = core.clock.monotonic() + _TAKEN_UP
    while True:
        for entry in core.read():
            if isinstance(entry.event, events.Refusal) and entry.event.asked.endswith(ask):
                common.fail(f"the drill was not begun: {entry.event.why}", code=1)
        runs = core.board.practice.runs.values()
        run = next((it for it in runs if it.claimed and it.claimed.ask == ask), None)
        if run is not None:
            return run
        if core.clock.monotonic() >= end:
            common.fail(f"the running bot did not take it up within {_TAKEN_UP:g} s; nothing was cut: see its log", 1)
        await asyncio.sleep(_LOOK)


async def _follow(core: Core, run: Run, progress: show_drill.Progress) -> None:
    """Until its end; a bot that dies in the middle of it gives back, or reports, after its restart."""
    while run.under_way:
        if not core.others_are_alive():
            common.fail("the bot ended in the middle of it; its next start gives back, or reports", LEFT_HELD)
        await asyncio.sleep(_LOOK)
        core.read()
        progress.update(core.board, run)
    progress.update(core.board, run)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="seconds")
