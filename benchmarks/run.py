"""Runs all contenders in turns and writes `docs/performance.md`.

    python -m benchmarks.run [--pairs N] [--obvious N] [--sizes 10,100] [--seed N] [--latency MS] [--out FILE]

In each pair of each size: the floor, the bot, the floor again (their ratio shows how noisy the machine is), the bot
with 5 % and with 20 % of the surfaces hanging, and, in the first `--obvious` pairs, the obvious program with and
without its timeout. The first bot of a run is started once beforehand and not counted.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import page
from benchmarks.farms import BUILD, Farm
from benchmarks.places import FARM_CORE
from benchmarks.trial import Case, Result, run

FLOOR, BOT, AGAIN = "floor", "agent-kill", "floor again"
OBVIOUS = ("obvious unlimited", "obvious 10 s")
SOME_HUNG = (50, 200)  # per mille


def options(arguments: list[str]) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="How fast the bot cuts.")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--obvious", type=int, default=3, help="pairs with the obvious program, which takes long")
    parser.add_argument("--sizes", default="10,100,1000,10000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=50.0, help="of every surface, in ms")
    parser.add_argument("--out", type=Path, default=Path("docs/performance.md"))
    return parser.parse_args(arguments)


def order(size: int, pair: int, asked: argparse.Namespace) -> Iterator[tuple[str, Case]]:
    """The trials of one pair."""

    def case(hung: int) -> Case:
        return Case(surfaces=size, hung_per_mille=hung, latency=asked.latency / 1000, seed=asked.seed + pair)

    yield from ((name, case(0)) for name in (FLOOR, BOT, AGAIN))
    yield from ((BOT, case(hung)) for hung in SOME_HUNG)
    if pair < asked.obvious:
        yield from ((name, case(0)) for name in OBVIOUS)


async def measure(asked: argparse.Namespace, farm: Farm) -> list[Result]:
    """Every trial, in turns; tells each on standard error."""
    found: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        await run(BOT, Case(surfaces=10, hung_per_mille=0, latency=0.01, seed=0), farm, Path(folder) / "warm-up")
        for size in map(int, asked.sizes.split(",")):
            for pair in range(asked.pairs):
                for number, (name, case) in enumerate(order(size, pair, asked)):
                    found.append(await run(name, case, farm, Path(folder) / f"{size}-{pair}-{number}"))
                    sys.stderr.write(f"{json.dumps(found[-1].json())}\n")
    return found


def main(arguments: list[str]) -> None:
    """Measures, keeps the raw results, writes the page."""
    asked = options(arguments)
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {FARM_CORE})
    before = os.getloadavg()[0]
    farm = Farm()
    try:
        found = asyncio.run(measure(asked, farm))
    finally:
        farm.close()
    BUILD.mkdir(exist_ok=True)
    (BUILD / "results.json").write_text(json.dumps([one.json() for one in found], indent=1))
    command = " ".join(["python -m benchmarks.run", *arguments])
    asked.out.write_text(page.page(found, page.Run(command=command, seed=asked.seed, farm=farm.language, load=before)))


if __name__ == "__main__":
    main(sys.argv[1:])
