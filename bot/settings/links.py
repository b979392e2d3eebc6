"""What one part of the file says of another: backstops, and the surfaces of drills and evaluations."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bot.domain.model import Agent, Drill, Quarantined, Surface
from bot.settings.findings import accepted
from bot.settings.source import Source


def with_backstops(source: Source, agents: tuple[Agent, ...]) -> tuple[Agent, ...]:
    """Quarantines the surfaces whose backstop is wrong; a backstop that is itself quarantined is left out."""
    surfaces = {surface.name: surface for agent in agents for surface in agent.surfaces}
    lost = {lost.name for agent in agents for lost in agent.quarantined}
    wrong = {name: why for name, surface in surfaces.items() if (why := _fault(surface, surfaces, lost))}
    for name, (message, hint) in wrong.items():
        place = surfaces[name].place
        source.say(source.backstops.get(name, place.line if place else 1), f"{name}: {message}", hint)
    return tuple(_judged(source, agent, wrong, lost | wrong.keys()) for agent in agents)


def _fault(surface: Surface, surfaces: Mapping[str, Surface], lost: set[str]) -> tuple[str, str] | None:
    name = surface.backstop
    if name is None or (name in lost and name not in surfaces):
        return None
    if name == surface.name:
        return "backstop: a surface cannot be its own backstop", "name another surface"
    if name not in surfaces:
        return f"backstop: there is no surface {name}", accepted(name, sorted(surfaces.keys() - {surface.name}))
    if surfaces[name].backstop:
        message = f"backstop: {name} has a backstop itself ({surfaces[name].backstop}), and they do not chain"
        return message, f"remove the backstop of {name}, or name {surfaces[name].backstop} here"
    return None


def _judged(source: Source, agent: Agent, wrong: Mapping[str, tuple[str, str]], lost: set[str]) -> Agent:
    kept = tuple(_kept(source, surface, lost) for surface in agent.surfaces if surface.name not in wrong)
    out = tuple(_out(source, surface, wrong[surface.name]) for surface in agent.surfaces if surface.name in wrong)
    return replace(agent, surfaces=kept, quarantined=(*agent.quarantined, *out))


def _out(source: Source, surface: Surface, fault: tuple[str, str]) -> Quarantined:
    line = source.backstops.get(surface.name)
    return Quarantined(
        agent=surface.agent,
        id=surface.id,
        why=fault[0],
        place=source.place(line) if line else surface.place,
        adapter=surface.adapter,
        surface_class=surface.surface_class,
    )


def _kept(source: Source, surface: Surface, lost: set[str]) -> Surface:
    if surface.backstop not in lost:
        return surface
    line = source.backstops.get(surface.name, 1)
    message = f"{surface.name}: its backstop {surface.backstop} is quarantined, so that it has none"
    source.say(line, message, f"mend {surface.backstop}", level="note")
    return replace(surface, backstop=None)


def with_known_evaluations(source: Source, agents: tuple[Agent, ...]) -> tuple[Agent, ...]:
    """Drops the evaluations that name surfaces which their agent does not have."""
    return tuple(_evaluated(source, agent) for agent in agents)


def _evaluated(source: Source, agent: Agent) -> Agent:
    known = [*(surface.id for surface in agent.surfaces), *(lost.id for lost in agent.quarantined)]
    kept = []
    for evaluation in agent.evaluations:
        name = f"agents.{agent.id}.evaluations.{evaluation.id}"
        if _known(source, name, evaluation.surfaces, known):
            kept.append(evaluation)
    return replace(agent, evaluations=tuple(kept))


def known_drills(source: Source, drills: Iterable[Drill], agents: tuple[Agent, ...]) -> tuple[Drill, ...]:
    """The drills whose surfaces all exist."""
    known = [surface.name for agent in agents for surface in agent.surfaces]
    known += [lost.name for agent in agents for lost in agent.quarantined]
    return tuple(drill for drill in drills if _known(source, f"drills.{drill.id}", drill.surfaces, known))


def _known(source: Source, part: str, names: Iterable[str], known: list[str]) -> bool:
    missing = [name for name in names if name not in known]
    for name in missing:
        place = source.places.get(part)
        hint = accepted(name, sorted(known))
        source.say(place.line if place else 1, f"{part}.surfaces: there is no surface {name}", hint)
    return not missing
