"""What the journal records of drills. A drill's cut is an ordinary hold, and its proofs are ordinary outcomes.

`run` is the id of one run of a drill; `drill` is the drill's id in the configuration. Times are Unix seconds.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from adapters.base import Attempt, Mode
from bot.domain.event_base import Event, Person
from bot.domain.outcome import Outcome

Kind = Literal["tabletop", "canary", "live"]
Fault = Literal["slack", "ledger", "hung"]
How = Literal["passed", "failed", "void", "refused"]
Answer = Literal["acknowledged", "handed_over", "postponed"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Drilled(_Part):
    """One target of a run with the surfaces (`agent/surface`) that lose their authority with it."""

    key: str
    surfaces: tuple[str, ...]


class SurfaceScore(_Part):
    """What a run measured at one surface.

    Args:
        asked: the mode that is rehearsed.
        held: what was read back; stricter than `asked` where it was rounded.
        outcome: of the last proof before it was given back.
        attempt: what the agent's own credential met; None without a canary.
        cut_ms: from the command to the first journaled outcome that reads at least as strict as asked; milliseconds.
        proof_ms: from the command to the first verified outcome; None where none came.
        deadline_ms: what was allowed.
        ended: work in flight that the cut ended.
        left: work in flight that it left; None where that cannot be seen.
        effects: effects of the agent that a witness saw after the cut; None without a witness.
        given_back_ms: from the release to the read-back as normal; None where it was not given back.
        came_back: how often it was found looser than it was held, after it had been cut.
    """

    surface: str
    asked: Mode
    held: Mode | None = None
    outcome: Outcome = Outcome.PENDING
    attempt: Attempt | None = None
    cut_ms: float | None = None
    proof_ms: float | None = None
    deadline_ms: float = 0.0
    ended: int = 0
    left: int | None = None
    effects: int | None = None
    given_back_ms: float | None = None
    came_back: int = 0
    detail: str = ""


class Tried(_Part):
    """The evaluations at one moment of a run; `failing` has a sentence for each that did not come out as expected."""

    when: Literal["before", "during", "after"]
    failing: tuple[str, ...] = ()


class FaultScore(_Part):
    """A fault that was injected into the bot, and whether the cut was proven in time all the same."""

    fault: Fault
    survived: bool
    detail: str = ""


class Scorecard(_Part):
    """What a run measured, complete enough for a report years later.

    Args:
        asked_at: the moment of the command, from which everything is measured; None where nothing was cut.
        load: what became of the workload; empty where none was configured.
        interrupted: whether the bot was restarted in the middle of it.
        next_due: when the schedule asks for it again; None where it never does.
    """

    kind: Kind
    mode: Mode
    asked_at: float | None = None
    surfaces: tuple[SurfaceScore, ...] = ()
    evaluations: tuple[Tried, ...] = ()
    faults: tuple[FaultScore, ...] = ()
    load: str = ""
    remarks: tuple[str, ...] = ()
    interrupted: bool = False
    next_due: float | None = None


class DrillAsked(Event):
    """Somebody at a command line of this host wants a drill now; the running bot takes it up."""

    type: Literal["drill_asked"] = "drill_asked"
    ask: str
    drill: str
    by: Person


class DrillClaimed(Event):
    """The database took this (drill, due time) for this run, and will take it for no other."""

    type: Literal["drill_claimed"] = "drill_claimed"
    run: str
    drill: str
    kind: Kind
    mode: Mode
    due: float  # of the schedule; for one that was typed, when it was typed
    scheduled: bool = True
    by: Person
    ask: str | None = None


class DrillStarted(Event):
    """The plan of a run, with the release that is authorised with it: for the hold of that id and no other.

    `backstops` would be held too, by holds of their own that the release does not name.
    """

    type: Literal["drill_started"] = "drill_started"
    run: str
    hold: str
    mode: Mode
    targets: tuple[Drilled, ...]
    backstops: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    load: tuple[str, ...] = ()


class DrillMeasured(Event):
    """What the cut was measured at, before anything is given back."""

    type: Literal["drill_measured"] = "drill_measured"
    run: str
    card: Scorecard


class DrillReleased(Event):
    """The pre-authorised release: tombstones (hold, target) pairs of the run's own holds, and never another's."""

    type: Literal["drill_released"] = "drill_released"
    run: str
    pairs: tuple[tuple[str, str], ...]


class DrillGaveBack(Event):
    """These targets were read back as normal after the release."""

    type: Literal["drill_gave_back"] = "drill_gave_back"
    run: str
    targets: tuple[str, ...]


class DrillLeftHeld(Event):
    """These surfaces stay held after the drill; only a vote gives them back."""

    type: Literal["drill_left_held"] = "drill_left_held"
    run: str
    surfaces: tuple[str, ...]
    why: str


class DrillEnded(Event):
    """A run is over."""

    type: Literal["drill_ended"] = "drill_ended"
    run: str
    drill: str
    how: How
    why: str = ""
    card: Scorecard


class DrillMissed(Event):
    """A due time passed without a run."""

    type: Literal["drill_missed"] = "drill_missed"
    drill: str
    due: float
    why: str


class DrillCalled(Event):
    """The operator on turn is reminded of a due time, so many seconds before it begins."""

    type: Literal["drill_called"] = "drill_called"
    drill: str
    due: float
    begins: float  # later than `due` where it was postponed
    offset: float
    operator: Person | None = None  # None where nobody may stop


class DrillAnswered(Event):
    """Somebody answered the reminder of a due time."""

    type: Literal["drill_answered"] = "drill_answered"
    drill: str
    due: float
    answer: Answer
    by: Person
    to: Person | None = None  # whom it was handed over to
    until: float | None = None  # to when it was postponed


AnyDrillEvent = (
    DrillAsked
    | DrillClaimed
    | DrillStarted
    | DrillMeasured
    | DrillReleased
    | DrillGaveBack
    | DrillLeftHeld
    | DrillEnded
    | DrillMissed
    | DrillCalled
    | DrillAnswered
)
