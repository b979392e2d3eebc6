"""Do the pictures for Slack show what was measured? Facts, read off their points; no picture is compared whole."""

import io
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from adapters.base import Mode
from bot.domain.drill_events import DrillEnded, Kind, Scorecard, SurfaceScore
from bot.domain.outcome import Outcome
from bot.domain.practice import Practice
from bot.report.authority_chart import authority_chart
from bot.report.chart import SHOWN, chart
from bot.report.spans import Lane, Mark, Span
from bot.report.trend import LAST, Point, Series, trend

BLUE, GREEN, RED, AMBER = (31, 78, 140), (27, 110, 52), (176, 0, 32), (138, 90, 0)
WEEK = 7 * 86_400.0
LEGEND = 114  # pixels from the top, with the name of the first surface


def series(*proofs: float | None, surface: str = "a/1", deadline: float = 1000.0) -> Series:
    """One surface with these proofs, a week apart; each cut took half as long."""
    points = (
        Point(at=WEEK * n, cut_ms=proof and proof / 2, proof_ms=proof, deadline_ms=deadline)
        for n, proof in enumerate(proofs)
    )
    return Series(surface=surface, points=tuple(points))


def opened(png: bytes) -> Image.Image:
    """The picture."""
    assert png.startswith(b"\x89PNG")
    return Image.open(io.BytesIO(png)).convert("RGB")


def rows(image: Image.Image, colour: tuple[int, int, int], across: Iterable[int]) -> list[int]:
    """In which rows of these columns a colour stands, below the legend; edges are smooth, so that it may be near it."""
    wanted = list(across)
    return [y for y in range(LEGEND, image.height) if any(near(image.getpixel((x, y)), colour) for x in wanted)]


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
    """Whether a pixel has about this colour."""
    return isinstance(pixel, tuple) and all(abs(int(a) - b) < 40 for a, b in zip(pixel, colour, strict=True))


def test_slower_is_higher() -> None:
    """The proof lies above the cut, and a slow drill above a fast one."""
    image = opened(chart(title="t", series=[series(100, 800)]))
    first, last = rows(image, GREEN, range(20, 34)), rows(image, GREEN, range(732, 748))
    assert min(last) < min(first)
    assert min(rows(image, BLUE, range(732, 748))) > min(last)


def test_what_was_not_proven_is_a_red_cross_and_no_line() -> None:
    """A gap, not a zero."""
    image = opened(chart(title="t", series=[series(100, None, 100)]))
    assert rows(image, RED, range(370, 400))
    assert not rows(image, GREEN, range(370, 400))
    assert not rows(opened(chart(title="t", series=[series(100, 90, 100)])), RED, range(900))


@pytest.mark.parametrize(("deadline", "drawn"), [(300.0, True), (60_000.0, False)])
def test_a_deadline_is_drawn_where_it_is_near(deadline: float, drawn: bool) -> None:  # noqa: FBT001  # of a table
    """A far one would press the lines flat; it is written beside them."""
    image = opened(chart(title="t", series=[series(100, 120, deadline=deadline)]))
    assert bool(rows(image, AMBER, range(300, 700))) is drawn
    assert rows(image, AMBER, range(750, 900))


def test_many_surfaces_stay_one_picture() -> None:
    """The first ones are drawn, the others counted; and none is a picture too."""
    many = [series(100, 200, surface=f"a/{number}") for number in range(50)]
    assert opened(chart(title="t", series=many)).size == opened(chart(title="t", series=many[:SHOWN])).size
    assert opened(chart(title="t", series=[])).width == 900
    assert len(chart(title="t" * 500, series=many)) < 200_000


def test_authority_shows_modes_and_what_is_not_proven() -> None:
    """A proven span is filled, an unproven one is hollow with a red edge."""
    spans = (
        Span(start=0, end=1, mode=Mode.FULL_STOP, state="open"),
        Span(start=1, end=2, mode=Mode.FULL_STOP, state="proven"),
        Span(start=2, end=3, mode=Mode.NORMAL, state="normal"),
    )
    image = opened(authority_chart(title="t", lanes=[Lane(surfaces=("a/1",), spans=spans)]))
    height = 112 + 23 + 3  # of a bar, above its words
    assert image.getpixel((170, height)) == (255, 255, 255)
    assert rows(image, RED, [170])
    assert near(image.getpixel((500, height)), (31, 58, 95))
    assert image.getpixel((900, height)) == (255, 255, 255)


def test_a_surface_that_came_back_has_a_cross() -> None:
    """A drift is as visible as a failed cut."""
    span = Span(start=0, end=10, mode=Mode.FULL_STOP, state="proven")
    lane = Lane(surfaces=("a/1",), spans=(span,), marks=(Mark(at=5, kind="drift"),))
    assert rows(opened(authority_chart(title="t", lanes=[lane])), RED, range(495, 505))


def ended(at: float, kind: Kind = "live", drill: str = "weekly") -> DrillEnded:
    """The end of a run that measured one surface."""
    score = SurfaceScore(surface="a/1", asked=Mode.FULL_STOP, outcome=Outcome.VERIFIED, cut_ms=at, proof_ms=at * 2)
    card = Scorecard(kind=kind, mode=Mode.FULL_STOP, surfaces=(score,))
    return DrillEnded(at=at, run=f"run-{at}", drill=drill, how="passed", card=card)


def test_the_trend_is_the_last_runs_that_cut_something() -> None:
    """Oldest first; a table top measures nothing."""
    practice = Practice()
    for event in (*(ended(float(at)) for at in range(20, 0, -1)), ended(99, "tabletop"), ended(50, drill="other")):
        practice.fold(event)
    (found,) = trend(practice, "weekly")
    assert [point.at for point in found.points] == [float(at) for at in range(21 - LAST, 21)]
    assert trend(practice)[0].points[-1].at == 50
    assert trend(practice, surfaces=["a/2"]) == ()


def test_pillow_waits_for_the_first_picture() -> None:
    """Neither the start of the bot nor a stop imports it."""
    program = "import sys, bot.app, bot.cli.stop, bot.cli.serve, bot.report.chart, bot.report.authority_chart; "
    program += "print([name for name in sys.modules if name.partition('.')[0] == 'PIL'])"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert ran.stdout.strip() == "[]"
