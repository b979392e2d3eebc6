"""Events of drills, short enough to read a story off them."""

from typing import Any

from adapters.base import Mode
from bot.domain import drill_events as drills
from bot.domain import events
from bot.domain.outcome import Outcome
from bot.domain.practice import Practice, Run
from tests.unit.domain.facts import ALICE, hold


def claimed(at: float, run: str = "r", **more: Any) -> drills.DrillClaimed:
    """The claim of a run by Alice, due when it was claimed."""
    fields = {"drill": "d", "kind": "live", "mode": Mode.FULL_STOP, "due": at, "by": ALICE, **more}
    return drills.DrillClaimed.model_validate({"at": at, "run": run, **fields})


def started(at: float, *keys: str, run: str = "r", **more: Any) -> drills.DrillStarted:
    """The plan of a run, whose hold is `cut`; each surface has its target's key."""
    targets = tuple(drills.Drilled(key=key, surfaces=(key,)) for key in keys)
    fields = {"hold": "cut", "mode": Mode.FULL_STOP, "targets": targets, **more}
    return drills.DrillStarted.model_validate({"at": at, "run": run, **fields})


def cut(at: float, *keys: str, name: str = "cut", **more: object) -> events.HoldAdded:
    """The hold of that run."""
    return hold(name, at, *keys, **{"origin": "drill", "parent": "r", **more})


def measured(at: float, *surfaces: str, run: str = "r", outcome: Outcome = Outcome.VERIFIED) -> drills.DrillMeasured:
    """What it measured at these surfaces."""
    return drills.DrillMeasured(at=at, run=run, card=ended(at, *surfaces, outcome=outcome).card)


def released(at: float, *pairs: tuple[str, str], run: str = "r") -> drills.DrillReleased:
    """The release of these (hold, target) pairs."""
    return drills.DrillReleased(at=at, run=run, pairs=pairs)


def gave_back(at: float, *keys: str, run: str = "r") -> drills.DrillGaveBack:
    """These were read back as normal."""
    return drills.DrillGaveBack(at=at, run=run, targets=keys)


def ended(
    at: float, *surfaces: str, run: str = "r", outcome: Outcome = Outcome.VERIFIED, **more: Any
) -> drills.DrillEnded:
    """The end of a run that measured these surfaces."""
    scores = tuple(drills.SurfaceScore(surface=name, asked=Mode.FULL_STOP, outcome=outcome) for name in surfaces)
    card = {"kind": "live", "mode": Mode.FULL_STOP, "surfaces": scores, **more}
    how = "passed" if outcome is Outcome.VERIFIED else "failed"
    return drills.DrillEnded.model_validate({"at": at, "run": run, "drill": "d", "how": how, "card": card})


def practice(*story: drills.AnyDrillEvent) -> Practice:
    """The fold of the events."""
    made = Practice()
    for event in story:
        made.fold(event)
    return made


def the_run(*story: drills.AnyDrillEvent) -> Run:
    """Their one run."""
    (run,) = practice(*story).runs.values()
    return run
