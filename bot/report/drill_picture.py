"""The picture of one run of a drill beside those before it, for its thread."""

import asyncio

from bot.domain.board import Board
from bot.domain.practice import Run
from bot.report.chart import chart
from bot.report.trend import trend


async def drill_picture(board: Board, run: Run) -> bytes:
    """Draws it in a thread; what it shows is read before.

    Args:
        board: the fold of every journal.
        run: one that ended.
    """
    card = run.ended.card if run.ended else None
    drill = run.ended.drill if run.ended else ""
    series = trend(board.practice, drill, [score.surface for score in card.surfaces] if card else [])
    return await asyncio.to_thread(chart, title=f"Drill {drill}: time to cut and to proof", series=series)
