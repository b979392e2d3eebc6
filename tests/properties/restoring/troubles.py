"""What goes wrong around a restore, or is well again: one function a trouble, by the name that a run is told."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from adapters.base import Mode
from tests.properties.exploring.unruly import Site
from tests.properties.restoring.people import AGENT, NO_SAY, OWNER, PROPOSER, VOTERS
from tests.properties.restoring.process import Around, Restoring


@dataclass(frozen=True)
class Scene:
    """Where it happens; `site` is the surface that it happens to."""

    rng: random.Random
    around: Around
    site: Site
    process: Restoring


def _silent(at: Scene) -> None:
    at.around.slack.silent = at.rng.random() < 0.4


def _slow(at: Scene) -> None:
    at.around.slack.slow = at.rng.random() < 0.7


def _short(at: Scene) -> None:
    at.around.slack.cut_short = at.rng.random() < 0.4


def _disk(at: Scene) -> None:
    at.process.disk.delay = at.rng.choice([0.0, 0.01, 0.2, 2.0])
    at.process.disk.broken = at.rng.random() < 0.3


def _database(at: Scene) -> None:
    at.around.database = at.rng.choice(["", "", "hangs", "is full"])


def _audit(at: Scene) -> None:
    at.around.trouble = at.rng.choice([set(), set(), {"the audit is in trouble"}, {"writer:bot"}])


def _surfaces(at: Scene) -> None:
    at.site.trouble = at.rng.choice([0.0, 0.0, 0.2, 0.6])


def _lies(at: Scene) -> None:
    at.site.lies = at.rng.choice([None, Mode.NORMAL, Mode.FULL_STOP])


def _dark(at: Scene) -> None:
    """It is loosened by hand, and does not let itself be cut."""
    at.site.loosen(Mode.NORMAL, asyncio.get_running_loop().time())
    at.site.trouble = at.rng.choice([0.0, 0.95])


def _meddle(at: Scene) -> None:
    at.site.loosen(at.rng.choice(list(Mode)), asyncio.get_running_loop().time())


def _group(at: Scene) -> None:
    at.around.slack.members ^= {at.rng.choice([*VOTERS, PROPOSER, OWNER, AGENT, *NO_SAY])}


def _machines(at: Scene) -> None:
    at.around.withheld, at.around.failing = at.rng.random() < 0.3, at.rng.random() < 0.3


def _gone(at: Scene) -> None:
    at.around.slack.gone |= set(list(at.process.board.ballots)[-1:])


TROUBLES: dict[str, Callable[[Scene], None]] = {
    "audit": _audit,
    "dark": _dark,
    "database": _database,
    "disk": _disk,
    "gone": _gone,
    "group": _group,
    "lies": _lies,
    "machines": _machines,
    "meddle": _meddle,
    "short": _short,
    "silent": _silent,
    "slow": _slow,
    "surfaces": _surfaces,
}
