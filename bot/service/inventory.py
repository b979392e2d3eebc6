"""The targets that the configuration's surfaces point at, each with its adapters and what was last seen of it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from adapters.base import Adapter, Mode, Observation
from bot.domain.coverage import Reach
from bot.domain.model import Configuration, Quarantined, Risk, Surface
from bot.domain.plan import Inventoried, Plan, Scope, make_plan
from bot.domain.report import Known
from bot.service.redact import redact

_PLANS = 256  # that are kept
_ORDER = (Risk.HIGH, Risk.MEDIUM, Risk.LOW)


@dataclass(slots=True)
class Changes:
    """How often what can be held somewhere changed."""

    count: int = 0


@dataclass(slots=True)
class Target:
    """One thing in the world. The first surface's adapter cuts it; every surface's canary is tried.

    `seen` is the last observation, `seen_at` its monotonic time in seconds.
    """

    key: str
    surfaces: tuple[Surface, ...]
    adapters: tuple[Adapter, ...]
    seen: Observation | None = None
    seen_at: float = 0.0
    noted: Mapping[str, str] = field(default_factory=dict)  # what the adapter last noted while nothing restricted it
    risk: Risk = field(init=False)  # the highest of its surfaces
    deadline: float = field(init=False)  # the shortest of its surfaces, in seconds
    drain: float = field(init=False)  # the shortest of its surfaces, in seconds
    changes: "Changes" = field(init=False)  # counts; shared with the inventory
    canaries: tuple[Adapter, ...] = field(init=False)  # the adapters that can attempt under an agent's own credential
    _enforceable: frozenset[Mode] | None = field(init=False, default=None)
    _planned: tuple[Inventoried, ...] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.changes = Changes()
        self.risk = min((surface.risk for surface in self.surfaces), key=_ORDER.index)
        self.deadline = min(surface.deadline for surface in self.surfaces)
        self.drain = min(surface.drain for surface in self.surfaces)
        pairs = zip(self.surfaces, self.adapters, strict=True)
        self.canaries = tuple(adapter for surface, adapter in pairs if surface.canary is not None)

    @property
    def adapter(self) -> Adapter:
        """The adapter that cuts and reads back."""
        return self.adapters[0]

    def inventoried(self) -> tuple[Inventoried, ...]:
        """Its surfaces as a plan needs them; made anew only after what can be held there changed."""
        if self._planned is None:
            enforceable, why = self.enforceable(), self.seen.why if self.seen else ""
            self._planned = tuple(
                Inventoried(surface=surface, target=self.key, enforceable=enforceable, why=why)
                for surface in self.surfaces
            )
        return self._planned

    def enforceable(self) -> frozenset[Mode]:
        """What can be held, as last observed; a full stop is always tried where the technique has one."""
        if self._enforceable is None:
            self._enforceable = self._able()
        return self._enforceable

    def _able(self) -> frozenset[Mode]:
        modes = self.adapter.modes
        if self.seen is None or not self.seen.exists:
            return modes
        return (modes & self.seen.enforceable) | (modes & {Mode.FULL_STOP})

    def remember(self, seen: Observation, now: float) -> None:
        """Keeps an observation for plans and, while nothing of ours holds, as the snapshot for an undo record."""
        before, self.seen, self.seen_at = self.seen, seen, now
        if before is None or _reach(before) != _reach(seen):
            self._enforceable = self._planned = None
            self.changes.count += 1
            for item in self.inventoried():
                item.line(Mode.FULL_STOP)  # ahead of the stop that will ask for it


class _Ranks(dict[str, int]):
    """Of targets, high risk first; unknown ones before them."""

    def __missing__(self, key: str) -> int:
        return -1


@dataclass(slots=True)
class Inventory:
    """Every target by key, and every surface by name."""

    configuration: Configuration
    targets: dict[str, Target] = field(default_factory=dict)
    broken: tuple[Quarantined, ...] = ()

    _places: dict[str, int] = field(init=False)  # of targets, in the file's order
    _ranks: "_Ranks" = field(init=False)
    _keys: dict[str, str] = field(init=False)  # of targets, by surface
    _of_agent: dict[str, list[str]] = field(init=False)  # keys of targets
    _known: Mapping[str, Known] | None = field(init=False, default=None)
    _changes: Changes = field(init=False, default_factory=Changes)
    _plans: dict[tuple[Mode, Scope], tuple[int, Plan]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for target in self.targets.values():
            target.changes = self._changes
        self._places = {key: place for place, key in enumerate(self.targets)}
        self._ranks = _Ranks((key, _ORDER.index(target.risk)) for key, target in self.targets.items())
        self._keys, self._of_agent = {}, {}
        for key, target in self.targets.items():
            self._keys.update((surface.name, key) for surface in target.surfaces)
            for agent in {surface.agent for surface in target.surfaces}:
                self._of_agent.setdefault(agent, []).append(key)

    def inventoried(self) -> Sequence[Inventoried]:
        """The usable surfaces as a plan needs them, in the file's order."""
        return [item for target in self.targets.values() for item in target.inventoried()]

    def plan(self, mode: Mode, scope: Scope) -> Plan:
        """What a stop would hold. One that was asked for before costs nothing until something changes."""
        count, plan = self._plans.get((mode, scope), (-1, None))
        if plan is None or count != self._changes.count:
            plan = make_plan(mode, scope, self.near(scope), self.broken)
            if len(self._plans) >= _PLANS:
                self._plans.clear()
            self._plans[mode, scope] = (self._changes.count, plan)
        return plan

    def likely(self) -> Sequence[Scope]:
        """What is likeliest to be stopped: everything, and each of the first agents."""
        agents = islice(self._of_agent, _PLANS // 4)
        return (Scope(everything=True), *(Scope(agents=frozenset({agent})) for agent in agents))

    def near(self, scope: Scope) -> Sequence[Inventoried]:
        """The surfaces that a scope may cover, with those that share their targets: a small stop costs little."""
        if scope.everything or scope.classes:
            return self.inventoried()
        keys = {key for agent in scope.agents for key in self._of_agent.get(agent, ())}
        keys.update(self._keys[name] for name in scope.surfaces if name in self._keys)
        return [item for key in sorted(keys, key=self._places.__getitem__) for item in self.targets[key].inventoried()]

    def surface(self, name: str) -> Surface | None:
        """The usable surface of that name."""
        key = self._keys.get(name)
        return next((item for item in self.targets[key].surfaces if item.name == name), None) if key else None

    def reach(self, agents: Collection[str]) -> dict[str, Reach]:
        """What the surfaces of these agents can hold, as each was last observed."""
        keys = dict.fromkeys(key for agent in agents for key in self._of_agent.get(agent, ()))
        return {
            surface.name: _reach_of(adapter, self.targets[key].seen)
            for key in keys
            for surface, adapter in zip(self.targets[key].surfaces, self.targets[key].adapters, strict=True)
        }

    def known(self) -> Mapping[str, Known]:
        """What reports say of each surface, usable or not."""
        if self._known is None:
            self._known = self._all_known()
        return self._known

    def key_of(self, surface: str) -> str | None:
        """The target of a usable surface."""
        return self._keys.get(surface)

    def by_risk(self, keys: Iterable[str]) -> list[str]:
        """The keys in the order of the cut: high risk first, unknown ones first of all."""
        return sorted(keys, key=self._ranks.__getitem__)

    def _all_known(self) -> dict[str, Known]:
        owners = {agent.id: agent for agent in self.configuration.agents}
        usable = [(s.name, s.agent, s.adapter, s.surface_class) for s in self.configuration.surfaces()]
        broken = [(b.name, b.agent, b.adapter, b.surface_class) for b in self.broken]
        return {
            name: Known(
                adapter=adapter,
                surface_class=surface_class,
                owner=owners[agent].owner if agent in owners else None,
                agent_name=owners[agent].name if agent in owners else agent,
            )
            for name, agent, adapter, surface_class in usable + broken
        }


def make_inventory(
    configuration: Configuration,
    build: Callable[[Surface], Adapter],
    before: "Inventory | None" = None,
) -> Inventory:
    """Builds the targets; an adapter that cannot even be built quarantines its surface.

    Args:
        configuration: what is configured.
        build: makes an adapter, without I/O.
        before: the inventory of the configuration before a reload: an unchanged surface keeps its adapter.
    """
    kept = dict(_pairs(before)) if before else {}
    known = {item.name: item for item in before.configuration.surfaces()} if before else {}
    grouped: dict[str, list[tuple[Surface, Adapter]]] = {}
    broken = [item for agent in configuration.agents for item in agent.quarantined]
    for surface in configuration.surfaces():
        try:
            adapter = kept.get(surface.name) if _unchanged(known.get(surface.name), surface) else None
            adapter = adapter or build(surface)
            grouped.setdefault(adapter.target_key(), []).append((surface, adapter))
        except Exception as error:  # noqa: BLE001  # one bad surface must not disarm the rest
            broken.append(_quarantined(surface, error))
    targets = {
        key: Target(key=key, surfaces=tuple(s for s, _ in pairs), adapters=tuple(a for _, a in pairs))
        for key, pairs in grouped.items()
    }
    return Inventory(configuration=configuration, targets=targets, broken=tuple(broken))


def _reach_of(adapter: Adapter, seen: Observation | None) -> Reach:
    enforced = adapter.modes & seen.enforceable if seen and seen.exists else None
    why = redact(seen.why) if seen else ""
    return Reach(declared=adapter.modes, enforced=enforced, why=why, attests=adapter.attests)


def _pairs(inventory: Inventory) -> Iterable[tuple[str, Adapter]]:
    for target in inventory.targets.values():
        for surface, adapter in zip(target.surfaces, target.adapters, strict=True):
            yield surface.name, adapter


def _unchanged(old: Surface | None, surface: Surface) -> bool:
    return old is not None and (old.adapter, old.settings, old.canary) == (
        surface.adapter,
        surface.settings,
        surface.canary,
    )


def _reach(seen: Observation) -> tuple[bool, frozenset[Mode], str]:
    """What of an observation a plan depends on."""
    return seen.exists, seen.enforceable, seen.why


def _quarantined(surface: Surface, error: Exception) -> Quarantined:
    return Quarantined(
        agent=surface.agent,
        id=surface.id,
        why=f"the adapter {surface.adapter} could not be built: {type(error).__name__}: {error}",
        place=surface.place,
        adapter=surface.adapter,
        surface_class=surface.surface_class,
    )
