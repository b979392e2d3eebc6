"""One trial of one contender: what the farm saw, and what it cost."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles

from benchmarks.farms import HERE, Farm, Seen, compiled
from benchmarks.places import CONTENDER_CORE, on_core, used
from benchmarks.product import Product

_POLL = 0.02
_GIVE_UP = 180.0  # seconds
_RATE = 50  # commands of other operators per second
_NEVER = 3000.0  # ms: Slack gives up then
_NEVER = 3000.0  # ms: Slack gives up then
_CALM = 0.5  # seconds of them before the stop
_CALM_CALLS = 20.0  # seconds after the cut until the report must be closed, beside the deadline of what hangs


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is asked of every contender: N surfaces that answer after `latency` seconds, some of which hang."""

    surfaces: int
    hung_per_mille: int
    latency: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One trial. Times are ms since the command was sent, by one clock for all processes of the machine."""

    contender: str
    case: Case
    first_cut: float | None
    last_cut: float | None
    last_read_back: float | None
    healthy_uncut: int
    cut_twice: int
    cpu_us: float  # of processor time per surface, until the last healthy surface was read back
    memory: float  # MiB
    ack_ms: float | None = None  # of the stop itself
    ack_p99: float | None = None  # of other operators' commands meanwhile
    ack_max: float | None = None
    slack_calls: int | None = None
    recorded_first: bool | None = None  # the acknowledgement says that the hold was on disk; no cut starts before

    def json(self) -> dict[str, object]:
        """For the file of raw results."""
        return asdict(self)


async def run(contender: str, case: Case, farm: Farm, folder: Path) -> Result:
    """Runs one contender: `floor`, `floor again`, `obvious 10 s`, `obvious unlimited` or `agent-kill`."""
    await asyncio.to_thread(folder.parent.mkdir, parents=True, exist_ok=True)
    farm.reset(latency=0.0, hung_per_mille=0, seed=case.seed, surfaces=case.surfaces)
    if contender == "agent-kill":
        return await _product(case, farm, folder)
    return await _program(contender, case, farm, folder)


def _table(folder: Path) -> Path:
    return folder.with_suffix(".table")


def _arm(case: Case, farm: Farm) -> None:
    farm.reset(latency=case.latency, hung_per_mille=case.hung_per_mille, seed=case.seed, surfaces=case.surfaces)


async def _program(contender: str, case: Case, farm: Farm, folder: Path) -> Result:
    command = _command(contender, case, farm, folder)
    process = subprocess.Popen(  # noqa: S603, ASYNC220  # our own programs
        on_core(CONTENDER_CORE, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdin is not None  # noqa: S101  # for the type checker
    assert process.stdout is not None  # noqa: S101  # for the type checker
    try:
        await asyncio.to_thread(process.stdout.readline)
        _arm(case, farm)
        before, began = used(process.pid), time.monotonic_ns()
        process.stdin.write("go\n")
        done = asyncio.ensure_future(asyncio.to_thread(process.stdout.readline)) if "obvious" in contender else None
        await _all_read_back(farm, folder, until=done)
        after = used(process.pid)
        table = farm.table(_table(folder))
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    return _judged(contender, case, table, began, cpu=after.cpu - before.cpu, memory=after.peak)


def _command(contender: str, case: Case, farm: Farm, folder: Path) -> list[str]:
    place = [str(farm.port), str(case.surfaces)]
    if contender.startswith("floor"):
        made = compiled("floor")
        return [str(made), *place] if made else [sys.executable, str(HERE / "floor.py"), *place]
    folder.mkdir(parents=True, exist_ok=True)
    limit = "0" if "unlimited" in contender else "10"
    database = folder / "receipts.sqlite"
    database.unlink(missing_ok=True)
    return [sys.executable, str(HERE / "obvious.py"), *place, limit, str(database)]


async def _product(case: Case, farm: Farm, folder: Path) -> Result:
    product = Product(folder, farm, case.surfaces)
    try:
        await product.start()
        _arm(case, farm)
        acks: list[float] = []
        others = asyncio.create_task(_others(product, acks, random.Random(case.seed)))  # noqa: S311  # a seeded order
        await asyncio.sleep(_CALM)
        acks.clear()
        before, began = used(product.pid), time.monotonic_ns()
        ack = await product.say("/agent-kill", "full_stop fleet benchmark")
        if ack is None:
            raise RuntimeError(f"the stop was not acknowledged: {product.log()}")
        if ack is None:
            raise RuntimeError(f"the stop was not acknowledged: {product.log()}")
        await _all_read_back(farm, folder)
        after = used(product.pid)
        others.cancel()
        await asyncio.wait({others})
        meanwhile = list(acks)
        table = farm.table(_table(folder))
        await _reported(product)
        peak, calls = used(product.pid).peak, product.slack_calls()
    finally:
        await product.stop()
    return _judged(
        "agent-kill",
        case,
        table,
        began,
        cpu=after.cpu - before.cpu,
        memory=peak,
        ack_ms=round(ack[0], 1),
        ack_p99=quantiles(meanwhile, n=100)[98] if len(meanwhile) > 1 else None,
        ack_max=max(meanwhile, default=None),
        slack_calls=calls,
        recorded_first="NOT RECORDED" not in ack[1] and "RECORDED" in ack[1],
    )


async def _others(product: Product, acks: list[float], dice: random.Random) -> None:
    """Other operators: an open loop, so that a bot that stands still is asked all the same."""
    waiting: set[asyncio.Task[None]] = set()
    words = [("/agent-kill", "help"), ("/agent-status", "beside"), ("/agent-kill", "plan full_stop beside")]

    async def one(command: str, text: str, due: float) -> None:
        answered = await product.say(command, text)
        acks.append((time.monotonic() - due) * 1000 if answered is not None else _NEVER)

    try:
        due = time.monotonic()
        while True:
            waiting.add(task := asyncio.create_task(one(*dice.choice(words), due)))
            task.add_done_callback(waiting.discard)
            due += 1 / _RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
    finally:
        await asyncio.gather(*waiting, return_exceptions=True)  # each of them counts


async def _all_read_back(farm: Farm, folder: Path, until: "asyncio.Future[str] | None" = None) -> None:
    """Until every healthy surface was cut and read back, or the contender says that it is done, or 180 s passed."""
    healthy = sum(1 for one in farm.table(_table(folder)) if not one.hung)
    end = time.monotonic() + _GIVE_UP
    while farm.count().read_back < healthy and time.monotonic() < end:
        if until and until.done():
            return
        await asyncio.sleep(_POLL)


async def _reported(product: Product) -> None:
    """Until the report is closed in Slack, so that its calls are all counted."""
    end = time.monotonic() + _CALM_CALLS
    while not product.reported() and time.monotonic() < end:  # noqa: ASYNC110  # another process's doing
        await asyncio.sleep(_POLL)


def _judged(
    contender: str, case: Case, table: Sequence[Seen], began: int, *, cpu: float, memory: float, **more: object
) -> Result:
    healthy = [one for one in table if not one.hung]
    firsts = [one.first_cut for one in healthy if one.first_cut]
    backs = [one.read_back for one in healthy if one.read_back]
    return Result(
        contender=contender,
        case=case,
        first_cut=_ms(min(firsts, default=None), began),
        last_cut=_ms(max(firsts, default=None), began),
        last_read_back=_ms(max(backs, default=None), began),
        healthy_uncut=len(healthy) - len(firsts),
        cut_twice=sum(1 for one in healthy if one.cuts > 1),
        cpu_us=cpu * 1e6 / case.surfaces,
        memory=memory,
        **more,  # type: ignore[arg-type]  # named fields of Result
    )


def _ms(at: int | None, began: int) -> float | None:
    return None if at is None else round((at - began) / 1e6, 2)
