"""Authority over time as a PNG, for Slack: the picture of the page without its details. Call it in a thread."""

from collections.abc import Sequence

from adapters.base import Mode
from bot.domain.words import seen
from bot.report.axis import Axis
from bot.report.canvas import AMBER, BAD, FAINT, GOOD, GRID, INK, Canvas
from bot.report.picture import Together, together
from bot.report.spans import Lane, Mark, Span

SHOWN = 12  # lanes; the rest are counted
_WIDTH, _HEAD, _LANE, _BAR, _EDGE, _FOOT = 1000, 112, 58, 24, 18, 36
_COLOURS = {
    Mode.FULL_STOP: "#1f3a5f",
    Mode.READ_ONLY: "#3f6f9f",
    Mode.DRAFT_ONLY: "#86aecd",
    Mode.APPROVAL_GATED: "#c3d8e8",
    Mode.NORMAL: GOOD,
}
_PALE = frozenset({Mode.DRAFT_ONLY, Mode.APPROVAL_GATED})
_EDGES = {"open": BAD, "claimed": AMBER, "easing": FAINT}


def authority_chart(*, title: str, lanes: Sequence[Lane]) -> bytes:
    """Draws one lane for each surface, or for all that went alike.

    Args:
        title: stands above, a line.
        lanes: of `bot.report.spans`.

    Returns:
        A PNG of 1000 pixels width.
    """
    groups = together(lanes)
    shown = groups[:SHOWN]
    canvas = Canvas(_WIDTH, _HEAD + _LANE * max(1, len(shown)) + _FOOT)
    times = [at for group in shown for span in group.lane.spans for at in (span.start, span.end)]
    axis = Axis(times, _WIDTH - 2 * _EDGE)
    canvas.text((_EDGE, 30), canvas.fitted(seen(title), _WIDTH - 2 * _EDGE, 22), size=22)
    _legend(canvas)
    _ticks(canvas, axis)
    for number, group in enumerate(shown):
        _draw_lane(canvas, axis, group, _HEAD + number * _LANE)
    _foot(canvas, len(groups) - len(shown))
    return canvas.png()


def _legend(canvas: Canvas) -> None:
    x = float(_EDGE)
    for mode in (Mode.FULL_STOP, Mode.READ_ONLY, Mode.DRAFT_ONLY, Mode.APPROVAL_GATED):
        canvas.box((x, 45), (x + 18, 59), fill=_COLOURS[mode])
        x = _said(canvas, x + 24, str(mode))
    canvas.box((x, 45), (x + 18, 59), edge=BAD)
    x = _said(canvas, x + 24, "asked, not proven")
    canvas.dot((x + 6, 52), colour=GOOD)
    x = _said(canvas, x + 18, "proof")
    canvas.cross((x + 6, 52))
    _said(canvas, x + 18, "not cut, or back by itself")


def _said(canvas: Canvas, x: float, words: str) -> float:
    canvas.text((x, 57), words, size=14, colour=FAINT)
    return x + canvas.room(words, 14) + 18


def _ticks(canvas: Canvas, axis: Axis) -> None:
    ticks = axis.ticks()
    for number, (place, time, date) in enumerate(ticks):
        x, last = place + _EDGE, number == len(ticks) - 1 and number > 0
        canvas.line([(x, 100), (x, canvas.height - _FOOT)], colour=GRID)
        anchor = "rs" if last else "ls"
        canvas.text((x, 82), f"{date} UTC" if date else "", size=13, colour=FAINT, anchor=anchor)
        canvas.text((x, 97), time, size=13, colour=FAINT, anchor=anchor)


def _draw_lane(canvas: Canvas, axis: Axis, group: Together, y: float) -> None:
    canvas.text((_EDGE, y + 16), canvas.fitted(seen(group.name), _WIDTH - 2 * _EDGE, 15), size=15)
    for span in group.lane.spans:
        _draw_span(canvas, axis, span, y + 23)
    last = -99.0
    for mark in group.lane.marks:
        x = axis.place(mark.at) + _EDGE
        if mark.kind in {"proof", "not_cut", "drift"} and x - last > 11:  # noqa: PLR2004  # they would meet
            last = x
            _draw_mark(canvas, mark, x, y + 23 + _BAR / 2)


def _draw_span(canvas: Canvas, axis: Axis, span: Span, y: float) -> None:
    x, end = axis.place(span.start) + _EDGE, axis.place(span.end) + _EDGE
    if span.mode is Mode.NORMAL:
        canvas.line([(x, y + _BAR / 2), (end, y + _BAR / 2)], colour=GOOD, width=2)
        return
    hollow = span.state in {"open", "easing"}
    canvas.box((x, y), (end, y + _BAR), fill=None if hollow else _COLOURS[span.mode], edge=_EDGES.get(span.state))
    word = str(span.mode) + {"open": "?", "claimed": ", by its own word"}.get(span.state, "")
    if end - x > canvas.room(word, 14) + 34:
        colour = INK if hollow or span.mode in _PALE else "#ffffff"
        canvas.text((x + 22, y + 17), word, size=14, colour=colour)


def _draw_mark(canvas: Canvas, mark: Mark, x: float, y: float) -> None:
    canvas.dot((x, y), colour="#ffffff", radius=8)
    if mark.kind == "proof":
        canvas.dot((x, y), colour=GOOD, radius=6)
        canvas.line([(x - 3, y), (x - 1, y + 3), (x + 3, y - 3)], colour="#ffffff", width=1.6)
    else:
        canvas.cross((x, y))


def _foot(canvas: Canvas, hidden: int) -> None:
    more = f"; {hidden} more courses: agent-kill report" if hidden else ""
    words = f"quiet stretches are drawn shorter than they were{more}"
    canvas.text((_EDGE, canvas.height - 12), words, size=13, colour=FAINT)
