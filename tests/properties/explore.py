"""Plays stop demands under random faults on the real dispatcher in virtual time, and counts what is lost.

    python -m tests.properties.explore --demands 30000 --seed 1     all of it, as `make faults` does
    python -m tests.properties.explore --replay 4711                one scenario, with what is wrong in it

Each scenario has a seed of its own, which is printed for every violation and replays it exactly.
"""

import os
import sys
import time
from collections.abc import Iterator

import click

from tests.properties.exploring.scenario import Scenario, Violation

_ORDERED = {**os.environ, "PYTHONHASHSEED": "0"}


def play(demands: int, seed: int) -> Iterator[tuple[Scenario, str]]:
    """Plays scenarios from `seed` on until `demands` stops were asked; yields each with what is wrong, or ""."""
    asked = 0
    while asked < demands:
        scenario, wrong = Scenario(seed), ""
        try:
            scenario.run()
        except Violation as error:
            wrong = str(error)
        yield scenario, wrong
        asked, seed = asked + scenario.demands, seed + 1


@click.command(help=__doc__.splitlines()[0] if __doc__ else "")
@click.option("--demands", default=3000, help="how many stops are asked")
@click.option("--seed", default=1, help="the first scenario's seed")
@click.option("--replay", type=int, help="plays this seed alone")
def main(demands: int, seed: int, replay: int | None) -> None:
    """Prints lost/total and the seeds of what is wrong; exits 1 where anything is."""
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is a part of the schedule
        os.execve(sys.executable, [sys.executable, "-m", "tests.properties.explore", *sys.argv[1:]], _ORDERED)  # noqa: S606  # itself
    began, asked, answered, lost, restarts, scenarios = time.monotonic(), 0, 0, 0, 0, 0
    seeds: list[int] = []
    for scenario, wrong in play(1 if replay is not None else demands, seed if replay is None else replay):
        scenarios += 1
        asked += scenario.demands
        answered += sum(demand.recorded for demand in scenario.answered)
        lost += len(scenario.lost)
        restarts += scenario.restarts
        if wrong:
            seeds.append(scenario.seed)
            click.echo(wrong)
    took = time.monotonic() - began
    click.echo(
        f"{lost} lost of {asked} stop demands ({answered} answered RECORDED), {restarts} restarts, "
        f"{scenarios} scenarios, {took:.0f} s"
    )
    if seeds:
        click.echo(f"violations in {len(seeds)} scenarios; replay one with --replay {seeds[0]}")
    sys.exit(bool(seeds or lost))


if __name__ == "__main__":
    main()
