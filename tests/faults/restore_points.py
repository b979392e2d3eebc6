"""Kill -9 at every system call of a ballot, its lift and its steps, and what the next start makes of it."""

import asyncio
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Mode
from bot.domain import ballot as ballots
from bot.domain import events
from bot.domain.ballot import Ballot
from bot.domain.board import Board
from tests.faults.crash_points import FILES
from tests.faults.estate import Estate, until
from tests.faults.programs import Program, is_stopped
from tests.faults.progress import Progress
from tests.faults.tracer import Call, kill_at, planned, strace, trace_only

Make = Callable[[str], Estate]
SETTLED_WITHIN = 6.0  # seconds after the next start
_PATIENCE = 20.0
_ORDER = [str(mode) for mode in Mode]


@dataclass(slots=True)
class Tally:
    """What came of a number of points."""

    points: int = 0
    killed: int = 0
    in_steps: int = 0  # of those, within a restore
    put_back: int = 0
    announced: int = 0  # surfaces whose last step had been announced

    def __str__(self) -> str:
        return (
            f"{self.points} points, {self.killed} killed there, {self.in_steps} within a restore, {self.put_back} put "
            f"back; {self.announced} announced lifts, 0 lost; 0 surfaces looser than their holds"
        )


async def plan(estate: Estate) -> list[Call]:
    """Every point of one restore that nobody kills."""
    program = await _held(estate)
    async with strace(program, _file(estate), *trace_only()):
        code = await program.ended()
    assert code == 0, estate.logs()
    assert await estate.modes() == ["normal"] * len(estate.surfaces)
    return planned(_file(estate).read_text(errors="replace").splitlines(), estate.state, FILES)


def sample(points: Sequence[Call], count: int, seed: int) -> list[Call]:
    """Some of the points: half at the journal's and the ledger's own files."""
    chance = random.Random(seed)  # noqa: S311  # a choice of points, no secret
    near = [point for point in points if point.path or point.name in ("fdatasync", "fsync")]
    far = [point for point in points if point not in near]
    chosen = chance.sample(near, min(len(near), count // 2))
    return chosen + chance.sample(far, min(len(far), count - len(chosen)))


async def try_points(points: Sequence[Call], make: Make) -> Tally:
    """Runs each point in an estate of its own, as many at once as there are processors. Fails at the first harm."""
    tally, slots, progress = Tally(), asyncio.Semaphore(os.cpu_count() or 2), Progress("restore", len(points))

    async def one(point: Call) -> None:
        async with slots:
            estate = make(f"restore{point.name}{point.number}{Path(point.path).name}".replace("_", "").replace(".", ""))
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
    program = await _held(estate)
    async with strace(program, _file(estate), *kill_at(point, estate.state)):
        async with asyncio.timeout(_PATIENCE):
            code = await program.ended()
    tally.points += 1
    tally.killed += code == -9
    left = _board(estate)
    modes = await _modes(estate, left)
    looser = {key: str(mode) for key, mode in modes.items() if mode < left.effective(key)}
    assert not looser, f"{looser} in the moment of the kill, looser than the holds on disk"
    wanted = _after_a_start(left, tally)
    await estate.serve()
    await until(lambda: not _in_the_middle(estate), SETTLED_WITHIN, "every restore of the dead process ended")
    board = _board(estate)
    held = {key: str(board.effective(key)) for key in wanted}
    assert held == {key: str(mode) for key, mode in wanted.items()}, f"held after the start: {held}"
    await _settle(estate, wanted)


def _after_a_start(board: Board, tally: Tally) -> Mapping[str, Mode]:
    """What each target must be held at after the next start: as its last announced step left it, or as before it."""
    wanted = {target.key: board.effective(target.key) for it in board.hold_events.values() for target in it.targets}
    for ballot in board.ballots.values():
        opened = ballot.opened
        if opened is None or not ballot.lifts:
            continue
        tally.in_steps += ballot.ended is None
        modes = dict(enumerate(ballots.steps(opened), 1))
        for item in opened.returns:
            done = [step for step, key in ballot.done if key == item.key]
            tally.announced += bool(done)
            tally.put_back += ballot.ended is None and _begun(ballot, item) > max(done, default=0)
            wanted[item.key] = modes[max(done)] if done else item.now
    return wanted


def _begun(ballot: Ballot, item: events.Return) -> int:
    return max(
        (step for step, lifts in ballot.lifts.items() for it in lifts for _, k in it.pairs if k == item.key), default=0
    )


async def _settle(estate: Estate, wanted: Mapping[str, Mode]) -> None:
    """The surfaces come to what is held, and stay there."""
    end = time.monotonic() + SETTLED_WITHIN
    while (modes := await _modes(estate, wanted)) != wanted:
        assert time.monotonic() < end, f"{modes} {SETTLED_WITHIN} s after the start, and {wanted} is held"
        await asyncio.sleep(0.02)


async def _modes(estate: Estate, keys: object) -> dict[str, Mode]:
    """By target, as the receivers have them."""
    assert keys is not None
    names = estate.surfaces
    found = zip(names, await estate.modes(), strict=True)
    return {f"http_control:{estate.url(name, 'control')}": Mode(mode) for name, mode in found}


def _in_the_middle(estate: Estate) -> bool:
    return any(ballot.restoring for ballot in _board(estate).ballots.values())


def _board(estate: Estate) -> Board:
    entries, problems = estate.journal()
    assert not problems, problems
    board = Board()
    for entry in entries:
        board.apply(entry.event)
    return board


async def _held(estate: Estate) -> Program:
    """Runs the program up to where everything is stopped and proven."""
    program = await estate.start("restore", module="tests.faults.restoring")
    await until(lambda: program.code is not None or is_stopped(program.pid), _PATIENCE, estate.logs)
    assert program.code is None, estate.logs()
    return program


def _file(estate: Estate) -> Path:
    return estate.folder / "trace"
