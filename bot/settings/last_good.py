"""The last good copy of the configuration: what is held stays served when the file is broken or loses it.

The copy is the file's own text with its references unresolved, so that no secret rests in it.
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from adapters.base import Shared
from adapters.registry import Registry, default
from bot.domain.model import Agent, Configuration, Quarantined, StopPolicy, Surface
from bot.settings.findings import Finding
from bot.settings.loaded import Loaded, load
from bot.settings.regular import open_regular
from bot.settings.yaml_file import MAX_BYTES

FILE = "last-good.yaml"
TargetOf = Callable[[Surface], str | None]
Fallen = tuple[Configuration, tuple[Finding, ...]]


def save(state_dir: Path, text: str) -> None:
    """Replaces the copy in one step, mode 0600, on disk when this returns. Raises `OSError`."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=state_dir, prefix=f".{FILE}.")  # created with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(state_dir / FILE)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(state_dir)


def read(state_dir: Path) -> str | None:
    """The copy, or None where there is none that can be read."""
    try:
        with open_regular(state_dir / FILE) as file:
            return file.read(MAX_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError):
        return None


def load_last(state_dir: Path, environ: Mapping[str, str], registry: Registry | None = None) -> Loaded | None:
    """The copy, loaded with the environment of now; None where there is none."""
    return load(state_dir / FILE, environ, registry) if read(state_dir) is not None else None


def may_save(loaded: Loaded, served: Iterable[Finding] = ()) -> bool:
    """Whether `loaded.text` may become the copy: it has no errors, and `fallback` had to refuse nothing of it.

    Args:
        loaded: the file.
        served: the findings of `fallback` for it.
    """
    findings = (*loaded.findings, *served)
    return loaded.configuration is not None and all(finding.level != "error" for finding in findings)


def fallback(loaded: Loaded, last: Loaded | None, held: frozenset[str], target_of: TargetOf | None = None) -> Fallen:
    """What to serve of the file and of the last good copy, and what a person must know of it.

    Args:
        loaded: the file as it is now.
        last: the last good copy.
        held: the names (`agent/surface`) of the surfaces with live holds.
        target_of: tells what a surface points at, so that a held one cannot be pointed elsewhere.
    """
    old = last.configuration if last else None
    if loaded.configuration is None:
        return _whole(loaded, old, held)
    served = _Served(loaded, old, target_of or _target)
    for name in sorted(held):
        served.keep(name)
    served.keep_stoppers()
    return served.configuration(), tuple(served.findings)


def _whole(loaded: Loaded, old: Configuration | None, held: frozenset[str]) -> Fallen:
    where = loaded.findings[0].where if loaded.findings else loaded.file
    message = "the configuration cannot be read: THE LAST GOOD COPY IS SERVED, and no change since then counts"
    if old is None:
        message = "the configuration cannot be read and there is no last good copy: NOTHING CAN BE STOPPED"
    next_step = "mend the file now; `agent-kill check` lists what is wrong"
    served = _Served(replace(loaded, configuration=old or Configuration()), old, _target)
    for name in sorted(held):
        served.keep(name)
    loud = Finding(where=where, level="error", message=message, next=next_step)
    return served.configuration(), (loud, *served.findings)


class _Served:
    """Puts together what is served, agent by agent."""

    def __init__(self, loaded: Loaded, old: Configuration | None, target_of: TargetOf) -> None:
        self._loaded, self._target_of = loaded, target_of
        self._now = loaded.configuration or Configuration()
        self._agents = {agent.id: agent for agent in self._now.agents}
        self._old_agents = {agent.id: agent for agent in old.agents} if old else {}
        self._old = {surface.name: surface for surface in old.surfaces()} if old else {}
        self._new = {surface.name: surface for surface in self._now.surfaces()}
        self._lost = {lost.name: lost for agent in self._now.agents for lost in agent.quarantined}
        self._stop = self._now.policy.stop
        self._had = old.policy.stop if old else StopPolicy()
        self.findings: list[Finding] = []

    def keep(self, name: str) -> None:
        """Sees to it that the held surface `name` stays served as it was."""
        new, old = self._new.get(name), self._old.get(name)
        if new and (old is None or self._same_target(new, old)):
            return
        if old:
            self._serve(old, self._reason(name, changed=new is not None))
        elif name not in self._lost:
            self._mourn(name)

    def keep_stoppers(self) -> None:
        """A stop policy that was read only in part keeps who could stop before: uncertainty never freezes the stop."""
        if not self._loaded.broken & {"policy.stop", "policy"}:
            return
        groups = tuple(dict.fromkeys((*self._stop.groups, *self._had.groups)))
        users = tuple(dict.fromkeys((*self._stop.users, *self._had.users)))
        self._stop = replace(self._stop, groups=groups, users=users)

    def configuration(self) -> Configuration:
        """What is served."""
        names = {surface.name for agent in self._agents.values() for surface in agent.surfaces}
        agents = tuple(_without_lost_backstops(agent, names) for agent in self._agents.values())
        drills = tuple(drill for drill in self._now.drills if set(drill.surfaces) <= names | self._lost.keys())
        return replace(self._now, agents=agents, drills=drills, policy=replace(self._now.policy, stop=self._stop))

    def _same_target(self, new: Surface, old: Surface) -> bool:
        if (new.adapter, new.settings) == (old.adapter, old.settings):
            return True
        return new.adapter == old.adapter and self._target_of(new) == self._target_of(old)

    def _reason(self, name: str, *, changed: bool) -> str:
        if changed:
            return "it now points elsewhere while it is held, which would leave what is held without a keeper"
        if name in self._lost:
            return f"its configuration is wrong while it is held ({self._lost[name].why})"
        return "it was removed while it is held, which is refused"

    def _serve(self, old: Surface, reason: str) -> None:
        agent = self._agents.get(old.agent) or replace(
            self._old_agents[old.agent], surfaces=(), quarantined=(), evaluations=()
        )
        self._agents[old.agent] = replace(
            agent,
            surfaces=(*(surface for surface in agent.surfaces if surface.id != old.id), old),
            quarantined=tuple(lost for lost in agent.quarantined if lost.id != old.id),
        )
        message = f"{old.name}: {reason}: the last good copy of it is served"
        next_step = "put it back as it was, or lift its holds first with /agent-restore"
        self.findings.append(Finding(where=self._where(old.name), level="error", message=message, next=next_step))

    def _mourn(self, name: str) -> None:
        agent_id, _, surface = name.partition("/")
        agent = self._agents.get(agent_id) or Agent(id=agent_id, name=agent_id)
        why = "it is held, the configuration does not have it, and there is no last good copy of it"
        lost = Quarantined(agent=agent_id, id=surface, why=why)
        self._agents[agent_id] = replace(agent, quarantined=(*agent.quarantined, lost))
        message, next_step = f"{name}: {why}", "put it back, or lift its holds first with /agent-restore"
        self.findings.append(Finding(where=self._where(name), level="error", message=message, next=next_step))

    def _where(self, name: str) -> str:
        return str(self._loaded.places.get(name, name))


def _without_lost_backstops(agent: Agent, names: set[str]) -> Agent:
    if all(surface.backstop is None or surface.backstop in names for surface in agent.surfaces):
        return agent
    kept = tuple(
        surface if surface.backstop in names else replace(surface, backstop=None) for surface in agent.surfaces
    )
    return replace(agent, surfaces=kept)


def _target(surface: Surface) -> str | None:
    """What the surface points at, by its adapter; None where that cannot be told (then it counts as the same)."""
    try:
        built = default().build(surface.adapter, config=surface.settings, canary=surface.canary, shared=Shared())
        return built.target_key()
    except Exception:  # noqa: BLE001  # a stranger's adapter may fail in any way; the surface is served as it is now
        return None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
