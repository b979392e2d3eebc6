"""What a statement says of the inventory: agent by class, and each surface with what it has, lacks and proved."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from bot.domain.coverage import AgentCover, Coverage, Covered
from bot.domain.model import Agent, Configuration, Quarantined
from bot.report.period import Period
from bot.report.proofs import Proofs
from bot.report.times import iso

Json = dict[str, Any]


def inventory(configuration: Configuration | None, found: Coverage | None, proofs: Proofs, period: Period) -> Json:
    """The inventory of now, with what the period proved of it; `known` is false where it cannot be read."""
    if configuration is None or found is None:
        return {"known": False, "configuration": "", "agents": [], "surfaces": []}
    agents = {agent.id: agent for agent in configuration.agents}
    return {
        "known": True,
        "configuration": configuration.digest,
        "agents": [_row(row, agents[row.agent]) for row in found.agents],
        "surfaces": [
            *(_surface(one, proofs, period) for one in found.surfaces),
            *(_broken(lost, proofs, period) for lost in found.broken),
        ],
    }


def gaps(told: Json) -> Iterator[str]:
    """What nothing covers, a sentence each."""
    for agent in told["agents"]:
        missing = [name for name, cell in agent["classes"].items() if cell["cover"] == "gap"]
        if missing:
            yield f"{agent['agent']}: no surface and no reason for {', '.join(missing)}"
    for surface in told["surfaces"]:
        if surface["broken"]:
            yield f"{surface['surface']}: its configuration, as it is read here, is wrong: {surface['broken']}"


def lacking(told: Json, what: str) -> list[str]:
    """The surfaces that lack a canary, a backstop or a drill."""
    return [surface["surface"] for surface in told["surfaces"] if what in surface["lacks"]]


def self_attested(told: Json) -> list[str]:
    """The surfaces whose cuts nothing but their own word can show: without a canary either."""
    return [it["surface"] for it in told["surfaces"] if it["proof"] == "self" and "canary" in it["lacks"]]


def _row(row: AgentCover, agent: Agent) -> Json:
    cells = {str(cell.surface_class): {**cell.json(), "broken": list(cell.broken)} for cell in row.cells}
    return {"agent": agent.id, "name": agent.name, "owner": agent.owner, "classes": cells}


def _surface(one: Covered, proofs: Proofs, period: Period) -> Json:
    name = one.surface.name
    return {**one.json(), "broken": "", "deadline": one.surface.deadline, **_proven(name, proofs, period)}


def _broken(lost: Quarantined, proofs: Proofs, period: Period) -> Json:
    """One whose configuration is wrong; what it has and lacks is not known."""
    return {
        "surface": lost.name,
        "adapter": lost.adapter,
        "class": str(lost.surface_class or "unknown"),
        "proof": None,
        "broken": lost.why,
        "deadline": None,
        "backstop": None,
        "drills": [],
        "lacks": [],
        **_proven(lost.name, proofs, period),
    }


def _proven(surface: str, proofs: Proofs, period: Period) -> Json:
    within = proofs.of(surface, period.start, period.end)
    last = proofs.last(surface, period.end)
    times = sorted(proof.after for proof in within)
    return {
        "last_proven": {"at": iso(last.at), "incident": last.incident, "drill": last.drill} if last else None,
        "proven_in_period": len(within),
        "proven_by_drill": sum(proof.drill for proof in within),
        "fastest": round(times[0], 3) if times else None,
        "median": round(median(times), 3) if times else None,
        "slowest": round(times[-1], 3) if times else None,
    }
