"""One agent of the file -> `Agent` with the surfaces that are right and those that are quarantined."""

from collections.abc import Iterable
from dataclasses import replace

from bot.domain.model import Agent, Evaluation, Pact, Quarantined, Request, Surface
from bot.settings.nodes import Entry, Mapping, Node, Scalar, Sequence
from bot.settings.read import read
from bot.settings.secrets import secret_paths
from bot.settings.shapes import AgentShape, EvaluationShape
from bot.settings.source import Source
from bot.settings.surface import SurfaceReader, safe_name
from bot.settings.terms import ARMED_NAME, name_fault
from bot.settings.values import Plainly

_PARTS = ("surfaces", "evaluations")  # read one by one


def read_agent(source: Source, entries: list[Entry]) -> Agent:
    """Reads one agent; `entries` are its definitions, more than one where the file holds it twice."""
    key = entries[0].key
    agent = safe_name(key)
    source.places[agent] = source.place(entries[0].line)
    _twice(source, entries)
    _name(source, entries[0])
    shape = _facts(source, agent, entries[0])
    found = [_surface(source, agent, same) for same in _grouped(source, agent, entries, "surfaces")]
    surfaces = tuple(surface for surface in found if isinstance(surface, Surface))
    quarantined = [surface for surface in found if isinstance(surface, Quarantined)] + _unreadable(
        source, agent, entries
    )
    whole = Agent(
        id=agent,
        name=shape.name or agent,
        owner=shape.owner,
        channel=shape.channel,
        slack_identities=frozenset(shape.slack_identities) | _raw_identities(entries[0].node),
        pact=Pact(**shape.pact.model_dump()),
        surfaces=surfaces,
        quarantined=tuple(quarantined),
        evaluations=tuple(_evaluations(source, agent, entries)),
        not_applicable=shape.not_applicable,
    )
    return whole if ARMED_NAME.fullmatch(key) else _disarmed(whole)


def _twice(source: Source, entries: list[Entry]) -> None:
    for again in entries[1:]:
        message = f"agents.{again.key} stands twice, in lines {entries[0].line} and {again.line}"
        source.say(again.line, message, "keep one of them; until then the surfaces of both are served")


def _name(source: Source, entry: Entry) -> None:
    if fault := name_fault(entry.key):
        what, _, hint = fault.partition(": ")
        source.say(entry.line, f"the agent's id {safe_name(entry.key)!r} {what}", hint)


def _disarmed(agent: Agent) -> Agent:
    """An agent whose id cannot be written in a report without harm."""
    why = "the agent's id is not a name"
    lost = tuple(
        Quarantined(agent=s.agent, id=s.id, why=why, place=s.place, adapter=s.adapter, surface_class=s.surface_class)
        for s in agent.surfaces
    )
    return replace(agent, surfaces=(), quarantined=(*lost, *agent.quarantined))


def _facts(source: Source, agent: str, entry: Entry) -> AgentShape:
    node = entry.node
    if isinstance(node, Mapping):
        node = Mapping(line=node.line, entries=[own for own in node.entries if own.key not in _PARTS])
    found = read(AgentShape, node, Plainly(source.references), prefix=f"agents.{agent}.")
    source.report(found.problems)
    if any(problem.path[:1] in ((), ("slack_identities",)) for problem in found.problems):
        source.freezes.append(f"agents.{agent}.slack_identities cannot be read, so that its own votes could count")
    if any(problem.path[:1] == ("pact",) for problem in found.problems):
        source.freezes.append(f"agents.{agent}.pact cannot be read, so that more could be given back than it allows")
    return found.shape or AgentShape()


def _raw_identities(node: Node) -> frozenset[str]:
    """Identities as they were written, wrong ones too: one that only nearly fits must not become a person."""
    entry = node.get("slack_identities") if isinstance(node, Mapping) else None
    items = entry.node.items if entry and isinstance(entry.node, Sequence) else []
    return frozenset(item.text.strip().upper() for item in items if isinstance(item, Scalar) and "${" not in item.text)


def _grouped(source: Source, agent: str, entries: list[Entry], part: str) -> list[list[Entry]]:
    """The definitions below `part`, those of the same id together, over every definition of the agent."""
    groups: dict[str, list[Entry]] = {}
    for below in _bodies(entries, part):
        for entry in below.node.entries if isinstance(below.node, Mapping) else ():
            groups.setdefault(entry.key, []).append(entry)
    for entry in entries:
        _part_twice(source, agent, entry.node, part)
    return list(groups.values())


def _part_twice(source: Source, agent: str, node: Node, part: str) -> None:
    for twice in node.twice() if isinstance(node, Mapping) else ():
        if twice.key == part:
            message = f"agents.{agent}.{part} stands twice, in lines {twice.first} and {twice.again}"
            source.say(twice.again, message, "make one of them")


def _bodies(entries: Iterable[Entry], part: str) -> list[Entry]:
    return [below for entry in entries if isinstance(entry.node, Mapping) for below in entry.node.all(part)]


def _surface(source: Source, agent: str, same: list[Entry]) -> Surface | Quarantined:
    reader = SurfaceReader(source, agent, same[0])
    surface = reader.read()
    source.places[f"{agent}/{safe_name(same[0].key)}"] = source.place(same[0].line)
    if len(same) == 1:
        return surface
    why = f"it stands twice, in lines {same[0].line} and {same[1].line}"
    source.say(same[1].line, f"{agent}/{safe_name(same[0].key)}: {why}", "keep one of them")
    return surface if isinstance(surface, Quarantined) else reader.quarantined(why)


def _unreadable(source: Source, agent: str, entries: list[Entry]) -> list[Quarantined]:
    """Where nobody can say what the surfaces are, one stands in for them, so that no report is green without them."""
    bodies = [entry for entry in entries if not isinstance(entry.node, Mapping)]
    wrong = [entry for entry in [*bodies, *_bodies(entries, "surfaces")] if not _readable(entry.node)]
    for entry in wrong:
        if entry not in bodies:
            source.say(
                entry.line, f"agents.{agent}.surfaces must be `key: value` lines", "write each surface's id below it"
            )
    why = "the agent's surfaces cannot be read"
    return [Quarantined(agent=agent, id="surfaces", why=why, place=source.place(entry.line)) for entry in wrong[:1]]


def _readable(node: Node) -> bool:
    return isinstance(node, Mapping) or (isinstance(node, Scalar) and node.value is None)


def _evaluations(source: Source, agent: str, entries: list[Entry]) -> Iterable[Evaluation]:
    for same in _grouped(source, agent, entries, "evaluations"):
        prefix = f"agents.{agent}.evaluations.{safe_name(same[0].key)}"
        for again in same[1:]:
            source.say(
                again.line, f"{prefix} stands twice, in lines {same[0].line} and {again.line}", "keep one of them"
            )
        source.places[prefix] = source.place(same[0].line)
        secrets = frozenset(secret_paths(EvaluationShape, same[0].node))
        plainly = Plainly(source.references, secrets=secrets, credentials=True)
        found = read(EvaluationShape, same[0].node, plainly, prefix=f"{prefix}.")
        source.report(found.problems)
        if found.shape and not found.problems:
            yield _evaluation(same[0].key, found.shape)


def _evaluation(key: str, shape: EvaluationShape) -> Evaluation:
    return Evaluation(
        id=key,
        surfaces=shape.surfaces,
        expect=shape.expect,
        timeout=shape.timeout,
        command=shape.command,
        http=Request(**shape.http.model_dump()) if shape.http else None,
    )
