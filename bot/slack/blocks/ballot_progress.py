"""How far a restore has come, surface by surface. Pure."""

from collections import Counter

from adapters.base import Mode
from bot.domain import events
from bot.domain.ballot import Ballot, round_up, steps
from bot.slack import wording


def progress(ballot: Ballot, opened: events.BallotOpened, *, many: int) -> list[str]:
    """A line for each target; counts by agent above `many`, and when the next step begins."""
    states = [(item, _state(ballot, opened, item)) for item in opened.returns]
    if len(states) <= many:
        rows = [f"• {_names(item)}: {state}" for item, state in states]
    else:
        counted = Counter(
            (surface.partition("/")[0], state.partition(",")[0]) for item, state in states for surface in item.surfaces
        )
        rows = [
            f"• {wording.name(agent)}: {wording.plural(n, 'surface')} {state}" for (agent, state), n in counted.items()
        ]
    return [*rows, _next(ballot, opened)]


def _state(ballot: Ballot, opened: events.BallotOpened, item: events.Return) -> str:
    """At what mode one target is, and since when that is proven."""
    at, proven, rounded = item.now, 0.0, ""
    for index, mode in enumerate(steps(opened), 1):
        if (index, item.key) in ballot.done:
            at, proven = min(at, round_up(item, mode)), ballot.done_at.get((index, item.key), 0.0)
            rounded = f" (it cannot hold {mode})" if at > mode else ""
        elif _begun(ballot, index, item.key):
            return f":arrow_up_small: *{at}*, now being loosened to {round_up(item, mode)}"
    if not proven:
        return f":lock: *{at}*, not loosened yet"
    if at is Mode.NORMAL:
        return f":white_check_mark: *normal*, read back {wording.when(proven)}"
    return f":white_check_mark: *{at}*{rounded}, proven {wording.when(proven)}"


def _begun(ballot: Ballot, step: int, key: str) -> bool:
    return any(key == target for lift in ballot.lifts.get(step, ()) for _, target in lift.pairs)


def _next(ballot: Ballot, opened: events.BallotOpened) -> str:
    """What comes next, and when: a probation ends a step."""
    modes, step = steps(opened), ballot.step
    if step == 0:
        return "The holds that were voted on are lifted; everything is still held as it was. The first step follows."
    mode = modes[step - 1] if step <= len(modes) else opened.mode
    moved = [item for item in opened.returns if item.now > mode]
    done = [ballot.done_at[step, item.key] for item in moved if (step, item.key) in ballot.done_at]
    if len(done) < len(moved):
        return f"Step {step} of {len(modes)}, to {mode}: under way."
    until = wording.when(max(done, default=0.0) + opened.step)
    watched = f"Step {step} of {len(modes)}, to {mode}: done, and watched until {until}"
    return f"{watched}; then {modes[step]} follows." if step < len(modes) else f"{watched}; then it is over."


def _names(item: events.Return) -> str:
    return ", ".join(wording.name(surface) for surface in item.surfaces)
