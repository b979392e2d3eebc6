"""The report of an incident as one page: no script, nothing from elsewhere, readable offline and printed."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from bot.domain.evidence import label
from bot.domain.words import seen
from bot.report import times
from bot.report.chart import chart
from bot.report.cuts import Cut
from bot.report.document import document
from bot.report.incident import IncidentReport
from bot.report.moments import who
from bot.report.names import NOBODY, Names
from bot.report.picture import LANES, MARKS, MODES, picture, together
from bot.report.text import EXPORT, VERIFY, ending, sentence
from bot.report.trend import LAST, Point, Series

_FEW = 6  # surfaces that are alike and still have a row each
_MOMENTS = 40  # lines of the timeline that stand open
_SHOWN = 40  # lines of a list of a statement that stand open
_NAMED = 300  # surfaces that a folded list names
_FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Surfaces of which the same is to be said."""

    cuts: tuple[Cut, ...]

    @property
    def first(self) -> Cut:
        """Speaks for all."""
        return self.cuts[0]

    def proven(self) -> str:
        """How long it took until they were proven: one time, or from, to and the median."""
        found = sorted(cut.proven for cut in self.cuts if cut.proven is not None)
        if not found:
            return "never"
        if len(found) == 1:
            return times.lasting(found[0])
        return f"{times.lasting(found[0])} to {times.lasting(found[-1])}, median {times.lasting(median(found))}"

    def ended(self) -> int:
        """Work in flight that the cuts ended."""
        return sum(cut.ended for cut in self.cuts)


def incident_page(report: IncidentReport, names: Names = NOBODY) -> str:
    """Renders it, people by their names where they are known."""
    shown = report.moments[:_MOMENTS]
    return render(
        "incident.html.j2",
        names,
        people=document(report, names)["names"],
        report=report,
        picture=Markup(picture(report.lanes)),  # noqa: S704  # names in it are escaped, the rest is ours
        hidden_lanes=max(0, len(together(report.lanes)) - LANES),
        rows=alike(report.cuts),
        shown=shown,
        folded=report.moments[_MOMENTS:],
        modes=MODES,
        marks=MARKS,
    )


def statement_page(made: dict[str, Any]) -> str:
    """Renders a statement; everything on the page is of the document."""
    classes = list(made["inventory"]["agents"][0]["classes"]) if made["inventory"]["agents"] else []
    names = Names(made["names"])
    return render(
        "statement.html.j2", names, made=made, classes=classes, few=_SHOWN, trend=_trend(made), people=made["names"]
    )


def _trend(made: dict[str, Any]) -> Markup | None:
    """The picture of the period's drills, as an address that holds it; None where nothing was cut in one."""
    found: dict[str, list[Point]] = {}
    for run in made["drills"]["runs"]:
        for score in run["surfaces"] if run["kind"] != "tabletop" else ():
            cut, proof, allowed = (
                None if score[key] is None else score[key] * 1000 for key in ("cut", "proof", "deadline")
            )
            point = Point(at=times.read(run["ended_at"]), cut_ms=cut, proof_ms=proof, deadline_ms=allowed or 0.0)
            found.setdefault(score["surface"], []).append(point)
    if not found:
        return None
    series = [Series(surface=name, points=tuple(points[-LAST:])) for name, points in sorted(found.items())]
    png = chart(title="Drills: time to cut and to proof", series=series)
    return Markup(f"data:image/png;base64,{base64.b64encode(png).decode()}")  # noqa: S704  # Base64 is harmless


def alike(cuts: Iterable[Cut]) -> tuple[Alike, ...]:
    """The rows of the table: what is alike is one, where it is more than a few."""
    groups: dict[tuple[object, ...], list[Cut]] = {}
    for cut in cuts:
        groups.setdefault(_kind(cut), []).append(cut)
    rows = []
    for group in groups.values():
        rows += [Alike(cuts=tuple(group))] if len(group) > _FEW else [Alike(cuts=(cut,)) for cut in group]
    return tuple(rows)


def render(template: str, names: Names = NOBODY, **values: object) -> str:
    """A page from its template, with the style in it; everything that is not ours is escaped."""
    pages = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=select_autoescape(["html", "j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=partial(_tame, names),
    )
    filters: dict[str, Callable[..., Any]] = {
        "stamp": times.stamp,
        "precise": times.precise,
        "day": times.day,
        "lasting": times.lasting,
        "who": who,
        "sentence": sentence,
        "ending": ending,
        "spaced": lambda word: str(word).replace("_", " "),
        "entries": _entries,
        "named": label,
        "who_is_who": _who_is_who,
    }
    pages.filters.update(filters)
    style = Markup((_FOLDER / "report.css").read_text("utf-8"))  # noqa: S704  # the page's own
    return pages.get_template(template).render(style=style, export=EXPORT, verify=VERIFY, named=_NAMED, **values)


def _kind(cut: Cut) -> tuple[object, ...]:
    line = cut.line
    told = (line.outcome, line.held, line.detail, line.next, bool(line.unknown))
    return (line.adapter, line.surface_class, cut.asked, cut.held, *told, bool(cut.late), cut.gaps, cut.drifts > 0)


def _entries(places: Sequence[tuple[str, int]], most: int = 3) -> str:
    named = ", ".join(f"{chain}:{seq}" for chain, seq in places[:most])
    return named + ("\N{HORIZONTAL ELLIPSIS}" if len(places) > most else "")


def _tame(names: Names, value: object) -> object:
    """With names, and without characters that nobody sees, which may turn the direction of what follows."""
    return names.put(seen(value)) if isinstance(value, str) and not isinstance(value, Markup) else value


def _who_is_who(people: Mapping[str, str]) -> Markup:
    """The ids, which nothing may put a name for."""
    rows = (Markup("<li>{}: <code>{}</code></li>").format(seen(name), one) for one, name in people.items())
    return Markup("").join(rows)
