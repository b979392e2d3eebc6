"""The release of a drill: what it may give back, and what makes it void. Pure.

It names the run's own holds and never another's. Whatever else touches a target of the run, from its start on, makes
the release void for good: a stop that came and was lifted again has been somebody's decision, which no drill undoes.
"""

import itertools

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board
from bot.domain.practice import Run


def own_holds(board: Board, run: Run) -> frozenset[str]:
    """The ids of the run's own holds: its cut, and what put it back after a restart or a failure.

    By their ids alone: what a hold says of itself may be another writer's word for somebody's real stop.
    """
    if run.started is None:
        return frozenset()
    return frozenset({run.started.hold, *(hold for hold in board.hold_events if hold.startswith(_back(run)))})


def why_void(board: Board, run: Run) -> str:
    """Why the release may not be used any more; empty where it may."""
    if run.started is None:
        return "the drill never began"
    if run.ended is not None:
        return "the drill is over"
    own, keys = own_holds(board, run), run.targets()
    live = (board.hold_events[hold] for key in keys for hold in board.holds.live(key))
    later = (hold for hold in board.hold_events.values() if hold.at >= run.started.at)
    named = (hold for hold in later if not set(keys).isdisjoint(hold.targets.keys))
    return next((_came(hold) for hold in itertools.chain(live, named) if hold.hold not in own), "")


def pairs(board: Board, run: Run) -> tuple[tuple[str, str], ...]:
    """The (hold, target) pairs of the run's own that are live; none where the release is void."""
    if why_void(board, run):
        return ()
    own = own_holds(board, run)
    return tuple((hold, key) for key in run.targets() for hold in sorted(board.holds.live(key)) if hold in own)


def put_back_hold(board: Board, run: Run, keys: tuple[str, ...], *, why: str, now: float) -> events.HoldAdded:
    """The hold that takes the place of a release that did not come to its end; its id is new each time."""
    assert run.started is not None  # noqa: S101  # nothing is released before it was cut
    cut = board.hold_events[run.started.hold]
    number = next(it for it in itertools.count(1) if f"{_back(run)}{it}" not in board.hold_events)
    return events.HoldAdded(
        at=board.stamp(keys, now),
        hold=f"{_back(run)}{number}",
        incident=cut.incident,
        mode=cut.mode,
        by=events.Person(kind="bot", id="drill"),
        reason=why,
        scope=cut.scope,
        channel=cut.channel,
        origin="drill",
        parent=run.id,
        targets=events.Targets(target for target in cut.targets if target.key in keys),
    )


def begun(board: Board, run: Run) -> tuple[str, ...]:
    """The targets whose release was journaled and that nothing holds, nor was read back as normal."""
    if run.ended is not None or run.started is None or run.started.hold not in board.hold_events:
        return ()
    named = {key for released in run.released for _, key in released.pairs}
    open_ = named - run.given_back
    return tuple(key for key in run.targets() if key in open_ and board.effective(key) is Mode.NORMAL)


def _back(run: Run) -> str:
    """How the ids of the holds begin that take the place of the run's release; no stop's id does."""
    return f"{run.id}.back"


def _came(hold: events.HoldAdded) -> str:
    if hold.origin == "restore":
        return "a vote has taken it over"
    who = f" by <@{hold.by.id}>" if hold.by.kind == "slack" else ""
    return f"a real stop{who} came, and it wins"
