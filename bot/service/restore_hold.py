"""The hold that a restore leaves: in place of what it lifted, or to put everything back."""

from collections.abc import Sequence

from adapters.base import Mode
from bot.domain import events
from bot.domain.board import Board


def restore_hold(
    board: Board,
    opened: events.BallotOpened,
    *,
    hold: str,
    mode: Mode,
    items: Sequence[events.Return],
    why: str,
    now: float,
) -> events.HoldAdded:
    """The event of such a hold; pure.

    Args:
        board: the fold of every journal.
        opened: the ballot that it belongs to.
        hold: its id.
        mode: what it holds.
        items: the targets of the ballot that it binds.
        why: its reason; empty for a step.
        now: Unix time in seconds.
    """
    return events.HoldAdded(
        at=board.stamp((item.key for item in items), now),
        hold=hold,
        incident=opened.incident,
        mode=mode,
        by=events.Person(kind="bot", id="restore"),
        reason=why,
        scope=opened.scope,
        channel=opened.channel,
        origin="restore",
        parent=opened.ballot,
        targets=tuple(
            events.HeldTarget(key=item.key, surfaces=item.surfaces, round_to=max(mode, item.to)) for item in items
        ),
    )
