"""Plays restores by vote under stops, faults and crashes on the real code in virtual time, and counts what is wrong.

    python -m tests.properties.explore_restores --steps 100000 --seed 1     all of it, as `make explore` does
    python -m tests.properties.explore_restores --replay 4711               one scenario, with what is wrong in it

Each scenario has a seed of its own, which is printed for every violation and replays it exactly.
"""

import os
import sys
import time
from collections.abc import Iterator

import click

from tests.properties.exploring.scenario import Violation
from tests.properties.restoring.scenario import Restoration

_ORDERED = {**os.environ, "PYTHONHASHSEED": "0"}


def play(steps: int, seed: int, only: frozenset[str] | None = None) -> Iterator[tuple[Restoration, str]]:
    """Plays scenarios from `seed` on until `steps` were made; yields each with what is wrong, or "".

    Args:
        steps: how many at the least.
        seed: of the first.
        only: the faults of each; empty: none at all; None: each draws its own.
    """
    made = 0
    while made < steps:
        scenario, wrong = Restoration(seed, only=only), ""
        try:
            scenario.run()
        except Violation as error:
            wrong = str(error)
        yield scenario, wrong
        made, seed = made + max(1, scenario.steps), seed + 1


@click.command(help=__doc__.splitlines()[0] if __doc__ else "")
@click.option("--steps", default=3000, help="how many steps are made")
@click.option("--seed", default=1, help="the first scenario's seed")
@click.option("--replay", type=int, help="plays this seed alone")
def main(steps: int, seed: int, replay: int | None) -> None:
    """Prints what was played and the seeds of what is wrong; exits 1 where anything is."""
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is a part of the schedule
        os.execve(sys.executable, [sys.executable, "-m", "tests.properties.explore_restores", *sys.argv[1:]], _ORDERED)  # noqa: S606  # itself
    began, made, lifts, completed, restarts, scenarios = time.monotonic(), 0, 0, 0, 0, 0
    seeds: list[int] = []
    for scenario, wrong in play(1 if replay is not None else steps, seed if replay is None else replay):
        scenarios += 1
        made += scenario.steps
        lifts += scenario.lifts
        completed += scenario.completed
        restarts += scenario.restarts
        if wrong:
            seeds.append(scenario.seed)
            click.echo(wrong)
    took = time.monotonic() - began
    click.echo(
        f"{len(seeds)} violations in {made} steps: {lifts} lifts, {completed} restores completed, {restarts} crashes, "
        f"{scenarios} scenarios, {took:.0f} s"
    )
    if seeds:
        click.echo(f"replay one with --replay {seeds[0]}")
    sys.exit(bool(seeds))


if __name__ == "__main__":
    main()
