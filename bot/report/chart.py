"""The picture of a scorecard: for each surface, how long its cut and its proof took in the last drills. For Slack.

Takes some tens of milliseconds of a processor: call it in a thread.
"""

from collections.abc import Sequence

from bot.domain.words import seen
from bot.report.canvas import AMBER, BAD, BLUE, FAINT, GOOD, GRID, Canvas
from bot.report.times import day, lasting
from bot.report.trend import Point, Series

SHOWN = 12  # surfaces; the rest are counted
_WIDTH, _HEAD, _PANEL, _FOOT = 900, 74, 168, 34
_ONE = 3  # surfaces up to which each has the whole width
_LEFT, _RIGHT, _ABOVE, _BELOW = 16, 150, 36, 30  # within a panel
_STATED = 4  # deadlines farther away than this many times what was measured are written, not drawn


def chart(*, title: str, series: Sequence[Series]) -> bytes:
    """Draws a small line chart for each surface; what was neither cut nor proven in a drill is a red cross.

    Args:
        title: stands above, a line.
        series: the surfaces, each with its drills, oldest first.

    Returns:
        A PNG of 900 pixels width.
    """
    shown = series[:SHOWN]
    columns = 1 if len(shown) <= _ONE else 2
    rows = max(1, -(-len(shown) // columns))
    canvas = Canvas(_WIDTH, _HEAD + _PANEL * rows + _FOOT)
    _head(canvas, seen(title))
    wide = _WIDTH / columns
    for number, one in enumerate(shown):
        _panel(canvas, one, (number % columns * wide, _HEAD + number // columns * _PANEL), wide)
    if not shown:
        canvas.text((_LEFT, _HEAD + 40), "no surface was ever drilled", colour=FAINT, size=17)
    if len(series) > SHOWN:
        more = f"and {len(series) - SHOWN} more surfaces: agent-kill drill"
        canvas.text((_LEFT, canvas.height - 12), more, colour=FAINT)
    return canvas.png()


def _head(canvas: Canvas, title: str) -> None:
    canvas.text((_LEFT, 30), canvas.fitted(title, _WIDTH - 2 * _LEFT, 22), size=22)
    x = float(_LEFT)
    for colour, words in ((BLUE, "until it was cut"), (GOOD, "until it was proven"), (BAD, "not cut, or not proven")):
        (canvas.cross if colour == BAD else canvas.dot)((x + 5, 52), colour=colour)
        canvas.text((x + 16, 57), words, size=14, colour=FAINT)
        x += canvas.room(words, 14) + 44
    canvas.dashes((x, 52), (x + 22, 52), colour=AMBER, width=1.5)
    canvas.text((x + 30, 57), "deadline", size=14, colour=FAINT)


def _panel(canvas: Canvas, series: Series, corner: tuple[float, float], wide: float) -> None:
    left, top = corner[0] + _LEFT, corner[1] + _ABOVE
    right, bottom = corner[0] + wide - _RIGHT, corner[1] + _PANEL - _BELOW
    name = canvas.fitted(seen(series.surface), wide - 2 * _LEFT, 17)
    canvas.text((left, corner[1] + 22), name, size=17)
    points = series.points
    most = _scale(points)
    canvas.line([(left, bottom), (right, bottom)], colour=GRID, width=1.5)
    canvas.line([(left, top), (left, bottom)], colour=GRID, width=1.5)
    canvas.text((left + 4, top + 3), lasting(most / 1000), size=12, colour=FAINT)
    across = [
        (left + 10) + (right - left - 20) * (n / (len(points) - 1) if len(points) > 1 else 0.5)
        for n in range(len(points))
    ]
    _deadline(canvas, points, most, (left, top, right, bottom))
    for colour, values in ((BLUE, [p.cut_ms for p in points]), (GOOD, [p.proof_ms for p in points])):
        _curve(canvas, values, across, (top, bottom, most), colour)
    for x, point in zip(across, points, strict=True):
        if point.cut_ms is None or point.proof_ms is None:
            canvas.cross((x, bottom - 8))
    if points:
        _days(canvas, points, across, bottom + 18)
        _last(canvas, points[-1], (right + 12, top + 26))


def _days(canvas: Canvas, points: Sequence[Point], across: Sequence[float], y: float) -> None:
    canvas.text((across[0] - 8, y), day(points[0].at), size=13, colour=FAINT)
    if len(points) > 1:
        canvas.text((across[-1] + 8, y), day(points[-1].at), size=13, colour=FAINT, anchor="rs")


def _last(canvas: Canvas, point: Point, at: tuple[float, float]) -> None:
    """The last drill, in numbers."""
    x, y = at
    cut = "not cut" if point.cut_ms is None else f"cut {lasting(point.cut_ms / 1000)}"
    canvas.text((x, y), cut, size=16, colour=BAD if point.cut_ms is None else BLUE)
    proof = "not proven" if point.proof_ms is None else f"proven {lasting(point.proof_ms / 1000)}"
    canvas.text((x, y + 23), proof, size=16, colour=BAD if point.proof_ms is None else GOOD)
    if point.deadline_ms:
        late = point.proof_ms is None or point.proof_ms > point.deadline_ms
        words = f"{'over' if late else 'of'} {lasting(point.deadline_ms / 1000)}"
        canvas.text((x, y + 46), words, size=16, colour=BAD if late else AMBER)


def _scale(points: Sequence[Point]) -> float:
    """The milliseconds at the upper edge; zero is at the lower one."""
    found = [value for point in points for value in (point.cut_ms, point.proof_ms) if value is not None]
    highest = max(found, default=1.0) or 1.0
    near = [point.deadline_ms for point in points if 0 < point.deadline_ms <= _STATED * highest]
    return max([highest, *near]) * 1.1


def _deadline(canvas: Canvas, points: Sequence[Point], most: float, frame: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = frame
    if points and 0 < points[-1].deadline_ms <= most:
        y = bottom - (bottom - top) * points[-1].deadline_ms / most
        canvas.dashes((left, y), (right, y), colour=AMBER, width=1.5)


def _curve(
    canvas: Canvas,
    values: Sequence[float | None],
    across: Sequence[float],
    frame: tuple[float, float, float],
    colour: str,
) -> None:
    """A line through what was measured; where nothing was, it is interrupted."""
    top, bottom, most = frame
    stretch: list[tuple[float, float]] = []
    for x, value in [*zip(across, values, strict=True), (0.0, None)]:
        if value is not None:
            stretch.append((x, bottom - (bottom - top) * value / most))
            continue
        if len(stretch) > 1:
            canvas.line(stretch, colour=colour, width=2.2)
        for point in stretch:
            canvas.dot(point, colour=colour)
        stretch = []
