"""Kill -9 at the system calls of a bot that carries out a drill, and what the next start makes of it."""

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Mode
from bot.domain.board import Board
from tests.faults.crash_points import FILES
from tests.faults.estate import Estate, until
from tests.faults.programs import Program
from tests.faults.progress import Progress
from tests.faults.tracer import Call, kill_at, planned, strace, trace_only

Make = Callable[[str], Estate]
_READY = 15.0  # seconds until a fresh bot has its database and its first checkpoint
_PATIENCE = 25.0  # seconds that a drill may take
_OVER = 45.0  # seconds after the next start until it is given back, or told: it waits 30 s for what it needs to know
_EARLY, _STEPS = 2, 7  # entries of the journal before a drill begins, and those of its own
_DRILLS = """
drills:
  weekly: {schedule: "0 3 1 JAN *", surfaces: [SURFACES], mode: MODE, kind: live, accept_loss: true, faults: [ledger]}
"""


@dataclass(slots=True)
class Tally:
    """What came of a number of points."""

    points: int = 0
    killed: int = 0
    in_the_middle: int = 0  # of those, with a claim on disk and no end
    cut: int = 0  # of those, with its hold on disk
    left: int = 0  # runs that left something held, and said so

    def __str__(self) -> str:
        return (
            f"{self.points} points, {self.killed} killed there, {self.in_the_middle} in the middle of a drill, "
            f"{self.cut} of them with its hold on disk; {self.left} left something held and said so; 0 surfaces half"
        )


async def plan(estate: Estate) -> list[Call]:
    """Every point of one drill that nobody kills."""
    bot = await _ready(estate)
    async with strace(bot, _file(estate), *trace_only()):
        told = await estate.start("drill", "weekly", "--json")
        assert await told.ended() == 0, told.said + estate.logs()
    assert await estate.modes() == ["normal"] * len(estate.surfaces)
    await estate.end()
    return planned(_file(estate).read_text(errors="replace").splitlines(), estate.state, FILES)


def sample(points: Sequence[Call], count: int, seed: int) -> list[Call]:
    """Some of the points: most where the journal is made durable, for each of its entries is a step of the drill."""
    chance = random.Random(seed)  # noqa: S311  # a choice of points, no secret
    durable = [point for point in points if point.path == FILES[0] and point.name in ("fdatasync", "write")]
    near = [point for point in durable if _EARLY < point.number <= _EARLY + _STEPS]
    far = [point for point in points if point not in near]
    chosen = chance.sample(near, min(len(near), count * 2 // 3))
    return chosen + chance.sample(far, min(len(far), count - len(chosen)))


async def try_points(points: Sequence[Call], make: Make) -> Tally:
    """Runs each point in an estate of its own, as many at once as there are processors. Fails at the first harm."""
    tally, slots, progress = Tally(), asyncio.Semaphore(os.cpu_count() or 2), Progress("drill", len(points))

    async def one(point: Call) -> None:
        async with slots:
            estate = make(f"drill{point.name}{point.number}{Path(point.path).name}".replace("_", "").replace(".", ""))
            try:
                await _try(point, estate, tally)
            except AssertionError as error:
                raise AssertionError(f"killed at {point}: {error}\n{estate.logs()}") from error
            finally:
                await estate.end()
                progress.step()

    async with asyncio.TaskGroup() as group:
        for point in points:
            group.create_task(one(point))
    return tally


async def _try(point: Call, estate: Estate, tally: Tally) -> None:
    bot = await _ready(estate)
    async with strace(bot, _file(estate), *kill_at(point, estate.state)):
        asked = await estate.start("drill", "weekly", "--json")
        await until(lambda: bot.code is not None or asked.code is not None, _PATIENCE, estate.logs)
    asked.kill()
    bot.kill()
    tally.points += 1
    tally.killed += await bot.ended() == -9
    board = _board(estate)
    looser = {key: mode for key, mode in (await _modes(estate)).items() if mode < board.effective(key)}
    verified = {key for key, proof in board.proofs.items() if proof.outcome == "verified" and board.is_proven(key)}
    assert not looser.keys() & verified, f"{looser} in the moment of the kill, looser than what was proven of it"
    middle = [run for run in board.practice.runs.values() if run.under_way]
    tally.in_the_middle += bool(middle)
    tally.cut += any(run.started and run.started.hold in board.hold_events for run in middle)
    await estate.serve()
    await until(lambda: _is_over(estate, asked=bool(board.practice.asked)), _OVER, estate.logs)
    await _is_whole(estate, tally)


async def _is_whole(estate: Estate, tally: Tally) -> None:
    """Every surface is as it is held, and what is held was told as left."""
    board = _board(estate)
    told = {name for run in board.practice.runs.values() if run.left for name in run.left.surfaces}
    tally.left += bool(told)
    held = set(board.held_surfaces())
    assert held == told, f"held: {held}, told as left: {told}"
    async with asyncio.timeout(10):
        while any(mode is not board.effective(key) for key, mode in (await _modes(estate)).items()):  # noqa: ASYNC110  # a receiver elsewhere
            await asyncio.sleep(0.05)


def _is_over(estate: Estate, *, asked: bool) -> bool:
    """No run is under way, and what was asked for was taken up where that was on disk: a fresh bot does so too."""
    runs = _board(estate).practice.runs.values()
    return not any(run.under_way for run in runs) and (bool(runs) or not asked)


async def _ready(estate: Estate) -> Program:
    """A bot that could carry out a drill."""
    names = ", ".join(f"desk/{surface}" for surface in estate.surfaces)
    estate.configure(estate.agents(), more=_DRILLS.replace("SURFACES", names).replace("MODE", "full_stop"))
    bot = await estate.serve()
    await estate.port(bot)
    return bot


async def _modes(estate: Estate) -> dict[str, Mode]:
    """By target, as the receivers have them."""
    found = zip(estate.surfaces, await estate.modes(), strict=True)
    return {f"http_control:{estate.url(name, 'control')}": Mode(mode) for name, mode in found}


def _board(estate: Estate) -> Board:
    entries, problems = estate.journal()
    assert not problems, problems
    board = Board()
    for entry in entries:
        board.apply(entry.event)
    return board


def _file(estate: Estate) -> Path:
    return estate.folder / "trace"
