"""Authority over time as an inline SVG: one lane for each surface, or for all that went alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape

from adapters.base import Mode
from bot.domain.evidence import label
from bot.report.axis import Axis
from bot.report.spans import Lane, Mark, Span
from bot.report.times import precise

LANES = 40  # that a picture shows
_ALONE = 12  # lanes up to which each is drawn for itself
_WIDTH, _HEIGHT, _BAR, _TOP, _EDGE = 900.0, 56.0, 20.0, 40.0, 10.0
_UNDER = 27.0  # from the top of a lane to its bar
_TAIL = 96.0  # behind the last entry: how it stood then, which would have no width otherwise
_CHAR = 6.6  # width of a character of a label
_HAIR = 0.75
_NEAR = 12.0  # marks of one kind that are nearer are one
_SUMMARY = "What each surface was held at over time; the timeline below says the same in words"
_SAID = {
    "open": "asked, not proven",
    "easing": "given back, not read back yet",
    "claimed": "the surface's own word only",
    "proven": "read back and proven",
    "normal": "",
}
MARKS = {
    "hold": ("\N{BLACK DOWN-POINTING TRIANGLE}", "a stop"),
    "proof": ("\N{CHECK MARK}", "a proof"),
    "claim": ("~", "the surface's own word"),
    "not_cut": ("\N{MULTIPLICATION SIGN}", "NOT CUT"),
    "drift": ("!", "it came back by itself"),
    "lift": ("\N{BLACK UP-POINTING TRIANGLE}", "a hold was lifted"),
}
MODES = tuple(mode for mode in reversed(Mode) if mode is not Mode.NORMAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Lanes that went alike; `lane` is the first of them."""

    lane: Lane
    surfaces: tuple[str, ...]

    @property
    def name(self) -> str:
        """What stands above the lane."""
        alike = len(self.surfaces) > len(self.lane.surfaces)
        return label(self.surfaces) + (f", alike; the times of {label(self.lane.surfaces)}" if alike else "")


def together(lanes: Iterable[Lane]) -> tuple[Together, ...]:
    """The lanes in their order; where there are many, those with one course are one."""
    found: dict[object, list[Lane]] = {}
    every = list(lanes)
    for number, lane in enumerate(every):
        found.setdefault(lane.course if len(every) > _ALONE else number, []).append(lane)
    return tuple(
        Together(lane=alike[0], surfaces=tuple(dict.fromkeys(name for lane in alike for name in lane.surfaces)))
        for alike in found.values()
    )


def picture(lanes: Sequence[Lane]) -> str:
    """The SVG; its colours are those of the page's style. Names in it are escaped."""
    groups = together(lanes)[:LANES]
    times = {at for group in groups for span in group.lane.spans for at in (span.start, span.end)}
    axis = Axis(times | {mark.at for group in groups for mark in group.lane.marks}, _WIDTH - 2 * _EDGE - _TAIL)
    height = _TOP + _HEIGHT * len(groups) + 4
    parts = [
        f'<svg class="authority" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{_SUMMARY}">',
        *_patterns(),
        *_scale(axis, height),
        *(part for row, group in enumerate(groups) for part in _lane(axis, group, _TOP + _HEIGHT * row)),
        "</svg>",
    ]
    return "".join(parts)


def _patterns() -> list[str]:
    """What tells the modes apart without colours."""
    drawn = {
        Mode.READ_ONLY: '<path d="M0 8L8 0" class="ink"/>',
        Mode.DRAFT_ONLY: '<circle cx="3" cy="4" r="1.3" class="dot"/>',
        Mode.APPROVAL_GATED: '<path d="M0 4H8" class="ink"/>',
    }
    made = [
        f'<pattern id="p-{mode}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<rect width="8" height="8" class="m-{mode}"/>{drawing}</pattern>'
        for mode, drawing in drawn.items()
    ]
    return ["<defs>", *made, "</defs>"]


def _scale(axis: Axis, height: float) -> list[str]:
    parts = []
    ticks = axis.ticks()
    for number, (place, time, date) in enumerate(ticks):
        x = place + _EDGE
        last = number == len(ticks) - 1 and number > 0
        anchor = ' text-anchor="end"' if last else ""
        at = x if last else max(2.0, x)
        parts.append(f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="32" y2="{height:g}"/>')
        parts.append(f'<text class="time" x="{at:.1f}" y="27"{anchor}>{time}</text>')
        parts.append(f'<text class="time" x="{at:.1f}" y="12"{anchor}>{date}{" UTC" if date else ""}</text>')
    return parts


def _lane(axis: Axis, group: Together, y: float) -> list[str]:
    parts = [f'<text class="name" x="{_EDGE:g}" y="{y + 12:g}">{escape(_short(group.name))}</text>']
    spans = _visible(axis, group.lane.spans)
    for span in spans:
        parts += _span(axis, span, y + _UNDER, _TAIL if span is spans[-1] else 0.0)
    return parts + [_mark(x, mark, y + _UNDER) for x, mark in _thinned(axis, group.lane.marks)]


def _short(name: str) -> str:
    most = int((_WIDTH - 2 * _EDGE) / _CHAR)
    return name if len(name) <= most else name[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _visible(axis: Axis, spans: Sequence[Span]) -> list[Span]:
    """Spans that would be narrower than a hair are a part of the one before; the timeline tells them."""
    found: list[Span] = []
    for span in spans:
        before = found[-1] if found else None
        thin = axis.place(span.end) - axis.place(span.start) < _HAIR and span is not spans[-1]
        if before and (thin or (before.mode, before.state) == (span.mode, span.state)):
            found[-1] = replace(before, end=span.end)
        else:
            found.append(span)
    return found


def _span(axis: Axis, span: Span, y: float, tail: float) -> list[str]:
    x, end = axis.place(span.start) + _EDGE, axis.place(span.end) + _EDGE + tail
    title = f"{span.mode}, {_SAID[span.state]}".rstrip(", ")
    said = f"<title>{title}: {precise(span.start)} to {precise(span.end)}</title>"
    if span.mode is Mode.NORMAL:
        middle = y + _BAR / 2
        return [f'<line class="normal" x1="{x:.1f}" x2="{end:.1f}" y1="{middle:g}" y2="{middle:g}">{said}</line>']
    fill = (
        "" if span.mode is Mode.FULL_STOP or span.state in {"open", "easing"} else f' style="fill:url(#p-{span.mode})"'
    )
    box = f'x="{x:.1f}" y="{y:g}" width="{max(end - x, 1.5):.1f}" height="{_BAR:g}"'
    parts = [f'<rect class="m-{span.mode} s-{span.state}" {box}{fill}>{said}</rect>']
    word = str(span.mode) + {"open": "?", "easing": " …", "claimed": " ~"}.get(span.state, "")
    if end - x > _CHAR * len(word) + 26:
        parts.append(f'<text class="mode t-{span.mode} s-{span.state}" x="{x + 20:.1f}" y="{y + 14:g}">{word}</text>')
    return parts


def _thinned(axis: Axis, marks: Sequence[Mark]) -> list[tuple[float, Mark]]:
    """Marks of a kind that would lie on each other are one."""
    found: list[tuple[float, Mark]] = []
    last: dict[str, float] = {}
    for mark in marks:
        x = axis.place(mark.at) + _EDGE
        if x - last.get(mark.kind, -_NEAR) >= _NEAR:
            last[mark.kind] = x
            found.append((x, mark))
    return found


def _mark(x: float, mark: Mark, y: float) -> str:
    sign, meaning = MARKS[mark.kind]
    low = y + _BAR / 2 + 4 if mark.kind not in {"hold", "lift"} else y - 2
    return (
        f'<g class="mark k-{mark.kind}"><title>{meaning}: {precise(mark.at)}</title>'
        + ("" if mark.kind in {"hold", "lift"} else f'<circle cx="{x:.1f}" cy="{y + _BAR / 2:g}" r="7"/>')
        + f'<text x="{x:.1f}" y="{low:g}" text-anchor="middle">{sign}</text></g>'
    )
