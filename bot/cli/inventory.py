"""The inventory on a terminal: agents by classes, what each surface has, and what is shared with the bot."""

from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from adapters.base import Mode, SurfaceClass
from bot.cli.layout import Row, layout
from bot.domain.coverage import AgentCover, Cell, Cover, Coverage, Covered, modes
from bot.domain.fate import Fate
from bot.domain.model import Quarantined

_AGENTS, _SURFACES = 60, 200  # rows of a table; the document has all
_MARKS = {
    Cover.COVERED: ("●", "green"),
    Cover.NOT_APPLICABLE: ("n/a", "dim"),
    Cover.BROKEN: ("BROKEN", "bold red"),
    Cover.GAP: ("GAP", "bold yellow"),
}


def show(found: Coverage, fates: Sequence[Fate], problems: Mapping[str, Sequence[str]], *, probed: bool) -> None:
    """Prints the inventory on standard output.

    Args:
        found: what is covered.
        fates: what is shared.
        problems: by surface, why it could not be cut now.
        probed: whether the surfaces were asked.
    """
    console = Console(highlight=False)
    if found.agents:
        console.print(_matrix(found.agents, console.width))
        console.print(_legend(found))
    if found.surfaces or found.broken:
        console.print(_surfaces(found, problems, console.width, probed=probed))
    console.print(_independence(fates))


def _matrix(agents: Sequence[AgentCover], width: int) -> RenderableType:
    table = Table(title="Authority that is covered", title_justify="left")
    table.add_column("agent", no_wrap=True, min_width=12)
    for one in SurfaceClass:
        table.add_column(str(one), justify="center", no_wrap=True)
    for agent in agents[:_AGENTS]:
        table.add_row(Text(agent.agent), *(Text(*_mark(cell)) for cell in agent.cells))
    if Console(width=10_000).measure(table).maximum <= width:
        return Group(table, *_more(len(agents), _AGENTS))
    lines = [Text(f"{agent.agent}: {_in_words(agent)}") for agent in agents[:_AGENTS]]
    return Group(Text("Authority that is covered", style="italic"), *lines, *_more(len(agents), _AGENTS))


def _mark(cell: Cell) -> tuple[str, str]:
    mark, style = _MARKS[cell.cover]
    if cell.broken and cell.cover is Cover.COVERED:
        return f"● {len(cell.surfaces) - len(cell.broken)} !", "bold red"
    more = len(cell.surfaces)
    return (f"● {more}" if cell.cover is Cover.COVERED and more > 1 else mark), style


def _in_words(agent: AgentCover) -> str:
    """For a terminal that is too narrow for the matrix."""
    words = []
    for cover, said in (
        (Cover.COVERED, "covered"),
        (Cover.NOT_APPLICABLE, "n/a"),
        (Cover.BROKEN, "BROKEN"),
        (Cover.GAP, "GAP"),
    ):
        names = [str(cell.surface_class) for cell in agent.cells if cell.cover is cover]
        words += [f"{said} {', '.join(names)}"] if names else []
    return "; ".join(words)


def _legend(found: Coverage) -> Text:
    """The key, and the reasons of what does not apply, since they are claims that somebody has to stand by."""
    reasons = [
        f"{agent.agent} has no {cell.surface_class}: {cell.reason}"
        for agent in found.agents[:_AGENTS]
        for cell in agent.cells
        if cell.cover is Cover.NOT_APPLICABLE
    ]
    shown = reasons[:10] + ([f"and {len(reasons) - 10} more reasons"] if len(reasons) > 10 else [])  # noqa: PLR2004  # as many
    key = (
        "● covered   ! one more is BROKEN   n/a not applicable, with a reason   "
        "GAP neither a surface nor a reason: no stop reaches it"
    )
    return Text("\n".join([key, *shown, ""]), style="dim")


def _surfaces(found: Coverage, problems: Mapping[str, Sequence[str]], width: int, *, probed: bool) -> RenderableType:
    first = sorted(
        found.surfaces, key=lambda it: not problems.get(it.surface.name)
    )  # what is NOT ARMED is never cut off
    rows = [_broken(lost, probed=probed) for lost in found.broken[:_SURFACES]]
    rows += [
        Row(
            name=it.surface.name,
            cells=(
                Text(str(it.surface.surface_class)),
                _modes(it, probed=probed),
                _has(it.surface.canary is not None),
                _has(it.surface.backstop is not None),
                _has(bool(it.drills)),
                *([_armed(it, problems)] if probed else []),
            ),
            detail="; ".join((*problems.get(it.surface.name, ()), *([it.reach.why] if it.reach.why else []))),
        )
        for it in first[:_SURFACES]
    ]
    head = "holds here" if probed else "can hold"
    columns = ("class", head, "canary", "backstop", "drill", *(["now"] if probed else []))
    title = "What each surface has" + ("" if probed else " (as declared: --probe asks it)")
    return Group(layout(title, columns, rows, width=width), *_more(len(found.surfaces), _SURFACES), Text(""))


def _broken(lost: Quarantined, *, probed: bool) -> Row:
    """What is configured wrongly can hold nothing."""
    cells = [Text(str(lost.surface_class or "?")), Text("BROKEN", style="bold red"), Text("-"), Text("-"), Text("-")]
    cells += [Text("NOT ARMED", style="bold red")] if probed else []
    return Row(name=lost.name, cells=tuple(cells), detail=f"configuration: {lost.why}")


def _modes(it: Covered, *, probed: bool) -> Text:
    if probed and it.reach.enforced is None:
        return Text("not known", style="yellow")
    enforced = it.reach.declared if it.reach.enforced is None else it.reach.enforced
    names = modes(enforced)
    names = ["all four"] if len(names) == len(Mode) - 1 else names
    lost = it.reach.enforced is not None and it.reach.declared - it.reach.enforced - {Mode.NORMAL}
    return Text(" ".join(names) or "nothing", style="yellow" if lost or not names else "")


def _has(it: bool) -> Text:  # noqa: FBT001  # a cell has one value
    return Text("yes") if it else Text("no", style="yellow")


def _armed(it: Covered, problems: Mapping[str, Sequence[str]]) -> Text:
    return Text("NOT ARMED", style="bold red") if problems.get(it.surface.name) else Text("armed", style="green")


def _independence(fates: Sequence[Fate]) -> RenderableType:
    if not fates:
        return Text("Independence: nothing that the switch relies on is shared with what it contains.\n", style="green")
    lines = [Text("Independence: if one of these goes down or is cut, so does the switch", style="italic")]
    for fate in fates:
        lines.append(Text(f"• {fate.message}", style="yellow"))
        lines.append(Text(f"  Next: {fate.next}"))
    return Group(*lines, Text(""))


def _more(number: int, shown: int) -> list[Text]:
    return [Text(f"and {number - shown:,} more, see --json")] if number > shown else []
