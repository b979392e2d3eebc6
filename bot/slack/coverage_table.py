"""The inventory below `/agent-status`: first what no stop reaches and what is shared, then who covers what. Pure.

Made for a phone: whatever stands in columns is narrower than forty characters, and everything else wraps.
"""

from collections.abc import Sequence

from adapters.base import Mode, SurfaceClass
from bot.domain.coverage import LACKS, AgentCover, Cover, Coverage, Covered, modes
from bot.domain.fate import Fate
from bot.slack import wording
from bot.slack.blocks.message import Block, context, listing, section
from bot.slack.limits import NAME, clean, escape, shorten

_AGENTS, _SURFACES, _FATES = 12, 12, 4  # that are shown; the rest is counted
_ROOM = 2000  # characters of each list
_NAME = 14  # characters
_HEADS = {
    SurfaceClass.API: "ap",
    SurfaceClass.TOOL: "to",
    SurfaceClass.QUEUE: "qu",
    SurfaceClass.SCHEDULER: "sc",
    SurfaceClass.WEBHOOK: "wh",
    SurfaceClass.WORKER: "wo",
    SurfaceClass.DATABASE: "db",
    SurfaceClass.IDENTITY: "id",
}
_MARKS = {Cover.COVERED: "●", Cover.NOT_APPLICABLE: "-", Cover.BROKEN: "!!", Cover.GAP: "✕"}
_KEY = (
    "api, tool, queue, scheduler, webhook, worker, database, identity: ● covered, - not applicable for a reason that"
    " the configuration gives, !! a surface of it is BROKEN, ✕ GAP"
)
_WIDTH = 3
_ALL = len(Mode) - 1


def blocks(found: Coverage, shared: Sequence[Fate] = ()) -> list[Block]:
    """Gaps and shared fates, the matrix, and the surfaces where they are few; nothing where no agent is asked about.

    Args:
        found: the inventory.
        shared: what the switch shares with it, the worst first.
    """
    if not found.agents:
        return []
    return [*_gaps(found), *_shared(shared), *_matrix(found), *_surfaces(found)]


def _gaps(found: Coverage) -> list[Block]:
    """What no stop reaches."""
    lacking = [(agent, _missing(agent)) for agent in found.agents]
    rows = [f"• *{escape(agent.agent, NAME)}*: {said}" for agent, said in lacking if said]
    if not rows:
        return [section("*Coverage: no gap*. Every class of authority has a surface, or a reason why there is none.")]
    gaps = wording.plural(sum(len(agent.gaps) for agent in found.agents), "gap")
    head = section(f"*Coverage: {gaps}*: no stop reaches what has neither a surface nor a reason why there is none.")
    return [head, *listing(rows, room=_ROOM, more="see `agent-kill check`")]


def _missing(agent: AgentCover) -> str:
    gaps = [str(cell.surface_class) for cell in agent.cells if cell.cover is Cover.GAP]
    broken = [f"`{escape(name, NAME)}`" for cell in agent.cells for name in cell.broken]
    said = [f"no {', no '.join(gaps)}"] if gaps else []
    return "; ".join([*said, *([f"BROKEN {', '.join(broken)}"] if broken else [])])


def _shared(shared: Sequence[Fate]) -> list[Block]:
    """If one of these goes down or is cut, so does the switch."""
    if not shared:
        return []
    rows = [f"• {escape(it.message)}. *Next:* {escape(it.next)}." for it in shared[:_FATES]]
    if len(shared) > _FATES:
        rows.append(f"… and {len(shared) - _FATES:,} more: see `agent-kill check --probe`.")
    head = section(f"*Not independent: {wording.plural(len(shared), 'thing')} shared*")
    return [head, *listing(rows, room=_ROOM, more="on the command line")]


def _matrix(found: Coverage) -> list[Block]:
    head = f"{'':<{_NAME}}" + "".join(f"{name:>{_WIDTH}}" for name in _HEADS.values())
    rows = [_row(agent) for agent in found.agents[:_AGENTS]]
    made = [section("```" + "\n".join([head, *rows]) + "```"), context(_KEY)]
    if len(found.agents) > _AGENTS:
        made.append(context(f"… and {len(found.agents) - _AGENTS:,} more agents: see `agent-kill check`."))
    return made


def _row(agent: AgentCover) -> str:
    cells = {cell.surface_class: "!!" if cell.broken else _MARKS[cell.cover] for cell in agent.cells}
    name = f"{escape(shorten(clean(agent.agent), _NAME)):<{_NAME}}"
    return name + "".join(f"{cells[one]:>{_WIDTH}}" for one in _HEADS)


def _surfaces(found: Coverage) -> list[Block]:
    lacking = [f"{sum(what in it.lacks for it in found.surfaces):,} without {what}" for what in LACKS]
    made = [context(f"Of {wording.plural(len(found.surfaces), 'surface')}: {', '.join(lacking)}.")]
    if 0 < len(found.surfaces) <= _SURFACES:
        made = [*listing([_surface(it) for it in found.surfaces], room=_ROOM, more="see `agent-kill check`"), *made]
    return made


def _surface(it: Covered) -> str:
    lacks = f"no {', no '.join(it.lacks)}" if it.lacks else "has canary, backstop, drill"
    return f"• {wording.name(it.surface.name)}: {_holds(it)}; {lacks}"


def _holds(it: Covered) -> str:
    names = modes(it.reach.declared if it.reach.enforced is None else it.reach.enforced)
    said = "all four modes" if len(names) == _ALL else " ".join(names) or "NO mode"
    return said if it.reach.enforced is not None else f"{said} (as declared)"


def agents_of(names: Sequence[str]) -> frozenset[str]:
    """The agents of these surfaces."""
    return frozenset(name.partition("/")[0] for name in names)
