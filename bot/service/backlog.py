"""The work that piled up while a target was shut: what becomes of it is said on the ballot, and done first."""

from collections.abc import Iterator

from adapters.base import Backlog, BacklogPolicy, Mode, Moved, Waiting
from bot.domain.model import Surface
from bot.service.inventory import Target


def policy_of(target: Target) -> BacklogPolicy | None:
    """What becomes of the work that waits there; None where none is told.

    Without a word in the configuration it is held where its kind can hold it, else left in place. Surfaces that share a
    target and say different things have it held.
    """
    said = {surface.backlog or _default(able) for surface, _, able in _told(target)}
    return None if not said else next(iter(said)) if len(said) == 1 else BacklogPolicy.HOLD


def impossible(target: Target) -> str:
    """Why the policy of its surfaces cannot be carried out; empty where it can. Then nothing is given back."""
    wanted = policy_of(target)
    for surface, adapter in zip(target.surfaces, target.adapters, strict=True):
        able = adapter.policies(surface.settings) if isinstance(adapter, Backlog) else frozenset()
        if (surface.backlog and surface.backlog not in able) or (able and wanted not in able):
            policy = surface.backlog or wanted
            return f"its backlog policy {policy} cannot be carried out ({_accepted(able)}): mend `backlog` there"
    return ""


def _accepted(able: frozenset[BacklogPolicy]) -> str:
    """What can be configured instead."""
    return f"accepted: {', '.join(sorted(able))}" if able else "no waiting work is told there"


def takes_up_work(start: Mode, to: Mode) -> bool:
    """Whether a step lets an agent take work up: whoever only reads takes nothing out of a queue."""
    return to < Mode.READ_ONLY <= start


async def waiting(target: Target) -> Waiting | None:
    """How much waits there; None where none is told. Raises what the adapter raises."""
    found = [await adapter.count() for _, adapter, _ in _told(target)]
    if not found:
        return None
    numbers = [it.number for it in found if it.number is not None]
    number = sum(numbers) if len(numbers) == len(found) else None
    return Waiting(number=number, held=sum(it.held for it in found))


async def carry_out(target: Target, policy: BacklogPolicy | None, label: str) -> str:
    """Does what the ballot said with the work that waits now, and says so. Raises what the adapter raises."""
    said = []
    for surface, adapter, _ in _told(target) if policy else ():
        own = f"{label}.{surface.agent}.{surface.id}"
        match policy:
            case BacklogPolicy.HOLD:
                said.append(_held(await adapter.hold(label=own)))
            case BacklogPolicy.DROP:
                said.append(f"{_jobs((await adapter.drop(label=own)).number)} dropped")
            case BacklogPolicy.REPLAY:
                said.append(f"{_jobs((await adapter.count()).number)} left in place, to be worked off")
    return "; ".join(said)


def _held(moved: Moved) -> str:
    if moved.number == 0:
        return "no work was waiting"
    return f"{_jobs(moved.number)} held under {moved.where}, replay with {moved.replay}"


def _jobs(number: int | None) -> str:
    if number is None:
        return "the jobs that waited (how many is not known)"
    return f"{number:,} {'job' if number == 1 else 'jobs'}"


def _default(able: frozenset[BacklogPolicy]) -> BacklogPolicy:
    return BacklogPolicy.HOLD if BacklogPolicy.HOLD in able else BacklogPolicy.REPLAY


def _told(target: Target) -> Iterator[tuple[Surface, Backlog, frozenset[BacklogPolicy]]]:
    """The surfaces of a target that tell of waiting work, and what can be done with it."""
    for surface, adapter in zip(target.surfaces, target.adapters, strict=True):
        if isinstance(adapter, Backlog) and (able := adapter.policies(surface.settings)):
            yield surface, adapter, able
