"""Kill -9 at every system call of the stop and recovery paths, and what the next start makes of it.

The method is that of crash-point exploration as ALICE (Pillai and others, OSDI 2014) and CrashMonkey apply it to file
systems: record one run, take each of its calls as a point, run again and die there, recover, compare with what was
promised. Points come from a recorded trace, so that new code adds its own.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain import events
from bot.domain.outcome import Outcome
from tests.faults.estate import Estate, until
from tests.faults.programs import Program
from tests.faults.progress import Progress
from tests.faults.tracer import Call, kill_at, planned, strace, trace_only

RESTART_TO_CUT = 4.0  # seconds; the interpreter and the imports, one second, were spent before the fork
FILES = ("journal/bot.jsonl", "http-used", "ledger.sqlite3", "ledger.sqlite3-wal")
_AFTERWARDS = 0.8  # seconds that a program lives on after its stop, so that the database's and the watch's calls count
_LONGEST = 5.0  # seconds: a path that proves nothing by then is killed, and judged by what it left
_TRIES = 10  # at most, until a stop died just where it should
_DURABLE_AND_NOT_TOLD = Call("sendto", 1)  # the journal's thread wakes the event loop

Make = Callable[[str], Estate]
Act = Callable[[Estate, tuple[str, ...]], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way through the product.

    Args:
        act: runs it under strace with these options; returns whether the stop was acknowledged.
        restarts: whether a fresh `serve` recovers; otherwise one that runs already does.
    """

    name: str
    act: Act
    restarts: bool = True


@dataclass(slots=True)
class Tally:
    """What came of a number of points."""

    points: int = 0
    killed: int = 0
    acknowledged: int = 0
    recorded: int = 0
    restart_to_cut: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        longest = max(self.restart_to_cut, default=0.0)
        return (
            f"{self.points} points, {self.killed} killed there, {self.recorded} with the hold on disk, "
            f"{self.acknowledged} acknowledged, 0 lost; restart to fully cut {longest * 1000:.0f} ms at most"
        )


async def from_the_command_line(estate: Estate, options: tuple[str, ...]) -> bool:
    """`agent-kill stop`, nothing else running."""
    program = await estate.stop(held=True)
    async with strace(program, _file(estate), *options):
        await program.ended()
    return '"recorded": "journal"' in program.said


async def beside_a_bot(estate: Estate, options: tuple[str, ...]) -> bool:
    """`agent-kill stop` beside a running bot, which has to adopt what is left."""
    await estate.port(await estate.serve())
    return await from_the_command_line(estate, options)


async def through_a_call(estate: Estate, options: tuple[str, ...]) -> bool:
    """`POST /v1/stop` to a running bot."""
    program = await estate.serve()
    port = await estate.port(program)
    async with strace(program, _file(estate), *options):
        told = await estate.post_stop(port)
        await _linger(estate, program)
    return told.get("recorded") == "journal"


async def in_recovery(estate: Estate, options: tuple[str, ...]) -> bool:
    """A start that finds a stop of which nothing was carried out."""
    await recorded_but_not_sent(estate)
    program = await estate.serve(held=True)
    async with strace(program, _file(estate), *options):
        await _linger(estate, program)
    return True


ROUTES = {
    route.name: route
    for route in (
        Route(name="command_line", act=from_the_command_line),
        Route(name="beside_a_bot", act=beside_a_bot, restarts=False),
        Route(name="signed_call", act=through_a_call),
        Route(name="recovery", act=in_recovery),
    )
}


async def recorded_but_not_sent(estate: Estate) -> None:
    """Leaves a journal with a hold on disk, and not one call made.

    Another thread than the journal's may be the first to wake the loop: a stop that died before it was recorded was
    never acknowledged, and is asked for again.
    """
    for _ in range(_TRIES):
        program = await estate.stop(held=True)
        async with strace(program, _file(estate), *kill_at(_DURABLE_AND_NOT_TOLD, estate.state)):
            await program.ended()
        if holds(estate):
            break
    assert holds(estate), estate.logs()
    assert await estate.modes() == ["normal"] * len(estate.surfaces)


async def plan(route: Route, estate: Estate) -> list[Call]:
    """Every point of one run that nobody kills."""
    assert await route.act(estate, trace_only())
    await estate.all_cut(within=1)
    await estate.end()
    return planned(_file(estate).read_text(errors="replace").splitlines(), estate.state, FILES)


async def try_points(route: Route, points: Sequence[Call], make: Make) -> Tally:
    """Runs each point in an estate of its own, as many at once as there are processors. Fails at the first loss."""
    tally, slots, progress = Tally(), asyncio.Semaphore(os.cpu_count() or 2), Progress(route.name, len(points))

    async def one(point: Call) -> None:
        async with slots:
            name = "-".join(map(str, (route.name, point.name, point.number, Path(point.path).name)))
            estate = make(name.replace("_", "").replace(".", ""))
            try:
                await _try(route, point, estate, tally)
            except AssertionError as error:
                raise AssertionError(f"{route.name} killed at {point}: {error}\n{estate.logs()}") from error
            finally:
                await estate.end()
                progress.step()

    async with asyncio.TaskGroup() as group:
        for point in points:
            group.create_task(one(point))
    return tally


def sample(points: Sequence[Call], count: int, seed: int) -> list[Call]:
    """Some of the points: all that touch the journal's own file first, the others by chance."""
    chance = random.Random(seed)  # noqa: S311  # a choice of points, no secret
    nearest = [point for point in points if point.path == FILES[0] or point.name in ("fdatasync", "fsync")][:count]
    others = [point for point in points if point not in nearest]
    return nearest + chance.sample(others, min(len(others), count - len(nearest)))


def holds(estate: Estate) -> list[events.HoldAdded]:
    """The holds that the disks have; fails where a journal is damaged."""
    entries, problems = estate.journal()
    assert not problems, problems
    return [entry.event for entry in entries if isinstance(entry.event, events.HoldAdded)]


def proven(estate: Estate) -> bool:
    """Whether the journals' last word on every surface is that it is proven cut."""
    last = {
        proof.target: proof.outcome
        for entry in sorted(estate.journal()[0], key=lambda entry: entry.event.at)
        if isinstance(entry.event, events.Outcomes)
        for proof in entry.event.proofs
    }
    return len(last) == len(estate.surfaces) and set(last.values()) == {Outcome.VERIFIED}


async def _try(route: Route, point: Call, estate: Estate, tally: Tally) -> None:
    acknowledged = await route.act(estate, kill_at(point, estate.state))
    tally.points += 1
    tally.killed += any(program.code == -9 for program in estate.started)
    tally.acknowledged += acknowledged
    recorded = bool(holds(estate))
    tally.recorded += recorded
    assert recorded or not acknowledged, "an acknowledged stop is not on disk"
    began = time.monotonic()
    bot = await _who_recovers(route, estate)
    if recorded:
        tally.restart_to_cut.append(await _is_carried_out(estate, began))
    else:
        await _is_asked_again(estate, bot)
    assert not estate.journal()[1], estate.journal()[1]


async def _who_recovers(route: Route, estate: Estate) -> Program:
    if not route.restarts:
        return estate.started[0]
    for program in estate.started:
        program.kill()
        await program.ended()
    return await estate.serve()


async def _is_carried_out(estate: Estate, began: float) -> float:
    await estate.all_cut(within=RESTART_TO_CUT)
    took = time.monotonic() - began
    await until(lambda: proven(estate), 3, "every surface proven in the journal")
    return took


async def _is_asked_again(estate: Estate, bot: Program) -> None:
    """What was never acknowledged is repeated by whoever asked, and must then work."""
    assert await estate.post_stop(await estate.port(bot))
    await estate.all_cut(within=RESTART_TO_CUT)
    await until(lambda: bool(holds(estate)), 3, "the hold on disk")  # on a busy disk later than its answer


async def _linger(estate: Estate, program: Program) -> None:
    """Until the program is dead, or everything is proven and a moment passed; then it is killed in any case."""
    end, last = None, time.monotonic() + _LONGEST
    while program.code is None and time.monotonic() < (end or last):
        if end is None and proven(estate):
            end = time.monotonic() + _AFTERWARDS
        await asyncio.sleep(0.01)
    program.kill()
    await program.ended()


def _file(estate: Estate) -> Path:
    return estate.folder / "trace"
