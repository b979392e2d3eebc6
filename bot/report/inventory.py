"""What a statement says of the inventory: agent by class, and each surface with what it has, lacks and proved."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from adapters.base import SurfaceClass
from bot.domain.model import Agent, Configuration, Quarantined, Surface
from bot.report.period import Period
from bot.report.proofs import Proofs
from bot.report.times import iso

Json = dict[str, Any]
LACKS = ("canary", "backstop", "drill")


def inventory(configuration: Configuration | None, proofs: Proofs, period: Period) -> Json:
    """The inventory of now, with what the period proved of it; `known` is false where it cannot be read."""
    if configuration is None:
        return {"known": False, "configuration": "", "agents": [], "surfaces": []}
    drills: dict[str, list[str]] = {}
    for drill in configuration.drills:
        for name in drill.surfaces:
            drills.setdefault(name, []).append(drill.id)
    return {
        "known": True,
        "configuration": configuration.digest,
        "agents": [_agent(agent) for agent in configuration.agents],
        "surfaces": [
            *(_surface(it, drills.get(it.name, []), proofs, period) for it in configuration.surfaces()),
            *(_broken(it, proofs, period) for agent in configuration.agents for it in agent.quarantined),
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


def _agent(agent: Agent) -> Json:
    return {
        "agent": agent.id,
        "name": agent.name,
        "owner": agent.owner,
        "classes": {str(one): _cell(agent, one) for one in SurfaceClass},
    }


def _cell(agent: Agent, one: SurfaceClass) -> Json:
    whole = [surface.name for surface in agent.surfaces if surface.surface_class is one]
    broken = [lost.name for lost in agent.quarantined if lost.surface_class is one]
    reason = agent.not_applicable.get(one, "")
    cover = "covered" if whole else "broken" if broken else "not_applicable" if reason else "gap"
    return {"cover": cover, "surfaces": whole, "broken": broken, "reason": reason}


def _surface(surface: Surface, drills: list[str], proofs: Proofs, period: Period) -> Json:
    has = {"canary": surface.canary, "backstop": surface.backstop, "drill": drills}
    return {
        "surface": surface.name,
        "adapter": surface.adapter,
        "class": str(surface.surface_class),
        "broken": "",
        "deadline": surface.deadline,
        "backstop": surface.backstop,
        "drills": drills,
        "lacks": [name for name in LACKS if not has[name]],
        **_proven(surface.name, proofs, period),
    }


def _broken(lost: Quarantined, proofs: Proofs, period: Period) -> Json:
    """One whose configuration is wrong; what it has and lacks is not known."""
    return {
        "surface": lost.name,
        "adapter": lost.adapter,
        "class": str(lost.surface_class or "unknown"),
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
