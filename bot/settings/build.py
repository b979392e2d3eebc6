"""The whole tree -> `Configuration`. What is wrong is reported and left out; what is right is kept."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel

from bot.domain.model import (
    Agent,
    ApprovePolicy,
    ArmedPeriod,
    Configuration,
    Drill,
    Mistake,
    Policy,
    RestorePolicy,
    SecondFactor,
    StopPolicy,
    WatchPeriods,
    Workspace,
)
from bot.settings.agent import read_agent
from bot.settings.findings import accepted, shown
from bot.settings.links import known_drills, with_backstops, with_known_evaluations
from bot.settings.nodes import Entry, Mapping, Scalar
from bot.settings.read import read
from bot.settings.secrets import secret_paths
from bot.settings.shapes import (
    ArmedShape,
    DrillShape,
    FileShape,
    PolicyShape,
    RestoreShape,
    WatchShape,
    WorkspaceShape,
    WritersShape,
)
from bot.settings.source import Source
from bot.settings.surface import safe_name
from bot.settings.terms import name_fault
from bot.settings.values import Plainly

M = TypeVar("M", bound=BaseModel)
_PLACED = ("stop", "restore", "approve")


def build(source: Source, root: Mapping) -> Configuration | None:
    """Returns what can be served of the file, or None where not even its agents can be told."""
    _known_keys(source, root)
    if not _has_agents(source, root):
        return None
    workspace = _part(source, root, "workspace", WorkspaceShape)
    agents = with_known_evaluations(source, with_backstops(source, tuple(_agents(source, root))))
    drills = known_drills(source, _drills(source, root), agents)
    writers = _writers(source, root)
    policy = _policy(source, root)  # last: what was found in the others may freeze its restores
    return Configuration(
        workspace=Workspace(**workspace.model_dump()),
        writers=writers,
        policy=policy,
        agents=agents,
        drills=drills,
        watch=WatchPeriods(**_part(source, root, "watch", WatchShape).model_dump()),
        armed=ArmedPeriod(**_part(source, root, "armed", ArmedShape).model_dump()),
    )


def _known_keys(source: Source, root: Mapping) -> None:
    known = list(FileShape.model_fields)
    for entry in root.entries:
        # Keys that begin with x- are a place for anchors, as in Compose files.
        if entry.key not in known and not entry.key.startswith("x-"):
            source.say(entry.line, f"{shown(entry.key)} is not a known key", accepted(entry.key, known))
    for twice in root.twice():
        if twice.key in known:
            message = f"{twice.key} stands twice, in lines {twice.first} and {twice.again}"
            hint = "make one of them; until then the agents of both are served" if twice.key == "agents" else ""
            source.say(twice.again, message, hint or "keep one of them; until then the first one counts")
            source.freezes.extend([message] if twice.key == "policy" else [])


def _has_agents(source: Source, root: Mapping) -> bool:
    entries = root.all("agents")
    if not entries:
        source.say(
            root.line, "agents is missing: nothing can be stopped", "add `agents:` with each agent's id below it"
        )
    wrong = [entry for entry in entries if not isinstance(entry.node, Mapping)]
    for entry in wrong:
        source.say(
            entry.line, "agents must hold each agent's id with its keys below it", "write `agents:`, then `billing:`"
        )
    return not entries or len(wrong) < len(entries)


def _part(source: Source, root: Mapping, key: str, model: type[M]) -> M:
    entry = root.get(key)
    if entry is None:
        return model()
    found = read(model, entry.node, Plainly(source.references), prefix=f"{key}.")
    source.report(found.problems)
    source.broken.update([key] if found.problems else [])
    source.places[key] = source.place(entry.line)
    return found.shape or model()


def _writers(source: Source, root: Mapping) -> tuple[str, ...]:
    entries = root.all("writers")
    if not entries:
        return Configuration().writers
    found = read(WritersShape, Mapping(line=entries[0].line, entries=entries[:1]), Plainly(source.references))
    source.report(found.problems)
    if found.problems:
        source.freezes.append("writers cannot be read, so that a writer's journal could be missed")
    return (found.shape or WritersShape()).writers


def _agents(source: Source, root: Mapping) -> Iterator[Agent]:
    groups: dict[str, list[Entry]] = {}
    for body in root.all("agents"):
        for entry in body.node.entries if isinstance(body.node, Mapping) else ():
            groups.setdefault(entry.key, []).append(entry)
    taken: set[str] = set()
    for same in groups.values():
        agent = read_agent(source, same)
        if agent.id in taken:
            source.say(same[0].line, f"the agent's id {agent.id!r} is also another agent's", "choose another id")
            continue
        taken.add(agent.id)
        yield agent


def _policy(source: Source, root: Mapping) -> Policy:
    entry = root.get("policy")
    if entry is None:
        source.say(root.line, "policy is missing: nobody may stop in Slack", "add policy.stop with groups or users")
        return Policy(restore=_frozen(source, RestoreShape()))
    _policy_places(source, entry)
    plainly = Plainly(source.references, secrets=set(secret_paths(PolicyShape, entry.node)))
    found = read(PolicyShape, entry.node, plainly, prefix="policy.")
    source.report(found.problems)
    for problem in found.problems:
        part = str(problem.path[0]) if problem.path else "restore"
        source.broken.add(f"policy.{part}" if problem.path else "policy.stop")
        if part in ("restore", "approve"):
            source.freezes.append(f"policy.{part} is wrong ({source.place(problem.line)})")
    shape = found.shape or PolicyShape()
    return Policy(
        stop=StopPolicy(**shape.stop.model_dump()),
        restore=_frozen(source, shape.restore),
        approve=ApprovePolicy(**shape.approve.model_dump()),
    )


def _policy_places(source: Source, entry: Entry) -> None:
    source.places["policy"] = source.place(entry.line)
    for part in _PLACED:
        below = entry.node.get(part) if isinstance(entry.node, Mapping) else None
        source.places[f"policy.{part}"] = source.place(below.line if below else entry.line)


def _frozen(source: Source, shape: RestoreShape) -> RestorePolicy:
    """Uncertainty freezes the restore: what cannot be read for sure leaves nobody who may vote."""
    factor = SecondFactor(**shape.second_factor.model_dump()) if shape.second_factor else None
    mistake = Mistake(**shape.mistake.model_dump())
    policy = RestorePolicy(**{**shape.model_dump(), "mistake": mistake, "second_factor": factor})
    if not source.freezes:
        return policy
    return replace(policy, groups=(), users=(), frozen=source.freezes[0])


def _drills(source: Source, root: Mapping) -> Iterator[Drill]:
    entry = root.get("drills")
    if entry is None or (isinstance(entry.node, Scalar) and entry.node.value is None):
        return
    if not isinstance(entry.node, Mapping):
        source.say(
            entry.line, "drills must hold each drill's id with its keys below it", "write `drills:`, then `weekly:`"
        )
        return
    again = {twice.key: twice for twice in entry.node.twice()}
    for own in entry.node.entries:
        if own.key in again:
            twice = again[own.key]
            message = f"drills.{safe_name(own.key)} stands twice, in lines {twice.first} and {twice.again}"
            source.say(own.line, message, "keep one of them; until then neither runs")
        else:
            yield from _drill(source, own)


def _drill(source: Source, entry: Entry) -> Iterator[Drill]:
    name = f"drills.{safe_name(entry.key)}"
    source.places[name] = source.place(entry.line)
    fault = name_fault(entry.key)
    if fault:
        source.say(entry.line, f"{name} {fault.partition(': ')[0]}", fault.partition(": ")[2])
    found = read(DrillShape, entry.node, Plainly(source.references), prefix=f"{name}.")
    source.report(found.problems)
    if found.shape and not found.problems and not fault:
        yield Drill(id=entry.key, **found.shape.model_dump())
