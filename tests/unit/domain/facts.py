"""Events of the journal, short enough to read a story off them."""

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.outcome import Outcome

ALICE = events.Person(kind="slack", id="U0ALICE")


def hold(name: str, at: float, *targets: events.HeldTarget | str, **more: object) -> events.HoldAdded:
    """A full stop by Alice of `targets`, which are `agent/surface` of the same key where they are text."""
    held = tuple(item if isinstance(item, events.HeldTarget) else held_target(item, item) for item in targets)
    fields = {"incident": "i", "mode": Mode.FULL_STOP, "by": ALICE, "targets": held, **more}
    return events.HoldAdded(at=at, hold=name, **fields)


def held_target(key: str, *surfaces: str, round_to: Mode = Mode.FULL_STOP) -> events.HeldTarget:
    """A target of a hold with its surfaces."""
    return events.HeldTarget(key=key, surfaces=surfaces, round_to=round_to)


def lift(at: float, *pairs: tuple[str, str]) -> events.PairsLifted:
    """A lift of (hold, target) pairs."""
    return events.PairsLifted(at=at, ballot="b", pairs=pairs)


def seen(at: float, *targets: str, outcome: Outcome = Outcome.VERIFIED, **more: object) -> events.Outcomes:
    """What a lane found at these targets."""
    fields = {"outcome": outcome, "asked": Mode.FULL_STOP, "held": Mode.FULL_STOP, **more}
    made = tuple(events.Proof(target=key, **fields) for key in targets)
    return events.Outcomes(at=at, proofs=made)


def board(*story: events.Event) -> Board:
    """The fold of the events."""
    made = Board()
    for event in story:
        made.apply(event)  # type: ignore[arg-type]  # only kinds that a journal has
    return made
