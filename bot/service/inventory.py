"""The targets that the configuration's surfaces point at, each with its adapters and what was last seen of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.base import Adapter, Mode, Observation
from bot.domain.model import Configuration, Quarantined, Risk, Surface
from bot.domain.plan import Inventoried
from bot.domain.report import Known

_ORDER = (Risk.HIGH, Risk.MEDIUM, Risk.LOW)


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

    @property
    def adapter(self) -> Adapter:
        """The adapter that cuts and reads back."""
        return self.adapters[0]

    @property
    def risk(self) -> Risk:
        """The highest of its surfaces."""
        return min((surface.risk for surface in self.surfaces), key=_ORDER.index)

    @property
    def deadline(self) -> float:
        """The shortest of its surfaces, in seconds."""
        return min(surface.deadline for surface in self.surfaces)

    @property
    def drain(self) -> float:
        """The shortest of its surfaces, in seconds."""
        return min(surface.drain for surface in self.surfaces)

    def canaries(self) -> tuple[Adapter, ...]:
        """The adapters that can attempt under an agent's own credential."""
        pairs = zip(self.surfaces, self.adapters, strict=True)
        return tuple(adapter for surface, adapter in pairs if surface.canary is not None)

    def enforceable(self) -> frozenset[Mode]:
        """What can be held, as last observed; a full stop is always tried where the technique has one."""
        modes = self.adapter.modes
        if self.seen is None or not self.seen.exists:
            return modes
        return (modes & self.seen.enforceable) | (modes & {Mode.FULL_STOP})

    def remember(self, seen: Observation, now: float) -> None:
        """Keeps an observation for plans and, while nothing of ours holds, as the snapshot for an undo record."""
        self.seen, self.seen_at = seen, now


@dataclass(slots=True)
class Inventory:
    """Every target by key, and every surface by name."""

    configuration: Configuration
    targets: dict[str, Target] = field(default_factory=dict)
    broken: tuple[Quarantined, ...] = ()

    def inventoried(self) -> Sequence[Inventoried]:
        """The usable surfaces as a plan needs them, in the file's order."""
        return [
            Inventoried(
                surface=surface,
                target=target.key,
                enforceable=target.enforceable(),
                why=target.seen.why if target.seen else "",
            )
            for target in self.targets.values()
            for surface in target.surfaces
        ]

    def known(self) -> Mapping[str, Known]:
        """What reports say of each surface, usable or not."""
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

    def key_of(self, surface: str) -> str | None:
        """The target of a usable surface."""
        for target in self.targets.values():
            if any(item.name == surface for item in target.surfaces):
                return target.key
        return None

    def by_risk(self, keys: Iterable[str]) -> list[str]:
        """The keys in the order of the cut: high risk first, unknown ones first of all."""
        return sorted(keys, key=lambda key: _ORDER.index(self.targets[key].risk) if key in self.targets else -1)


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
    grouped: dict[str, list[tuple[Surface, Adapter]]] = {}
    broken = [item for agent in configuration.agents for item in agent.quarantined]
    for surface in configuration.surfaces():
        try:
            adapter = kept.get(surface.name) if _unchanged(before, surface) else None
            adapter = adapter or build(surface)
            grouped.setdefault(adapter.target_key(), []).append((surface, adapter))
        except Exception as error:  # noqa: BLE001  # one bad surface must not disarm the rest
            broken.append(_quarantined(surface, error))
    targets = {
        key: Target(key=key, surfaces=tuple(s for s, _ in pairs), adapters=tuple(a for _, a in pairs))
        for key, pairs in grouped.items()
    }
    return Inventory(configuration=configuration, targets=targets, broken=tuple(broken))


def _pairs(inventory: Inventory) -> Iterable[tuple[str, Adapter]]:
    for target in inventory.targets.values():
        for surface, adapter in zip(target.surfaces, target.adapters, strict=True):
            yield surface.name, adapter


def _unchanged(before: Inventory | None, surface: Surface) -> bool:
    if before is None:
        return False
    known = {item.name: item for item in before.configuration.surfaces()}
    old = known.get(surface.name)
    return old is not None and (old.adapter, old.settings, old.canary) == (
        surface.adapter,
        surface.settings,
        surface.canary,
    )


def _quarantined(surface: Surface, error: Exception) -> Quarantined:
    return Quarantined(
        agent=surface.agent,
        id=surface.id,
        why=f"the adapter {surface.adapter} could not be built: {type(error).__name__}: {error}",
        place=surface.place,
        adapter=surface.adapter,
        surface_class=surface.surface_class,
    )
