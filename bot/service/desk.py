"""What every lane needs of the dispatcher."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adapters.base import Change, Mode, Observation
from bot.domain import events
from bot.service.episode import Episode
from bot.service.inventory import Target
from bot.service.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every lane needs of the dispatcher.

    Args:
        asked: the target's effective mode now.
        proof: the last proof that is recorded of a target.
        refresh: reads other writers' journals, without waiting; whether all could be read.
        publish: takes a proof.
        keep_undo: records sealed changes of a target; yields whether they are durable.
        gather_undo: as `keep_undo`, soon, together with those of other targets.
        flush_undo: records what was gathered now.
        open_episode: the target's undo record so far.
        tripped: called once when a deadline passes unproven.
        others: what people changed at a target since the stop, given what is ours and what was read of it.
    """

    clock: Clock
    asked: Callable[[str], Mode]
    proof: Callable[[str], events.Proof | None]
    refresh: Callable[[], bool]
    publish: Callable[[events.Proof], None]
    keep_undo: Callable[[str, str], Awaitable[bool]]
    gather_undo: Callable[[str, str], None]
    flush_undo: Callable[[], None]
    open_episode: Callable[[str, Observation | None], Episode]
    tripped: Callable[[str], None]
    others: Callable[[Target, tuple[Change, ...], Observation], Awaitable[tuple[str, ...]]]
