"""Every change of state goes through here: into the board at once, into the journal as fast as the disk allows."""

from collections.abc import Awaitable

from bot.domain import events
from bot.domain.board import Board
from bot.service.ports import Journal


class Recorder:
    """Couples the board to the journal, so that neither can be changed without the other.

    `journal` may be replaced by one that measures it.
    """

    def __init__(self, board: Board, journal: Journal) -> None:
        self.board = board
        self.journal = journal

    def record(self, event: events.AnyEvent) -> Awaitable[bool]:
        """Starts the durable write, then folds the event in; the awaitable yields whether it became durable."""
        written = self.journal.append(event)
        self.board.apply(event)
        return written
