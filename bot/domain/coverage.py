"""The inventory: which authority of which agent is covered by which surface, and what each surface lacks. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from adapters.base import Mode, SurfaceClass
from bot.domain.model import Agent, Configuration, Quarantined, Surface


class Cover(StrEnum):
    """What stands in a cell of the matrix, agent by class."""

    COVERED = "covered"  # by a surface that is configured rightly
    NOT_APPLICABLE = "not_applicable"  # the configuration says why there is none
    BROKEN = "broken"  # its only surfaces are quarantined
    GAP = "gap"  # neither a surface nor a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One class of authority of one agent.

    Args:
        surfaces: names (`agent/surface`), broken ones included.
        broken: those of them that are quarantined.
        reason: why it does not apply; empty elsewhere.
    """

    surface_class: SurfaceClass
    cover: Cover
    surfaces: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    reason: str = ""

    def json(self) -> dict[str, object]:
        """As `agent-kill check --json` prints it."""
        return {"cover": str(self.cover), "surfaces": list(self.surfaces), "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a surface can hold.

    Args:
        declared: what the technique can at its best.
        enforced: what is possible here, with the bot's rights; None where nobody asked the surface.
        why: what stands in the way of the rest.
        attests: whether a read-back is a proof ("catalogue"), or only the surface's own word ("self").
    """

    declared: frozenset[Mode]
    enforced: frozenset[Mode] | None = None
    why: str = ""
    attests: str = "catalogue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """One surface with what it has and lacks. `drills` are the ids of those that name it."""

    surface: Surface
    reach: Reach
    drills: tuple[str, ...] = ()

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it is without: `canary`, `backstop`, `drill`."""
        has = {"canary": self.surface.canary, "backstop": self.surface.backstop, "drill": self.drills}
        return tuple(name for name, what in has.items() if not what)

    def json(self) -> dict[str, object]:
        """As `agent-kill check --json` prints it."""
        enforced = self.reach.enforced
        return {
            "surface": self.surface.name,
            "adapter": self.surface.adapter,
            "class": str(self.surface.surface_class),
            "risk": str(self.surface.risk),
            "modes": modes(self.reach.declared),
            "enforced": None if enforced is None else modes(enforced),
            "why": self.reach.why,
            "proof": self.reach.attests,
            "canary": self.surface.canary is not None,
            "backstop": self.surface.backstop,
            "drills": list(self.drills),
            "lacks": list(self.lacks),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCover:
    """One row of the matrix: every class, in their order."""

    agent: str
    cells: tuple[Cell, ...]

    @property
    def gaps(self) -> tuple[str, ...]:
        """The classes without a surface that works and without a reason."""
        return tuple(str(cell.surface_class) for cell in self.cells if cell.cover in {Cover.GAP, Cover.BROKEN})

    def json(self) -> dict[str, object]:
        """As `agent-kill check --json` prints it."""
        return {"agent": self.agent, "classes": {str(cell.surface_class): cell.json() for cell in self.cells}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The whole inventory."""

    agents: tuple[AgentCover, ...]
    surfaces: tuple[Covered, ...]
    broken: tuple[Quarantined, ...] = ()

    def json(self) -> dict[str, object]:
        """As `agent-kill check --json` prints it."""
        lacking = {what: [it.surface.name for it in self.surfaces if what in it.lacks] for what in LACKS}
        return {
            "agents": [agent.json() for agent in self.agents],
            "surfaces": [surface.json() for surface in self.surfaces],
            "broken": [{"surface": lost.name, "why": lost.why} for lost in self.broken],
            "without": lacking,
        }


LACKS = ("canary", "backstop", "drill")


def coverage(configuration: Configuration, reach: Mapping[str, Reach]) -> Coverage:
    """Puts the inventory together. `reach` is by surface; one that is missing there can hold nothing that is known."""
    drills: dict[str, list[str]] = {}
    for drill in configuration.drills:
        for name in drill.surfaces:
            drills.setdefault(name, []).append(drill.id)
    unknown = Reach(declared=frozenset())
    surfaces = (
        Covered(surface=surface, reach=reach.get(surface.name, unknown), drills=tuple(drills.get(surface.name, ())))
        for surface in configuration.surfaces()
    )
    broken = tuple(lost for agent in configuration.agents for lost in agent.quarantined)
    return Coverage(agents=tuple(map(agent_cover, configuration.agents)), surfaces=tuple(surfaces), broken=broken)


def agent_cover(agent: Agent) -> AgentCover:
    """One row."""
    return AgentCover(agent=agent.id, cells=tuple(_cell(agent, one) for one in SurfaceClass))


def _cell(agent: Agent, one: SurfaceClass) -> Cell:
    whole = tuple(surface.name for surface in agent.surfaces if surface.surface_class is one)
    broken = tuple(lost.name for lost in agent.quarantined if lost.surface_class is one)
    if whole or broken:
        cover = Cover.COVERED if whole else Cover.BROKEN
        return Cell(surface_class=one, cover=cover, surfaces=(*whole, *broken), broken=broken)
    if one in agent.not_applicable:
        return Cell(surface_class=one, cover=Cover.NOT_APPLICABLE, reason=agent.not_applicable[one])
    return Cell(surface_class=one, cover=Cover.GAP)


def modes(found: Iterable[Mode]) -> list[str]:
    """Names, loosest first, without normal."""
    return [str(mode) for mode in sorted(found) if mode is not Mode.NORMAL]
