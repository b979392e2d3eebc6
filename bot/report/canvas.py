"""A picture to draw on, in the units of the finished one; drawn larger and made smaller, so that lines are smooth.

Pillow is imported when the first picture is made: no stop and no start waits for it. Its font is its own.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

_FINE = 2  # times as large as the finished picture
PAPER, INK, FAINT, GRID = "#ffffff", "#1c2430", "#6b7480", "#dfe3e8"
GOOD, BAD, AMBER, BLUE = "#1b6e34", "#b00020", "#8a5a00", "#1f4e8c"
Point = tuple[float, float]


class Canvas:
    """A white picture of this many pixels."""

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw  # noqa: PLC0415  # see above

        self.width, self.height = width, height
        self._image = Image.new("RGB", (width * _FINE, height * _FINE), PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self._fonts: dict[int, FreeTypeFont | ImageFont] = {}

    def text(self, at: Point, words: str, *, size: int = 15, colour: str = INK, anchor: str = "ls") -> None:
        """Writes words; `anchor` is Pillow's: `l`, `m` or `r`, and `s` for the base line."""
        self._draw.text(_fine(at), words, fill=colour, font=self._font(size), anchor=anchor)

    def room(self, words: str, size: int = 15) -> float:
        """How wide the words are."""
        return self._draw.textlength(words, font=self._font(size)) / _FINE

    def fitted(self, words: str, width: float, size: int = 15) -> str:
        """The words, shortened to this width."""
        if self.room(words, size) <= width:
            return words
        while words and self.room(words + "...", size) > width:
            words = words[:-1]
        return words + "..."

    def line(self, points: Sequence[Point], *, colour: str = INK, width: float = 1.0) -> None:
        """Draws through the points."""
        flat = [_fine(point) for point in points]
        self._draw.line(flat, fill=colour, width=max(1, round(width * _FINE)), joint="curve")

    def dashes(self, start: Point, end: Point, *, colour: str = FAINT, width: float = 1.0) -> None:
        """A level or upright dashed line."""
        length = max(abs(end[0] - start[0]), abs(end[1] - start[1])) or 1.0
        step = (end[0] - start[0]) / length, (end[1] - start[1]) / length
        at = 0.0
        while at < length:
            until = min(at + 5, length)
            ends = [(start[0] + step[0] * part, start[1] + step[1] * part) for part in (at, until)]
            self.line(ends, colour=colour, width=width)
            at += 9

    def box(self, start: Point, end: Point, *, fill: str | None = None, edge: str | None = None) -> None:
        """A rectangle."""
        corners = [_fine(start), _fine((max(end[0], start[0] + 1), max(end[1], start[1] + 1)))]
        self._draw.rectangle(corners, fill=fill, outline=edge, width=_FINE)

    def dot(self, at: Point, *, colour: str = INK, radius: float = 4.0) -> None:
        """A disc."""
        self._draw.ellipse(
            [_fine((at[0] - radius, at[1] - radius)), _fine((at[0] + radius, at[1] + radius))], fill=colour
        )

    def cross(self, at: Point, *, colour: str = BAD, radius: float = 5.0) -> None:
        """Something that failed."""
        x, y = at
        for rise in (-radius, radius):
            self.line([(x - radius, y - rise), (x + radius, y + rise)], colour=colour, width=2.2)

    def png(self) -> bytes:
        """The finished picture."""
        data = io.BytesIO()
        self._image.reduce(_FINE).save(data, "PNG", optimize=True)
        return data.getvalue()

    def _font(self, size: int) -> "FreeTypeFont | ImageFont":
        from PIL import ImageFont  # noqa: PLC0415  # see above

        if size not in self._fonts:
            self._fonts[size] = ImageFont.load_default(size * _FINE)
        return self._fonts[size]


def _fine(point: Point) -> Point:
    return point[0] * _FINE, point[1] * _FINE
