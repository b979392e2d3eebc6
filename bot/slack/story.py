"""The story of an incident as its thread tells it: one chapter per stop, each with what is new in it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board, Incident
from bot.domain.outcome import Outcome
from bot.domain.report import Known, Line, Report, report

_UNDER_WAY = {Outcome.PENDING, Outcome.UNKNOWN, Outcome.FAILED}  # before the deadline: first answers, not verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One stop of an incident with the backstops that it tripped.

    Args:
        hold: the stop.
        lines: every surface in its scope, in the order of the cut.
        tripped: surfaces that only its backstops bind.
        fresh: those of `lines` that no earlier live stop of the incident holds at this mode or a stricter one.
        recorded: False where the hold is not on disk.
    """

    hold: events.HoldAdded
    lines: tuple[Line, ...]
    tripped: tuple[Line, ...] = ()
    fresh: tuple[Line, ...] = ()
    recorded: bool = True

    @property
    def everything(self) -> tuple[Line, ...]:
        """Every surface that this stop answers for."""
        return self.lines + self.tripped

    @property
    def settled(self) -> bool:
        """Whether waiting longer is not expected to change anything."""
        return all(line.settled for line in self.everything)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """An incident, ready to be told. `now` is the report over all its stops."""

    now: Report
    chapters: tuple[Chapter, ...]
    closed: events.IncidentClosed | None
    names: Mapping[str, str]  # agent id → its name, as far as the configuration has one
    totals: Mapping[str, int]  # as `counts` makes them

    @property
    def drill(self) -> bool:
        """Whether it is a rehearsal."""
        return all(chapter.hold.origin == "drill" for chapter in self.chapters)


def story(board: Board, incident: Incident, known: Mapping[str, Known], unrecorded: frozenset[str]) -> Story:
    """Builds the story of an incident.

    Args:
        board: the fold of every journal.
        incident: one of the board's.
        known: facts by surface name.
        unrecorded: ids of the holds that are not on disk.
    """
    roots = _roots(incident)
    earlier: dict[str, Mode] = {}
    chapters: list[Chapter] = []
    whole = report(board, incident, known)
    for root, holds in roots.items():
        told = whole if len(roots) == 1 else report(board, replace(incident, holds=holds), known)
        chapter = _chapter(holds, told.lines, earlier, recorded=root not in unrecorded)
        chapters.append(chapter)
        for hold in holds if len(roots) > 1 else ():
            _remember(board, hold, earlier)
    return Story(
        now=whole, chapters=tuple(chapters), closed=incident.closed, names=_names(known), totals=counts(whole.lines)
    )


def counts(lines: tuple[Line, ...]) -> dict[str, int]:
    """How many lines are proven, not proven, NOT CUT for good, and still being cut."""
    pending = sum(1 for line in lines if line.outcome in _UNDER_WAY and not line.settled)
    return {
        "all": len(lines),
        "proven": sum(1 for line in lines if line.outcome is Outcome.VERIFIED),
        "not_proven": sum(1 for line in lines if line.not_proven),
        "not_cut": sum(1 for line in lines if line.not_cut) - pending,
        "pending": pending,
    }


def _roots(incident: Incident) -> dict[str, list[events.HoldAdded]]:
    """Holds by the stop that they belong to: a backstop belongs to the stop whose deadline tripped it."""
    known = {hold.hold for hold in incident.holds}
    roots = {hold.hold: [hold] for hold in incident.holds if hold.parent not in known}
    for hold in incident.holds:
        if hold.parent in roots and hold.hold not in roots:
            roots[hold.parent].append(hold)
    return roots


def _chapter(
    holds: list[events.HoldAdded], lines: tuple[Line, ...], earlier: Mapping[str, Mode], *, recorded: bool
) -> Chapter:
    root = holds[0]
    mine, tripped = lines, tuple[Line, ...]()
    if len(holds) > 1:
        own = {surface for target in root.targets for surface in target.surfaces}
        own.update(left.surface for left in root.left)
        mine = tuple(line for line in lines if line.surface in own)
        tripped = tuple(line for line in lines if line.surface not in own)
    return Chapter(
        hold=root,
        lines=mine,
        tripped=tripped,
        fresh=tuple(line for line in mine if earlier.get(line.surface, Mode.NORMAL) < root.mode) if earlier else mine,
        recorded=recorded,
    )


def _remember(board: Board, hold: events.HoldAdded, earlier: dict[str, Mode]) -> None:
    for target in hold.targets:
        if hold.hold in board.holds.live(target.key):
            for surface in target.surfaces:
                earlier[surface] = max(earlier.get(surface, Mode.NORMAL), hold.mode)


def _names(known: Mapping[str, Known]) -> dict[str, str]:
    return {surface.partition("/")[0]: facts.agent_name for surface, facts in known.items() if facts.agent_name}
