"""The inventory below `/agent-status`: agents by classes, and what each surface holds here and lacks. Pure."""

from collections.abc import Sequence

from adapters.base import Mode, SurfaceClass
from bot.domain.coverage import LACKS, AgentCover, Cover, Coverage, Covered, modes
from bot.slack import wording
from bot.slack.blocks.message import Block, context, section
from bot.slack.limits import clean, escape, shorten

_AGENTS, _SURFACES = 12, 12  # that are shown; the rest is counted
_NAME, _LONG = 20, 34  # characters
_HEADS = {
    SurfaceClass.API: "API",
    SurfaceClass.TOOL: "TOOL",
    SurfaceClass.QUEUE: "QUEUE",
    SurfaceClass.SCHEDULER: "SCHED",
    SurfaceClass.WEBHOOK: "HOOK",
    SurfaceClass.WORKER: "WORK",
    SurfaceClass.DATABASE: "DB",
    SurfaceClass.IDENTITY: "IDENT",
}
_MARKS = {Cover.COVERED: "yes", Cover.NOT_APPLICABLE: "n/a", Cover.BROKEN: "BAD", Cover.GAP: "GAP"}
_WIDTH = 6
_ALL = len(Mode) - 1


def blocks(found: Coverage) -> list[Block]:
    """The matrix, and the surfaces where they are few; nothing where no agent is asked about."""
    if not found.agents:
        return []
    gaps = sum(len(agent.gaps) for agent in found.agents)
    lines = [_head(), *map(_row, found.agents[:_AGENTS])]
    made = [section(f"*Coverage: {wording.plural(gaps, 'gap')}*\n```" + "\n".join(lines) + "```")]
    if len(found.agents) > _AGENTS:
        made.append(context(f"… and {len(found.agents) - _AGENTS:,} more agents: see `agent-kill check`."))
    if 0 < len(found.surfaces) <= _SURFACES:
        made.append(section("```" + "\n".join(_surface(it) for it in found.surfaces) + "```"))
    lacking = [f"{sum(what in it.lacks for it in found.surfaces):,} without {what}" for what in LACKS]
    made.append(context(f"Of {wording.plural(len(found.surfaces), 'surface')}: {', '.join(lacking)}."))
    return made


def _head() -> str:
    return f"{'AGENT':<{_NAME}}" + "".join(f"{head:>{_WIDTH}}" for head in _HEADS.values())


def _row(agent: AgentCover) -> str:
    cells = {cell.surface_class: "BAD" if cell.broken else _MARKS[cell.cover] for cell in agent.cells}
    return f"{_fit(agent.agent, _NAME)}" + "".join(f"{cells[one]:>{_WIDTH}}" for one in _HEADS)


def _surface(it: Covered) -> str:
    lacks = f"no {', no '.join(it.lacks)}" if it.lacks else "has canary, backstop, drill"
    return f"{_fit(it.surface.name, _LONG)} {_holds(it)}; {lacks}"


def _holds(it: Covered) -> str:
    names = modes(it.reach.declared if it.reach.enforced is None else it.reach.enforced)
    said = "all four modes" if len(names) == _ALL else " ".join(names) or "NO mode"
    return said if it.reach.enforced is not None else f"{said} (as declared)"


def _fit(name: str, width: int) -> str:
    return f"{escape(shorten(clean(name), width)):<{width}}"


def agents_of(names: Sequence[str]) -> frozenset[str]:
    """The agents of these surfaces."""
    return frozenset(name.partition("/")[0] for name in names)
